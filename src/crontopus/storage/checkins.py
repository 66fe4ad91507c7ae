"""Check-ins and output as they were received, for reading."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Row, func, select

from crontopus.domain import ids
from crontopus.domain.tiers import Quota
from crontopus.domain.watch import Mark
from crontopus.storage.database import Tx
from crontopus.storage.runs import Run
from crontopus.storage.tables import check_ins, outputs

ASTRAY = timedelta(minutes=1)
"""So far a clock may have gone back between the first check-in of a run and its last."""


class CheckIn(Struct, frozen=True, kw_only=True):
    """A row."""

    id: UUID
    run_id: UUID | None
    rid: UUID | None
    kind: str
    exit_code: int | None
    attempt: int
    occurred_at: datetime
    received_at: datetime
    method: str
    address: str | None
    user_agent: str | None
    output_bytes: int
    marks: list[Mark]


class Output(Struct, frozen=True, kw_only=True):
    """What one check-in carried; head and tail compressed (zlib). `over_quota`: for which quota nothing was kept."""

    head: bytes
    tail: bytes
    dropped_bytes: int
    truncated: bool
    over_quota: Quota | None


_COLUMNS = [check_ins.c[field] for field in CheckIn.__struct_fields__]


async def of_job(tx: Tx, job: UUID, before: UUID | None, limit: int) -> Sequence[CheckIn]:
    """Newest first; those that came before the check-in `before`. Whether the caller may see the job was asked."""
    query = select(*_COLUMNS).where(check_ins.c.tenant_id == tx.tenant, check_ins.c.job_id == job)
    if before is not None:
        query = query.where(check_ins.c.id < before)
    rows = await tx.sql.execute(query.order_by(check_ins.c.id.desc()).limit(limit))
    return [_check_in(row) for row in rows]


async def of_run(tx: Tx, run: Run, limit: int) -> Sequence[CheckIn]:
    """Oldest first. Those of a run without a run id are among the job's own while it was open."""
    query = select(*_COLUMNS).where(check_ins.c.tenant_id == tx.tenant, check_ins.c.run_id == run.id)
    if run.rid is not None:
        query = query.where(check_ins.c.rid.is_not(None))
    else:
        query = query.where(check_ins.c.job_id == run.job_id, check_ins.c.id >= ids.floor_of(run.created_at - ASTRAY))
        if run.end_received_at is not None:
            query = query.where(check_ins.c.id < ids.floor_of(run.end_received_at + ASTRAY))
    rows = await tx.sql.execute(query.order_by(check_ins.c.id).limit(limit))
    return [_check_in(row) for row in rows]


async def outputs_of_run(tx: Tx, run: UUID, limit: int) -> Sequence[Output]:
    """In the order in which they came."""
    query = (
        select(*(outputs.c[field] for field in Output.__struct_fields__))
        .where(outputs.c.tenant_id == tx.tenant, outputs.c.run_id == run)
        .order_by(outputs.c.check_in_id)
        .limit(limit)
    )
    return [Output(**row._mapping) for row in await tx.sql.execute(query)]


async def last_outputs(tx: Tx, of_runs: Collection[UUID]) -> dict[UUID, Output]:
    """By run, what the last of its check-ins that had any carried."""
    if not of_runs:
        return {}
    turn = func.row_number().over(partition_by=outputs.c.run_id, order_by=outputs.c.check_in_id.desc())
    numbered = (
        select(outputs, turn.label("turn"))
        .where(outputs.c.tenant_id == tx.tenant, outputs.c.run_id.in_(list(of_runs)))
        .subquery()
    )
    columns = [numbered.c[field] for field in ("run_id", *Output.__struct_fields__)]
    rows = await tx.sql.execute(select(*columns).where(numbered.c.turn == 1))
    return {run: Output(**dict(zip(Output.__struct_fields__, fields, strict=True))) for run, *fields in rows}


def _check_in(row: Row[Any]) -> CheckIn:
    return CheckIn(**row._mapping)
