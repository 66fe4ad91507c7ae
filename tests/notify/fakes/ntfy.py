"""An ntfy server, after "Publishing" of docs.ntfy.sh (Publish as JSON, Message priority, Tags & emojis, Action buttons,
Updating + deleting notifications, Authentication, Limitations), as of 28 November 2026, and for the numbers of errors
a copy of server/errors.go of binwiederhier/ntfy.
"""

import re
from base64 import b64encode
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, decoded

TOPIC, TOKEN, USER, PASSWORD = "backups_8f3a1c", "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2", "crontopus", "pass word: of it"
Url = Annotated[str, Meta(pattern="^https?://")]


class Action(Struct, forbid_unknown_fields=True):
    action: Literal["view"]
    label: Annotated[str, Meta(min_length=1)]
    url: Url


class Message(Struct, forbid_unknown_fields=True):
    topic: Annotated[str, Meta(pattern=r"^[-_A-Za-z0-9]{1,64}$")]
    message: str
    title: str
    priority: Annotated[int, Meta(ge=1, le=5)]
    tags: list[str]
    click: Url = ""
    actions: Annotated[list[Action], Meta(max_length=3)] = []


def _error(status: int, code: int, error: str) -> Refused:
    return Refused(
        Reply(status, {"code": code, "http": status, "error": error, "link": "https://ntfy.sh/docs/publish/"})
    )


class Ntfy(Fake):
    """`closed`: nobody may write without an account."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, Message] = {}
        self.closed = False

    def take(self, request: Request) -> Reply:
        if (request.method, request.path) != ("POST", "/"):
            raise _error(404, 40401, "page not found")
        self._let_in(request.headers.get("authorization", ""))
        if len(request.body) > 2 * 4096:
            raise _error(413, 41303, "JSON body too large")
        message = decoded(request.body, Message, lambda why: _error(400, 40017, f"invalid request: {why}"))
        if len(message.message.encode()) > 4096:
            raise _error(400, 40014, "invalid request: attachments not allowed")
        if len(message.title.encode()) > 1024 or len(",".join(message.tags).encode()) > 512:
            raise _error(400, 40050, "invalid request: title or tags too long")
        id = f"m{len(self.requests)}"
        sequence = request.headers.get("x-sequence-id", id)
        if not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", sequence):
            raise _error(400, 40049, "invalid request: sequence ID invalid")
        self.messages[sequence] = message
        return Reply(200, {"id": id, "time": 1, "event": "message", "topic": message.topic, "message": message.message})

    def _let_in(self, given: str) -> None:
        basic = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if given and given not in (f"Bearer {TOKEN}", f"Basic {basic}"):
            raise _error(401, 40101, "unauthorized")
        if self.closed and not given:
            raise _error(403, 40301, "forbidden")

    def seen(self) -> list[Seen]:
        """Notifications are plain text, in the order in which they came first."""
        return [_seen(each) for each in self.messages.values()]


def _seen(message: Message) -> Seen:
    links = (message.click, *(action.url for action in message.actions)) if message.click else ()
    return Seen(f"{message.title}\n{message.message}", links)
