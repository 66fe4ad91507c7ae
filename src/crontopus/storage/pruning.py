"""What retention removes: the oldest first, a few hundred rows at a time, each call a transaction of its own.

What is removed is taken from the sums of what is there (`usage.holding`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, Table, delete, func, or_, select

from crontopus.domain import ids
from crontopus.domain.watch import RunState
from crontopus.storage import usage
from crontopus.storage.database import SystemTx
from crontopus.storage.tables import (
    alert_events,
    alerts,
    attempts,
    check_ins,
    dependencies,
    events,
    flips,
    gap_silences,
    idempotency,
    jobs,
    mutes,
    notifications,
    outputs,
    runs,
    sessions,
    tenants,
    watches,
)
from crontopus.storage.usage import Holding

_OPEN = (RunState.RUNNING, RunState.OVERRAN)
_ENDS_OF_DEPENDENCY = (dependencies.c.job_id, dependencies.c.parent_id)


async def old_check_ins(tx: SystemTx, before: datetime, limit: int) -> int:
    return await _remove(tx, check_ins, check_ins.c.id, check_ins.c.id < ids.floor_of(before), limit)


async def old_outputs(tx: SystemTx, before: datetime, failed_before: datetime, limit: int) -> int:
    """Output of runs that went well before `before`, of others before `failed_before`."""
    key = outputs.c.check_in_id
    plain = await _remove(tx, outputs, key, (key < ids.floor_of(before)) & ~outputs.c.failed, limit)
    return plain or await _remove(tx, outputs, key, key < ids.floor_of(failed_before), limit)


async def old_runs(tx: SystemTx, before: datetime, limit: int) -> int:
    """Never one that is still open."""
    removed = 0
    for tenant in (await tx.sql.scalars(select(tenants.c.id))).all():
        removed += await old_runs_of(tx, tenant, before, limit)
    return removed


async def old_runs_of(tx: SystemTx, tenant: UUID, before: datetime, limit: int) -> int:
    """Of one tenant; never one that is still open."""
    mine = (runs.c.tenant_id == tenant) & (runs.c.created_at < before) & runs.c.state.not_in(_OPEN)
    return await _remove(tx, runs, runs.c.id, mine, limit)


class Before(Struct, frozen=True):
    """Of which instants on something is kept. `failed`: output of runs that did not go well."""

    check_ins: datetime
    output: datetime
    failed: datetime


async def jobs_with_old(tx: SystemTx, tenant: UUID, before: Before) -> Sequence[UUID]:
    """The tenant's jobs that have a check-in or output that is too old."""
    has_check_in = select(check_ins.c.id).where(check_ins.c.job_id == jobs.c.id, _old_check_in(before)).exists()
    has_output = select(outputs.c.check_in_id).where(outputs.c.job_id == jobs.c.id, _old_output(before)).exists()
    return (await tx.sql.scalars(select(jobs.c.id).where(jobs.c.tenant_id == tenant, has_check_in | has_output))).all()


async def old_of_job(tx: SystemTx, job: UUID, before: Before, limit: int) -> int:
    """Check-ins and output of one job."""
    of_job = (check_ins.c.job_id == job) & _old_check_in(before)
    printed = (outputs.c.job_id == job) & _old_output(before)
    removed = await _remove(tx, check_ins, check_ins.c.id, of_job, limit)
    return removed or await _remove(tx, outputs, outputs.c.check_in_id, printed, limit)


def _old_check_in(before: Before) -> ColumnElement[bool]:
    return check_ins.c.id < ids.floor_of(before.check_ins)


def _old_output(before: Before) -> ColumnElement[bool]:
    key = outputs.c.check_in_id
    return (~outputs.c.failed & (key < ids.floor_of(before.output))) | (key < ids.floor_of(before.failed))


async def jobs_with_output(tx: SystemTx, after: UUID, limit: int) -> tuple[Sequence[UUID], UUID]:
    """The jobs of the next `limit` outputs after `after`, and the last of those (`after` where there is none)."""
    query = select(outputs.c.check_in_id, outputs.c.job_id).where(outputs.c.check_in_id > after)
    rows = (await tx.sql.execute(query.order_by(outputs.c.check_in_id).limit(limit))).all()
    return list({row.job_id for row in rows}), rows[-1].check_in_id if rows else after


async def excess_output(tx: SystemTx, job: UUID, most_bytes: int, limit: int) -> int:
    """Removes the job's oldest output while there is more than `most_bytes`, as stored."""
    total = await tx.sql.scalar(select(func.sum(outputs.c.size_bytes)).where(outputs.c.job_id == job)) or 0
    excess = int(total) - most_bytes
    if excess <= 0:
        return 0
    query = select(outputs.c.check_in_id, outputs.c.tenant_id, outputs.c.size_bytes).where(outputs.c.job_id == job)
    doomed = []
    for row in await tx.sql.execute(query.order_by(outputs.c.check_in_id).limit(limit)):
        if excess <= 0:
            break
        doomed.append(row)
        excess -= row.size_bytes
    await tx.sql.execute(delete(outputs).where(outputs.c.check_in_id.in_([row.check_in_id for row in doomed])))
    await _take(tx, outputs, doomed)
    return len(doomed)


