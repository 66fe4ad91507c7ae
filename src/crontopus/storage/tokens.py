"""API tokens: kept as hashes, found by them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, Select, false, func, insert, or_, select, update

from crontopus.domain.access import Role, SystemRole
from crontopus.domain.errors import NotFound
from crontopus.domain.ids import NOWHERE
from crontopus.domain.standing import Standing
from crontopus.domain.tokens import Kind
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.factors import has_factor
from crontopus.storage.tables import members, tenants, tokens, users


class Token(Struct, frozen=True, kw_only=True):
    """A row, without its hash. `namespaces` are ids; empty: all of the tenant. `addresses` are the networks it may be
    used from; empty: any. `provider_id`: whoever made it had come by this provider of the tenant.
    """

    id: UUID
    user_id: UUID | None
    kind: str
    name: str
    hint: str
    scopes: list[str]
    namespaces: list[str]
    job_id: UUID | None
    addresses: list[str]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    provider_id: UUID | None = None


class Bearer(Struct, frozen=True):
    """A token that somebody showed, the tenant it belongs to, and who made it.

    `system`: what its maker is to the installation; `role` and `namespaces` what they are in the tenant by now, None
    where they are no member any more. `has_factor`: its maker has a second factor; `factor_required`: every member of
    the tenant must.
    """

    token: Token
    tenant: UUID
    tenant_name: str
    system: SystemRole | None
    email: str | None
    role: Role | None
    namespaces: list[str] | None
    factor_required: bool
    has_factor: bool
    standing: Standing

    @property
    def provider(self) -> UUID | None:
        return self.token.provider_id


_COLUMNS = [tokens.c[field] for field in Token.__struct_fields__]


async def bearer(tx: SystemTx, hashed: bytes) -> Bearer | None:
    """None where it is unknown, revoked or expired."""
    query: Select[Any] = (
        select(
            *_COLUMNS,
            tokens.c.tenant_id,
            func.coalesce(tenants.c.name, "").label("tenant_name"),
            users.c.system_role,
            users.c.email,
            members.c.role,
            members.c.namespaces.label("member_namespaces"),
            func.coalesce(tenants.c.require_second_factor, false()).label("factor_required"),
            has_factor(tokens.c.user_id).label("has_factor"),
            tenants.c.suspended_at,
            tenants.c.suspended_why,
            tenants.c.deleted_at,
        )
        .outerjoin(tenants, (tenants.c.id == tokens.c.tenant_id) & tenants.c.purging_at.is_(None))
        .outerjoin(users, users.c.id == tokens.c.user_id)
        .outerjoin(members, (members.c.user_id == tokens.c.user_id) & (members.c.tenant_id == tokens.c.tenant_id))
        .where(tokens.c.hash == hashed, tokens.c.revoked_at.is_(None))
        .where(or_(tenants.c.id.is_not(None), tokens.c.tenant_id == NOWHERE))
        .where(or_(tokens.c.kind != Kind.USER, users.c.disabled_at.is_(None)))
    )
    row = (await tx.sql.execute(query)).first()
    if row is None or (row.expires_at is not None and row.expires_at <= tx.now):
        return None
    return Bearer(
        _token(row),
        row.tenant_id,
        row.tenant_name,
        row.system_role,
        row.email,
        row.role,
        row.member_namespaces,
        row.factor_required,
        row.has_factor,
        Standing(row.suspended_at, row.suspended_why or "", row.deleted_at),
    )


async def used(tx: SystemTx, token: UUID) -> None:
    await tx.sql.execute(update(tokens).where(tokens.c.id == token).values(last_used_at=tx.now))


async def add(tx: Tx, token: Token, hashed: bytes) -> None:
    values = {field: getattr(token, field) for field in Token.__struct_fields__}
    await tx.sql.execute(insert(tokens).values(**values, tenant_id=tx.tenant, hash=hashed, revoked_at=None))


async def listed(tx: Tx, before: UUID | None, limit: int) -> Sequence[Token]:
    """Those in force, newest first, made before `before`."""
    query = select(*_COLUMNS).where(tokens.c.tenant_id == tx.tenant, *_in_force(tx))
    if before is not None:
        query = query.where(tokens.c.id < before)
    rows = await tx.sql.execute(query.order_by(tokens.c.id.desc()).limit(limit))
    return [_token(row) for row in rows]


async def own(tx: Tx, user: UUID) -> Sequence[Token]:
    """Those in force with which this person comes as themselves, newest first."""
    query = select(*_COLUMNS).where(*_of_person(tx, user), *_in_force(tx))
    rows = await tx.sql.execute(query.order_by(tokens.c.id.desc()))
    return [_token(row) for row in rows]


async def find_own(tx: Tx, user: UUID, token: UUID) -> Token:
    """Raises NotFound where there is none in force, or it is somebody else's."""
    found = next((one for one in await own(tx, user) if one.id == token), None)
    if found is None:
        raise NotFound("no such token")
    return found


async def revoke_own(tx: Tx, user: UUID) -> None:
    """All with which this person comes as themselves."""
    statement = update(tokens).where(*_of_person(tx, user), tokens.c.revoked_at.is_(None))
    await tx.sql.execute(statement.values(revoked_at=tx.now))


def _in_force(tx: Tx) -> tuple[ColumnElement[bool], ...]:
    return tokens.c.revoked_at.is_(None), or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > tx.now)


def _of_person(tx: Tx, user: UUID) -> tuple[ColumnElement[bool], ...]:
    return tokens.c.tenant_id == tx.tenant, tokens.c.user_id == user, tokens.c.kind == Kind.USER


async def lock(tx: Tx, token: UUID) -> Token:
    """One in force, which nobody else changes until the transaction ends. Raises NotFound."""
    query = select(*_COLUMNS).where(tokens.c.tenant_id == tx.tenant, tokens.c.id == token, *_in_force(tx))
    row = (await tx.sql.execute(query.with_for_update())).first()
    if row is None:
        raise NotFound("no such token")
    return _token(row)


async def is_in_force(tx: Tx, token: UUID) -> bool:
    """In this tenant; and it stays so until the transaction ends."""
    query = select(tokens.c.id).where(tokens.c.tenant_id == tx.tenant, tokens.c.id == token, *_in_force(tx))
    return (await tx.sql.execute(query.with_for_update(read=True))).first() is not None


async def end_at(tx: Tx, token: UUID, instant: datetime) -> None:
    statement = update(tokens).where(tokens.c.tenant_id == tx.tenant, tokens.c.id == token)
    await tx.sql.execute(statement.values(expires_at=instant))


async def revoke(tx: Tx, token: UUID) -> Token:
    """Raises NotFound where there is none in force, or it is another tenant's."""
    done = await tx.sql.execute(
        update(tokens)
        .where(tokens.c.tenant_id == tx.tenant, tokens.c.id == token, tokens.c.revoked_at.is_(None))
        .values(revoked_at=tx.now)
        .returning(*_COLUMNS)
    )
    row = done.first()
    if row is None:
        raise NotFound("no such token")
    return _token(row)


def _token(row: Row[Any]) -> Token:
    return Token(**{field: row._mapping[field] for field in Token.__struct_fields__})
