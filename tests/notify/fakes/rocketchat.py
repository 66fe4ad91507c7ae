"""Rocket.Chat's incoming integrations, after "Incoming Webhook" of the Rocket.Chat user guide and "Post message"
(payload, attachments) of its API reference, as of 28 November 2026, and a copy of the source of RocketChat/Rocket.Chat
of that day (apps/meteor/app/integrations/server/api/api.js): what is refused, and how.
"""

import re
from typing import Annotated

from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, decoded

PATH = "/hooks/8eGdRzc9r4YYNyvge/2XYQcX9NBwJBKfQnphpebPcnXZcPEi32Nt4NKJfrnbhsbRfX"
MOST = 5000


class Attachment(Struct, forbid_unknown_fields=True):
    color: Annotated[str, Meta(pattern="^#[0-9A-Fa-f]{6}$")]
    text: str


class Message(Struct, forbid_unknown_fields=True, rename="camel"):
    text: Annotated[str, Meta(min_length=1)]
    attachments: list[Attachment]
    parse_urls: bool
    channel: str = ""


def _error(status: int, error: str) -> Refused:
    return Refused(Reply(status, {"success": False, "error": error}))


class RocketChat(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []

    def take(self, request: Request) -> Reply:
        if not request.path.startswith("/hooks/"):
            raise Refused(Reply(404, b"<html>Not found</html>"))
        if request.method != "POST":
            raise _error(405, "Method Not Allowed")
        if request.path != PATH:
            raise _error(404, "Invalid integration id or token provided.")
        if request.headers.get("content-type") != "application/json":
            raise _error(400, "body-params-required")
        message = decoded(request.body, Message, lambda why: _error(400, why))
        if sum(len(text.encode("utf-16-le")) // 2 for text in (message.text, message.attachments[0].text)) > MOST:
            raise _error(400, "error-message-size-exceeded")
        if message.channel not in ("", "#alerts"):
            raise _error(400, "invalid-channel")
        self.messages.append(message)
        return Reply(200, {"success": True})

    def seen(self) -> list[Seen]:
        return [_seen(each) for each in self.messages]


_PARTS = re.compile(
    r"^```\n(?P<block>(?:(?!```).)*)\n```$|^`(?P<head>[^`\n]+)`$|^\[(?P<said>[\w .,…-]+)\]\((?P<url>https?://[^()\s]+)\)$",
    re.DOTALL | re.MULTILINE,
)


def _seen(message: Message) -> Seen:
    """Names are looked for everywhere, as some versions do."""
    links: list[str] = []

    def visible(found: re.Match[str]) -> str:
        if found["url"]:
            links.append(found["url"])
        return found["block"] or found["head"] or found["said"] or ""

    whole = f"{message.text}\n{message.attachments[0].text}"
    acting = re.findall(r"(?:^|[\s>])([@#][\w.-]+)", whole) + re.findall(r"\S+", _PARTS.sub("", whole))
    text = _PARTS.sub(visible, whole).replace("\u200b", "").replace("ˋ", "`")
    return Seen(text, tuple(links), tuple(acting))
