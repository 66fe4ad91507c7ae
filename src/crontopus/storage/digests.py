"""Who wants a digest of a tenant, how often, and what is told in it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import delete, func, insert, select, update

from crontopus.domain.access import Reach, Role
from crontopus.domain.digest import Every
from crontopus.domain.watch import RunState
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.jobs import within
from crontopus.storage.tables import digests, jobs, members, runs, tenants, users


class Digest(Struct, frozen=True):
    every: Every
    next_at: datetime


class Owed(Struct, frozen=True, kw_only=True):
    """One that is due, and whose: `zone` is theirs, else their tenant's. `namespaces` are ids; empty: all."""

    tenant: UUID
    tenant_name: str
    user: UUID
    email: str
    zone: str
    role: Role
    namespaces: list[str]
    every: Every
    next_at: datetime


async def of(tx: Tx, user: UUID) -> Digest | None:
    query = select(digests.c.every, digests.c.next_at)
    row = (await tx.sql.execute(query.where(digests.c.tenant_id == tx.tenant, digests.c.user_id == user))).first()
    return None if row is None else Digest(*row)


async def keep(tx: Tx, user: UUID, digest: Digest | None) -> None:
    """None: nothing is sent to them any more."""
    await tx.sql.execute(delete(digests).where(digests.c.tenant_id == tx.tenant, digests.c.user_id == user))
    if digest is not None:
        row = {"tenant_id": tx.tenant, "user_id": user, "every": digest.every, "next_at": digest.next_at}
        await tx.sql.execute(insert(digests).values(row))


async def due(tx: SystemTx, limit: int) -> Sequence[Owed]:
    """Of members who may still come in, where the tenant is open."""
    query = (
        select(
            tenants.c.id.label("tenant"),
            tenants.c.name.label("tenant_name"),
            users.c.id.label("user"),
            users.c.email,
            func.coalesce(users.c.zone, tenants.c.timezone).label("zone"),
            members.c.role,
            members.c.namespaces,
            digests.c.every,
            digests.c.next_at,
        )
        .join(tenants, tenants.c.id == digests.c.tenant_id)
        .join(users, users.c.id == digests.c.user_id)
        .join(members, (members.c.tenant_id == digests.c.tenant_id) & (members.c.user_id == digests.c.user_id))
        .where(digests.c.next_at <= tx.now, users.c.disabled_at.is_(None))
        .where(tenants.c.suspended_at.is_(None), tenants.c.deleted_at.is_(None))
    )
    return [Owed(**row._mapping) for row in await tx.sql.execute(query.order_by(digests.c.next_at).limit(limit))]


async def claim(tx: Tx, owed: Owed, next_at: datetime) -> bool:
    """Whether nobody else has sent it meanwhile."""
    mine = (digests.c.tenant_id == tx.tenant) & (digests.c.user_id == owed.user)
    still = update(digests).where(mine, digests.c.next_at == owed.next_at).values(next_at=next_at)
    return bool((await tx.sql.execute(still)).rowcount)


async def runs_since(tx: Tx, reach: Reach, since: datetime) -> Mapping[UUID, Mapping[RunState, int]]:
    """By job: how many runs that came since then ended in each way."""
    query = (
        select(runs.c.job_id, runs.c.state, func.sum(runs.c.count))
        .join(jobs, jobs.c.id == runs.c.job_id)
        .where(runs.c.tenant_id == tx.tenant, runs.c.created_at >= since, *within(tx, reach))
        .group_by(runs.c.job_id, runs.c.state)
    )
    found: dict[UUID, dict[RunState, int]] = {}
    for job, state, count in await tx.sql.execute(query):
        found.setdefault(job, {})[state] = int(count)
    return found
