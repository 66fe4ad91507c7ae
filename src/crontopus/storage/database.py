"""A transaction is an instant and a tenant. Opens the database, and hands out `Tx` and `SystemTx`.

On SQLite one writer at a time takes its turn at `Database.turn`; the group commit of check-ins waits at the same lock.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import anyio
from msgspec import Struct
from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from crontopus.domain.errors import Unavailable
from crontopus.storage import sqlite_driver
from crontopus.storage.refusals import LOST, PATIENCE_SECONDS, SILENT, Unanswered, refusal, unhurried

T = TypeVar("T")

CLOSED_WITHIN_SECONDS = 0.5
LEFT_AFTER_SECONDS = 15
"""A process that works has given up its transaction by then."""

TenantId = UUID
Clock = Callable[[], datetime]

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA cache_size = -65536",
    "PRAGMA temp_store = MEMORY",
)
"""Of every connection. Checkpoints are made by a thread of their own, so that no commit waits for one."""


CHANNEL = "crontopus"
NOTIFY = f"NOTIFY {CHANNEL}"
"""On PostgreSQL, in each transaction that writes: once it is committed, every process hears of it."""


class Tx(Struct, frozen=True):
    """A transaction that sees one tenant: queries in this package filter on `tenant`."""

    sql: AsyncConnection
    now: datetime
    tenant: TenantId


class SystemTx(Struct, frozen=True):
    """A transaction that sees every tenant. For the engine's loops and the installer; no request holds one."""

    sql: AsyncConnection
    now: datetime

    def of(self, tenant: TenantId) -> Tx:
        return Tx(self.sql, self.now, tenant)


class Changed:
    """Wakes those who wait for something new in the database: what this process wrote, or heard that another did."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    @property
    def coming(self) -> asyncio.Event:
        """What the next `notify` sets. Who takes it before looking misses nothing that is written meanwhile."""
        return self._event


class Turn:
    """The lock at which all writers of a SQLite file wait, in order of arrival."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._patient = 0

    @property
    def is_wanted(self) -> bool:
        """Whether anybody waits for it."""
        return self._waiting > 0

    @property
    def is_urgent(self) -> bool:
        """Whether anybody waits for it who is not patient."""
        return self._waiting > self._patient

    @asynccontextmanager
    async def patiently(self) -> AsyncIterator[None]:
        """Likewise, for what can wait."""
        self._patient += 1
        try:
            await self.__aenter__()
        finally:
            self._patient -= 1
        try:
            yield
        finally:
            self._lock.release()

    def locked(self) -> bool:
        """Whether anybody has it."""
        return self._lock.locked()

    async def __aenter__(self) -> None:
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


