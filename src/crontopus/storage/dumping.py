"""All that a tenant has, table by table, as it may be given to its owner: without anything that opens something."""

import zlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Label, LargeBinary, Row, Table, literal, select, tuple_

from crontopus.domain.ids import NOWHERE
from crontopus.storage.database import Tx
from crontopus.storage.tables import (
    audit_heads,
    check_ins,
    device_codes,
    events,
    export_parts,
    exports,
    flips,
    idempotency,
    jobs,
    letters,
    members,
    metadata,
    outputs,
    provider_visits,
    runs,
    sessions,
    tenants,
    users,
    watches,
)

Place = tuple[Any, ...]

BATCH = 500
JOBS = 200
"""That are looked through for one batch."""
_NOT_TOLD = {
    table.name
    for table in (
        device_codes,  # of machines that wait to be signed in
        audit_heads,  # follows from the log
        events,  # of the last hour, and of use to live streams alone
        exports,
        export_parts,
        idempotency,
        letters,  # of the installation's post
        provider_visits,  # of browsers on their way
        sessions,  # of people, in whichever tenant they are
    )
}
_SECRET = frozenset({"ping_uuid", "secret", "claim"})
"""Columns that let their holder in, as does whatever is stored as bytes: hashes, sealed things."""
TABLES = [table.name for table in metadata.sorted_tables if "tenant_id" in table.c and table.name not in _NOT_TOLD]


_BY_JOB: dict[Table, Column[Any]] = {
    check_ins: check_ins.c.id,
    outputs: outputs.c.check_in_id,
    flips: flips.c.id,
    watches: watches.c.agent_id,
}
"""Found by their job, and within it in this order: nothing finds them by their tenant but a look at everybody's."""
_ORDER: dict[Table, Sequence[Column[Any]]] = {runs: (runs.c.created_at, runs.c.id)}
"""Where that of the key is not what finds the rows of a tenant."""


_BESIDE: dict[Table, Sequence[Label[Any]]] = {
    members: [
        select(users.c[name]).where(users.c.id == members.c.user_id).scalar_subquery().label(name)
        for name in ("email", "name")
    ]
}
"""What makes a row understood that stands elsewhere."""


async def batch(tx: Tx, name: str, after: Place | None) -> tuple[list[dict[str, Any]], Place | None]:
    """Some rows of one table, those behind `after`; and where the rest begins, if there is more."""
    table = metadata.tables[name]
    if table in _BY_JOB:
        found, rest = await _of_jobs(tx, table, _BY_JOB[table], after)
    else:
        found, rest = await _of_tenant(tx, table, after)
    return [_told(table, row._mapping) for row in found], rest


async def _of_tenant(tx: Tx, table: Table, after: Place | None) -> tuple[Sequence[Row[Any]], Place | None]:
    order: list[Any] = list(_ORDER.get(table, table.primary_key.columns))
    query = select(table, *_BESIDE.get(table, ()))
    query = query.where(table.c.tenant_id == tx.tenant).order_by(*order).limit(BATCH)
    if after is not None:
        place = (literal(value, column.type) for value, column in zip(after, order, strict=True))
        query = query.where(tuple_(*order) > tuple_(*place))
    found = (await tx.sql.execute(query)).all()
    return found, tuple(found[-1]._mapping[one.name] for one in order) if len(found) == BATCH else None


async def _of_jobs(
    tx: Tx, table: Table, key: Column[Any], after: Place | None
) -> tuple[Sequence[Row[Any]], Place | None]:
    """A place is a job, and the key of the last row of it that was told, None before the first."""
    begin, told = after or (NOWHERE, None)
    ids = await _jobs_from(tx, begin)
    found: list[Row[Any]] = []
    for job in ids[:JOBS]:
        query = select(table).where(table.c.tenant_id == tx.tenant, table.c.job_id == job)
        if told is not None and job == begin:
            query = query.where(key > told)
        found += (await tx.sql.execute(query.order_by(key).limit(BATCH - len(found)))).all()
        if len(found) == BATCH:
            return found, (found[-1].job_id, found[-1]._mapping[key.name])
    rest = ids[JOBS:]
    return found, (rest[0], None) if rest else None


async def _jobs_from(tx: Tx, job: UUID) -> Sequence[UUID]:
    """The next jobs of the tenant, deleted ones too, and one more: to know whether there is."""
    query = select(jobs.c.id).where(jobs.c.tenant_id == tx.tenant, jobs.c.id >= job)
    return (await tx.sql.scalars(query.order_by(jobs.c.id).limit(JOBS + 1))).all()


async def about(tx: Tx) -> list[dict[str, Any]]:
    """The tenant itself."""
    found = (await tx.sql.execute(select(tenants).where(tenants.c.id == tx.tenant))).all()
    return [_told(tenants, row._mapping) for row in found]


def _told(table: Table, row: Any) -> dict[str, Any]:
    told = {
        column.name: _plain(row[column.name])
        for column in table.c
        if column.name not in _SECRET and not isinstance(column.type, LargeBinary)
    }
    told |= {beside.name: row[beside.name] for beside in _BESIDE.get(table, ())}
    if table is outputs:
        told |= {end: zlib.decompress(row[end]).decode(errors="replace") for end in ("head", "tail")}
    return told


def _plain(value: Any) -> Any:
    """Durations in seconds, as in the API."""
    return value.total_seconds() if isinstance(value, timedelta) else value
