"""Rocket.Chat by an incoming integration: a message each, which cannot be changed. What others wrote stands in code."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from crontopus.notify import answers, markup, words
from crontopus.notify.contract import Answer, Http, Parcel, Unreachable
from crontopus.notify.outcome import Delivered, GiveUp, Outcome

TITLE = "Rocket.Chat"
KEEPS = False
SECRETS = frozenset({"url"})

_TITLE, _TEXT = 300, 4000
"""A server takes 5,000 characters if nobody chose another limit."""
_SHUT = ("invalid integration", "invalid-channel", "error-integration", "disabled")
_CALLING = re.compile(r"(?<![\w.-])([@#])(?=[\w.-])")
"""Some versions look for names in code, too."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """An incoming integration of Rocket.Chat."""

    url: Annotated[
        str,
        Meta(
            max_length=500,
            pattern=r"^https?://[!$->A-~]+/hooks/[A-Za-z0-9]+/[A-Za-z0-9_-]+$(?!\n)",
            description="The webhook URL: in Rocket.Chat, under Workspace, Integrations, Incoming.",
        ),
    ]
    channel: Annotated[
        str,
        Meta(
            pattern=r"^([#@][^\s,]{1,120})?$(?!\n)",
            description="Another `#channel` or `@person` than the integration's.",
        ),
    ] = ""


class _Said(Struct):
    success: bool
    error: str = ""


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    content = msgspec.json.encode(_message(settings, parcel))
    try:
        answer = await http.send("POST", settings.url, headers={"Content-Type": "application/json"}, content=content)
    except Unreachable as error:
        return answers.unreachable(error)
    return _judged(settings, parcel, answer)


def _judged(settings: Settings, parcel: Parcel, answer: Answer) -> Outcome:
    said = answers.read(answer, _Said)
    if answer.is_success and said and said.success:
        return Delivered()
    if answer.is_success and said is None:
        return answers.unreadable(TITLE, answer)
    why = said.error if said else ""
    if answer.is_success:
        answer = Answer(400, answer.headers, answer.text)
    found = answers.outcome(TITLE, answer, parcel.sent_at, why, [settings.url])
    return GiveUp(found.why, broken=True) if any(reason in why.lower() for reason in _SHUT) else found


# ---- what it looks like


def _message(settings: Settings, parcel: Parcel) -> dict[str, Any]:
    shown = {"color": f"#{words.colour(parcel):06X}", "text": markup.body(parcel, _MARKUP, _TEXT)}
    text = _inline(words.cut(words.title(parcel), _TITLE))
    found: dict[str, Any] = {"text": text, "parseUrls": False, "attachments": [shown]}
    return {**found, "channel": settings.channel} if settings.channel else found


def _quiet(given: str) -> str:
    return _CALLING.sub("\\1\u200b", given)


def _inline(given: str) -> str:
    """A backtick would end it, whatever is done."""
    return f"`{_quiet(given).replace('`', 'ˋ')}`"


def _fenced(given: str) -> str:
    return f"```\n{markup.torn(_quiet(given))}\n```"


def _lines(given: Sequence[str]) -> str:
    return _fenced("\n".join(given))


_MARKUP = markup.Markup(
    strong=_inline,
    lines=_lines,
    block=_fenced,
    link=lambda said, url: f"[{markup.label(said) or 'Open'}]({url})",
    measure=words.utf16,
)
