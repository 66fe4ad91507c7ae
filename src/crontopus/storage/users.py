"""Everybody who has an account, for whoever runs the installation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Row, Select, func, or_, select, update

from crontopus.domain.access import Role, SystemRole
from crontopus.domain.errors import NotFound
from crontopus.storage.database import SystemTx
from crontopus.storage.factors import has_factor
from crontopus.storage.tables import members, sessions, tenants, users


class User(Struct, frozen=True, kw_only=True):
    """`sessions`: how many are in force; `seen_at`: when one of them was used last."""

    id: UUID
    email: str
    name: str
    system_role: SystemRole | None
    created_at: datetime
    disabled_at: datetime | None
    has_factor: bool
    sessions: int
    seen_at: datetime | None


class Membership(Struct, frozen=True):
    tenant: UUID
    name: str
    role: Role


async def listed(tx: SystemTx, words: str, after: str, limit: int) -> Sequence[User]:
    """By address, those behind `after` whose address or name holds `words`."""
    query = _all(tx).where(users.c.email > after)
    if words:
        looked_for = words.lower()
        query = query.where(
            or_(
                users.c.email.contains(looked_for, autoescape=True),
                func.lower(users.c.name).contains(looked_for, autoescape=True),
            )
        )
    return [_user(row) for row in await tx.sql.execute(query.order_by(users.c.email).limit(limit))]


async def find(tx: SystemTx, user: UUID) -> User:
    """Raises NotFound."""
    row = (await tx.sql.execute(_all(tx).where(users.c.id == user))).first()
    if row is None:
        raise NotFound("no such person")
    return _user(row)


async def memberships(tx: SystemTx, user: UUID) -> Sequence[Membership]:
    """By name."""
    query = (
        select(tenants.c.id, tenants.c.name, members.c.role)
        .join(tenants, tenants.c.id == members.c.tenant_id)
        .where(members.c.user_id == user, tenants.c.purging_at.is_(None))
        .order_by(tenants.c.name, tenants.c.id)
    )
    return [Membership(*row) for row in await tx.sql.execute(query)]


async def lock(tx: SystemTx, user: UUID) -> Sequence[UUID]:
    """The superadmins who can sign in; nobody else changes them or `user` until the transaction ends."""
    mighty = users.c.system_role == SystemRole.SUPERADMIN
    query = select(users.c.id, users.c.system_role, users.c.disabled_at).where(or_(mighty, users.c.id == user))
    rows = await tx.sql.execute(query.order_by(users.c.id).with_for_update())
    return [row.id for row in rows if row.system_role is SystemRole.SUPERADMIN and row.disabled_at is None]


async def superadmins(tx: SystemTx, limit: int) -> Sequence[str]:
    """The addresses of those who can sign in, the oldest accounts first."""
    mighty = (users.c.system_role == SystemRole.SUPERADMIN) & users.c.disabled_at.is_(None)
    return (await tx.sql.scalars(select(users.c.email).where(mighty).order_by(users.c.id).limit(limit))).all()


async def change(tx: SystemTx, user: UUID, system_role: SystemRole | None, disabled_at: datetime | None) -> None:
    changed = update(users).where(users.c.id == user)
    await tx.sql.execute(changed.values(system_role=system_role, disabled_at=disabled_at))


def _all(tx: SystemTx) -> Select[Any]:
    theirs = (sessions.c.user_id == users.c.id) & (sessions.c.expires_at > tx.now)
    return select(
        users.c.id,
        users.c.email,
        users.c.name,
        users.c.system_role,
        users.c.created_at,
        users.c.disabled_at,
        has_factor(users.c.id).label("has_factor"),
        select(func.count()).where(theirs).correlate(users).scalar_subquery().label("sessions"),
        select(func.max(sessions.c.used_at)).where(theirs).correlate(users).scalar_subquery().label("seen_at"),
    )


def _user(row: Row[Any]) -> User:
    return User(**row._mapping)
