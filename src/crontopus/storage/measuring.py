"""What the database itself says of its version and size."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import func, literal, select, text

from crontopus.storage import migrating
from crontopus.storage.database import SystemTx
from crontopus.storage.tables import metadata


async def version(tx: SystemTx) -> str:
    """`SQLite 3.40.1`, `PostgreSQL 15.8`."""
    if tx.sql.dialect.name == "sqlite":
        return f"SQLite {await tx.sql.scalar(text('SELECT sqlite_version()'))}"
    told = str(await tx.sql.scalar(text("SHOW server_version")))
    return f"PostgreSQL {told.partition(' ')[0]}"


def head() -> str:
    """The revision of the schema that this program knows."""
    return migrating.head()


async def size_bytes(tx: SystemTx) -> int:
    """Of the database as a whole, without SQLite's log."""
    if tx.sql.dialect.name != "sqlite":
        return int(await tx.sql.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    pages = await tx.sql.scalar(text("PRAGMA page_count")) or 0
    return int(pages) * int(await tx.sql.scalar(text("PRAGMA page_size")) or 0)


class Measured(Struct, frozen=True):
    """A table. `rows`: how many, where `exact`; else roughly, or at least so many. `size_bytes` with its indexes; None
    where the database does not tell it cheaply.
    """

    name: str
    rows: int
    exact: bool
    size_bytes: int | None


COUNTED = 100_000
"""No table is counted further on SQLite; PostgreSQL is asked what it remembers."""


async def tables(tx: SystemTx) -> Sequence[Measured]:
    """By name."""
    names = sorted(metadata.tables)
    if tx.sql.dialect.name == "sqlite":
        return [await _counted(tx, name) for name in names]
    told = text(
        "SELECT relname, reltuples, pg_total_relation_size(oid) FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    )
    known = {name: (int(rows), int(size)) for name, rows, size in await tx.sql.execute(told)}
    return [Measured(name, max(0, known[name][0]), False, known[name][1]) for name in names if name in known]


async def _counted(tx: SystemTx, name: str) -> Measured:
    some = select(literal(1)).select_from(metadata.tables[name]).limit(COUNTED).subquery()
    rows = int(await tx.sql.scalar(select(func.count()).select_from(some)) or 0)
    return Measured(name, rows, rows < COUNTED, None)


async def revision(tx: SystemTx) -> str:
    """Of the schema."""
    return await tx.sql.run_sync(migrating.revision_of) or ""
