"""Watches: read under lock, and written back with all that a step of theirs changed."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, field
from sqlalchemy import Select, select

from crontopus.domain import ids
from crontopus.domain.errors import NotFound
from crontopus.domain.watch import Expectation, Flip, Gaps, Reason, Run, RunState, Step, Watch
from crontopus.storage import statements
from crontopus.storage.database import SystemTx, TenantId, Tx
from crontopus.storage.identity import new_id
from crontopus.storage.packing import packed, unpacked
from crontopus.storage.tables import jobs, watches
from crontopus.storage.touched import Touched, touch

Row = dict[str, Any]

_decode_rule = msgspec.json.Decoder(Expectation).decode


class Placed(Struct, kw_only=True):
    """A watch in its place: whose it is, what the job promises, and what is believed of it.

    `filters`: JSON of what the intake must ask of a message, None for nothing. `version` rises with each change.
    `restated`: its status or reasons changed since it was read or written.
    """

    tenant: TenantId
    job: UUID
    agent: UUID
    rule: Expectation
    watch: Watch
    filters: str | None
    last_number: int | None
    changed_at: datetime
    version: int
    restated: bool = False


class Details(Struct, frozen=True, kw_only=True):
    """What a message says of its run beside what the watch is interested in."""

    host: str | None = None
    user: str | None = None
    env: str | None = None
    metrics: dict[str, float] | None = None
    rusage: dict[str, float] | None = None
    settled_by: str | None = None
    output_bytes: int = 0


NO_DETAILS = Details()


class Rows(Struct):
    """What one transaction writes, by statement; values by column name."""

    jobs: list[Row] = field(default_factory=list)
    new_watches: list[Row] = field(default_factory=list)
    gone: list[Row] = field(default_factory=list)
    runs: list[Row] = field(default_factory=list)
    watches: list[Row] = field(default_factory=list)
    restated: list[Row] = field(default_factory=list)
    put_off: list[Row] = field(default_factory=list)
    check_ins: list[Row] = field(default_factory=list)
    outputs: list[Row] = field(default_factory=list)
    flips: list[Row] = field(default_factory=list)
    silences: list[Row] = field(default_factory=list)
    touched: dict[TenantId, Row] = field(default_factory=dict)

    @property
    def events(self) -> list[Row]:
        return list(self.touched.values())


@lru_cache(maxsize=8192)
def rule_of(text: str) -> Expectation:
    """The expectation in JSON. Thousands of jobs share a few, and decoding is a good part of a ping's cost."""
    return _decode_rule(text)


def add_step(
    rows: Rows, placed: Placed, step: Step, now: datetime, details: Details | None = None, *, gaps: Gaps
) -> dict[int, UUID]:
    """Add what `step` changed to `rows`, and make `placed` what it is afterwards. The ids of `step.runs`, by number.

    `details` belong to the run that the receipt names, `gaps` are those the step was taken under. The watch itself is
    added by `add_watch`, once after all steps.
    """
    reported = step.receipt.run if step.receipt and details else None
    if step.gone:
        _remove(rows, {ids.run_id(placed.job, placed.agent, number) for number in step.gone})
    told: dict[int, UUID] = {}
    for run in step.runs:
        id = told[run.number] = ids.run_id(placed.job, placed.agent, run.number)
        rows.runs.append(_run_row(id, placed, run, now, details if details and run.number == reported else NO_DETAILS))
        placed.last_number = max(placed.last_number or 0, run.number)
        if run.state is RunState.UNOBSERVED:
            rows.silences.extend(_silence_row(id, placed, run, gaps))
    for flip in (*step.flips, *_failures_again(placed.watch, step, now)):
        rows.flips.append(_flip_row(placed, flip, now, told))
    if step.watch.status is not placed.watch.status:
        placed.changed_at = now
        placed.restated = True
    if step.flips:
        placed.restated = True
    placed.watch = step.watch
    return told


def _failures_again(before: Watch, step: Step, now: datetime) -> Iterator[Flip]:
    """A run that failed while that is known already: no flip, and owed to those who want to know of each."""
    if step.receipt is None or not step.receipt.stored or step.flips or Reason.FAILED not in before.reasons:
        return
    for run in step.runs:
        if run.number == step.receipt.run and run.state is RunState.FAILED:
            yield Flip(Reason.FAILED, entered=True, at=run.finished_at or now, run=run.number)


def run_id(placed: Placed, number: int | None, told: Mapping[int, UUID]) -> UUID | None:
    """The id of the watch's run of that number; `told` are known already."""
    return None if number is None else told.get(number) or ids.run_id(placed.job, placed.agent, number)


def add_watch(rows: Rows, placed: Placed, now: datetime, changed_runs: Iterable[UUID] = ()) -> None:
    """Add the watch as it stands, and tell the live stream of it and of `changed_runs`."""
    key = {"key_job_id": placed.job, "key_agent_id": placed.agent, "key_version": placed.version}
    placed.version += 1
    changed = rows.restated if placed.restated else rows.watches
    changed.append({**key, **_watch_columns(placed)})
    placed.restated = False
    touch(rows.touched, placed.tenant, Touched(placed.job, placed.version, tuple(changed_runs)), now)


