"""What every kind of channel is given to send, and by what it sends.

Each kind is a module of `notify` with a `Settings` struct (what a person gives; fields that open something are named in
`SECRETS`), `KEEPS` (the other side keeps alerts itself, and gets each alone), and

    async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome

which makes the requests of one try and says what became of it. It raises nothing that an answer can cause.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from crontopus.domain.alerts import AlertClass, Severity
from crontopus.domain.routing import Kind


class Fact(Struct, frozen=True):
    """`name` in a word or two: `since`, `expected`, `exit status`. Both are text of others: shown, never acted on."""

    name: str
    value: str


class Act(StrEnum):
    """What whoever reads a message may do about its alert, on a page that asks nobody to sign in."""

    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"


class Link(Struct, frozen=True):
    """`act`: what can be done where it leads; None: it only shows. `code`: the part of its address that lets whoever
    has it do so; the reader's alone, it stands in no log and in no excerpt.
    """

    text: str
    url: str
    act: Act | None = None
    code: str = ""


class Own(Struct, frozen=True):
    """What is said in words of one's own in the place of ours, where not empty: the `title` in that of the first line,
    the `text` in that of all but the links, a `body` of this type in that of what is posted. Text of others, as all is.
    """

    title: str = ""
    text: str = ""
    body: str = ""
    content_type: str = ""


class Notice(Struct, frozen=True, kw_only=True):
    """What is to be told of one alert. All text is of others, of any length, and means nothing but itself.

    `id` is the message's, the same for every try: the idempotency key. `alert` is the dedup key towards a provider;
    `opening` counts how often it was opened. `ended`: the end is told with the beginning (`kind` is OPEN). `state` is
    its word, as `DOWN` or `RECOVERED`; `title` what it is about in a few words, `summary` why, in a sentence.
    `got`: what was found instead of what was expected, as a part of a sentence. `output`: the last lines of it, oldest
    first. `reference`: what an earlier message of this alert and opening was
    `Delivered` with, empty if there is none.
    """

    id: UUID
    alert: UUID
    opening: int
    kind: Kind
    cls: AlertClass
    severity: Severity
    state: str
    title: str
    summary: str
    at: datetime
    since: datetime
    tenant: str
    namespace: str = ""
    job: str = ""
    job_name: str = ""
    agent: str = ""
    tags: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    got: str = ""
    exit_code: int | None = None
    facts: tuple[Fact, ...] = ()
    output: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    ended: bool = False
    reference: str = ""
    own: Own = Own()

    @property
    def is_over(self) -> bool:
        """Whether the trouble has passed by the time of this message."""
        return self.ended or self.kind is Kind.RESOLVE


class Parcel(Struct, frozen=True):
    """What goes out as one: one notice, or those of a group in order. `summary`: so many that they are counted.
    `sent_at`: of this try."""

    notices: tuple[Notice, ...]
    sent_at: datetime
    summary: bool = False

    @property
    def first(self) -> Notice:
        return self.notices[0]

    @property
    def is_single(self) -> bool:
        return len(self.notices) == 1


class Answer(Struct, frozen=True):
    """What the other side said. `text` holds at most what is read of an answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Unreachable(Exception):
    """No answer. `arrived`: what was sent may have arrived all the same. `refused`: the address may not be used here,
    and never will; the text says why in a sentence for whoever set the channel up.
    """

    def __init__(self, why: str, *, arrived: bool = False, refused: bool = False) -> None:
        super().__init__(why)
        self.arrived = arrived
        self.refused = refused


class Http(Protocol):
    """The one way out to the web: guarded, with deadlines, without redirects. Each request is recorded."""

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Answer:
        """Raises Unreachable."""
        ...
