"""Microsoft Teams by a workflow that posts what its webhook receives: an Adaptive Card for each message.

What others wrote stands in `TextRun`s, the one element in which Teams reads no Markdown. A card cannot be changed.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from crontopus.notify import answers, markup, words
from crontopus.notify.contract import Answer, Http, Parcel, Unreachable
from crontopus.notify.outcome import Delivered, GiveUp, Outcome
from crontopus.notify.words import Tone

TITLE = "Microsoft Teams"
KEEPS = False
SECRETS = frozenset({"url"})

_LONGEST = 27_000
"""Bytes of a request: Teams takes about 28 KB, what the workflow adds to it included."""
_TITLE, _BUTTON, _BUTTONS = 300, 40, 6
_COLOURS = {
    Tone.GOOD: "Good",
    Tone.QUIET: "Default",
    Tone.INFO: "Accent",
    Tone.WARNING: "Warning",
    Tone.BAD: "Attention",
}
_SWITCHED_OFF = {"WorkflowTriggerIsNotEnabled", "WorkflowNotFound", "TriggerNotFound", "FlowNotFound"}
_UNDELIVERED = "webhook message delivery failed"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """A workflow that begins when a Teams webhook request is received."""

    url: Annotated[
        str,
        Meta(
            max_length=2000,
            pattern=r"^https?://[A-Za-z0-9.:\[\]-]+/[!-~]+$(?!\n)",
            description="The URL that the workflow gave when it was made: in Teams, Workflows, `Send webhook alerts "
            "to a channel`.",
        ),
    ]


class _Error(Struct):
    code: str = ""
    message: str = ""


class _Said(Struct):
    error: _Error | None = None


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    content = msgspec.json.encode(_message(parcel))
    try:
        answer = await http.send("POST", settings.url, headers={"Content-Type": "application/json"}, content=content)
    except Unreachable as error:
        return answers.unreachable(error)
    return _judged(settings, parcel, answer)


def _judged(settings: Settings, parcel: Parcel, answer: Answer) -> Outcome:
    """A workflow answers nothing but that it took it; what came before workflows may tell a fault with success."""
    said = answers.read(answer, _Said)
    if answer.is_success and answer.text.lower().startswith(_UNDELIVERED):
        answer = replace(answer, status=429 if "429" in answer.text else 400)
    elif answer.is_success and said and said.error:
        answer = replace(answer, status=400)
    elif answer.is_success:
        return answers.unreadable(TITLE, answer) if answer.text.lstrip().startswith("<") else Delivered()
    error = said.error if said and said.error else _Error(message=answer.text if answer.status == 400 else "")
    why = f"{error.code} {error.message}".strip()
    found = answers.outcome(TITLE, answer, parcel.sent_at, why, [settings.url])
    return GiveUp(found.why, broken=True) if error.code in _SWITCHED_OFF else found


# ---- what it looks like


def _message(parcel: Parcel) -> dict[str, Any]:
    """As much of the text as there is room for beside all else."""
    room = _LONGEST - len(msgspec.json.encode(_card(parcel, [])))
    return _card(parcel, _lines(markup.body(parcel, replace(_MARKUP, measure=_size), room)))


def _card(parcel: Parcel, lines: list[dict[str, Any]]) -> dict[str, Any]:
    title = words.cut(words.title(parcel), _TITLE)
    head = _block({"text": title, "weight": "Bolder", "size": "Medium", "color": _COLOURS[words.tone(parcel)]})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [head, *lines],
        "actions": [
            {"type": "Action.OpenUrl", "title": words.cut(link.text, _BUTTON) or "Open", "url": link.url}
            for link in words.links_of_all(parcel)[:_BUTTONS]
        ],
    }
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        ],
    }


def _lines(text: str) -> list[dict[str, Any]]:
    """A paragraph for each line: in one, a line break is not kept everywhere."""
    return [{**_block({"text": line}), "spacing": "None"} for line in text.splitlines() if line.strip()]


def _block(run: dict[str, str]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run}]}


def _size(text: str) -> int:
    return len(msgspec.json.encode(_lines(text)))


_MARKUP = replace(markup.PLAIN, link=None)
