"""Backups that the server made of itself, and those that somebody waits for."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import insert, or_, select, update

from crontopus.storage import settings
from crontopus.storage.database import SystemTx
from crontopus.storage.tables import backups

LEASE = timedelta(hours=2)
"""Of whoever makes one."""
_LOCK = "backups_looked_at"


class Backup(Struct, frozen=True, kw_only=True):
    """A row. Tried and whole where `sha256` is there; else, once `finished_at` is there, it failed: `why`."""

    id: UUID
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None = None
    file: str = ""
    size_bytes: int = 0
    sha256: bytes | None = None
    why: str = ""


_COLUMNS = [backups.c[field] for field in Backup.__struct_fields__]


async def add(tx: SystemTx, backup: Backup) -> None:
    await tx.sql.execute(insert(backups).values({field: getattr(backup, field) for field in Backup.__struct_fields__}))


async def listed(tx: SystemTx, limit: int) -> Sequence[Backup]:
    """Newest first."""
    rows = await tx.sql.execute(select(*_COLUMNS).order_by(backups.c.id.desc()).limit(limit))
    return [Backup(**row._mapping) for row in rows]


async def waiting(tx: SystemTx) -> bool:
    """Whether one is asked for or under way."""
    query = select(backups.c.id).where(backups.c.finished_at.is_(None)).limit(1)
    return (await tx.sql.execute(query)).first() is not None


async def newest_good(tx: SystemTx) -> Backup | None:
    query = select(*_COLUMNS).where(backups.c.sha256.is_not(None)).order_by(backups.c.id.desc()).limit(1)
    row = (await tx.sql.execute(query)).first()
    return Backup(**row._mapping) if row else None


async def lock(tx: SystemTx) -> None:
    """Nobody else looks what is to be made until the transaction ends."""
    await settings.put(tx, _LOCK, tx.now.isoformat())


async def claim(tx: SystemTx, claimer: UUID, *, alone: bool) -> Backup | None:
    """The oldest that nobody makes, which is `claimer`'s now. `alone`: nobody else can be making one."""
    free: Any = or_(backups.c.claimed_until.is_(None), backups.c.claimed_until < tx.now)
    if alone:
        free = or_(free, backups.c.claim != claimer)
    query = select(*_COLUMNS).where(backups.c.finished_at.is_(None), free).order_by(backups.c.id).limit(1)
    row = (await tx.sql.execute(query)).first()
    if row is None:
        return None
    claimed = update(backups).where(backups.c.id == row.id)
    await tx.sql.execute(claimed.values(claim=claimer, claimed_until=tx.now + LEASE))
    return Backup(**row._mapping)


async def finish(tx: SystemTx, backup: UUID, file: str, size_bytes: int, sha256: bytes | None, why: str) -> None:
    changed = update(backups).where(backups.c.id == backup)
    await tx.sql.execute(
        changed.values(finished_at=tx.now, file=file, size_bytes=size_bytes, sha256=sha256, why=why, claimed_until=None)
    )
