"""Pushover, after "Pushover Message API" and "Receipts and Callbacks API" of pushover.net, of which on 28 November 2026
the beginnings could be read (what a message may hold; what a receipt says). Its lengths, the numbers of `retry` and
`expire`, the quota with its headers, and how repeats are ended by a tag are as quoted from these pages by several who
implement them; none of those contradicts another.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, converted, parts

TOKEN, USER = "azGDORePK8gMaC0QOYAMyEEuzJnyUi", "uQiRzpo4DXghDmr9QzzfQu27cmVRsG"


class Message(Struct, forbid_unknown_fields=True):
    token: str
    user: str
    message: Annotated[str, Meta(min_length=1, max_length=1024)]
    title: Annotated[str, Meta(max_length=250)] = ""
    priority: Annotated[int, Meta(ge=-2, le=2)] = 0
    timestamp: int = 0
    device: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_-]{1,25}(,[A-Za-z0-9_-]{1,25})*)?$")] = ""
    retry: Annotated[int, Meta(ge=30)] | None = None
    expire: Annotated[int, Meta(le=10_800)] | None = None
    tags: str = ""
    url: Annotated[str, Meta(max_length=512)] = ""
    url_title: Annotated[str, Meta(max_length=100)] = ""


class Cancel(Struct, forbid_unknown_fields=True):
    token: str


def _error(why: str, **which: str) -> Refused:
    return Refused(Reply(400, {"status": 0, "request": "r", "errors": [why], **which}))


class Pushover(Fake):
    """`repeating`: the tags of emergencies that nobody has ended yet."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.repeating: set[str] = set()

    def take(self, request: Request) -> Reply:
        where = parts(request.path)
        if request.method != "POST" or where[0] != "1":
            raise Refused(Reply(404, {"status": 0, "request": "r", "errors": ["not found"]}))
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise _error("message cannot be blank", message="cannot be blank")
        if where == ["1", "messages.json"]:
            return self._message(self._let_in(request, Message))
        if where[1:3] == ["receipts", "cancel_by_tag"] and len(where) == 4:
            return self._cancel(where[3].removesuffix(".json"), self._let_in(request, Cancel))
        raise Refused(Reply(404, {"status": 0, "request": "r", "errors": ["not found"]}))

    def _let_in(self, request: Request, type: Any) -> Any:
        given = converted(request.form, type, _error)
        if given.token != TOKEN:
            raise _error("application token is invalid", token="invalid")
        return given

    def _message(self, message: Message) -> Reply:
        if message.user != USER:
            raise _error("user identifier is not a valid user, group, or subscribed user key", user="invalid")
        if message.priority == 2 and (message.retry is None or message.expire is None):
            raise _error("expire must be supplied with priority=2", expire="invalid")
        if message.priority != 2 and (message.retry, message.expire, message.tags) != (None, None, ""):
            raise _error("retry, expire and tags go with priority=2")
        self.messages.append(message)
        if message.priority < 2:
            return Reply(200, {"status": 1, "request": "r"})
        self.repeating.add(message.tags)
        return Reply(200, {"status": 1, "request": "r", "receipt": f"receipt{len(self.messages)}"})

    def _cancel(self, tag: str, _: Cancel) -> Reply:
        found = tag in self.repeating
        self.repeating.discard(tag)
        return Reply(200, {"status": 1, "request": "r", "canceled": int(found)})

    def seen(self) -> list[Seen]:
        return [Seen(f"{each.title}\n{each.message}", (each.url,) if each.url else ()) for each in self.messages]