class Database:
    """`url` names the database for SQLAlchemy; `clock` says what time it is (UTC, milliseconds)."""

    def __init__(self, url: URL, clock: Clock) -> None:
        self.url = url
        self.clock = clock
        self.turn = Turn()
        self.changed = Changed()
        self.owed = Changed()
        """Of what this process wrote, that which may owe something to alerts: flips, and all but check-ins."""
        self.writes = 0
        """How many transactions of this process, those of the ledger aside, have written: what was read before the
        last of them may be out of date."""
        self.crowded = False
        """Whether others had to wait for the last transaction of `wrote`, which is patient itself."""
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.attend: Callable[[], Awaitable[None]] = _nothing
        """Awaited before whatever may judge a watch, outside of its transaction: a gap must be known by then."""
        self._reader = _engine(url, "BEGIN DEFERRED", 4)
        self._writer = _engine(url, "BEGIN IMMEDIATE", 1) if self.is_sqlite else self._reader
        self._at_once = _engine_at_once(url) if self.is_sqlite else None
        self._thread = ThreadPoolExecutor(1, "writer")

    @asynccontextmanager
    async def read(self, tenant: TenantId) -> AsyncIterator[Tx]:
        async with self.read_all() as tx:
            yield tx.of(tenant)

    @asynccontextmanager
    async def write(self, tenant: TenantId) -> AsyncIterator[Tx]:
        """Commits, or rolls back on any exception. Never await anything but the database inside."""
        async with self._told():
            await self.attend()
        async with self.write_all() as tx:
            yield tx.of(tenant)

    @asynccontextmanager
    async def read_all(self) -> AsyncIterator[SystemTx]:
        with self._whole():
            async with self._told() as patience, self._reader.connect() as sql, sql.begin():
                with unhurried(patience):
                    yield SystemTx(sql, self.clock())

    @asynccontextmanager
    async def write_all(self) -> AsyncIterator[SystemTx]:
        async with self.turn if self.is_sqlite else nullcontext():
            with self._whole():
                async with self._told() as patience, self._writer.begin() as sql:
                    with unhurried(patience):
                        yield SystemTx(sql, self.clock())
                    if not self.is_sqlite:
                        await sql.exec_driver_sql(NOTIFY)
        self._tell()

    async def wrote(self, work: Callable[[SystemTx], Coroutine[Any, Any, T]]) -> T:
        """What `work` returns, once its transaction is committed, which `write_all` would be as well.

        `work` awaits nothing but the database. On SQLite all of it happens in one visit to a thread: for many small
        statements in a row that takes a fraction of what going there and back for each does, and the event loop is
        free meanwhile.
        """
        if self._at_once is None:
            async with self.write_all() as tx:
                return await work(tx)
        async with self.turn.patiently():
            with self._whole():
                async with self._told():
                    loop = asyncio.get_running_loop()
                    made = await loop.run_in_executor(self._thread, self._work, self._at_once, work)
            self.crowded = self.turn.is_urgent
        self._tell()
        return made

    def _work(self, engine: Engine, work: Callable[[SystemTx], Coroutine[Any, Any, T]]) -> T:
        """In the thread."""
        with engine.begin() as sql:
            return _finished(work(SystemTx(cast(AsyncConnection, _AtOnce(sql)), self.clock())))

    def _tell(self) -> None:
        self.writes += 1
        self.changed.notify()
        self.owed.notify()

    def _whole(self) -> AbstractContextManager[object]:
        """On SQLite a transaction that has begun comes to its end, however often its task is cancelled meanwhile.

        It takes milliseconds, and a connection that is cut off in the middle would never end: aiosqlite waits for ever
        where it is closed twice. A PostgreSQL may be away, and whoever waits for it must be able to leave.
        """
        return anyio.CancelScope(shield=True) if self.is_sqlite else nullcontext()

    async def close(self) -> None:
        """Without a word to a PostgreSQL that does not answer."""
        with anyio.move_on_after(CLOSED_WITHIN_SECONDS):
            await self._reader.dispose()
            await self._writer.dispose()
        if self._at_once is not None:
            self._at_once.dispose()
        self._thread.shutdown(wait=False)

    @asynccontextmanager
    async def _told(self) -> AsyncIterator[anyio.CancelScope | None]:
        """A database that is away, silent, locked or full is `Unavailable`: trying again makes sense."""
        try:
            with nullcontext() if self.is_sqlite else anyio.fail_after(PATIENCE_SECONDS) as patience:
                yield patience
        except OperationalError as error:
            raise Unavailable(f"the database cannot be used now: {reason_of(error)}") from error
        except DBAPIError as error:
            refused = refusal(getattr(error.orig, "sqlstate", None), reason_of(error))
            if refused is None and error.connection_invalidated:
                refused = Unavailable(LOST)
            if refused is None:
                raise
            raise refused from error
        except PoolTimeout as error:
            raise Unavailable("too many wait for the database: try again in a moment") from error
        except TimeoutError as error:
            raise Unanswered(SILENT) from error
        except OSError as error:
            raise Unavailable(f"the database cannot be reached: {error.strerror or error}") from error


class _AtOnce:
    """As much of an `AsyncConnection` as storage uses; nobody ever has to wait for it."""

    def __init__(self, sql: Connection) -> None:
        self._sql = sql
        self.dialect = sql.dialect

    async def execute(self, *given: Any) -> Any:
        return self._sql.execute(*given)

    async def scalar(self, *given: Any) -> Any:
        return self._sql.scalar(*given)

    async def scalars(self, *given: Any) -> Any:
        return self._sql.scalars(*given)


def _finished(work: Coroutine[Any, Any, T]) -> T:
    """What it returns. It has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as end:
        made: T = end.value
        return made
    work.close()
    raise RuntimeError("a transaction waits for something else than its database")


async def _nothing() -> None:
    pass


def reason_of(error: DBAPIError) -> str:
    """What the driver said, without our SQL."""
    return str(error.orig).partition("\n")[0]


def _engine(url: URL, begin: str, size: int) -> AsyncEngine:
    """Values are hidden in errors: they may be secrets, and errors are logged."""
    if url.get_backend_name() != "sqlite":
        return _postgres(url)
    engine = create_async_engine(url, pool_size=size, max_overflow=0, pool_timeout=60, hide_parameters=True)
    sqlite_driver.use(engine.sync_engine)
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _engine_at_once(url: URL) -> Engine:
    """Connects to a SQLite file when it is first used."""
    engine = create_engine(url.set(drivername="sqlite"), pool_size=1, max_overflow=0, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _postgres(url: URL) -> AsyncEngine:
    """Whoever waited for a lock reads on as things are then: so each statement must see what is committed."""
    engine = create_async_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        connect_args={"timeout": PATIENCE_SECONDS, "command_timeout": PATIENCE_SECONDS},
    )
    event.listen(engine.sync_engine, "connect", lambda connection, _: connection.run_async(outlive_nobody))
    return engine


async def outlive_nobody(connection: Any) -> None:
    """What a process has locked and left, because it stands still or its machine is gone, is free again soon."""
    await connection.execute(f"SET idle_in_transaction_session_timeout = {LEFT_AFTER_SECONDS * 1000}")


def _prepare(connection: Any, _record: object) -> None:
    """The driver begins no transactions of its own; ours are begun by the engine's `begin` event."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()
