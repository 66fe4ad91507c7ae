"""What the database itself says of its version and size."""

from sqlalchemy import text

from crontopus.storage import migrating
from crontopus.storage.database import SystemTx


async def version(tx: SystemTx) -> str:
    """`SQLite 3.40.1`, `PostgreSQL 15.8`."""
    if tx.sql.dialect.name == "sqlite":
        return f"SQLite {await tx.sql.scalar(text('SELECT sqlite_version()'))}"
    told = str(await tx.sql.scalar(text("SHOW server_version")))
    return f"PostgreSQL {told.partition(' ')[0]}"


async def size_bytes(tx: SystemTx) -> int:
    """Of the database as a whole, without SQLite's log."""
    if tx.sql.dialect.name != "sqlite":
        return int(await tx.sql.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    pages = await tx.sql.scalar(text("PRAGMA page_count")) or 0
    return int(pages) * int(await tx.sql.scalar(text("PRAGMA page_size")) or 0)


async def revision(tx: SystemTx) -> str:
    """Of the schema."""
    return await tx.sql.run_sync(migrating.revision_of) or ""
