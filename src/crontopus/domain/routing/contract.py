"""The words of routing: who is told of an alert by which way, what holds it, and what was sent already."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from crontopus.domain.alerts import Alert
from crontopus.domain.query import Query
from crontopus.domain.routing.hours import Hours


class Also(StrEnum):
    """What a route tells besides the beginning, reminders and the end."""

    ACKNOWLEDGE = "acknowledge"
    EVERY_FAILURE = "every_failure"
    UPDATE = "update"


class Step(Struct, frozen=True):
    """So long after the alert's clock started these channels are told."""

    after: timedelta
    channels: tuple[UUID, ...]


class Route(Struct, frozen=True, kw_only=True):
    """Whom an alert is told to that matches. `parent` is None for the root, which matches everything.

    `proceeds`: the routes beside it, further down, are tried as well. Without `steps` those of its parent hold.
    `group_by`: fields of the alert; empty: each alert alone. `repeat`: so often it is told again; None: never.
    """

    id: UUID
    name: str
    parent: UUID | None
    place: int = 0
    matcher: Query = ()
    proceeds: bool = False
    group_by: tuple[str, ...] = ()
    group_wait: timedelta = timedelta()
    group_interval: timedelta = timedelta(minutes=5)
    repeat: timedelta | None = None
    also: frozenset[Also] = frozenset()
    hours: Hours | None = None
    steps: tuple[Step, ...] = ()


class Channel(Struct, frozen=True):
    """`keeps`: the other side keeps alerts itself, and is told of each alone; else a person reads there.

    What cannot be told on it is told on its `fallback`. `enabled`: not switched off.
    """

    id: UUID
    keeps: bool = False
    enabled: bool = True
    fallback: UUID | None = None


class Routes(Struct, frozen=True):
    """All of a tenant. A route may name a channel that is gone: nothing is told on it."""

    routes: Sequence[Route]
    channels: Mapping[UUID, Channel]


class Facts(Struct, frozen=True, kw_only=True):
    """What a matcher sees of an alert: of the subject as it is now, and of the alert itself.

    `fields` by name: `ns`, `tag`, `job`, `class`, `severity`, `agent`, `name`. Each may have several values.
    """

    fields: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str]


class HolderKind(StrEnum):
    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    MUTE = "mute"
    PARENT = "parent"
    AGENT = "agent"
    FLAPPING = "flapping"


class Holder(Struct, frozen=True):
    """Something that keeps an alert from being told, from `since` until before `until` (None: no end is known).

    Those that have ended belong to the question as well: an alert is told anew where one lets go of it.
    """

    kind: HolderKind
    id: UUID
    name: str
    since: datetime
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return self.since <= now and (self.until is None or now < self.until)


class Kind(StrEnum):
    """What a message says of its alert."""

    OPEN = "open"
    REMINDER = "reminder"
    FAILURE = "failure"
    UPDATE = "update"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


BEGINNINGS = frozenset({Kind.OPEN, Kind.REMINDER})


class MessageState(StrEnum):
    """What became of a message. `WAITING`: it is still to be sent, or again."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    OVERTAKEN = "overtaken"
    DISCARDED = "discarded"


class Told(Struct, frozen=True, kw_only=True):
    """One message that was made. `at`: when it was settled, and until then when it was made.

    `arrived`: it may have arrived. `ended`: it told of the end as well, since all was over before it could be sent.
    `falls_at`: from then on the channel's fallback is owed what this could not tell; None: it is not (yet) so.
    """

    channel: UUID
    kind: Kind
    number: int
    opening: int
    route: UUID
    step: int
    state: MessageState
    at: datetime
    made_at: datetime
    arrived: bool = False
    ended: bool = False
    falls_at: datetime | None = None

    @property
    def is_falling(self) -> bool:
        return self.falls_at is not None and self.state in (MessageState.WAITING, MessageState.DEAD)


class Message(Struct, frozen=True, kw_only=True):
    """One that is to be made now. Unique by alert, channel, kind and number, which counts over all openings."""

    channel: UUID
    kind: Kind
    number: int
    opening: int
    route: UUID
    step: int


class Verdict(StrEnum):
    """Why a channel is told of an alert now, or is not."""

    DUE = "due"
    LATER = "later"
    TOLD = "told"
    WAITING = "waiting"
    CLOSED = "closed"
    OFF = "off"
    HELD = "held"
    ACKNOWLEDGED = "acknowledged"
    OVER = "over"


class Line(Struct, frozen=True, kw_only=True):
    """A line of the explanation. `at`: when it is due, was told, or the route's hours begin; None: nobody knows."""

    route: UUID
    step: int
    channel: UUID
    verdict: Verdict
    at: datetime | None = None
    fallback_of: UUID | None = None


class Decision(Struct, frozen=True):
    """The messages to make now; when to ask again at the latest (None: only after a change); and why.

    `alert` is as it is after the question: held or released, its clock started anew. `holders`: those that hold it.
    """

    due: tuple[Message, ...]
    next_at: datetime | None
    why: tuple[Line, ...]
    alert: Alert
    holders: tuple[Holder, ...] = ()
