"""Discord's webhooks, after "Webhook Resource", "Message Resource" (Embed Limits) and "Rate Limits" of the Discord
Developer Documentation, as of 28 November 2026.
"""

import re
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, decoded, parts

ID, TOKEN = "1310000000000000001", "sEcReT-webhook_token-0123456789abcdefghijklmnopqrstuvwxyz"
MESSAGE = 1310000000000000100
Url = Annotated[str, Meta(max_length=2048, pattern="^https?://")]


class Embed(Struct, forbid_unknown_fields=True):
    title: Annotated[str, Meta(min_length=1)]
    description: str = ""
    url: Url = ""
    color: Annotated[int, Meta(ge=0, le=0xFFFFFF)] = 0
    timestamp: datetime | None = None


class AllowedMentions(Struct, forbid_unknown_fields=True):
    parse: list[Literal["roles", "users", "everyone"]]


class Message(Struct, forbid_unknown_fields=True):
    embeds: Annotated[list[Embed], Meta(min_length=1, max_length=10)]
    allowed_mentions: AllowedMentions


def _utf16(given: str) -> int:
    return len(given.encode("utf-16-le")) // 2


def _error(status: int, code: int, message: str) -> Refused:
    return Refused(Reply(status, {"message": message, "code": code}))


class Discord(Fake):
    """`forum`: the channel is one, so that each message needs a thread."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, Message] = {}
        self.forum = False

    @property
    def webhook(self) -> str:
        return f"{self.url}/api/webhooks/{ID}/{TOKEN}"

    def take(self, request: Request) -> Reply:
        where = parts(request.path)
        if where[:3] != ["api", "webhooks", ID]:
            raise _error(404, 10015, "Unknown Webhook")
        if where[3] != TOKEN:
            raise _error(401, 50027, "Invalid Webhook Token")
        if not set(request.query) <= {"wait", "thread_id"}:
            raise _error(400, 50035, "Invalid Form Body")
        if self.forum and "thread_id" not in request.query:
            raise _error(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id")
        if request.method == "POST" and len(where) == 4:
            return self._post(request)
        if request.method == "PATCH" and len(where) == 6 and where[4] == "messages":
            return self._patch(request, where[5])
        raise _error(405, 0, "405: Method Not Allowed")

    def _post(self, request: Request) -> Reply:
        message = self._message(request)
        if request.query.get("wait") != "true":
            return Reply(204)
        id = str(MESSAGE + len(self.messages))
        self.messages[id] = message
        return Reply(200, {"id": id, "type": 0, "channel_id": "1", "webhook_id": ID, "embeds": []})

    def _patch(self, request: Request, id: str) -> Reply:
        if not id.isdigit():
            raise _error(400, 50035, "Invalid Form Body")
        if id not in self.messages:
            raise _error(404, 10008, "Unknown Message")
        self.messages[id] = self._message(request)
        return Reply(200, {"id": id, "type": 0, "channel_id": "1", "webhook_id": ID, "embeds": []})

    def _message(self, request: Request) -> Message:
        if request.headers.get("content-type") != "application/json":
            raise _error(400, 50006, "Cannot send an empty message")
        message = decoded(request.body, Message, lambda why: _error(400, 50035, f"Invalid Form Body: {why}"))
        sizes = [(_utf16(each.title.strip()), _utf16(each.description.strip())) for each in message.embeds]
        if any(title > 256 or not title or text > 4096 for title, text in sizes) or sum(map(sum, sizes)) > 6000:
            raise _error(400, 50035, "Invalid Form Body")
        return message

    def seen(self) -> list[Seen]:
        return [_seen(each) for each in self.messages.values()]


_PARTS = re.compile(
    r"\\(?P<escaped>[^0-9A-Za-z\s])"
    r"|```\n(?P<block>(?:(?!```).)*)\n```"
    r"|\[(?P<said>(?:\\.|[^\]\\])*)\]\(<(?P<url>[^>]*)>\)"
    r"|(?P<acting>[*_~`|<>#@\[\]()-]|https?://\S+|\d\. )",
    re.DOTALL,
)


def _seen(message: Message) -> Seen:
    """As Discord's Markdown is read."""
    (embed,) = message.embeds
    links = [embed.url] if embed.url else []
    acting: list[str] = [*message.allowed_mentions.parse]

    def visible(found: re.Match[str]) -> str:
        if found["url"] is not None:
            links.append(found["url"])
            return re.sub(r"\\(.)", r"\1", found["said"])
        if found["acting"]:
            acting.append(found["acting"])
        return found["escaped"] or found["block"] or found["acting"] or ""

    text = "\n".join(_PARTS.sub(visible, each) for each in (embed.title, embed.description))
    return Seen(text.replace("\u200b", ""), tuple(links), tuple(acting))
