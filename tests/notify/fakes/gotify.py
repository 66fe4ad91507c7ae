"""A Gotify server, after the source of gotify/server 2 and 3 (api/message.go, model/message.go, error/handler.go,
auth/authentication.go, docs/spec.json) and of gotify/website (docs/msgextras.md, docs/priority.md,
docs/migrate-to-3.md), read on 28 November 2026. It has no limit of its rate and of lengths; a priority is any number,
of which the apps tell 0 to 10 apart.
"""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, decoded

TOKEN = "A.secretToken123"


class Display(Struct, forbid_unknown_fields=True, rename="camel"):
    content_type: Literal["text/plain", "text/markdown"]


class Click(Struct, forbid_unknown_fields=True):
    url: Annotated[str, Meta(pattern="^https?://")]


class Notification(Struct, forbid_unknown_fields=True):
    click: Click


class Extras(Struct, forbid_unknown_fields=True):
    display: Display = msgspec.field(name="client::display")
    notification: Notification | None = msgspec.field(name="client::notification", default=None)


class Message(Struct, forbid_unknown_fields=True):
    message: Annotated[str, Meta(min_length=1)]
    title: str
    priority: Annotated[int, Meta(ge=0, le=10)]
    extras: Extras


def _error(status: int, error: str, why: str) -> Refused:
    return Refused(Reply(status, {"error": error, "errorCode": status, "errorDescription": why}))


class Gotify(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []

    def take(self, request: Request) -> Reply:
        if (request.method, request.path) != ("POST", "/message"):
            raise _error(404, "Not Found", "page not found")
        if request.headers.get("x-gotify-key") != TOKEN:
            raise _error(
                401, "Unauthorized", "you need to provide a valid access token or user credentials to access this api"
            )
        if request.headers.get("content-type") != "application/json":
            raise _error(400, "Bad Request", "Field 'message' is required")
        self.messages.append(decoded(request.body, Message, lambda why: _error(400, "Bad Request", why)))
        return Reply(200, {"id": len(self.messages), "appid": 5, "message": "m", "date": "2026-11-28T05:30:00Z"})

    def seen(self) -> list[Seen]:
        return [_seen(each) for each in self.messages]


def _seen(message: Message) -> Seen:
    click = message.extras.notification
    acting = re.findall(r"[*_`#]", message.message) if message.extras.display.content_type == "text/markdown" else []
    return Seen(f"{message.title}\n{message.message}", (click.click.url,) if click else (), tuple(acting))
