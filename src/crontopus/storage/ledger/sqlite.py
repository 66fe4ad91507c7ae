"""The ledger on SQLite: statements on the event loop, where each takes microseconds; only COMMIT, which waits for the
disk, in a thread."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import anyio
from sqlalchemy import BigInteger, bindparam, literal_column, select, tuple_, type_coerce
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import NullType

from crontopus.domain.audit import Happened
from crontopus.domain.errors import Unavailable
from crontopus.domain.watch import Gap, Gaps, Run
from crontopus.storage import statements
from crontopus.storage.database import SQLITE_PRAGMAS, Database
from crontopus.storage.ledger import Address, ByJob, BySlug, ByUuid, Home, LedgerTx, Unreadable, Written
from crontopus.storage.ledger import compiled as sql
from crontopus.storage.ledger.compiled import Compiled, Query, Writes
from crontopus.storage.refusals import Contended
from crontopus.storage.tables import jobs, namespaces, runs, watches
from crontopus.storage.types import Id
from crontopus.storage.watches import Placed, Rows

T = TypeVar("T")
_AT_ONCE = (1, 4, 32)
"""So many watches are found with one statement; a place in it that nobody takes costs, too."""
_PATIENCE_SECONDS = 5.0
"""How long to wait for another program that holds the file's lock."""
_BUGS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)
"""What was to be stored is wrong, not the database: trying again changes nothing."""


class _Statements:
    def __init__(self) -> None:
        dialect = sqlite.dialect(dbapi=sqlite3)
        self.writes = Writes(dialect)
        self.make_job = Compiled(statements.job_insert("sqlite"), dialect)
        self.telling = sql.Telling(dialect)
        self.by_uuids = {count: Query(_by_uuids(count), dialect) for count in _AT_ONCE}
        """Their rows end with the UUID itself, as bytes."""
        self.by_slug = Query(
            sql.placed()
            .where(jobs.c.slug == bindparam("slug"))
            .where(jobs.c.namespace_id == _namespace_of_key().scalar_subquery()),
            dialect,
        )
        self.by_job = Query(
            sql.placed().where(jobs.c.id == bindparam("job"), jobs.c.tenant_id == bindparam("tenant")), dialect
        )
        self.due = Query(_due(), dialect)
        """Its rows end with their place among all that are due."""
        self.prior = Query(
            sql.priors()
            .where(runs.c.job_id == bindparam("job"), runs.c.rid == bindparam("rid"))
            .order_by(runs.c.number.desc())
            .limit(1),
            dialect,
        )
        self.told = Query(sql.told(), dialect)
        self.gaps = Query(sql.recent_gaps(), dialect)
        self.home = Query(sql.home(), dialect)
        self.jobs_of = Query(sql.jobs_of(), dialect)
        self.next_due = Query(sql.next_due(), dialect)


@cache
def _statements() -> _Statements:
    """Compiled once in a process: that takes longer than to open the file."""
    return _Statements()


