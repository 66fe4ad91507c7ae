"""When nobody watched: heartbeats of the processes, the gaps between them, and whom a gap concerns."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.domain import ids
from crontopus.domain.access import Reach
from crontopus.domain.watch import Gap, Gaps, RunState
from crontopus.storage import jobs
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.jobs import Ref
from crontopus.storage.tables import gap_silences, gaps, heartbeats, runs

REMEMBERED = timedelta(days=8)
"""Gaps that ended longer ago excuse nothing any more: reports older than 7 days are history only."""


STOPPED = "stopped"
STALLED = "stalled"
CLOCK = "clock"
DENIED = "denied"
"""The cause of a gap that was none: another process watched."""

STANDS = gaps.c.cause != DENIED


async def recent(tx: Tx | SystemTx) -> Gaps:
    """The gaps that may still excuse something, oldest first."""
    query = select(gaps.c.since, gaps.c.until).where(gaps.c.until > tx.now - REMEMBERED, STANDS)
    return tuple(Gap(row.since, row.until) for row in await tx.sql.execute(query.order_by(gaps.c.since)))


async def last_beat(tx: SystemTx, before: datetime) -> datetime | None:
    """When any process last said that it watches, `before` this instant; None: none ever did."""
    beat: datetime | None = await tx.sql.scalar(select(func.max(heartbeats.c.beat_at)).where(_until(before)))
    return beat


async def last_beat_of_others(tx: SystemTx, process: UUID, before: datetime) -> datetime | None:
    others = heartbeats.c.process_id != process
    beat: datetime | None = await tx.sql.scalar(select(func.max(heartbeats.c.beat_at)).where(others, _until(before)))
    return beat


async def beat(tx: SystemTx, process: UUID, at: datetime, *, is_last: bool = False) -> None:
    """Say that `process` watches; `is_last`: and stops now, as it was told to."""
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    told = {"beat_at": at, "stopped_at": at if is_last else None}
    statement = make(heartbeats).values(process_id=process, started_at=at, **told)
    await tx.sql.execute(statement.on_conflict_do_update(index_elements=["process_id"], set_=told))


class Process(Struct, frozen=True):
    """One that watches, or did: when it began, when it last said so, and when it stopped, if it was told to."""

    id: UUID
    started_at: datetime
    beat_at: datetime
    stopped_at: datetime | None


async def processes(tx: SystemTx) -> Sequence[Process]:
    """Those of the last day, the newest first."""
    columns = ("process_id", "started_at", "beat_at", "stopped_at")
    query = select(*(heartbeats.c[name] for name in columns))
    recent = query.where(heartbeats.c.beat_at > tx.now - timedelta(days=1))
    return [Process(*row) for row in await tx.sql.execute(recent.order_by(heartbeats.c.started_at.desc()))]


async def forget_processes(tx: SystemTx, before: datetime, after: datetime) -> None:
    """Remove processes that have not beaten since `before`, and those whose clock was wrong: they beat `after` now.

    But never the newest of the others: its beat begins the next gap.
    """
    newest = select(func.max(heartbeats.c.beat_at)).where(_until(after)).scalar_subquery()
    old = (heartbeats.c.beat_at < before) & (heartbeats.c.beat_at < newest)
    await tx.sql.execute(heartbeats.delete().where(old | ~_until(after)))


async def add(tx: SystemTx, gap: Gap, cause: str) -> None:
    """Record a gap. Its notice is owed until `notice` is called."""
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    row = {"id": ids.floor_of(gap.since), "since": gap.since, "until": gap.until, "cause": cause, "noticed_at": None}
    statement = make(gaps).values(row)
    await tx.sql.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"until": gap.until}))


async def stands(tx: SystemTx, gap: Gap) -> bool:
    """Whether nobody has denied it."""
    query = select(gaps.c.id).where(gaps.c.id == ids.floor_of(gap.since), STANDS)
    return (await tx.sql.execute(query)).first() is not None


async def deny(tx: SystemTx, since: datetime, until: datetime) -> None:
    """Take back the gaps between these instants that somebody recorded at a start.

    They stay in the table: what was excused by them meanwhile refers to them.
    """
    within = (gaps.c.since >= since) & (gaps.c.until <= until)
    await tx.sql.execute(update(gaps).where(gaps.c.cause == STOPPED, within).values(cause=DENIED))


async def unnoticed(tx: SystemTx, before: datetime) -> Sequence[tuple[UUID, Gap]]:
    """Gaps that ended before `before` and whose notice is still owed; locked, so that one process writes each."""
    query = select(gaps).where(gaps.c.noticed_at.is_(None), gaps.c.until < before, STANDS).order_by(gaps.c.since)
    rows = await tx.sql.execute(query.with_for_update(skip_locked=True))
    return [(row.id, Gap(row.since, row.until)) for row in rows]


async def count_silent(tx: SystemTx, gap: UUID) -> int:
    """How many runs the gap excused that nobody has reported since."""
    return await tx.sql.scalar(_silent(func.count()).where(gap_silences.c.gap_id == gap)) or 0


async def silent_tenants(tx: SystemTx, gap: UUID) -> Sequence[UUID]:
    """Those of which a run was excused that nobody has reported since."""
    return (
        await tx.sql.scalars(_silent(gap_silences.c.tenant_id).where(gap_silences.c.gap_id == gap).distinct())
    ).all()


class Unheard(Struct, frozen=True):
    """A job that a gap excused, and the end of that gap."""

    job: UUID
    until: datetime


async def unheard(tx: SystemTx | Tx, tenant: UUID, since: datetime, after: UUID, limit: int) -> Sequence[Unheard]:
    """Jobs whose run was excused by a gap that was noticed since then, and is not reported; by id, after `after`."""
    query = _silent(gap_silences.c.job_id, func.max(gaps.c.until).label("until"))
    mine = query.where(gap_silences.c.tenant_id == tenant, gaps.c.noticed_at >= since, gap_silences.c.job_id > after)
    rows = await tx.sql.execute(mine.group_by(gap_silences.c.job_id).order_by(gap_silences.c.job_id).limit(limit))
    return [Unheard(row.job_id, row.until) for row in rows]


async def notice(tx: SystemTx, gap: UUID) -> None:
    await tx.sql.execute(update(gaps).where(gaps.c.id == gap).values(noticed_at=tx.now))


async def listed(tx: Tx, before: datetime | None, limit: int) -> Sequence[tuple[Gap, str]]:
    """Gaps and their causes, newest first, of those that began before `before`."""
    query = select(gaps.c.since, gaps.c.until, gaps.c.cause).where(STANDS)
    query = query.order_by(gaps.c.since.desc()).limit(limit)
    rows = await tx.sql.execute(query if before is None else query.where(gaps.c.since < before))
    return [(Gap(row.since, row.until), row.cause) for row in rows]


async def silent(tx: Tx, reach: Reach, gap: Gap, limit: int) -> Sequence[Ref]:
    """Jobs within reach that did not report while nobody watched, and have not since; the first `limit` by name."""
    of_gap = (gap_silences.c.gap_id == ids.floor_of(gap.since), gap_silences.c.tenant_id == tx.tenant)
    return await jobs.refs(tx, reach, _silent(gap_silences.c.job_id).where(*of_gap), limit)


async def silent_since(tx: Tx, reach: Reach, since: datetime, limit: int) -> Sequence[Ref]:
    """Likewise, of every gap that ended since then."""
    late = (gaps.c.until >= since, gap_silences.c.tenant_id == tx.tenant)
    return await jobs.refs(tx, reach, _silent(gap_silences.c.job_id).where(*late), limit)


def _until(instant: datetime) -> ColumnElement[bool]:
    return heartbeats.c.beat_at <= instant


def _silent(*what: Any) -> Select[Any]:
    """A run that was reported after all is `unobserved` no longer."""
    joined = gap_silences.join(runs, runs.c.id == gap_silences.c.run_id).join(gaps, gaps.c.id == gap_silences.c.gap_id)
    return select(*what).select_from(joined).where(runs.c.state == RunState.UNOBSERVED)
