"""Impersonations: who of those that run the installation looks at a tenant, as whom, why, and until when."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, Select, and_, false, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.domain.access import Role
from crontopus.domain.errors import NotFound
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import impersonations, members, sessions, tenants


class Impersonation(Struct, frozen=True, kw_only=True):
    """A row. `member`, an address, and `member_id` are None where they look as a role."""

    id: UUID
    tenant_id: UUID
    operator_id: UUID
    operator: str
    session_id: UUID
    member_id: UUID | None
    member: str | None
    role: Role
    why: str
    began_at: datetime
    expires_at: datetime
    raised_at: datetime | None = None
    raised_why: str = ""
    ended_at: datetime | None = None


class Looking(Struct, frozen=True, kw_only=True):
    """One that is in force. `role` and `namespaces` are what the member has by now; `factor_required`: nobody does
    anything in this tenant without a second factor.
    """

    made: Impersonation
    tenant_name: str
    role: Role
    namespaces: list[str]
    factor_required: bool


class Known(Struct, frozen=True):
    """One of any time; `active`: it is in force."""

    made: Impersonation
    tenant_name: str
    active: bool


_COLUMNS = [impersonations.c[field] for field in Impersonation.__struct_fields__]
_is_open = and_(
    tenants.c.suspended_at.is_(None),
    tenants.c.deleted_at.is_(None),
    tenants.c.purging_at.is_(None),
    tenants.c.forbid_impersonation.is_(False),
)


async def add(tx: SystemTx, made: Impersonation) -> bool:
    """False where this session has one already."""
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    values = {field: getattr(made, field) for field in Impersonation.__struct_fields__}
    return bool((await tx.sql.execute(make(impersonations).values(values).on_conflict_do_nothing())).rowcount)


async def forget_expired(tx: SystemTx, session: UUID) -> None:
    """So that the session can have another."""
    over = and_(impersonations.c.session_id == session, impersonations.c.expires_at <= tx.now)
    ended = update(impersonations).where(over, impersonations.c.ended_at.is_(None))
    await tx.sql.execute(ended.values(ended_at=impersonations.c.expires_at))


def running(now: datetime) -> ColumnElement[bool]:
    """Neither ended nor expired; whether it is in force depends on the tenant, too."""
    return and_(impersonations.c.ended_at.is_(None), impersonations.c.expires_at > now)


async def in_force(tx: SystemTx, id: UUID) -> Looking | None:
    """None where it is over: by itself, or since the tenant is closed, forbids it, or has lost the member."""
    query = (
        select(
            *_COLUMNS,
            tenants.c.name,
            members.c.role,
            func.coalesce(tenants.c.require_second_factor, false()).label("factor_required"),
            members.c.namespaces,
        )
        .join(tenants, tenants.c.id == impersonations.c.tenant_id)
        .outerjoin(members, _as_member())
        .where(impersonations.c.id == id, running(tx.now), _is_open, _has_member())
    )
    row = (await tx.sql.execute(query)).first()
    if row is None:
        return None
    *values, tenant_name, role, factor_required, namespaces = row
    made = _made(values)
    return Looking(
        made=made,
        tenant_name=tenant_name,
        role=role or made.role,
        namespaces=namespaces or [],
        factor_required=factor_required,
    )


async def stands(tx: Tx, id: UUID, *, raised: bool) -> bool:
    """Whether it has neither ended nor changed; and it stays so until the transaction ends."""
    query = select(impersonations.c.raised_at).where(
        impersonations.c.id == id, impersonations.c.tenant_id == tx.tenant, running(tx.now)
    )
    row = (await tx.sql.execute(query.with_for_update(read=True))).first()
    return row is not None and (row.raised_at is not None) == raised


async def lock(tx: SystemTx, id: UUID) -> Impersonation:
    """Nobody else changes it until the transaction ends. Raises NotFound."""
    query = select(*_COLUMNS).where(impersonations.c.id == id)
    row = (await tx.sql.execute(query.with_for_update())).first()
    if row is None:
        raise NotFound("no such impersonation")
    return _made(row)


async def find(tx: SystemTx, id: UUID) -> Known:
    """Raises NotFound."""
    row = (await tx.sql.execute(_all(tx.now).where(impersonations.c.id == id))).first()
    if row is None:
        raise NotFound("no such impersonation")
    return _known(row)


async def raised(tx: SystemTx, id: UUID, why: str) -> None:
    """From now on."""
    statement = update(impersonations).where(impersonations.c.id == id)
    await tx.sql.execute(statement.values(raised_at=tx.now, raised_why=why))


async def end(tx: SystemTx, **of: UUID) -> Sequence[Impersonation]:
    """Those that run and are `of` this, by the names of columns, end now."""
    wanted = [impersonations.c[name] == value for name, value in of.items()]
    ended = update(impersonations).where(running(tx.now), *wanted).values(ended_at=tx.now)
    rows = await tx.sql.execute(ended.returning(*_COLUMNS))
    return sorted((_made(row) for row in rows), key=lambda one: (one.tenant_id, one.id))


async def listed(tx: SystemTx, tenant: UUID | None, before: UUID | None, limit: int) -> Sequence[Known]:
    """Of all tenants or of one; newest first, those before `before`."""
    query = _all(tx.now)
    if tenant is not None:
        query = query.where(impersonations.c.tenant_id == tenant)
    return await _page(tx, query, before, limit)


async def of_tenant(tx: Tx, before: UUID | None, limit: int) -> Sequence[Known]:
    """Newest first, those before `before`."""
    return await listed(SystemTx(tx.sql, tx.now), tx.tenant, before, limit)


async def of_member(tx: SystemTx, user: UUID, before: UUID | None, limit: int) -> Sequence[Known]:
    """Those that looked as this person, newest first, those before `before`."""
    return await _page(tx, _all(tx.now).where(impersonations.c.member_id == user), before, limit)


async def _page(tx: SystemTx, query: Select[Any], before: UUID | None, limit: int) -> Sequence[Known]:
    if before is not None:
        query = query.where(impersonations.c.id < before)
    return [_known(row) for row in await tx.sql.execute(query.order_by(impersonations.c.id.desc()).limit(limit))]


def _all(now: datetime) -> Select[Any]:
    in_session = and_(sessions.c.id == impersonations.c.session_id, sessions.c.expires_at > now)
    active = and_(running(now), _is_open, _has_member(), sessions.c.id.is_not(None))
    return (
        select(*_COLUMNS, tenants.c.name, active.label("active"))
        .join(tenants, tenants.c.id == impersonations.c.tenant_id)
        .outerjoin(members, _as_member())
        .outerjoin(sessions, in_session)
    )


def _as_member() -> ColumnElement[bool]:
    return and_(members.c.tenant_id == impersonations.c.tenant_id, members.c.user_id == impersonations.c.member_id)


def _has_member() -> ColumnElement[bool]:
    """They look as a role, or as somebody who is a member yet."""
    return or_(impersonations.c.member_id.is_(None), members.c.user_id.is_not(None))


def _made(values: Sequence[Any]) -> Impersonation:
    return Impersonation(**dict(zip(Impersonation.__struct_fields__, values, strict=False)))


def _known(row: Row[Any]) -> Known:
    return Known(_made(row), row.name, bool(row.active))
