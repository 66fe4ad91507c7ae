"""Members: which people belong to a tenant, and which tenants a person belongs to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, Select, and_, delete, insert, or_, select, update

from crontopus.domain.access import Role
from crontopus.domain.errors import NotFound
from crontopus.domain.standing import Standing
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.factors import has_factor
from crontopus.storage.tables import digests, members, providers, tenants, users


class Member(Struct, frozen=True, kw_only=True):
    """A person in this tenant. `namespaces` are ids; empty: all."""

    user: UUID
    email: str
    name: str
    role: Role
    namespaces: list[str]
    created_at: datetime
    second_factor: bool


class Home(Struct, frozen=True):
    """A tenant that a person belongs to, and what they are there. `by_provider`: only a sign-in provider of the tenant
    leads there.
    """

    id: UUID
    name: str
    role: Role | None
    require_second_factor: bool
    standing: Standing
    by_provider: bool = False


def enforcing() -> Select[Any]:
    """The providers of the member's tenant by which its people must come."""
    return (
        select(providers.c.id)
        .where(providers.c.tenant_id == members.c.tenant_id, providers.c.enabled, providers.c.enforced)
        .correlate(members)
    )


def needs_provider() -> ColumnElement[bool]:
    """Whether only a sign-in provider leads to this membership. Of the owners who came otherwise none needs one: they
    are the way back where a provider fails.
    """
    return or_(members.c.provided, and_(members.c.role != Role.OWNER, enforcing().exists()))


async def add(tx: Tx, user: UUID, role: Role, namespaces: Sequence[UUID] = (), *, provided: bool = False) -> None:
    """`namespaces`: those it is limited to; none: it reaches all of the tenant."""
    row = {"tenant_id": tx.tenant, "user_id": user, "role": role, "namespaces": [str(place) for place in namespaces]}
    await tx.sql.execute(insert(members).values(**row, provided=provided, created_at=tx.now))


async def listed(tx: Tx, after: str, limit: int) -> Sequence[Member]:
    """By address, those behind `after`."""
    query = _members(tx).where(users.c.email > after).order_by(users.c.email).limit(limit)
    return [_member(row) for row in await tx.sql.execute(query)]


async def find(tx: Tx, user: UUID) -> Member:
    """Raises NotFound for whoever is no member here."""
    row = (await tx.sql.execute(_members(tx).where(users.c.id == user))).first()
    if row is None:
        raise NotFound("no such member")
    return _member(row)


async def of_email(tx: Tx, email: str) -> Member | None:
    row = (await tx.sql.execute(_members(tx).where(users.c.email == email))).first()
    return _member(row) if row else None


async def owners(tx: Tx, *others: UUID) -> Sequence[UUID]:
    """The owners, whom, like the `others`, nobody else changes until the transaction ends."""
    query = select(members.c.user_id, members.c.role).where(
        members.c.tenant_id == tx.tenant, or_(members.c.role == Role.OWNER, members.c.user_id.in_(others))
    )
    rows = await tx.sql.execute(query.order_by(members.c.user_id).with_for_update())
    return [user for user, role in rows if role is Role.OWNER]


async def addresses_of_owners(tx: Tx) -> Sequence[str]:
    """Of those who may come in."""
    query = _members(tx).where(members.c.role == Role.OWNER, users.c.disabled_at.is_(None)).order_by(users.c.email)
    return [_member(row).email for row in await tx.sql.execute(query)]


async def owners_of_their_own(tx: Tx) -> Sequence[UUID]:
    """The owners who need no provider to come in."""
    query = select(members.c.user_id).where(
        members.c.tenant_id == tx.tenant, members.c.role == Role.OWNER, members.c.provided.is_(False)
    )
    return (await tx.sql.scalars(query)).all()


async def is_enforcing(tx: Tx) -> bool:
    """Whether the people of this tenant must come by a provider."""
    query = select(providers.c.id).where(providers.c.tenant_id == tx.tenant, providers.c.enabled, providers.c.enforced)
    return (await tx.sql.execute(query.limit(1))).first() is not None


async def make_own(tx: SystemTx, user: UUID) -> None:
    """From now on no membership of this person needs a provider, unless its tenant demands one of everybody."""
    await tx.sql.execute(update(members).where(members.c.user_id == user).values(provided=False))


async def standing(tx: Tx, user: UUID) -> tuple[Role, list[str]] | None:
    """Role and namespaces (ids; empty: all), which nobody changes until the transaction ends. None: no member here."""
    query = select(members.c.role, members.c.namespaces).where(
        members.c.tenant_id == tx.tenant, members.c.user_id == user
    )
    row = (await tx.sql.execute(query.with_for_update(read=True))).first()
    return (row.role, row.namespaces) if row else None


async def change(tx: Tx, user: UUID, role: Role, namespaces: Sequence[str]) -> None:
    statement = update(members).where(members.c.tenant_id == tx.tenant, members.c.user_id == user)
    await tx.sql.execute(statement.values(role=role, namespaces=list(namespaces)))


async def remove(tx: Tx, user: UUID) -> None:
    """With what they wanted to read of the tenant."""
    await tx.sql.execute(delete(digests).where(digests.c.tenant_id == tx.tenant, digests.c.user_id == user))
    await tx.sql.execute(delete(members).where(members.c.tenant_id == tx.tenant, members.c.user_id == user))


async def homes(tx: SystemTx, user: UUID) -> Sequence[Home]:
    """By name."""
    query = (
        select(
            tenants.c.id,
            tenants.c.name,
            members.c.role,
            tenants.c.require_second_factor,
            tenants.c.suspended_at,
            tenants.c.suspended_why,
            tenants.c.deleted_at,
            needs_provider(),
        )
        .join(tenants, tenants.c.id == members.c.tenant_id)
        .where(members.c.user_id == user, tenants.c.purging_at.is_(None))
        .order_by(tenants.c.name, tenants.c.id)
    )
    rows = await tx.sql.execute(query)
    return [
        Home(id, name, role, required, Standing(*standing), by_provider)
        for id, name, role, required, *standing, by_provider in rows
    ]


def _members(tx: Tx) -> Select[Any]:
    columns = (users.c.id, users.c.email, users.c.name, members.c.role, members.c.namespaces, members.c.created_at)
    joined = select(*columns, has_factor(users.c.id)).join(members, members.c.user_id == users.c.id)
    return joined.where(members.c.tenant_id == tx.tenant)


def _member(row: Row[Any]) -> Member:
    user, email, name, role, namespaces, created_at, has = tuple(row)
    return Member(
        user=user,
        email=email,
        name=name,
        role=role,
        namespaces=namespaces,
        created_at=created_at,
        second_factor=has,
    )
