"""A Zulip server, after "Send a message", "Edit a message", "Error handling" and "Rate limits" of Zulip's API
documentation, as of 28 November 2026.
"""

import unicodedata
from base64 import b64encode
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, converted, markdown, parts

EMAIL, KEY, CHANNEL = "crontopus-bot@zulip.example.org", "xqmC4ep0Sv2LwUyTZg9nH7rD1aKbJ3fE", "ops & alerts"


class New(Struct, forbid_unknown_fields=True):
    type: Literal["stream", "channel"]
    to: str
    topic: Annotated[str, Meta(min_length=1, max_length=60)]
    content: Annotated[str, Meta(min_length=1, max_length=10_000)]


class Edit(Struct, forbid_unknown_fields=True):
    content: Annotated[str, Meta(min_length=1, max_length=10_000)]


def _error(status: int, code: str, message: str) -> Refused:
    return Refused(Reply(status, {"result": "error", "msg": message, "code": code}))


class Zulip(Fake):
    """`late`: the time in which a message may be edited has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[int, tuple[str, str]] = {}
        self.late = False

    def take(self, request: Request) -> Reply:
        account = b64encode(f"{EMAIL}:{KEY}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {account}":
            raise _error(401, "UNAUTHORIZED", "Invalid API key")
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise _error(400, "REQUEST_VARIABLE_MISSING", "Missing 'type' argument")
        where = parts(request.path)
        if request.method == "POST" and where == ["api", "v1", "messages"]:
            return self._post(converted(request.form, New, lambda why: _error(400, "BAD_REQUEST", why)))
        if request.method == "PATCH" and where[:3] == ["api", "v1", "messages"] and len(where) == 4:
            return self._edit(where[3], converted(request.form, Edit, lambda why: _error(400, "BAD_REQUEST", why)))
        raise _error(405, "METHOD_NOT_ALLOWED", "Method Not Allowed")

    def _post(self, new: New) -> Reply:
        if new.to != CHANNEL:
            raise _error(400, "STREAM_DOES_NOT_EXIST", f"Channel '{new.to}' does not exist")
        if any(unicodedata.category(each) in ("Cc", "Cs", "Cn") for each in new.topic):
            raise _error(400, "BAD_REQUEST", "Invalid character in topic, at position 1!")
        id = 40 + len(self.messages)
        self.messages[id] = (new.topic, new.content)
        return Reply(200, {"result": "success", "msg": "", "id": id})

    def _edit(self, id: str, edit: Edit) -> Reply:
        if not id.isdigit() or int(id) not in self.messages:
            raise _error(400, "BAD_REQUEST", "Invalid message(s)")
        if self.late:
            raise _error(400, "BAD_REQUEST", "The time limit for editing this message has passed")
        self.messages[int(id)] = (self.messages[int(id)][0], edit.content)
        return Reply(200, {"result": "success", "msg": ""})

    def topics(self) -> list[str]:
        return [topic for topic, _ in self.messages.values()]

    def seen(self) -> list[Seen]:
        return [markdown.read(content) for _, content in self.messages.values()]
