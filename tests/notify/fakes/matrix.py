"""A Matrix homeserver, after "Client-Server API" of the Matrix Specification (Standard error response, Sending
events, m.room.message, HTML, Event replacements, Threading, User and room mentions; Size limits), as of
28 November 2026.
"""

from html import unescape
from html.parser import HTMLParser
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, decoded, parts

TOKEN, ROOM = "syt_secret_access_token_0123456789", "!room#1:example.org"


class InReplyTo(Struct, forbid_unknown_fields=True):
    event_id: Annotated[str, Meta(pattern=r"^\$")]


class Mentions(Struct, forbid_unknown_fields=True):
    user_ids: list[str] = []
    room: bool = False


class Thread(Struct, forbid_unknown_fields=True, tag_field="rel_type", tag="m.thread"):
    event_id: str
    is_falling_back: bool
    in_reply_to: InReplyTo = msgspec.field(name="m.in_reply_to")


class Replace(Struct, forbid_unknown_fields=True, tag_field="rel_type", tag="m.replace"):
    event_id: str


class Content(Struct, forbid_unknown_fields=True):
    msgtype: Literal["m.text", "m.notice"]
    body: Annotated[str, Meta(min_length=1)]
    format: Literal["org.matrix.custom.html"]
    formatted_body: str
    mentions: Mentions = msgspec.field(name="m.mentions")
    new_content: "Content | UnsetType" = msgspec.field(name="m.new_content", default=UNSET)
    relates_to: Thread | Replace | UnsetType = msgspec.field(name="m.relates_to", default=UNSET)


def _error(status: int, code: str, why: str) -> Refused:
    return Refused(Reply(status, {"errcode": code, "error": why}))


class Matrix(Fake):
    """`events` by id, with what they were replaced by in place of what they were."""

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[str, Content] = {}
        self.transactions: dict[str, str] = {}

    def take(self, request: Request) -> Reply:
        where = parts(request.path)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise _error(401, "M_UNKNOWN_TOKEN", "Unrecognised access token")
        if where[:4] != ["_matrix", "client", "v3", "rooms"] or where[5:7] != ["send", "m.room.message"]:
            raise _error(404, "M_UNRECOGNIZED", "Unrecognized request")
        if request.method != "PUT" or len(where) != 8:
            raise _error(405, "M_UNRECOGNIZED", "Unrecognized request")
        if where[4] != ROOM:
            raise _error(403, "M_FORBIDDEN", f"User not in room {where[4]}")
        if len(request.body) > 60_000:
            raise _error(413, "M_TOO_LARGE", "event too large")
        if where[7] not in self.transactions:
            self.transactions[where[7]] = self._put(decoded(request.body, Content, _bad))
        return Reply(200, {"event_id": self.transactions[where[7]]})

    def _put(self, content: Content) -> str:
        _read(content)
        relation = content.relates_to
        if relation is not UNSET and relation.event_id not in self.events:
            raise _error(400, "M_UNKNOWN", "Can't send relation to unknown event")
        if isinstance(relation, Replace):
            if content.new_content is UNSET:
                raise _bad("m.new_content is missing")
            self.events[relation.event_id] = content.new_content
            return "$change"
        id = f"${len(self.events)}:example.org"
        self.events[id] = content
        return id

    def seen(self) -> list[Seen]:
        return [_read(each) for each in self.events.values()]


def _bad(why: str) -> Refused:
    return _error(400, "M_BAD_JSON", why)


class _Reader(HTMLParser):
    """Takes the tags that a client shows and we have a use for."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.found: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("strong", "br", "pre", "code", "a"):
            raise _bad(f"<{tag}>")
        if tag == "br":
            self.found.append("\n")
        else:
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if (tag, name) == ("a", "href")]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise _bad(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.found.append(data if "pre" in self.open else data.strip("\n"))


def _read(content: Content) -> Seen:
    reader = _Reader()
    reader.feed(content.formatted_body)
    reader.close()
    if reader.open:
        raise _bad("a tag is not closed")
    acting: list[Any] = [*content.mentions.user_ids, *(["@room"] if content.mentions.room else [])]
    text = "".join(reader.found)
    plain = unescape(text).split("\n", 1)[0][:20] in content.body
    return Seen(text, tuple(reader.links), tuple(acting) if plain else ("the plain text is another",))
