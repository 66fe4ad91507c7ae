"""Exports of a tenant: who asked for one, who writes it, and its parts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update

from crontopus.domain.errors import NotFound
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import export_parts, exports

LEASE = timedelta(seconds=15)
"""Of whoever writes one, who renews it meanwhile."""


class Export(Struct, frozen=True, kw_only=True):
    """A row. Whole where `sha256` is there."""

    id: UUID
    tenant_id: UUID
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    size_bytes: int = 0
    sha256: bytes | None = None


_COLUMNS = [exports.c[field] for field in Export.__struct_fields__]


async def add(tx: Tx, export: UUID, asked_by: str) -> Export:
    made = Export(id=export, tenant_id=tx.tenant, asked_by=asked_by, asked_at=tx.now)
    await tx.sql.execute(insert(exports).values({field: getattr(made, field) for field in Export.__struct_fields__}))
    return made


async def listed(tx: Tx) -> Sequence[Export]:
    """Those under way and those that can be downloaded, newest first."""
    there = or_(exports.c.expires_at.is_(None), exports.c.expires_at > tx.now)
    query = select(*_COLUMNS).where(exports.c.tenant_id == tx.tenant, there).order_by(exports.c.id.desc())
    return [Export(**row._mapping) for row in await tx.sql.execute(query)]


async def find(tx: Tx, export: UUID) -> Export:
    """Raises NotFound, also for one that is over."""
    found = next((one for one in await listed(tx) if one.id == export), None)
    if found is None:
        raise NotFound("no such export, or not any more")
    return found


async def part(tx: Tx, export: UUID, number: int) -> bytes | None:
    query = select(export_parts.c.bytes).where(
        export_parts.c.tenant_id == tx.tenant, export_parts.c.export_id == export, export_parts.c.number == number
    )
    found: bytes | None = await tx.sql.scalar(query)
    return found


async def is_due(tx: SystemTx, claimer: UUID, *, alone: bool) -> bool:
    """Whether there is one to write, or one whose time is over."""
    query = select(exports.c.id).where(or_(_free(tx, claimer, alone), exports.c.expires_at <= tx.now))
    return (await tx.sql.execute(query.limit(1))).first() is not None


async def claim(tx: SystemTx, claimer: UUID, *, alone: bool) -> Export | None:
    """The oldest that nobody writes, which is `claimer`'s now, and begins anew. `alone`: nobody else can be writing."""
    query = select(*_COLUMNS).where(_free(tx, claimer, alone)).order_by(exports.c.id).limit(1)
    row = (await tx.sql.execute(query.with_for_update(skip_locked=True))).first()
    if row is None:
        return None
    await tx.sql.execute(delete(export_parts).where(export_parts.c.export_id == row.id))
    claimed = update(exports).where(exports.c.id == row.id)
    await tx.sql.execute(claimed.values(claim=claimer, claimed_until=tx.now + LEASE, size_bytes=0))
    return Export(**row._mapping)


def _free(tx: SystemTx, claimer: UUID, alone: bool) -> ColumnElement[bool]:
    unheld = or_(exports.c.claimed_until.is_(None), exports.c.claimed_until < tx.now)
    return exports.c.sha256.is_(None) & (or_(unheld, exports.c.claim != claimer) if alone else unheld)


async def renew(tx: SystemTx, export: UUID, claimer: UUID) -> bool:
    """The lease. False where somebody else holds it by now, or the export is gone."""
    mine = update(exports).where(exports.c.id == export, exports.c.claim == claimer)
    return bool((await tx.sql.execute(mine.values(claimed_until=tx.now + LEASE))).rowcount)


async def keep(tx: SystemTx, export: Export, claimer: UUID, number: int, part: bytes) -> bool:
    """False where somebody else writes it by now, or it is gone: then nothing is kept."""
    mine = update(exports).where(exports.c.id == export.id, exports.c.claim == claimer)
    renewed = await tx.sql.execute(
        mine.values(claimed_until=tx.now + LEASE, size_bytes=exports.c.size_bytes + len(part))
    )
    if renewed.rowcount:
        row = {"export_id": export.id, "number": number, "tenant_id": export.tenant_id, "bytes": part}
        await tx.sql.execute(insert(export_parts).values(row))
    return bool(renewed.rowcount)


async def finish(tx: SystemTx, export: Export, claimer: UUID, sha256: bytes, expires_at: datetime) -> None:
    mine = update(exports).where(exports.c.id == export.id, exports.c.claim == claimer)
    await tx.sql.execute(
        mine.values(sha256=sha256, finished_at=tx.now, expires_at=expires_at, claim=None, claimed_until=None)
    )


async def expire(tx: SystemTx, limit: int) -> int:
    """Removes parts of what is over, then the rest of it; 0 where nothing is."""
    over = select(exports.c.id).where(exports.c.expires_at <= tx.now)
    doomed = (
        await tx.sql.execute(
            select(export_parts.c.export_id, export_parts.c.number)
            .where(export_parts.c.export_id.in_(over))
            .order_by(export_parts.c.export_id, export_parts.c.number)
            .limit(limit)
        )
    ).all()
    for export, number in doomed:
        await tx.sql.execute(
            delete(export_parts).where(export_parts.c.export_id == export, export_parts.c.number == number)
        )
    if doomed:
        return len(doomed)
    return (await tx.sql.execute(delete(exports).where(exports.c.expires_at <= tx.now))).rowcount


async def unfinished(tx: Tx) -> int:
    query = select(func.count()).select_from(exports)
    return (await tx.sql.scalar(query.where(exports.c.tenant_id == tx.tenant, exports.c.sha256.is_(None)))) or 0
