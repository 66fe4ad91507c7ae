"""Telegram by a bot: one message per alert that is kept up to date, and answers to it.

What others wrote stands in code: there Telegram looks for no names, commands or addresses.
"""

import html
import re
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from crontopus.notify import answers, markup, references, words
from crontopus.notify.contract import Answer, Http, Parcel
from crontopus.notify.fields import Address
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from crontopus.notify.references import Reference

TITLE = "Telegram"
KEEPS = False
SECRETS = frozenset({"token"})

_LONGEST, _BUTTON = 4096, 60
_UNCHANGED = "message is not modified"
_FOR_GOOD = (
    "chat not found",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "thread not found",
    "topic_closed",
    "chat_write_forbidden",
    "chat_restricted",
)


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """A bot, and the chat it writes to."""

    token: Annotated[
        str,
        Meta(pattern=r"^[0-9]+:[A-Za-z0-9_-]{20,100}$(?!\n)", description="The bot's token, as @BotFather gave it."),
    ]
    chat: Annotated[
        str,
        Meta(
            pattern=r"^(-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,60})$(?!\n)",
            description="The chat's id, such as `-1001234567890`, or the `@name` of a public channel or group.",
        ),
    ]
    topic: Annotated[
        int, Meta(ge=0, description="The id of the topic to write to, where the group has topics; 0: none.")
    ] = 0
    api: Annotated[Address, Meta(description="Where the Bot API is.")] = "https://api.telegram.org"


class _Parameters(Struct, frozen=True):
    migrate_to_chat_id: int | None = None
    retry_after: float | None = None


class _Message(Struct):
    message_id: int


class _Said(Struct):
    ok: bool
    result: _Message | None = None
    error_code: int = 0
    description: str = ""
    parameters: _Parameters = _Parameters()


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    return await references.told(parcel, partial(_change, settings, parcel, http), partial(_post, settings, http))


async def _post(settings: Settings, http: Http, parcel: Parcel, answered: Reference | None) -> Outcome:
    answer = await _ask(settings, http, "sendMessage", _new(settings, parcel, answered))
    moved = _moved(answer)
    if moved:
        settings = replace(settings, chat=moved)
        answer = await _ask(settings, http, "sendMessage", _new(settings, parcel, answered))
    return _judged(settings, parcel, answer)


async def _change(settings: Settings, parcel: Parcel, http: Http, reference: Reference) -> Outcome:
    if not _is_id(reference.id):
        return GiveUp("no such message")
    chat = reference.place or settings.chat
    body = {"chat_id": chat, "message_id": int(reference.id), **_text(parcel)}
    found = _judged(settings, parcel, await _ask(settings, http, "editMessageText", body))
    if isinstance(found, GiveUp) and chat != settings.chat:
        return GiveUp(found.why)  # of a chat that was written to before says nothing of this one
    return found


async def _ask(settings: Settings, http: Http, method: str, body: dict[str, Any]) -> Answer:
    url = f"{settings.api.rstrip('/')}/bot{quote(settings.token, safe=':')}/{method}"
    headers = {"Content-Type": "application/json"}
    return await http.send("POST", url, headers=headers, content=msgspec.json.encode(body))


def _moved(answer: Answer) -> str:
    """The chat's new id: it was made a supergroup."""
    said = answers.read(answer, _Said)
    return str(said.parameters.migrate_to_chat_id) if said and said.parameters.migrate_to_chat_id else ""


def _judged(settings: Settings, parcel: Parcel, answer: Answer) -> Outcome:
    said = answers.read(answer, _Said)
    if answer.is_success and said and said.ok and said.result:
        return references.made(parcel, str(said.result.message_id), settings.chat)
    if answer.is_success and (said is None or said.ok):
        return answers.unreadable(TITLE, answer)
    if said and _UNCHANGED in said.description:
        return Delivered()
    return _refused(settings, parcel, answer, said or _Said(ok=False))


def _refused(settings: Settings, parcel: Parcel, answer: Answer, said: _Said) -> TryAgain | GiveUp:
    """An error may be told with a status of success."""
    status = said.error_code if answer.is_success else answer.status
    answer = replace(answer, status=status if status >= 300 else 400)
    found = answers.outcome(TITLE, answer, parcel.sent_at, said.description, [settings.token])
    if isinstance(found, TryAgain):
        return TryAgain(found.why, after=answers.seconds(said.parameters.retry_after) or found.after)
    if any(reason in said.description.lower() for reason in _FOR_GOOD):
        return GiveUp(f"{found.why}: see that the bot is in the chat, and may write there", broken=True)
    return found


# ---- what it looks like


def _new(settings: Settings, parcel: Parcel, answered: Reference | None) -> dict[str, Any]:
    body = {"chat_id": settings.chat, **_text(parcel)}
    if settings.topic:
        body["message_thread_id"] = settings.topic
    if words.is_quiet(parcel):
        body["disable_notification"] = True
    if answered and _is_id(answered.id) and answered.place == settings.chat:
        body["reply_parameters"] = {"message_id": int(answered.id), "allow_sending_without_reply": True}
    return body


def _text(parcel: Parcel) -> dict[str, Any]:
    buttons = _buttons(parcel)
    found = {
        "text": markup.written(_without_acts(parcel) if buttons else parcel, _MARKUP, _LONGEST),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    return {**found, "reply_markup": {"inline_keyboard": [[each] for each in buttons]}} if buttons else found


def _buttons(parcel: Parcel) -> list[dict[str, str]]:
    """By which the reader acts. Telegram refuses a whole message for a button to a host whose name has no dot."""
    acts = [link for link in words.links_of_all(parcel) if link.act and "." in (urlsplit(link.url).hostname or "")]
    return [{"text": words.cut(link.text, _BUTTON) or "Open", "url": link.url} for link in acts]


def _without_acts(parcel: Parcel) -> Parcel:
    shown = (replace(each, links=tuple(link for link in each.links if not link.act)) for each in parcel.notices)
    return replace(parcel, notices=tuple(shown))


def _is_id(given: str) -> bool:
    return re.fullmatch(r"[0-9]{1,15}", given) is not None


def _escaped(given: str) -> str:
    return html.escape(given, quote=True)


def _length(markup: str) -> int:
    """Of what is seen: entities are counted by what they stand for."""
    return words.utf16(html.unescape(re.sub(r"<[^>]*>", "", markup)))


_MARKUP = markup.Markup(
    strong=lambda given: f"<code>{_escaped(given)}</code>",
    lines=lambda given: "<pre>" + _escaped("\n".join(given)) + "</pre>",
    block=lambda given: f"<pre>{_escaped(given)}</pre>",
    link=lambda said, url: f'<a href="{_escaped(url)}">{_escaped(said)}</a>',
    measure=_length,
)
