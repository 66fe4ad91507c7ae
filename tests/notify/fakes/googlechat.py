"""Google Chat, after google/chat/v1/message.proto of googleapis/googleapis (a message, its thread, 32 KB of cards) and
"Method: spaces.messages.create" (its parameters), "Usage limits" (60 in a minute and space; 429) and "Format messages"
of Google Workspace's developer documentation, read on 28 November 2026; of "Build a Google Chat app as a webhook", an
excerpt. From knowledge: what a card may hold, and the errors of a key or a token that is wrong.
"""

from html.parser import HTMLParser
from typing import Annotated

from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, decoded

SPACE, KEY, TOKEN = (
    "AAAAbCdEfGh",
    "AIzaSyDdI0hCZtE6vySjMm-WEfRq3CPzqKqqsHI",
    "tOkEn_0123456789abcdefghijklmnopqrstuvw%3D",
)
OPTION = "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"


class OpenLink(Struct, forbid_unknown_fields=True):
    url: Annotated[str, Meta(pattern="^https?://")]


class OnClick(Struct, forbid_unknown_fields=True, rename="camel"):
    open_link: OpenLink


class Button(Struct, forbid_unknown_fields=True, rename="camel"):
    text: Annotated[str, Meta(min_length=1)]
    on_click: OnClick


class ButtonList(Struct, forbid_unknown_fields=True):
    buttons: Annotated[list[Button], Meta(min_length=1)]


class Paragraph(Struct, forbid_unknown_fields=True):
    text: str


class Widget(Struct, forbid_unknown_fields=True, rename="camel"):
    text_paragraph: Paragraph | None = None
    button_list: ButtonList | None = None


class Section(Struct, forbid_unknown_fields=True):
    widgets: Annotated[list[Widget], Meta(min_length=1)]


class Header(Struct, forbid_unknown_fields=True):
    title: Annotated[str, Meta(min_length=1)]


class Card(Struct, forbid_unknown_fields=True):
    header: Header
    sections: Annotated[list[Section], Meta(min_length=1, max_length=100)]


class CardWithId(Struct, forbid_unknown_fields=True, rename="camel"):
    card_id: str
    card: Card


class Thread(Struct, forbid_unknown_fields=True, rename="camel"):
    thread_key: Annotated[str, Meta(max_length=4000)]


class Message(Struct, forbid_unknown_fields=True):
    cardsV2: list[CardWithId]
    fallbackText: str
    thread: Thread | None = None


def _error(status: int, name: str, message: str) -> Refused:
    return Refused(Reply(status, {"error": {"code": status, "message": message, "status": name}}))


class GoogleChat(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, Message] = {}

    @property
    def webhook(self) -> str:
        return f"{self.url}/v1/spaces/{SPACE}/messages?key={KEY}&token={TOKEN}"

    def take(self, request: Request) -> Reply:
        if request.path != f"/v1/spaces/{SPACE}/messages" or request.method != "POST":
            raise _error(404, "NOT_FOUND", "Requested entity was not found.")
        if request.query.get("key") != KEY:
            raise _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        if request.query.get("token") != TOKEN.replace("%3D", "="):
            raise _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if not set(request.query) <= {"key", "token", "requestId", "messageReplyOption"}:
            raise _error(
                400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unknown name: Cannot bind query parameter."
            )
        if len(request.body) > 32_000:
            raise _error(400, "INVALID_ARGUMENT", "Message exceeds the size limit.")
        message = decoded(request.body, Message, lambda why: _error(400, "INVALID_ARGUMENT", why))
        if bool(message.thread) != (request.query.get("messageReplyOption") == OPTION):
            raise _error(400, "INVALID_ARGUMENT", "A thread that is ignored.")
        id = request.query.get("requestId") or str(len(self.messages))
        _read(message)
        self.messages.setdefault(id, message)
        return Reply(200, {"name": f"spaces/{SPACE}/messages/{id}", "thread": {"name": f"spaces/{SPACE}/threads/t"}})

    def seen(self) -> list[Seen]:
        return [_read(each) for each in self.messages.values()]


class _Reader(HTMLParser):
    """Takes the tags of the documentation that we have a use for."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("b", "br"):
            raise _error(400, "INVALID_ARGUMENT", f"<{tag}>")
        self.found.append("\n" if tag == "br" else "")

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def _read(message: Message) -> Seen:
    (card,) = (each.card for each in message.cardsV2)
    reader = _Reader()
    links: list[str] = []
    for widget in (each for section in card.sections for each in section.widgets):
        if widget.text_paragraph:
            reader.feed(widget.text_paragraph.text)
        if widget.button_list:
            links += [button.on_click.open_link.url for button in widget.button_list.buttons]
    reader.close()
    return Seen(f"{card.header.title}\n{''.join(reader.found)}", tuple(links))
