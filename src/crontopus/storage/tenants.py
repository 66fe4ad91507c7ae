"""Tenants: their names, and whether they are open."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Row, Select, bindparam, func, literal, select, tuple_, update

from crontopus.domain.errors import NotFound
from crontopus.domain.standing import Standing
from crontopus.domain.tiers import UNLIMITED, UNLIMITED_NAME
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import members, tenants, tiers
from crontopus.storage.types import Id


class Tenant(Struct, frozen=True, kw_only=True):
    """`members`: how many people belong to it."""

    id: UUID
    name: str
    created_at: datetime
    standing: Standing
    require_second_factor: bool
    forbid_impersonation: bool
    members: int
    tier: UUID
    tier_name: str
    timezone: str
    default_grace: timedelta


_MEMBERS = select(func.count()).where(members.c.tenant_id == tenants.c.id).correlate(tenants).scalar_subquery()
_COLUMNS = (
    tenants.c.id,
    tenants.c.name,
    tenants.c.created_at,
    tenants.c.suspended_at,
    tenants.c.suspended_why,
    tenants.c.deleted_at,
    tenants.c.require_second_factor,
    tenants.c.forbid_impersonation,
    _MEMBERS,
    tiers.c.id,
    tiers.c.name,
    tenants.c.timezone,
    tenants.c.default_grace,
)


async def listed(tx: SystemTx, words: str, after: tuple[str, UUID] | None, limit: int) -> Sequence[Tenant]:
    """By name (and id), those behind `after` whose name holds `words`."""
    query = _all()
    if words:
        query = query.where(func.lower(tenants.c.name).contains(words.lower(), autoescape=True))
    if after is not None:
        name, id = after
        query = query.where(tuple_(tenants.c.name, tenants.c.id) > tuple_(literal(name), literal(id, Id)))
    rows = await tx.sql.execute(query.order_by(tenants.c.name, tenants.c.id).limit(limit))
    return [_tenant(row) for row in rows]


async def find(tx: SystemTx, tenant: UUID) -> Tenant:
    """Raises NotFound."""
    return _found((await tx.sql.execute(_all().where(tenants.c.id == tenant))).first())


async def deleted(tx: SystemTx, wanted: Collection[UUID]) -> frozenset[UUID]:
    """Those of them that are deleted, and may still be restored."""
    query = select(tenants.c.id).where(tenants.c.id.in_(list(wanted)), tenants.c.deleted_at.is_not(None))
    return frozenset((await tx.sql.scalars(query)).all())


async def own(tx: Tx) -> Tenant:
    """Raises NotFound for an operator who is in none."""
    return _found((await tx.sql.execute(_OWN, {"tenant": tx.tenant})).first())


async def lock(tx: SystemTx, tenant: UUID) -> Tenant:
    """Nobody else changes it until the transaction ends. Raises NotFound."""
    query = select(tenants.c.id).where(tenants.c.id == tenant, tenants.c.purging_at.is_(None))
    if (await tx.sql.execute(query.with_for_update())).first() is None:
        raise NotFound("no such tenant")
    return await find(tx, tenant)


async def change(tx: SystemTx, tenant: UUID, values: Mapping[str, Any]) -> None:
    """Set the columns of `values`."""
    await tx.sql.execute(update(tenants).where(tenants.c.id == tenant).values(**values))


async def stand(tx: SystemTx, tenant: UUID, standing: Standing) -> None:
    """From now on."""
    await tx.sql.execute(
        update(tenants)
        .where(tenants.c.id == tenant)
        .values(
            suspended_at=standing.suspended_at,
            suspended_why=standing.suspended_why,
            deleted_at=standing.deleted_at,
        )
    )


def _all() -> Select[Any]:
    with_tier = tenants.outerjoin(tiers, tiers.c.id == tenants.c.tier_id)
    return select(*_COLUMNS).select_from(with_tier).where(tenants.c.purging_at.is_(None))


_OWN = _all().where(tenants.c.id == bindparam("tenant"))
"""Composed once: it is said for every few messages of alerts."""


def _found(row: Row[Any] | None) -> Tenant:
    if row is None:
        raise NotFound("no such tenant")
    return _tenant(row)


def _tenant(row: Row[Any]) -> Tenant:
    id, name, created_at, suspended_at, why, deleted_at, required, forbid, count, *rest = tuple(row)
    tier, tier_name, zone, grace = rest
    return Tenant(
        id=id,
        name=name,
        created_at=created_at,
        standing=Standing(suspended_at, why, deleted_at),
        require_second_factor=required,
        forbid_impersonation=forbid,
        members=count,
        tier=tier or UNLIMITED,
        tier_name=tier_name or UNLIMITED_NAME,
        timezone=zone,
        default_grace=grace,
    )
