"""From a data folder or a URL to an open, migrated database; or a sentence that says what to do.

Nothing is overwritten: a file that is damaged, foreign or newer than the program is left as it is.
"""

import math
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, nullcontext
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import anyio
from sqlalchemy import Connection, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from crontopus.domain.errors import Conflict, CrontopusError, Invalid, Unavailable
from crontopus.storage import migrating
from crontopus.storage.database import Clock, Database, reason_of
from crontopus.storage.refusals import PATIENCE_SECONDS, SILENT

FILE = "crontopus.db"
_MAGIC = b"SQLite format 3\x00"
_NOT_LET_IN = ("28", "3D")
"""Classes of SQLSTATE: a wrong user or password, and a database that is not there."""


def url_of(data: Path, database_url: str) -> URL:
    """SQLite's file in `data`, unless `database_url` names a PostgreSQL. Raises Invalid."""
    if not database_url:
        return URL.create("sqlite+aiosqlite", database=str(data / FILE))
    try:
        url = make_url(database_url)
    except ArgumentError as error:
        raise Invalid("the database URL must look like postgresql://user:password@host/name") from error
    if url.get_backend_name() not in ("postgresql", "postgres") and not database_url.startswith("postgres://"):
        raise Invalid("the database URL must begin with postgresql://; SQLite needs none, only a data folder")
    return url.set(drivername="postgresql+asyncpg")


@asynccontextmanager
async def open_database(data: Path, database_url: str, clock: Clock) -> AsyncIterator[Database]:
    """The database, migrated to this program's version. Raises Conflict, Invalid or Unavailable in plain words.

    Holds the lock of the data folder (SQLite) for as long as it is open.
    """
    url = url_of(data, database_url)
    if url.get_backend_name() == "sqlite":
        with _folder(data), _locked(data):
            _refuse_damage(data / FILE)
            async with _migrated(url, clock, data / FILE) as db:
                yield db
    else:
        async with _migrated(url, clock, None) as db:
            yield db


@asynccontextmanager
async def _migrated(url: URL, clock: Clock, file: Path | None) -> AsyncIterator[Database]:
    engine = _migrating_engine(url)
    try:
        async with _connected(engine) as (connection, found):
            known = migrating.check(found)
            if found is None and file is not None and await connection.run_sync(_has_tables):
                raise _foreign(file)
            if not known:
                if file is not None and found is not None:
                    _copy(file, found, clock())
                await connection.run_sync(migrating.upgrade)
    except (DBAPIError, OSError) as error:
        raise _in_words(error) from error
    finally:
        await engine.dispose()
    db = Database(url, clock)
    try:
        yield db
    finally:
        await db.close()


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[tuple[AsyncConnection, str | None]]:
    """A connection, and the revision it finds. A PostgreSQL that is silent by then is not waited for any longer.

    But what follows takes the time it takes: to migrate, or to wait for another process that does.
    """
    with nullcontext() if engine.dialect.name == "sqlite" else anyio.fail_after(PATIENCE_SECONDS) as patience:
        async with engine.connect() as connection:
            found = await connection.run_sync(migrating.revision_of)
            if patience is not None:
                patience.deadline = math.inf
            yield connection, found


def _migrating_engine(url: URL) -> AsyncEngine:
    """Changes nothing of a file but in a transaction: what a full disk interrupts leaves no half of a schema."""
    engine = create_async_engine(url)
    if url.get_backend_name() == "sqlite":
        event.listen(engine.sync_engine, "connect", _leave_transactions_to_us)
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _leave_transactions_to_us(connection: Any, _record: object) -> None:
    connection.isolation_level = None


def _has_tables(connection: Connection) -> bool:
    return bool(inspect(connection).get_table_names())


def _foreign(file: Path) -> Conflict:
    return Conflict(f"{file} is not a database of Crontopus. Move it away, or name another folder with --data")


def _in_words(error: DBAPIError | OSError) -> CrontopusError:
    """What may pass by itself or by another setting is Unavailable; a file that is no longer whole is a Conflict."""
    if isinstance(error, TimeoutError):
        return Unavailable(f"{SILENT}. Start again once it does")
    if isinstance(error, OSError):
        return Unavailable(f"the database cannot be reached: {error}")
    reason = reason_of(error)
    if str(getattr(error.orig, "sqlstate", "")).startswith(_NOT_LET_IN):
        return Unavailable(f"PostgreSQL refuses the connection ({reason}). Mend the database URL")
    if "locked" in reason:
        return Unavailable("the database is locked by another program; end it, and start again")
    if isinstance(error, OperationalError):
        return Unavailable(f"the database cannot be opened: {reason}")
    return Conflict(f"the database cannot be used: {reason}. Restore a copy; nothing was changed")


def _copy(file: Path, revision: str, now: datetime) -> None:
    """Keep the file as it was before a migration, so that the older program can still be used with it."""
    target = file.with_name(f"{file.name}.before-migration-{revision}-{now:%Y%m%dT%H%M%S}")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    target.chmod(0o600)


def _refuse_damage(file: Path) -> None:
    """A file that is no database, or shorter than its own header says, is refused before anything writes to it."""
    try:
        with file.open("rb") as opened:
            header = opened.read(100)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unavailable(f"{file} cannot be read: {error.strerror}") from error
    size = file.stat().st_size
    if size == 0:
        return
    if not header.startswith(_MAGIC):
        raise _foreign(file)
    page_size = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    if len(header) < 100 or size < pages * (65536 if page_size == 1 else page_size):
        raise Conflict(f"{file} is truncated. Restore it from a backup; nothing was changed")


class _folder:
    """The data folder, made private when it is new."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __enter__(self) -> None:
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"the data folder {self.data} cannot be made: {error.strerror}") from error

    def __exit__(self, *_: object) -> None:
        pass


class _locked:
    """The advisory lock of a data folder; the system frees it when the process ends, however it ends."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.file: IO[bytes] | None = None

    def __enter__(self) -> None:
        try:
            self.file = (self.data / "lock").open("ab")
            _lock(self.file)
        except BlockingIOError:
            self.__exit__()
            raise Conflict(f"another Crontopus already uses the data folder {self.data}. Stop it first") from None
        except OSError as error:
            self.__exit__()
            raise Unavailable(f"the data folder {self.data} cannot be used: {error.strerror}") from error

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.utime(file.fileno())