def add_put_off(rows: Rows, job: UUID, agent: UUID, now: datetime, until: datetime) -> None:
    """Add that silence looks at this watch no sooner than `until`, where it is overdue `now`. Nothing else changes."""
    rows.put_off.append({"key_job_id": job, "key_agent_id": agent, "key_now": now, "due_at": until})


def add_new_watch(rows: Rows, placed: Placed) -> None:
    rows.new_watches.append(
        {
            "job_id": placed.job,
            "agent_id": placed.agent,
            "tenant_id": placed.tenant,
            **_watch_columns(placed),
        }
    )


async def find(tx: Tx, job: UUID, agent: UUID = ids.NO_AGENT) -> Placed:
    """The watch, locked until the transaction ends. Raises NotFound, also where it is another tenant's.

    For who holds its job (`jobs.lock`): while this waits for the watch, what the job promises stays as it is.
    """
    query = _placed().where(jobs.c.tenant_id == tx.tenant, watches.c.job_id == job, watches.c.agent_id == agent)
    row = (await tx.sql.execute(query.with_for_update(of=watches))).first()
    if row is None:
        raise NotFound("no such job")
    return Placed(
        tenant=row.tenant_id,
        job=row.job_id,
        agent=row.agent_id,
        rule=row.expectation,
        watch=unpacked(row.state),
        filters=row.filters,
        last_number=row.last_number,
        changed_at=row.changed_at,
        version=row.version,
    )


async def states(tx: Tx | SystemTx, jobs: Collection[UUID]) -> Mapping[tuple[UUID, UUID], Watch]:
    """What is believed of these jobs, by job and agent."""
    query = select(watches.c.job_id, watches.c.agent_id, watches.c.state).where(watches.c.job_id.in_(list(jobs)))
    return {(row.job_id, row.agent_id): unpacked(row.state) for row in await tx.sql.execute(query)}


async def save(tx: Tx | SystemTx, rows: Rows) -> None:
    """Write everything in `rows`, in an order in which each finds what it refers to."""
    for name, statement in statements.in_order(tx.sql.dialect.name):
        values = getattr(rows, name)
        if values:
            await tx.sql.execute(statement, values)


def _placed() -> Select[Any]:
    return (
        select(
            watches.c.tenant_id,
            watches.c.job_id,
            watches.c.agent_id,
            jobs.c.expectation,
            watches.c.state,
            jobs.c.filters,
            watches.c.last_number,
            watches.c.changed_at,
            watches.c.version,
        )
        .join(jobs, jobs.c.id == watches.c.job_id)
        .where(jobs.c.deleted_at.is_(None))
    )


def _remove(rows: Rows, gone: set[UUID]) -> None:
    """A run that came and went in one transaction must not be written after it was removed."""
    rows.runs = [row for row in rows.runs if row["id"] not in gone]
    rows.gone.extend({"key_id": run} for run in gone)


def _watch_columns(placed: Placed) -> Row:
    watch = placed.watch
    status, reasons = watch.status, list(watch.reasons)
    return {
        "version": placed.version,
        "status": status,
        "reasons": reasons,
        "running": watch.running,
        "next_expected_at": watch.next_expected_at,
        "due_at": watch.due_at,
        "changed_at": placed.changed_at,
        "last_number": placed.last_number,
        "state": packed(watch, status, reasons),
    }


def _run_row(id: UUID, placed: Placed, run: Run, now: datetime, details: Details) -> Row:
    return {
        "id": id,
        "tenant_id": placed.tenant,
        "job_id": placed.job,
        "agent_id": placed.agent,
        "number": run.number,
        "rid": run.rid,
        "state": run.state,
        "expected_at": run.expected_at,
        "last_expected_at": run.last_expected_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "duration": run.duration,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "attempt": run.attempt,
        "marks": sorted(run.marks),
        "count": run.count,
        "start_received_at": run.start_received_at,
        "end_received_at": run.end_received_at,
        "host": details.host,
        "user": details.user,
        "env": details.env,
        "metrics": details.metrics or None,
        "rusage": details.rusage or None,
        "revision": None,
        "settled_by": details.settled_by,
        "output_bytes": details.output_bytes,
        "created_at": now,
    }


def _silence_row(id: UUID, placed: Placed, run: Run, gaps: Gaps) -> list[Row]:
    """The run in the notice of the newest gap that can have hidden its report."""
    latest = max(
        filter(None, (run.expected_at, run.last_expected_at, run.started_at, placed.watch.seen_at)), default=None
    )
    hidden = [gap for gap in gaps if latest is None or gap.since <= latest + placed.rule.grace] or gaps
    gap_ids = [ids.floor_of(gap.since) for gap in hidden[-1:]]
    return [{"gap_id": gap, "run_id": id, "job_id": placed.job, "tenant_id": placed.tenant} for gap in gap_ids]


def _flip_row(placed: Placed, flip: Flip, now: datetime, told: Mapping[int, UUID]) -> Row:
    return {
        "id": new_id(now),
        "tenant_id": placed.tenant,
        "job_id": placed.job,
        "agent_id": placed.agent,
        "reason": flip.reason,
        "entered": flip.entered,
        "at": flip.at,
        "cause": flip.cause,
        "run_id": run_id(placed, flip.run, told),
    }
