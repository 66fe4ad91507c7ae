"""Which job depends on which, near and far; and which are muted."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Column, delete, func, insert, select

from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import dependencies, mutes


class Mute(Struct, frozen=True, kw_only=True):
    """`until` None: until somebody ends it."""

    job_id: UUID
    reason: str
    since: datetime
    until: datetime | None
    made_by: str


_63_BITS = 2**63 - 1
_MUTE = [mutes.c[name] for name in Mute.__struct_fields__]


async def parents(tx: Tx, jobs: Collection[UUID]) -> Mapping[UUID, Sequence[UUID]]:
    """Of each of these, those that it names itself."""
    found: dict[UUID, list[UUID]] = {job: [] for job in jobs}
    query = select(dependencies.c.job_id, dependencies.c.parent_id)
    mine = query.where(dependencies.c.tenant_id == tx.tenant, dependencies.c.job_id.in_(list(jobs)))
    for row in await tx.sql.execute(mine.order_by(dependencies.c.parent_id)):
        found[row.job_id].append(row.parent_id)
    return found


async def hold(tx: Tx) -> None:
    """Nobody else of the tenant changes what depends on what until the transaction ends: two could make a circle."""
    if tx.sql.dialect.name == "postgresql":
        await tx.sql.execute(select(func.pg_advisory_xact_lock(tx.tenant.int & _63_BITS)))


async def replace(tx: Tx, job: UUID, wanted: Collection[UUID]) -> None:
    """From now on the job depends on these."""
    await tx.sql.execute(delete(dependencies).where(dependencies.c.job_id == job))
    rows = [{"job_id": job, "parent_id": parent, "tenant_id": tx.tenant} for parent in wanted]
    if rows:
        await tx.sql.execute(insert(dependencies), rows)


async def ancestors(tx: SystemTx | Tx, jobs: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
    """Of each of these, all that it depends on, near and far."""
    edges = await _edges(tx, jobs, dependencies.c.job_id, dependencies.c.parent_id)
    return {job: _reached(job, edges) for job in jobs}


async def descendants(tx: SystemTx | Tx, jobs: Collection[UUID]) -> frozenset[UUID]:
    """All that depend on any of these, near and far."""
    edges = await _edges(tx, jobs, dependencies.c.parent_id, dependencies.c.job_id)
    return frozenset().union(*(_reached(job, edges) for job in jobs))


async def forget(tx: Tx, job: UUID) -> None:
    """It is deleted: nothing depends on it any more."""
    for end in (dependencies.c.parent_id, dependencies.c.job_id):
        await tx.sql.execute(delete(dependencies).where(dependencies.c.tenant_id == tx.tenant, end == job))
    await unmute(tx, job)


async def muted(tx: SystemTx | Tx, jobs: Collection[UUID]) -> Mapping[UUID, Mute]:
    """Those of these jobs that are, or were until a while ago."""
    query = select(*_MUTE).where(mutes.c.job_id.in_(list(jobs)))
    return {row.job_id: Mute(**row._mapping) for row in await tx.sql.execute(query)}


async def mute(tx: Tx, one: Mute) -> None:
    """In the place of an older one."""
    await unmute(tx, one.job_id)
    values = {name: getattr(one, name) for name in Mute.__struct_fields__}
    await tx.sql.execute(insert(mutes).values(values | {"tenant_id": tx.tenant}))


async def unmute(tx: Tx, job: UUID) -> None:
    await tx.sql.execute(delete(mutes).where(mutes.c.tenant_id == tx.tenant, mutes.c.job_id == job))


async def _edges(
    tx: SystemTx | Tx, jobs: Collection[UUID], of: Column[Any], to: Column[Any]
) -> Mapping[UUID, Sequence[UUID]]:
    """All that are met on the way from these jobs, one query for each level."""
    found: dict[UUID, list[UUID]] = {}
    asked: set[UUID] = set()
    frontier = set(jobs)
    while frontier:
        asked |= frontier
        rows = await tx.sql.execute(select(of.label("of"), to.label("to")).where(of.in_(list(frontier))))
        for row in rows:
            found.setdefault(row.of, []).append(row.to)
        frontier = {each for level in frontier for each in found.get(level, ())} - asked
    return found


def _reached(start: UUID, edges: Mapping[UUID, Sequence[UUID]]) -> frozenset[UUID]:
    seen: set[UUID] = set()
    waiting = list(edges.get(start, ()))
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen.add(each)
            waiting += edges.get(each, ())
    return frozenset(seen)
