"""The ledger on PostgreSQL: asyncpg, arrays instead of lists, row locks in one order, and due rows shared by claim.

Watches are locked by one statement and read by the next: a statement that waits for a lock sees the row it waited for
as it is afterwards, but all else, such as what its job promises, as it was before.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import anyio
import asyncpg  # type: ignore[import-untyped] # it comes without types
from sqlalchemy import ARRAY, Dialect, LargeBinary, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.engine import URL

from crontopus.domain.audit import Happened
from crontopus.domain.errors import Unavailable
from crontopus.domain.watch import Gap, Gaps, Run
from crontopus.storage import statements
from crontopus.storage.database import CLOSED_WITHIN_SECONDS, NOTIFY, Database, outlive_nobody
from crontopus.storage.ledger import Address, ByJob, BySlug, ByUuid, Home, LedgerTx, Unreadable, Written
from crontopus.storage.ledger import compiled as sql
from crontopus.storage.ledger.compiled import Compiled, Query, Writes
from crontopus.storage.refusals import LOST, PATIENCE_SECONDS, SILENT, Unanswered, refusal, unhurried
from crontopus.storage.tables import jobs, namespaces, runs, watches
from crontopus.storage.types import Id
from crontopus.storage.watches import Placed, Rows

T = TypeVar("T")
_IDS = ARRAY(Id)

AWAY_SECONDS = 1.0
"""So long after somebody waited in vain nobody waits: all who stood in line behind them are told at once."""


class _Statements:
    def __init__(self) -> None:
        dialect: Dialect = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy left it so
        key = select(watches.c.job_id, watches.c.agent_id)
        self.writes = Writes(dialect)
        self.make_job = Compiled(statements.job_insert("postgresql"), dialect)
        self.telling = sql.Telling(dialect)
        self.lock = Query(
            key.where(watches.c.job_id == func.any(bindparam("jobs", type_=_IDS)))
            .order_by(watches.c.job_id, watches.c.agent_id)
            .with_for_update(),
            dialect,
        )
        self.claim = Query(
            key.where(watches.c.due_at < bindparam("now", type_=watches.c.due_at.type))
            .order_by(watches.c.due_at)
            .limit(bindparam("at_most"))
            .with_for_update(skip_locked=True),
            dialect,
        )
        self.placed = Query(
            sql.placed()
            .where(watches.c.job_id == func.any(bindparam("jobs", type_=_IDS)))
            .order_by(watches.c.due_at, watches.c.job_id),
            dialect,
        )
        self.ids_by_uuid = Query(
            select(jobs.c.ping_uuid, jobs.c.id).where(jobs.c.ping_uuid == func.any(bindparam("uuids", type_=_IDS))),
            dialect,
        )
        self.ids_by_slug = Query(
            select(namespaces.c.ping_key_hash, jobs.c.slug, jobs.c.id)
            .join(namespaces, namespaces.c.id == jobs.c.namespace_id)
            .where(
                namespaces.c.ping_key_hash == func.any(bindparam("keys", type_=ARRAY(LargeBinary))),
                jobs.c.slug == func.any(bindparam("slugs", type_=ARRAY(Text))),
                jobs.c.deleted_at.is_(None),
            ),
            dialect,
        )
        self.priors = Query(
            sql.priors()
            .ext(distinct_on(runs.c.job_id, runs.c.rid))
            .where(
                runs.c.job_id == func.any(bindparam("jobs", type_=_IDS)),
                runs.c.rid == func.any(bindparam("rids", type_=_IDS)),
            )
            .order_by(runs.c.job_id, runs.c.rid, runs.c.number.desc()),
            dialect,
        )
        self.told = Query(sql.told(), dialect)
        self.gaps = Query(sql.recent_gaps(), dialect)
        self.home = Query(sql.home(), dialect)
        self.in_turn = Query(sql.in_turn(), dialect)
        self.jobs_of = Query(sql.jobs_of(), dialect)
        self.next_due = Query(sql.next_due(), dialect)


@cache
def _statements() -> _Statements:
    """Compiled once in a process."""
    return _Statements()


class PostgresLedger:
    """Owns two connections: one for the intake, one for the sweep, so that neither waits for the other."""

    def __init__(self, db: Database, pool: asyncpg.Pool) -> None:
        self._db = db
        self._pool = pool
        self._away_until = 0.0
        self.statements = _statements()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["_Transaction"]:
        with self._told() as patience:
            await self._db.attend()
            async with self._connection() as connection, connection.transaction(isolation="read_committed"):
                with unhurried(patience):
                    transaction = _Transaction(self, connection)
                    yield transaction
        self._db.changed.notify()
        if transaction.owes:
            self._db.owed.notify()

    @property
    def flips(self) -> str:
        return self.statements.writes.flips

    def written(self, rows: Rows) -> Written:
        return self.statements.writes.bound(rows)

    def reader(self) -> None:
        """The driver does not say how many rows a statement with many values has changed."""

    async def next_due(self) -> datetime | None:
        with self._told():
            async with self._connection() as connection:
                due: datetime | None = await connection.fetchval(self.statements.next_due.sql)
        return due

    async def close(self) -> None:
        with anyio.move_on_after(CLOSED_WITHIN_SECONDS):
            await self._pool.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """One that answered too late, or not at all, is not kept: the next to wait begins with a new one."""
        async with self._pool.acquire() as connection:
            try:
                yield connection
            except (TimeoutError, asyncio.CancelledError):
                connection.terminate()
                raise

    @contextmanager
    def _told(self) -> Iterator[anyio.CancelScope]:
        """What keeps the database from being used, as Unavailable."""
        if anyio.current_time() < self._away_until:
            raise Unanswered(SILENT)
        try:
            with _told() as patience:
                yield patience
        except Unanswered:
            self._away_until = anyio.current_time() + AWAY_SECONDS
            raise


class _Transaction:
    def __init__(self, ledger: PostgresLedger, connection: Any) -> None:
        self._ledger = ledger
        self._connection = connection
        self.owes = False
        """Whether it has written flips."""

    async def found(self, addresses: Collection[Address]) -> Mapping[Address, Placed]:
        ids = {**await self._ids_by_uuid(addresses), **await self._ids_by_slug(addresses), **_ids_by_job(addresses)}
        locked = await self._fetch(self._ledger.statements.lock, jobs=list(set(ids.values()))) if ids else []
        by_job = {placed.job: placed for placed in map(sql.placed_of, await self._rows(locked))}
        return {address: by_job[job] for address, job in ids.items() if job in by_job and _may(address, by_job[job])}

    async def _ids_by_uuid(self, addresses: Collection[Address]) -> dict[Address, UUID]:
        uuids = [address.uuid for address in addresses if isinstance(address, ByUuid)]
        rows = await self._fetch(self._ledger.statements.ids_by_uuid, uuids=uuids) if uuids else []
        return {ByUuid(row[0]): row[1] for row in rows}

    async def _ids_by_slug(self, addresses: Collection[Address]) -> dict[Address, UUID]:
        pairs = [address for address in addresses if isinstance(address, BySlug)]
        if not pairs:
            return {}
        keys, slugs = list({pair.key_hash for pair in pairs}), list({pair.slug for pair in pairs})
        rows = await self._fetch(self._ledger.statements.ids_by_slug, keys=keys, slugs=slugs)
        found: dict[Address, UUID] = {BySlug(row[0], row[1]): row[2] for row in rows}
        return {pair: found[pair] for pair in pairs if pair in found}

    async def due(self, now: datetime, limit: int) -> list[Placed | Unreadable]:
        claimed = await self._fetch(self._ledger.statements.claim, now=now, at_most=limit)
        return [sql.placed_or_unreadable(row) for row in await self._rows(claimed)]

    async def _rows(self, locked: Sequence[Sequence[UUID]]) -> list[list[Any]]:
        """Of the watches whose keys are locked, most overdue first."""
        if not locked:
            return []
        keys = {(job, agent) for job, agent in locked}
        rows = await self._fetch(self._ledger.statements.placed, jobs=list({job for job, _ in keys}))
        return [row for row in rows if (row[1], row[2]) in keys]

    async def priors(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Run]:
        if not keys:
            return {}
        jobs_, rids = list({key[0] for key in keys}), list({key[1] for key in keys})
        rows = await self._fetch(self._ledger.statements.priors, jobs=jobs_, rids=rids)
        return {(row[0], row[1]): sql.run_of(row) for row in rows}

    async def told(self, run: UUID, kind: str, attempt: int) -> bool:
        return bool(await self._fetch(self._ledger.statements.told, run=run, kind=kind, attempt=attempt))

    async def gaps(self, since: datetime) -> Gaps:
        return tuple(Gap(*row) for row in await self._fetch(self._ledger.statements.gaps, since=since))

    async def home(self, key_hash: bytes) -> Home | None:
        rows = await self._fetch(self._ledger.statements.home, key_hash=key_hash)
        return sql.home_of(rows[0]) if rows else None

    async def jobs_of(self, tenant: UUID) -> int:
        await self._fetch(self._ledger.statements.in_turn, tenant=tenant)
        rows = await self._fetch(self._ledger.statements.jobs_of, tenant=tenant)
        return int(rows[0][0])

    async def make_job(self, row: dict[str, Any]) -> bool:
        statement = self._ledger.statements.make_job
        outcome: str = await self._connection.execute(statement.sql, *statement.value(**row))
        return outcome.endswith(" 1")

    async def tell(self, tenant: UUID, told: Sequence[Happened]) -> None:
        telling = self._ledger.statements.telling
        head = await self._connection.fetchrow(telling.lock.sql, *telling.lock.value(tenant=tenant))
        for statement, values in telling.rows(tenant, head, told):
            await self._connection.executemany(statement, values)

    async def write(self, written: Written) -> None:
        for statement, values in written:
            self.owes |= statement == self._ledger.flips
            await self._connection.executemany(statement, values)
        await self._connection.execute(NOTIFY)

    async def saved(self, meanwhile: Callable[[LedgerTx], Awaitable[T]]) -> T | None:
        """A commit would let go of the rows that are locked."""
        return None

    def meanwhile(self, work: Callable[[LedgerTx], Awaitable[None]]) -> None:
        """Other processes may change at any moment whatever is not locked."""

    def follows(self, earlier: LedgerTx) -> bool:
        return False

    async def _fetch(self, query: Query, **values: Any) -> list[list[Any]]:
        rows = await self._connection.fetch(query.sql, *query.value(**values))
        return [query.read(row) for row in rows]


@contextmanager
def _told() -> Iterator[anyio.CancelScope]:
    try:
        with anyio.fail_after(PATIENCE_SECONDS) as patience:
            yield patience
    except asyncpg.PostgresError as error:
        refused = refusal(error.sqlstate, str(error))
        if refused is None:
            raise
        raise refused from error
    except TimeoutError as error:
        raise Unanswered(SILENT) from error
    except (asyncpg.InterfaceError, OSError) as error:
        raise Unavailable(LOST) from error


def _ids_by_job(addresses: Iterable[Address]) -> dict[Address, UUID]:
    return {address: address.job for address in addresses if isinstance(address, ByJob)}


def _may(address: Address, placed: Placed) -> bool:
    return not isinstance(address, ByJob) or address.tenant == placed.tenant


async def open_pool(url: URL) -> asyncpg.Pool:
    """Its connections keep nothing from one transaction to the next, so that there is nothing to reset."""
    with _told():
        return await asyncpg.create_pool(
            dsn_of(url), min_size=1, max_size=3, command_timeout=PATIENCE_SECONDS, init=outlive_nobody, reset=_keep
        )


def dsn_of(url: URL) -> str:
    """As asyncpg itself reads it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


async def _keep(_connection: Any) -> None:
    pass
