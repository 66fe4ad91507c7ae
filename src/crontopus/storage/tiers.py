"""Tiers, which tenant is in which, and how much of what a tenant has is there."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.domain.errors import NotFound
from crontopus.domain.tiers import UNLIMITED, UNLIMITED_NAME, Quota, Quotas, Tier
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import channels, invitations, jobs, members, tenants, tiers, tokens

_TENANTS = select(func.count()).where(tenants.c.tier_id == tiers.c.id).correlate(tiers).scalar_subquery()


async def listed(tx: SystemTx) -> Sequence[Tier]:
    """The one without limits first, then by name."""
    rows = await tx.sql.execute(_all().order_by(tiers.c.name))
    return [await _unlimited(tx), *map(_tier, rows)]


async def find(tx: SystemTx, tier: UUID) -> Tier:
    """Raises NotFound."""
    if tier == UNLIMITED:
        return await _unlimited(tx)
    row = (await tx.sql.execute(_all().where(tiers.c.id == tier))).first()
    if row is None:
        raise NotFound("no such tier")
    return _tier(row)


async def lock(tx: SystemTx, tier: UUID) -> Tier:
    """Nobody changes it, and no tenant comes into it, until the transaction ends. Raises NotFound."""
    await tx.sql.execute(select(tiers.c.id).where(tiers.c.id == tier).with_for_update())
    return await find(tx, tier)


async def hold(tx: SystemTx, tier: UUID) -> Tier:
    """Nobody changes or removes it until the transaction ends. Raises NotFound."""
    await tx.sql.execute(select(tiers.c.id).where(tiers.c.id == tier).with_for_update(read=True))
    return await find(tx, tier)


async def add(tx: SystemTx, tier: Tier) -> bool:
    """False where another has its name."""
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    row = make(tiers).values(id=tier.id, name=tier.name, quotas=dict(tier.quotas), created_at=tx.now)
    return bool((await tx.sql.execute(row.on_conflict_do_nothing())).rowcount)


async def name_taken(tx: SystemTx, name: str) -> bool:
    return (await tx.sql.execute(select(tiers.c.id).where(tiers.c.name == name))).first() is not None


async def change(tx: SystemTx, tier: UUID, name: str, quotas: Quotas) -> None:
    await tx.sql.execute(update(tiers).where(tiers.c.id == tier).values(name=name, quotas=dict(quotas)))


async def remove(tx: SystemTx, tier: UUID) -> None:
    await tx.sql.execute(delete(tiers).where(tiers.c.id == tier))


async def give(tx: SystemTx, tenant: UUID, tier: UUID) -> None:
    value = None if tier == UNLIMITED else tier
    await tx.sql.execute(update(tenants).where(tenants.c.id == tenant).values(tier_id=value))


async def limited(tx: SystemTx) -> dict[UUID, Quotas]:
    """The quotas of every tenant that has some."""
    query = select(tenants.c.id, tiers.c.quotas).join(tiers, tiers.c.id == tenants.c.tier_id)
    rows = await tx.sql.execute(query.where(tenants.c.purging_at.is_(None)))
    return {tenant: quotas for tenant, quotas in rows if quotas}


async def quotas_of(tx: Tx) -> Quotas:
    """The tenant's."""
    query = select(tiers.c.quotas).join(tenants, tiers.c.id == tenants.c.tier_id)
    found: Mapping[Quota, int] | None = await tx.sql.scalar(query.where(tenants.c.id == tx.tenant))
    return found or {}


async def in_turn(tx: Tx) -> None:
    """Whoever else makes something that is counted waits until the transaction ends.

    What refers to the tenant is written meanwhile: PostgreSQL's FOR NO KEY UPDATE does not keep it from that.
    """
    await tx.sql.execute(select(tenants.c.id).where(tenants.c.id == tx.tenant).with_for_update(key_share=True))


async def used(tx: Tx, quota: Quota) -> int:
    """How many of that there are now, by an index; of what is not there yet, none."""
    count = 0
    for query in _counts(tx, quota):
        count += await tx.sql.scalar(query) or 0
    return count


def _counts(tx: Tx, quota: Quota) -> Sequence[Select[Any]]:
    count = select(func.count())
    match quota:
        case Quota.JOBS:
            return [count.where(jobs.c.tenant_id == tx.tenant, jobs.c.deleted_at.is_(None))]
        case Quota.MEMBERS:
            invited = count.where(invitations.c.tenant_id == tx.tenant, invitations.c.expires_at > tx.now)
            return [count.where(members.c.tenant_id == tx.tenant), invited]
        case Quota.CHANNELS:
            return [count.select_from(channels).where(channels.c.tenant_id == tx.tenant)]
        case Quota.TOKENS:
            lasts = or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > tx.now)
            return [count.where(tokens.c.tenant_id == tx.tenant, tokens.c.revoked_at.is_(None), lasts)]
        case _:
            return []


async def _unlimited(tx: SystemTx) -> Tier:
    count = await tx.sql.scalar(select(func.count()).where(tenants.c.tier_id.is_(None), tenants.c.purging_at.is_(None)))
    return Tier(UNLIMITED, UNLIMITED_NAME, {}, count or 0)


def _all() -> Select[Any]:
    return select(tiers.c.id, tiers.c.name, tiers.c.quotas, _TENANTS)


def _tier(row: Row[Any]) -> Tier:
    id, name, quotas, count = tuple(row)
    return Tier(id, name, quotas, count)
