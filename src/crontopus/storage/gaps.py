"""When nobody watched: heartbeats of the processes, the gaps between them, and whom a gap concerns."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.domain import ids
from crontopus.domain.access import Reach
from crontopus.domain.watch import Gap, Gaps, RunState
from crontopus.storage import jobs
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.jobs import Ref
from crontopus.storage.tables import gaps, heartbeats, runs, silences

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


async def last_beat_of_others(tx: SystemTx, process: UUID) -> datetime | None:
    query = select(func.max(heartbeats.c.beat_at)).where(heartbeats.c.process_id != process)
    beat: datetime | None = await tx.sql.scalar(query)
    return beat


async def add(tx: SystemTx, gap: Gap, cause: str) -> None:
    """Record a gap. Its notice is owed until `notice` is called."""
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    row = {"id": ids.floor_of(gap.since), "since": gap.since, "until": gap.until, "cause": cause, "noticed_at": None}
    statement = make(gaps).values(row)
    await tx.sql.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"until": gap.until}))


async def unnoticed(tx: SystemTx, before: datetime) -> Sequence[tuple[UUID, Gap]]:
    """Gaps that ended before `before` and whose notice is still owed; locked, so that one process writes each."""
    query = select(gaps).where(gaps.c.noticed_at.is_(None), gaps.c.until < before).order_by(gaps.c.since)
    rows = await tx.sql.execute(query.with_for_update(skip_locked=True))
    return [(row.id, Gap(row.since, row.until)) for row in rows]


async def count_silent(tx: SystemTx, gap: UUID) -> int:
    """How many runs the gap excused that nobody has reported since."""
    return await tx.sql.scalar(_silent(func.count()).where(silences.c.gap_id == gap)) or 0


async def notice(tx: SystemTx, gap: UUID) -> None:
    await tx.sql.execute(update(gaps).where(gaps.c.id == gap).values(noticed_at=tx.now))


async def listed(tx: Tx, before: datetime | None, limit: int) -> Sequence[tuple[Gap, str]]:
    """Gaps and their causes, newest first, of those that began before `before`."""
    query = select(gaps.c.since, gaps.c.until, gaps.c.cause).order_by(gaps.c.since.desc()).limit(limit)
    rows = await tx.sql.execute(query if before is None else query.where(gaps.c.since < before))
    return [(Gap(row.since, row.until), row.cause) for row in rows]


async def silent(tx: Tx, reach: Reach, gap: Gap, limit: int) -> Sequence[Ref]:
    """Jobs within reach that did not report while nobody watched, and have not since; the first `limit` by name."""
    of_gap = (silences.c.gap_id == ids.floor_of(gap.since), silences.c.tenant_id == tx.tenant)
    return await jobs.refs(tx, reach, _silent(silences.c.job_id).where(*of_gap), limit)


def _silent(what: Any) -> Select[Any]:
    """A run that was reported after all is `unobserved` no longer."""
    return (
        select(what)
        .select_from(silences.join(runs, runs.c.id == silences.c.run_id))
        .where(runs.c.state == RunState.UNOBSERVED)
    )
