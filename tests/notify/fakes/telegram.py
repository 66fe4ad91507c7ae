"""Telegram's bots, after "Telegram Bot API" (Making requests, sendMessage, editMessageText, Formatting options,
InlineKeyboardMarkup, ResponseParameters) of core.telegram.org, as of 28 November 2026. That a button to a host without
a dot is refused is not documented (rubenlagus/TelegramBots, issue 302).
"""

import re
from html.parser import HTMLParser
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, decoded, parts

TOKEN = "1234567:AAbb-secret_of_the_bot_CCdd_0123456789"
CHAT, MOVED = "-1009876543210", -1001111111111


class Preview(Struct, forbid_unknown_fields=True):
    is_disabled: bool


class ReplyTo(Struct, forbid_unknown_fields=True):
    message_id: int
    allow_sending_without_reply: bool = False


class Button(Struct, frozen=True, forbid_unknown_fields=True):
    """Of the kind that opens an address."""

    text: Annotated[str, Meta(min_length=1)]
    url: Annotated[str, Meta(pattern=r"^https?://")]


class Keyboard(Struct, frozen=True, forbid_unknown_fields=True):
    inline_keyboard: list[list[Button]] = []


class New(Struct, forbid_unknown_fields=True):
    chat_id: str
    text: Annotated[str, Meta(min_length=1)]
    parse_mode: Literal["HTML"]
    link_preview_options: Preview
    message_thread_id: int | None = None
    disable_notification: bool = False
    reply_parameters: ReplyTo | None = None
    reply_markup: Keyboard = Keyboard()


class Edit(Struct, forbid_unknown_fields=True):
    chat_id: str
    message_id: int
    text: Annotated[str, Meta(min_length=1)]
    parse_mode: Literal["HTML"]
    link_preview_options: Preview
    reply_markup: Keyboard = Keyboard()


def _error(status: int, description: str, **parameters: Any) -> Refused:
    body = {"ok": False, "error_code": status, "description": description}
    return Refused(Reply(status, {**body, "parameters": parameters} if parameters else body))


class Telegram(Fake):
    """`moved`: the group has become a supergroup, with an id of its own. `topics`: those that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[int, New] = {}
        self.moved = False
        self.topics = {9}

    def take(self, request: Request) -> Reply:
        (bot, method) = (*parts(request.path), "")[:2]
        if request.method != "POST" or not bot.startswith("bot"):
            raise _error(404, "Not Found")
        if bot != f"bot{TOKEN}":
            raise _error(401, "Unauthorized")
        if request.headers.get("content-type") != "application/json":
            raise _error(400, "Bad Request: message text is empty")
        if method == "sendMessage":
            return self._send(self._decoded(request, New))
        if method == "editMessageText":
            return self._edit(self._decoded(request, Edit))
        raise _error(404, "Not Found: method not found")

    def _decoded(self, request: Request, type: Any) -> Any:
        given = decoded(request.body, type, lambda why: _error(400, f"Bad Request: {why}"))
        if self.moved and given.chat_id == CHAT:
            raise _error(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=MOVED)
        if given.chat_id not in (CHAT, str(MOVED)):
            raise _error(400, "Bad Request: chat not found")
        length = len(_read(given.text).text.encode("utf-16-le")) // 2
        if not length:
            raise _error(400, "Bad Request: message text is empty")
        if length > 4096:
            raise _error(400, "Bad Request: message is too long")
        if any("." not in (urlsplit(each.url).hostname or "") for each in _buttons(given)):
            raise _error(400, "Bad Request: BUTTON_URL_INVALID")
        return given

    def _send(self, new: New) -> Reply:
        if new.message_thread_id is not None and new.message_thread_id not in self.topics:
            raise _error(400, "Bad Request: message thread not found")
        reply = new.reply_parameters
        if reply and reply.message_id not in self.messages and not reply.allow_sending_without_reply:
            raise _error(400, "Bad Request: message to be replied not found")
        id = 100 + len(self.messages)
        self.messages[id] = new
        return self._taken(id)

    def _edit(self, edit: Edit) -> Reply:
        if edit.message_id not in self.messages:
            raise _error(400, "Bad Request: message to edit not found")
        before = self.messages[edit.message_id]
        if (before.text, before.reply_markup) == (edit.text, edit.reply_markup):
            raise _error(400, "Bad Request: message is not modified: specified new message content is the same")
        changed = msgspec.structs.replace(before, text=edit.text, reply_markup=edit.reply_markup)
        self.messages[edit.message_id] = changed
        return self._taken(edit.message_id)

    def _taken(self, id: int) -> Reply:
        return Reply(200, {"ok": True, "result": {"message_id": id, "date": 1, "chat": {"id": 1, "type": "group"}}})

    def seen(self) -> list[Seen]:
        """Buttons stand below the message, and a change without any takes them away."""
        read = [(_read(each.text), _buttons(each)) for each in self.messages.values()]
        return [
            msgspec.structs.replace(seen, links=(*seen.links, *(each.url for each in buttons)))
            for seen, buttons in read
        ]


def _buttons(message: New | Edit) -> list[Button]:
    return [button for row in message.reply_markup.inline_keyboard for button in row]


class _Reader(HTMLParser):
    """Takes the tags and entities that are documented, in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []
        self.found: list[str] = []
        self.loose: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("b", "i", "u", "s", "code", "pre", "a") or ({"code", "pre"} & set(self.open)):
            raise _error(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
        self.open.append(tag)
        self.links += [value or "" for name, value in attrs if (tag, name) == ("a", "href")]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise _error(400, "Bad Request: can't parse entities: Unmatched end tag")

    def handle_data(self, data: str) -> None:
        if "<" in data:
            raise _error(400, "Bad Request: can't parse entities: Unsupported start tag")
        self.found.append(data)
        if not self.open:
            self.loose.append(data)

    def handle_entityref(self, name: str) -> None:
        if name not in ("lt", "gt", "amp", "quot"):
            raise _error(400, "Bad Request: can't parse entities: Unsupported entity")
        self.handle_data_of({"lt": "<", "gt": ">", "amp": "&", "quot": '"'}[name])

    def handle_charref(self, name: str) -> None:
        self.handle_data_of(chr(int(name[1:], 16) if name.startswith("x") else int(name)))

    def handle_data_of(self, character: str) -> None:
        self.found.append(character)
        if not self.open:
            self.loose.append(character)

    def handle_comment(self, data: str) -> None:
        raise _error(400, "Bad Request: can't parse entities: Unsupported start tag")

    def handle_decl(self, decl: str) -> None:
        self.handle_comment(decl)

    def handle_pi(self, data: str) -> None:
        self.handle_comment(data)

    def unknown_decl(self, data: str) -> None:
        self.handle_comment(data)


def _read(markup: str) -> Seen:
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    if reader.open:
        raise _error(400, "Bad Request: can't parse entities: Can't find end tag")
    acting = re.findall(r"[@#$/]\w+|https?://\S+|\w+\.\w{2,}", "".join(reader.loose))
    return Seen("".join(reader.found), tuple(reader.links), tuple(acting))
