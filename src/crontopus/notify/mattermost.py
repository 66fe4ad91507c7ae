"""Mattermost by an incoming webhook: a message each, which cannot be changed. What others wrote stands in code."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from crontopus.notify import answers, markup, words
from crontopus.notify.contract import Answer, Http, Parcel, Unreachable
from crontopus.notify.outcome import Delivered, GiveUp, Outcome

TITLE = "Mattermost"
KEEPS = False
SECRETS = frozenset({"url"})

_TEXT, _FALLBACK = 7000, 250
"""Longer ones are taken, and folded."""
_SHUT = ("incoming_webhook.invalid", "incoming_webhook.disabled", "incoming_webhook.channel", "incoming_webhook.perm")


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """An incoming webhook of Mattermost."""

    url: Annotated[
        str,
        Meta(
            max_length=500,
            pattern=r"^https?://[!$->A-~]+/hooks/[a-z0-9]+$(?!\n)",
            description="The webhook's URL: in Mattermost, under Integrations, Incoming Webhooks.",
        ),
    ]
    channel: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9._-]{0,64}$(?!\n)",
            description="The name of another channel than the webhook's, as it stands in its address.",
        ),
    ] = ""


class _Said(Struct):
    id: str = ""
    message: str = ""


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    content = msgspec.json.encode(_message(settings, parcel))
    try:
        answer = await http.send("POST", settings.url, headers={"Content-Type": "application/json"}, content=content)
    except Unreachable as error:
        return answers.unreachable(error)
    return _judged(settings, parcel, answer)


def _judged(settings: Settings, parcel: Parcel, answer: Answer) -> Outcome:
    """What is taken is answered with `ok`, and not with JSON. With 500, its database is at fault, whatever it says."""
    if answer.is_success:
        return Delivered() if answer.text.strip() == "ok" else answers.unreadable(TITLE, answer)
    said = answers.read(answer, _Said) or _Said()
    found = answers.outcome(TITLE, answer, parcel.sent_at, said.message, [settings.url])
    is_shut = answer.status != 500 and any(reason in said.id for reason in _SHUT)
    return GiveUp(found.why, broken=True) if is_shut else found


def _message(settings: Settings, parcel: Parcel) -> dict[str, Any]:
    shown = {
        "fallback": words.cut(words.title(parcel), _FALLBACK),
        "color": f"#{words.colour(parcel):06X}",
        "text": markup.written(parcel, markup.CODE, _TEXT),
    }
    return {"attachments": [shown], **({"channel": settings.channel} if settings.channel else {})}
