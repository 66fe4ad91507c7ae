"""A check-in between the border and the database: what was understood of it, and what became of it."""

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from crontopus.domain.errors import CrontopusError, Invalid
from crontopus.domain.schedule import Schedule
from crontopus.domain.watch import Mark
from crontopus.storage.ledger import Address
from crontopus.storage.watches import NO_DETAILS, Details

AHEAD = timedelta(minutes=5)
"""How far in the future a check-in may say it happened."""


class Body(Struct, frozen=True):
    """What a message carried: head and tail as kept, how much between was dropped, and whether it broke off."""

    head: bytes = b""
    tail: bytes = b""
    dropped_bytes: int = 0
    truncated: bool = False

    @property
    def size(self) -> int:
        return self.kept_bytes + self.dropped_bytes

    @property
    def kept_bytes(self) -> int:
        return len(self.head) + len(self.tail)


NO_BODY = Body()


class Creation(Struct, frozen=True):
    """The job a ping with `create=1` makes where it is missing; what is None comes from the namespace."""

    schedules: tuple[Schedule, ...] | None = None
    timezone: str | None = None
    grace: timedelta | None = None
    tags: tuple[str, ...] = ()


class Report(Struct, frozen=True, kw_only=True):
    """One check-in as the border understood it.

    `said` is one of start, success, fail, exit, log, skipped. `received_at` is when it arrived; `occurred_at` lies at
    most `AHEAD` after that, and was moved by `skew`, since the sender's clock is wrong. `fault` is what is wrong with
    it, told only where the job is there: a caller without its key learns nothing.
    """

    address: Address
    said: str
    received_at: datetime
    occurred_at: datetime
    skew: timedelta = timedelta()
    rid: UUID | None = None
    started_at: datetime | None = None
    duration: timedelta | None = None
    exit_code: int | None = None
    signal: int | None = None
    attempt: int = 1
    by_url: bool = False
    method: str = "POST"
    sender: str | None = None
    user_agent: str | None = None
    body: Body = NO_BODY
    details: Details = NO_DETAILS
    create: Creation | Invalid | None = None
    fault: Invalid | None = None

    @property
    def marks(self) -> frozenset[Mark]:
        """What the border itself noticed."""
        return frozenset({Mark.CLOCK}) if self.skew else frozenset()


class Accepted(Struct, frozen=True):
    """It is on disk. `run`: the id of its run (None for a note without one); `stored` False: it was there already."""

    run: UUID | None
    run_id: UUID | None
    stored: bool = True
    created: bool = False


Outcome = Accepted | CrontopusError
