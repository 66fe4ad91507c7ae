"""Invitations that nobody has accepted yet; kept as hashes of their codes, found by them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import delete, insert, select

from crontopus.domain.access import Role
from crontopus.domain.errors import NotFound
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import invitations, tenants


class Invitation(Struct, frozen=True, kw_only=True):
    """A row, without its hash. `namespaces` are ids; empty: all."""

    id: UUID
    email: str
    role: Role
    namespaces: list[str]
    invited_by: str
    created_at: datetime
    expires_at: datetime


class Opened(Struct, frozen=True):
    """An invitation that somebody shows, and the tenant they are invited to."""

    invitation: Invitation
    tenant: UUID
    tenant_name: str


_COLUMNS = [invitations.c[field] for field in Invitation.__struct_fields__]


async def add(tx: Tx, invitation: Invitation, hashed: bytes) -> None:
    """The address has none yet."""
    values = {field: getattr(invitation, field) for field in Invitation.__struct_fields__}
    await tx.sql.execute(insert(invitations).values(**values, tenant_id=tx.tenant, hash=hashed))


async def listed(tx: Tx, after: str, limit: int) -> Sequence[Invitation]:
    """Those that still open something, by address, behind `after`."""
    query = (
        select(*_COLUMNS)
        .where(invitations.c.tenant_id == tx.tenant, invitations.c.expires_at > tx.now, invitations.c.email > after)
        .order_by(invitations.c.email)
        .limit(limit)
    )
    return [Invitation(**row._mapping) for row in await tx.sql.execute(query)]


async def opened(tx: SystemTx, hashed: bytes) -> Opened | None:
    """None where it is unknown, revoked, over, or accepted. Locked, so that one link is used once."""
    query = (
        select(*_COLUMNS, tenants.c.id, tenants.c.name)
        .join(tenants, (tenants.c.id == invitations.c.tenant_id) & tenants.c.deleted_at.is_(None))
        .where(invitations.c.hash == hashed, invitations.c.expires_at > tx.now)
        .with_for_update(of=invitations)
    )
    row = (await tx.sql.execute(query)).first()
    if row is None:
        return None
    *fields, tenant, name = row
    return Opened(Invitation(**dict(zip(Invitation.__struct_fields__, fields, strict=True))), tenant, name)


async def of_email(tx: Tx, email: str) -> Invitation | None:
    """Also one that is over."""
    query = select(*_COLUMNS).where(invitations.c.tenant_id == tx.tenant, invitations.c.email == email)
    row = (await tx.sql.execute(query.with_for_update())).first()
    return Invitation(**row._mapping) if row else None


async def remove_of(tx: Tx, invited_by: str) -> None:
    """All that this person has made, since they may not make them any more."""
    mine = (invitations.c.tenant_id == tx.tenant, invitations.c.invited_by == invited_by)
    await tx.sql.execute(delete(invitations).where(*mine))


async def remove(tx: Tx, invitation: UUID) -> Invitation:
    """Raises NotFound."""
    mine = (invitations.c.tenant_id == tx.tenant, invitations.c.id == invitation)
    row = (await tx.sql.execute(delete(invitations).where(*mine).returning(*_COLUMNS))).first()
    if row is None:
        raise NotFound("no such invitation")
    return Invitation(**row._mapping)