async def deleted_job(tx: SystemTx, limit: int, tenant: UUID | None = None) -> int:
    """What belongs to one deleted job (of `tenant`, where it is given), then the job itself; 0 where there is none."""
    query = select(jobs.c.id).where(jobs.c.deleted_at.is_not(None)).limit(1)
    job = await tx.sql.scalar(query if tenant is None else query.where(jobs.c.tenant_id == tenant))
    if job is None:
        return 0
    for table, key in ((outputs, outputs.c.check_in_id), (check_ins, check_ins.c.id), (flips, flips.c.id)):
        removed = await _remove(tx, table, key, table.c.job_id == job, limit)
        if removed:
            return removed
    low, high = ids.run_id(job, ids.NO_AGENT, 0), ids.run_id(job, ids.NO_AGENT, 2**32 - 1)
    removed = await _remove(tx, runs, runs.c.id, runs.c.id.between(low, high), limit)
    if not removed:
        await tx.sql.execute(delete(gap_silences).where(gap_silences.c.job_id == job))
        await tx.sql.execute(delete(mutes).where(mutes.c.job_id == job))
        await tx.sql.execute(delete(dependencies).where(or_(*(column == job for column in _ENDS_OF_DEPENDENCY))))
        await tx.sql.execute(delete(watches).where(watches.c.job_id == job))
        await tx.sql.execute(delete(jobs).where(jobs.c.id == job))
    return removed or 1


async def old_alerts(tx: SystemTx, before: datetime, limit: int, tenant: UUID | None = None) -> int:
    """Alerts that were over before `before` (of `tenant`, where it is given), with their events, messages and tries:
    first what belongs to some of them, then these alerts; 0 where there is none.

    Never one that is still to be decided upon, one with a message that waits, or one whose job has a flip that nobody
    has taken: its end may be owed yet, or it may open again.
    """
    doomed = (await tx.sql.scalars(_over(before, tenant).order_by(alerts.c.id).limit(limit))).all()
    if not doomed:
        return 0
    told = select(notifications.c.id).where(notifications.c.alert_id.in_(doomed))
    return (
        await _remove(tx, attempts, attempts.c.id, attempts.c.notification_id.in_(told), limit)
        or await _remove(tx, notifications, notifications.c.id, notifications.c.alert_id.in_(doomed), limit)
        or await _remove(tx, alert_events, alert_events.c.id, alert_events.c.alert_id.in_(doomed), limit)
        or await _remove(tx, alerts, alerts.c.id, alerts.c.id.in_(doomed), limit)
    )


def _over(before: datetime, tenant: UUID | None) -> Select[tuple[UUID]]:
    """Ids rise with time: what was over by then was made by then, and few of those are still there."""
    waiting = select(notifications.c.id).where(
        notifications.c.alert_id == alerts.c.id, notifications.c.next_at.is_not(None)
    )
    owed = select(flips.c.id).where(flips.c.taken_at.is_(None), flips.c.job_id == alerts.c.subject_id)
    query = select(alerts.c.id).where(
        alerts.c.id < ids.floor_of(before),
        alerts.c.resolved_at < before,
        alerts.c.next_at.is_(None),
        ~waiting.exists(),
        ~owed.exists(),
    )
    return query if tenant is None else query.where(alerts.c.tenant_id == tenant)


async def old_flips(tx: SystemTx, before: datetime, limit: int) -> int:
    """Those that were taken: nobody asks for them any more."""
    return await _remove(
        tx, flips, flips.c.id, (flips.c.id < ids.floor_of(before)) & flips.c.taken_at.is_not(None), limit
    )


async def old_events(tx: SystemTx, before: datetime, limit: int) -> int:
    """Positions rise with time, near enough: the oldest few are looked at, and removed where they are old."""
    oldest = select(events.c.position, events.c.at).order_by(events.c.position).limit(limit)
    doomed = [row.position for row in await tx.sql.execute(oldest) if row.at < before]
    if doomed:
        await tx.sql.execute(
            delete(events).where(events.c.position.between(doomed[0], doomed[-1]), events.c.at < before)
        )
    return len(doomed)


async def expired(tx: SystemTx, answers_before: datetime) -> int:
    """Sessions that have ended, and answers kept for repeated requests."""
    gone = await tx.sql.execute(delete(sessions).where(sessions.c.expires_at < tx.now))
    old = await tx.sql.execute(delete(idempotency).where(idempotency.c.created_at < answers_before))
    return gone.rowcount + old.rowcount


async def _remove(tx: SystemTx, table: Table, key: Any, which: ColumnElement[bool], limit: int) -> int:
    size = [table.c.size_bytes] if table is outputs else []
    oldest: Select[Any] = select(key, table.c.tenant_id, *size).where(which).order_by(key).limit(limit)
    doomed = (await tx.sql.execute(oldest)).all()
    if doomed:
        await tx.sql.execute(delete(table).where(key.in_([row[0] for row in doomed])))
        await _take(tx, table, doomed)
    return len(doomed)


async def _take(tx: SystemTx, table: Table, rows: Iterable[Any]) -> None:
    """These are not there any more."""
    gone: dict[UUID, Holding] = {}
    for row in rows:
        known = gone.get(row.tenant_id, Holding())
        if table is check_ins:
            gone[row.tenant_id] = Holding(known.check_ins + 1, known.stored_bytes)
        elif table is outputs:
            gone[row.tenant_id] = Holding(known.check_ins, known.stored_bytes + row.size_bytes)
    await usage.take(tx, gone)
