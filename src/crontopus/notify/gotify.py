"""Gotify: a push message from a server of one's own. It takes no changes, so each message stands alone."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from crontopus.notify import answers, markup, words
from crontopus.notify.contract import Answer, Http, Parcel, Unreachable
from crontopus.notify.fields import Address, Token
from crontopus.notify.outcome import Delivered, Outcome
from crontopus.notify.words import Tone

TITLE = "Gotify"
KEEPS = False
SECRETS = frozenset({"token"})

_MESSAGE, _TITLE = 10_000, 250
_PRIORITIES = {Tone.GOOD: 2, Tone.QUIET: 1, Tone.INFO: 4, Tone.WARNING: 6, Tone.BAD: 9}
"""On a phone, from 1 it is in the bar, from 4 it makes a sound, from 8 it vibrates, too."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """An application of a Gotify server."""

    server: Annotated[Address, Meta(description="The server, as `https://push.example.org`.")]
    token: Annotated[Token, Meta(description="The token of the application, not of a client.")]


class _Said(Struct, rename="camel"):
    id: int = 0
    error: str = ""
    error_description: str = ""


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    headers = {"Content-Type": "application/json", "X-Gotify-Key": settings.token}
    content = msgspec.json.encode(_message(parcel))
    try:
        answer = await http.send("POST", f"{settings.server.rstrip('/')}/message", headers=headers, content=content)
    except Unreachable as error:
        return answers.unreachable(error)
    return _judged(settings, parcel, answer)


def _judged(settings: Settings, parcel: Parcel, answer: Answer) -> Outcome:
    said = answers.read(answer, _Said)
    if answer.is_success:
        return Delivered(str(said.id)) if said and said.id else answers.unreadable(TITLE, answer)
    why = f"{said.error}: {said.error_description}" if said and said.error else ""
    return answers.outcome(TITLE, answer, parcel.sent_at, why, [settings.token])


def _message(parcel: Parcel) -> dict[str, Any]:
    """As plain text: else some apps would read Markdown."""
    extras: dict[str, Any] = {"client::display": {"contentType": "text/plain"}}
    addresses = [link.url for link in words.links_of_all(parcel)]
    if addresses:
        extras["client::notification"] = {"click": {"url": addresses[0]}}
    return {
        "title": words.cut(words.title(parcel), _TITLE),
        "message": markup.body(parcel, _MARKUP, _MESSAGE),
        "priority": _PRIORITIES[words.tone(parcel)],
        "extras": extras,
    }


_MARKUP = replace(markup.PLAIN, measure=words.utf8)
