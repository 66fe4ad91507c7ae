"""When nobody watched: heartbeats of the processes, the gaps between them, and whom a gap concerns."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.domain.watch import Gap, Gaps
from crontopus.storage.database import SystemTx, TenantId, Tx
from crontopus.storage.tables import gaps, heartbeats, silences
from crontopus.storage.watches import new_id

REMEMBERED = timedelta(days=8)
"""Gaps that ended longer ago excuse nothing any more: reports older than 7 days are history only."""


async def recent(tx: Tx | SystemTx) -> Gaps:
    """The gaps that may still excuse something, oldest first."""
    query = select(gaps.c.since, gaps.c.until).where(gaps.c.until > tx.now - REMEMBERED).order_by(gaps.c.since)
    return tuple(Gap(row.since, row.until) for row in await tx.sql.execute(query))


async def last_beat(tx: SystemTx) -> datetime | None:
    """When any process last said that it watches; None: none ever did."""
    beat: datetime | None = await tx.sql.scalar(select(func.max(heartbeats.c.beat_at)))
    return beat


async def beat(tx: SystemTx, process: UUID) -> None:
    """Say that `process` watches now."""
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    row = {"process_id": process, "started_at": tx.now, "beat_at": tx.now}
    statement = make(heartbeats).values(row)
    await tx.sql.execute(statement.on_conflict_do_update(index_elements=["process_id"], set_={"beat_at": tx.now}))


async def forget_processes(tx: SystemTx, before: datetime) -> None:
    """Remove processes that have not beaten since `before`, but never the newest: its beat begins the next gap."""
    newest = select(func.max(heartbeats.c.beat_at)).scalar_subquery()
    await tx.sql.execute(heartbeats.delete().where(heartbeats.c.beat_at < before, heartbeats.c.beat_at < newest))


async def add(tx: SystemTx, gap: Gap, cause: str) -> UUID:
    """Record a gap. Its notice is owed until `notice` is called."""
    gap_id = new_id(tx.now)
    await tx.sql.execute(insert(gaps).values(id=gap_id, since=gap.since, until=gap.until, cause=cause, noticed_at=None))
    return gap_id


async def unnoticed(tx: SystemTx, before: datetime) -> Sequence[tuple[UUID, Gap]]:
    """Gaps that ended before `before` and whose notice is still owed; locked, so that one process writes each."""
    query = select(gaps).where(gaps.c.noticed_at.is_(None), gaps.c.until < before).order_by(gaps.c.since)
    rows = await tx.sql.execute(query.with_for_update(skip_locked=True))
    return [(row.id, Gap(row.since, row.until)) for row in rows]


async def notice(tx: SystemTx, gap: UUID, silent: Sequence[tuple[TenantId, UUID]]) -> None:
    """Write the one notice of a gap: the jobs that did not report while nobody watched."""
    if silent:
        rows = [{"gap_id": gap, "tenant_id": tenant, "job_id": job} for tenant, job in silent]
        await tx.sql.execute(insert(silences), rows)
    await tx.sql.execute(update(gaps).where(gaps.c.id == gap).values(noticed_at=tx.now))
