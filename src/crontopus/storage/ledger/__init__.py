"""The fast road to the database, for intake and sweep: a few statements, many rows, one durable commit.

One adapter for SQLite and one for PostgreSQL. What it reads it holds locked until the transaction ends.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from crontopus.domain.audit import Happened
from crontopus.domain.schedule import Schedule
from crontopus.domain.watch import Gaps, Run
from crontopus.storage.database import TenantId
from crontopus.storage.watches import Placed, Rows

T = TypeVar("T")


class ByUuid(Struct, frozen=True):
    """A job by the UUID of its ping URL."""

    uuid: UUID


class BySlug(Struct, frozen=True):
    """A job by the SHA-256 of its namespace's ping key, and its slug."""

    key_hash: bytes
    slug: str


class ByJob(Struct, frozen=True):
    """A job by its id, for a caller who is known."""

    tenant: TenantId
    job: UUID


Address = ByUuid | BySlug | ByJob

Written = Sequence[tuple[str, Sequence[Any]]]
"""What a transaction writes, as the driver takes it: a statement, and the values of each row."""


class Home(Struct, frozen=True):
    """A namespace, as a job made by a ping needs it."""

    id: UUID
    tenant: TenantId
    slug: str
    timezone: str
    schedules: tuple[Schedule, ...]
    grace: timedelta


class Unreadable(Struct, frozen=True):
    """A watch whose stored state or expectation cannot be understood, and why."""

    job: UUID
    agent: UUID
    error: Exception


class LedgerTx(Protocol):
    """One transaction. Raises Unavailable where the database cannot be used; then nothing of it was stored."""

    async def found(self, addresses: Collection[Address]) -> Mapping[Address, Placed]:
        """The watches at `addresses`; what is not there is left out."""

    async def due(self, now: datetime, limit: int) -> list[Placed | Unreadable]:
        """The next watches whose `due_at` is before `now`, most overdue first, none that another process is judging."""

    async def priors(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Run]:
        """The newest run of each (job, run id) that has one."""

    async def told(self, run: UUID, kind: str, attempt: int) -> bool:
        """Whether the run has a check-in of this kind and attempt."""

    async def gaps(self, since: datetime) -> Gaps:
        """Gaps that ended after `since`, oldest first."""

    async def home(self, key_hash: bytes) -> Home | None:
        """The namespace of a ping key."""

    async def jobs_of(self, tenant: TenantId) -> int:
        """How many jobs it has; until this transaction ends nobody else makes one of it where they are counted."""

    async def make_job(self, row: dict[str, Any]) -> bool:
        """Store a new job; False where its namespace has one of that slug already."""

    async def tell(self, tenant: TenantId, told: Sequence[Happened]) -> None:
        """In the tenant's audit log. Those who tell several tenants do so in the order of their ids."""

    async def write(self, written: Written) -> None:
        """Raises Contended where somebody else has changed a watch since it was read."""

    async def saved(self, meanwhile: "Callable[[LedgerTx], Awaitable[T]]") -> T | None:
        """Commit what was written, durably, and do `meanwhile` while the disk is waited for; then go on.

        It is given something to read by, which sees all as it was before, and whose `due` goes on where it ended here.
        None where the transaction should end instead, since others wait for their turn or have written.
        """

    def meanwhile(self, work: "Callable[[LedgerTx], Awaitable[None]]") -> None:
        """Have `work` done while the disk is waited for at the end, with something to read by.

        It may or may not see what this transaction writes. Not done where others may write at the same time.
        """

    def follows(self, earlier: "LedgerTx") -> bool:
        """Whether `earlier` is stored, and nobody has written anything since it began."""


class Ledger(Protocol):
    def transaction(self) -> AbstractAsyncContextManager[LedgerTx]:
        """Commits at its end, durably; rolls back on any exception."""

    def written(self, rows: Rows) -> Written:
        """`rows`, as `LedgerTx.write` takes them."""

    async def next_due(self) -> datetime | None:
        """The nearest `due_at` of all."""

    def reader(self) -> LedgerTx | None:
        """To look ahead by, outside of any transaction: what it reads may change before it is written.

        None where `write` would not notice that.
        """

    async def close(self) -> None: ...
