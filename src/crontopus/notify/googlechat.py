"""Google Chat by a webhook of a space: a card each, all about one alert in one thread. No try is taken twice."""

import html
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from crontopus.notify import answers, markup, references, words
from crontopus.notify.contract import Answer, Http, Parcel, Unreachable
from crontopus.notify.outcome import Delivered, GiveUp, Outcome

TITLE = "Google Chat"
KEEPS = False
SECRETS = frozenset({"url"})

_LONGEST = 31_000
"""Bytes of a message, of which 32,000 are taken."""
_TITLE, _BUTTON, _BUTTONS = 200, 40, 6
_SHUT = ("api_key_invalid", "api key", "invalid token", "permission_denied", "unauthenticated")


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """A webhook of a space of Google Chat."""

    url: Annotated[
        str,
        Meta(
            max_length=1000,
            pattern=r"^https?://[A-Za-z0-9.:\[\]-]+/v1/spaces/[A-Za-z0-9_-]+/messages\?[!-~]+$(?!\n)",
            description="The webhook's URL, with its key and token: in Google Chat, under the space's Apps & "
            "integrations, Webhooks.",
        ),
    ]


class _Error(Struct):
    message: str = ""
    status: str = ""


class _Said(Struct):
    name: str = ""
    error: _Error | None = None


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    headers = {"Content-Type": "application/json; charset=UTF-8"}
    try:
        answer = await http.send("POST", _url(settings, parcel), headers=headers, content=_content(parcel))
    except Unreachable as error:
        return answers.unreachable(error)
    return _judged(settings, parcel, answer)


def _url(settings: Settings, parcel: Parcel) -> str:
    query = {"requestId": references.key(parcel)}
    if parcel.is_single:
        query["messageReplyOption"] = "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
    return f"{settings.url}&{urlencode(query)}"


def _judged(settings: Settings, parcel: Parcel, answer: Answer) -> Outcome:
    said = answers.read(answer, _Said)
    if answer.is_success and not (said and said.error):
        return Delivered(said.name) if said and said.name else answers.unreadable(TITLE, answer)
    error = said.error if said and said.error else _Error()
    why = f"{error.status} {error.message}".strip()
    if answer.is_success:
        answer = replace(answer, status=400)
    found = answers.outcome(TITLE, answer, parcel.sent_at, why, [settings.url])
    is_shut = answer.status == 400 and any(reason in why.lower() for reason in _SHUT)
    return GiveUp(found.why, broken=True) if is_shut else found


# ---- what it looks like


def _content(parcel: Parcel) -> bytes:
    """With as much of the text as there is room for beside all else."""
    room = _LONGEST - len(msgspec.json.encode(_message(parcel, "")))
    return msgspec.json.encode(_message(parcel, markup.body(parcel, _MARKUP, room)))


def _message(parcel: Parcel, text: str) -> dict[str, Any]:
    """The title of a card is plain text; a paragraph is read as HTML."""
    title = words.cut(words.title(parcel), _TITLE)
    buttons = [
        {"text": words.cut(link.text, _BUTTON) or "Open", "onClick": {"openLink": {"url": link.url}}}
        for link in words.links_of_all(parcel)[:_BUTTONS]
    ]
    widgets = [{"textParagraph": {"text": text}}, *([{"buttonList": {"buttons": buttons}}] if buttons else [])]
    card = {"header": {"title": title}, "sections": [{"widgets": widgets}]}
    found: dict[str, Any] = {"fallbackText": title, "cardsV2": [{"cardId": "alert", "card": card}]}
    return {**found, "thread": {"threadKey": str(parcel.first.alert)}} if parcel.is_single else found


def _escaped(given: str) -> str:
    return html.escape(given, quote=False).replace("\n", "<br>")


_MARKUP = markup.Markup(
    strong=lambda given: f"<b>{_escaped(given)}</b>",
    lines=lambda given: _escaped("\n".join(given)) + "<br>",
    block=lambda given: f"<br>{_escaped(given)}",
    link=None,
    measure=lambda given: len(msgspec.json.encode(given)),
)
