"""The end of a tenant: whatever is its own is removed, some rows at a time, each call a transaction of its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, delete, or_, select, tuple_, update

from crontopus.storage import pruning
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import audit, jobs, letters, members, metadata, namespaces, tenants, users, watches

OF_JOBS = frozenset(
    table.name for table in metadata.sorted_tables if "job_id" in table.c and not table.c.job_id.nullable
)
"""Their rows go with the job they belong to: they are found by it, and not by their tenant."""
_OWN = [
    table
    for table in reversed(metadata.sorted_tables)
    if "tenant_id" in table.c and table.name not in {*OF_JOBS, members.name, jobs.name}
]
_OF_PEOPLE = [
    table for table in reversed(metadata.sorted_tables) if "user_id" in table.c and table not in (members, audit)
]


async def is_due(tx: SystemTx, deleted_before: datetime) -> bool:
    return (await tx.sql.execute(select(tenants.c.id).where(_due(deleted_before)).limit(1))).first() is not None


async def claim(tx: SystemTx, deleted_before: datetime) -> UUID | None:
    """A tenant that was deleted by then, and that nobody restores any more from now on; None where there is none."""
    due = _due(deleted_before)
    found: UUID | None = await tx.sql.scalar(
        select(tenants.c.id).where(due).order_by(tenants.c.deleted_at).limit(1).with_for_update(skip_locked=True)
    )
    if found is not None:
        mine = and_(tenants.c.id == found, tenants.c.purging_at.is_(None))
        await tx.sql.execute(update(tenants).where(mine).values(purging_at=tx.now))
    return found


def _due(deleted_before: datetime) -> ColumnElement[bool]:
    return or_(tenants.c.purging_at.is_not(None), tenants.c.deleted_at <= deleted_before)


async def some(tx: Tx, limit: int) -> int:
    """Removes some of what is left, in an order in which nothing new comes; 0 where all is gone."""
    return (
        await _ping_keys(tx)
        or await _jobs(tx, limit)
        or await pruning.deleted_job(SystemTx(tx.sql, tx.now), limit, tx.tenant)
        or await _rows(tx, limit)
        or await _people(tx, limit)
    )


async def end(tx: SystemTx, tenant: UUID) -> bool:
    """The last row. False where somebody else has removed it."""
    return bool((await tx.sql.execute(delete(tenants).where(tenants.c.id == tenant))).rowcount)


async def _ping_keys(tx: Tx) -> int:
    """Nobody makes a job by a ping any more: what is stored is the hash of no key."""
    query = select(namespaces.c.id, namespaces.c.ping_key_hash).where(namespaces.c.tenant_id == tx.tenant)
    stale = [row.id for row in await tx.sql.execute(query) if row.ping_key_hash != row.id.bytes]
    for namespace in stale:
        changed = update(namespaces).where(namespaces.c.id == namespace)
        await tx.sql.execute(changed.values(ping_key_hash=namespace.bytes))
    return len(stale)


async def _jobs(tx: Tx, limit: int) -> int:
    """No ping finds them any more, and no name."""
    left = select(jobs.c.id).where(
        jobs.c.tenant_id == tx.tenant, or_(jobs.c.deleted_at.is_(None), jobs.c.namespace_id.is_not(None))
    )
    found = (await tx.sql.scalars(left.order_by(jobs.c.id).limit(limit))).all()
    if found:
        await tx.sql.execute(delete(watches).where(watches.c.job_id.in_(found)))
        gone = update(jobs).where(jobs.c.id.in_(found))
        await tx.sql.execute(gone.values(deleted_at=tx.now, namespace_id=None, version=jobs.c.version + 1))
    return len(found)


async def _rows(tx: Tx, limit: int) -> int:
    for table in _OWN:
        removed = await _remove(tx, table, limit)
        if removed:
            return removed
    return 0


async def _remove(tx: Tx, table: Table, limit: int) -> int:
    key = list(table.primary_key.columns)
    some = select(*key).where(table.c.tenant_id == tx.tenant).limit(limit)
    chosen: Any = key[0].in_(some) if len(key) == 1 else tuple_(*key).in_(some)
    return (await tx.sql.execute(delete(table).where(chosen))).rowcount


async def _people(tx: Tx, limit: int) -> int:
    """Whoever belongs nowhere now, and does not run the installation, goes with all they have."""
    mine = select(members.c.user_id).where(members.c.tenant_id == tx.tenant)
    people = (await tx.sql.scalars(mine.order_by(members.c.user_id).limit(limit))).all()
    await tx.sql.execute(delete(members).where(members.c.tenant_id == tx.tenant, members.c.user_id.in_(people)))
    elsewhere = select(members.c.user_id)
    stray = select(users.c.id).where(
        users.c.id.in_(people), users.c.system_role.is_(None), users.c.id.not_in(elsewhere)
    )
    gone = (await tx.sql.scalars(stray.order_by(users.c.id).with_for_update())).all()
    for table in _OF_PEOPLE:
        theirs = table.c.user_id.in_(gone)
        if table.c.user_id.nullable:
            await tx.sql.execute(update(table).where(theirs).values(user_id=None))
        else:
            await tx.sql.execute(delete(table).where(theirs))
    await tx.sql.execute(delete(letters).where(letters.c.about.in_(gone)))
    await tx.sql.execute(delete(users).where(users.c.id.in_(gone)))
    return len(people)