class SqliteLedger:
    """Owns one connection that writes, used by one transaction at a time: `Database.turn` sees to it.

    Another one reads while the first one commits.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._connection = _connection(db)
        self._reader = _connection(db)
        self._last: _Transaction | None = None
        """The newest transaction, where it is stored."""
        self.owes = False
        """Whether what is being written has flips: alerts are owed from its commit on."""
        self._thread = ThreadPoolExecutor(1, "commit")
        self.statements = _statements()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["_Transaction"]:
        await self._db.attend()
        async with self._db.turn:
            await self._begin()
            try:
                transaction = _Transaction(self, self._connection, self._foreign_commits())
                yield transaction
                await self._commit(transaction)
            except BaseException as error:
                self._roll_back()
                if isinstance(error, sqlite3.Error) and not isinstance(error, _BUGS):
                    raise _unavailable(error) from error
                raise

    @property
    def versioned(self) -> Collection[str]:
        return self.statements.writes.versioned

    @property
    def flips(self) -> str:
        return self.statements.writes.flips

    @property
    def is_wanted(self) -> bool:
        return self._db.turn.is_wanted

    def written(self, rows: Rows) -> Written:
        return self.statements.writes.bound(rows)

    def reader(self) -> "_Transaction":
        return _Transaction(self, self._reader, 0)

    async def next_due(self) -> datetime | None:
        try:
            row = self._reader.execute(self.statements.next_due.sql).fetchone()
        except sqlite3.Error as error:
            raise _unavailable(error) from error
        return None if row is None else self.statements.next_due.read(row)[0]

    async def close(self) -> None:
        async with self._db.turn:
            self._thread.shutdown()
            self._connection.close()
            self._reader.close()

    async def _begin(self) -> None:
        until = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                    raise _unavailable(error) from error
                if asyncio.get_running_loop().time() > until:
                    raise Unavailable("the database file is locked by another program; end it, or wait") from error
            await asyncio.sleep(0.02)

    def _foreign_commits(self) -> int:
        """Another number than before where another connection has written meanwhile."""
        number: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return number

    async def _commit(self, transaction: "_Transaction") -> None:
        self._last = None
        commit = self._start_commit()
        work, transaction.work = transaction.work, None  # It may hold the transaction itself.
        try:
            if work is not None:
                await work(_Transaction(self, self._reader, 0))
        finally:
            await self._written(commit)
        self._last = transaction

    async def saved(self, transaction: "_Transaction", work: Callable[["_Transaction"], Awaitable[T]]) -> T | None:
        """`work` reads what was there before. None where another program has written since."""
        self._last = None
        with self._snapshot():
            commit = self._start_commit()
            try:
                result = await work(_Transaction(self, self._reader, 0, transaction.place))
            finally:
                await self._written(commit)
        await self._begin()
        return result if self._foreign_commits() == transaction.seen else None

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """For the reader, all stays as it is now. SQLite takes a snapshot at the first reading."""
        self._reader.execute("BEGIN")
        try:
            self._reader.execute("SELECT 1 FROM watches LIMIT 1").fetchall()
            yield
        finally:
            self._reader.execute("ROLLBACK")

    def _start_commit(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._thread, self._connection.commit)

    async def _written(self, commit: asyncio.Future[None]) -> None:
        """Whoever is cancelled while the disk is written waits for it: the turn is not given on before."""
        with anyio.CancelScope(shield=True):
            await commit
        self._db.changed.notify()
        if self.owes:
            self.owes = False
            self._db.owed.notify()

    def _roll_back(self) -> None:
        self._last = None
        if self._connection.in_transaction:
            self._connection.rollback()

    def follows(self, earlier: object) -> bool:
        return self._last is earlier


Place = tuple[int, int]
"""Of a watch among those that are due: its `due_at` as stored, and its row."""
_FIRST: Place = (-(2**63), 0)


class _Transaction:
    """`seen`: which commits of other connections it sees. `place`: where `due` goes on."""

    def __init__(self, ledger: SqliteLedger, connection: sqlite3.Connection, seen: int, place: Place = _FIRST) -> None:
        self._ledger = ledger
        self._connection = connection
        self.place = place
        self.seen = seen
        self.work: Callable[[LedgerTx], Awaitable[None]] | None = None

    async def found(self, addresses: Collection[Address]) -> Mapping[Address, Placed]:
        result = self._by_uuid([address for address in addresses if isinstance(address, ByUuid)])
        others = [address for address in addresses if not isinstance(address, ByUuid)]
        by_watch = {(placed.job, placed.agent): placed for placed in result.values()} if others else {}
        for address in others:
            row = self._row_at(address)
            if row is not None:
                placed = sql.placed_of(row)
                result[address] = by_watch.setdefault((placed.job, placed.agent), placed)
        return result

    def _by_uuid(self, addresses: Sequence[ByUuid]) -> dict[Address, Placed]:
        """Several with one statement: that costs two thirds of one statement for each."""
        result: dict[Address, Placed] = {}
        for first in range(0, len(addresses), max(_AT_ONCE)):
            asked = {address.uuid.bytes: address for address in addresses[first : first + max(_AT_ONCE)]}
            count = next(count for count in _AT_ONCE if count >= len(asked))
            query = self._ledger.statements.by_uuids[count]
            values = [*asked, *[None] * (count - len(asked))]
            for row in query.read_all(self._connection.execute(query.sql, values).fetchall()):
                result[asked[row[-1]]] = sql.placed_of(row)
        return result

    def _row_at(self, address: BySlug | ByJob) -> list[Any] | None:
        match address:
            case BySlug(key_hash, slug):
                return self._first(self._ledger.statements.by_slug, key_hash=key_hash, slug=slug)
            case ByJob(tenant, job):
                return self._first(self._ledger.statements.by_job, tenant=tenant, job=job)

    async def due(self, now: datetime, limit: int) -> list[Placed | Unreadable]:
        query, (due_at, row) = self._ledger.statements.due, self.place
        values = query.value(now=now, at_most=limit, due_at=due_at, row=row)
        rows = self._connection.execute(query.sql, values).fetchall()
        if rows:
            self.place = rows[-1][-2:]
        return [sql.placed_or_unreadable(query.read(row)) for row in rows]

    async def priors(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Run]:
        found = ((key, self._first(self._ledger.statements.prior, job=key[0], rid=key[1])) for key in keys)
        return {key: sql.run_of(row) for key, row in found if row is not None}

    async def told(self, run: UUID, kind: str, attempt: int) -> bool:
        return self._first(self._ledger.statements.told, run=run, kind=kind, attempt=attempt) is not None

    async def gaps(self, since: datetime) -> Gaps:
        query = self._ledger.statements.gaps
        rows = self._connection.execute(query.sql, query.value(since=since))
        return tuple(Gap(*query.read(row)) for row in rows.fetchall())

    async def home(self, key_hash: bytes) -> Home | None:
        row = self._first(self._ledger.statements.home, key_hash=key_hash)
        return None if row is None else sql.home_of(row)

    async def jobs_of(self, tenant: UUID) -> int:
        row = self._first(self._ledger.statements.jobs_of, tenant=tenant)
        return int(row[0]) if row else 0

    async def make_job(self, row: dict[str, Any]) -> bool:
        statement = self._ledger.statements.make_job
        return self._connection.execute(statement.sql, statement.value(**row)).rowcount == 1

    async def tell(self, tenant: UUID, told: Sequence[Happened]) -> None:
        telling = self._ledger.statements.telling
        (head,) = self._connection.execute(telling.lock.sql, telling.lock.value(tenant=tenant)).fetchall()
        for statement, values in telling.rows(tenant, head, told):
            self._connection.executemany(statement, values)

    async def write(self, written: Written) -> None:
        for statement, values in written:
            self._ledger.owes |= statement == self._ledger.flips
            changed = self._connection.executemany(statement, values).rowcount
            if changed < len(values) and statement in self._ledger.versioned:
                raise Contended("somebody else has changed the job at the same moment; send it again")

    async def saved(self, meanwhile: Callable[[LedgerTx], Awaitable[T]]) -> T | None:
        if self._ledger.is_wanted:
            return None

        async def work(reader: _Transaction) -> T:
            result = await meanwhile(reader)
            self.place = reader.place
            return result

        return await self._ledger.saved(self, work)

    def meanwhile(self, work: Callable[[LedgerTx], Awaitable[None]]) -> None:
        self.work = work

    def follows(self, earlier: LedgerTx) -> bool:
        return isinstance(earlier, _Transaction) and earlier.seen == self.seen and self._ledger.follows(earlier)

    def _first(self, query: Query, **values: Any) -> list[Any] | None:
        row = self._connection.execute(query.sql, query.value(**values)).fetchone()
        return None if row is None else query.read(row)


def _connection(db: Database) -> sqlite3.Connection:
    connection = sqlite3.connect(str(db.url.database), isolation_level=None, check_same_thread=False)
    for pragma in SQLITE_PRAGMAS:
        connection.execute(pragma)
    # The loop must never wait inside the driver: a lock held by another program is waited for by the ledger.
    connection.execute("PRAGMA busy_timeout = 0")
    connection.execute("PRAGMA foreign_keys = OFF")
    return connection


def _due() -> Any:
    place = (type_coerce(watches.c.due_at, BigInteger), literal_column("watches.rowid", BigInteger))
    after = tuple_(*place) > tuple_(bindparam("due_at", type_=BigInteger), bindparam("row", type_=BigInteger))
    return sql.due().add_columns(*place).where(after).order_by(place[1]).limit(bindparam("at_most"))


def _by_uuids(count: int) -> Any:
    several = [bindparam(f"uuid{number}", type_=Id) for number in range(count)]
    return sql.placed().add_columns(type_coerce(jobs.c.ping_uuid, NullType)).where(jobs.c.ping_uuid.in_(several))


def _namespace_of_key() -> Any:
    return select(namespaces.c.id).where(namespaces.c.ping_key_hash == bindparam("key_hash"))


def _unavailable(error: sqlite3.Error) -> Unavailable:
    return Unavailable(f"the database cannot be used now: {error}")
