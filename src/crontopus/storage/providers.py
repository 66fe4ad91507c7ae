"""Sign-in providers of a tenant, whom each means by its `sub`, and the browsers that are at one of them now."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update

from crontopus.domain.access import Role
from crontopus.domain.errors import NotFound
from crontopus.domain.providers import GroupRole
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import identities, provider_visits, providers, sessions, tenants


class Provider(Struct, frozen=True, kw_only=True):
    """`default_role`: of people who come by it and are no members yet; None: they do not come in."""

    id: UUID
    tenant_id: UUID
    name: str
    issuer: str
    client_id: str
    client_secret_sealed: bytes
    scopes: list[str]
    domains: list[str]
    groups_claim: str
    roles: list[GroupRole]
    default_role: Role | None
    enabled: bool
    enforced: bool
    created_at: datetime


class Offer(Struct, frozen=True):
    """A provider as those see it who have not signed in."""

    id: UUID
    name: str
    tenant: UUID
    tenant_name: str


class Visit(Struct, frozen=True, kw_only=True):
    """A browser that is at a provider. `again`: for somebody who shows again who they are."""

    provider_id: UUID
    tenant_id: UUID
    onward: str
    again: bool
    created_at: datetime
    expires_at: datetime


class Sealed(Struct, frozen=True):
    id: UUID
    tenant_id: UUID
    client_secret_sealed: bytes


_COLUMNS = [providers.c[field] for field in Provider.__struct_fields__]
_VISIT = [provider_visits.c[field] for field in Visit.__struct_fields__]


async def listed(tx: Tx) -> Sequence[Provider]:
    """The oldest first."""
    query = select(*_COLUMNS).where(providers.c.tenant_id == tx.tenant).order_by(providers.c.id)
    return [_provider(row) for row in await tx.sql.execute(query)]


async def find(tx: Tx, provider: UUID) -> Provider:
    """Raises NotFound."""
    return await _one(tx, provider, lock=False)


async def lock(tx: Tx, provider: UUID) -> Provider:
    """Nobody else changes it, or comes in by it, until the transaction ends. Raises NotFound."""
    return await _one(tx, provider, lock=True)


async def _one(tx: Tx, provider: UUID, *, lock: bool) -> Provider:
    query = select(*_COLUMNS).where(providers.c.tenant_id == tx.tenant, providers.c.id == provider)
    row = (await tx.sql.execute(query.with_for_update() if lock else query)).first()
    if row is None:
        raise NotFound("no such sign-in provider")
    return _provider(row)


async def count(tx: Tx) -> int:
    query = select(func.count()).select_from(providers).where(providers.c.tenant_id == tx.tenant)
    return await tx.sql.scalar(query) or 0


async def add(tx: Tx, provider: Provider) -> None:
    values = {field: getattr(provider, field) for field in provider.__struct_fields__}
    await tx.sql.execute(insert(providers).values(values | {"tenant_id": tx.tenant}))


async def change(tx: Tx, provider: UUID, values: Mapping[str, Any]) -> None:
    statement = update(providers).where(providers.c.tenant_id == tx.tenant, providers.c.id == provider)
    await tx.sql.execute(statement.values(dict(values)))


async def forget_all(tx: Tx, provider: UUID) -> None:
    """Whom it means by its `sub`, and the browsers that are there now."""
    for table in (provider_visits, identities):
        await tx.sql.execute(delete(table).where(table.c.provider_id == provider, table.c.tenant_id == tx.tenant))


async def remove(tx: Tx, provider: UUID) -> None:
    """With all that it knows."""
    await forget_all(tx, provider)
    await tx.sql.execute(delete(providers).where(providers.c.id == provider, providers.c.tenant_id == tx.tenant))


async def end_sessions(tx: Tx, provider: UUID) -> None:
    """Those of whoever came by it."""
    mine = (sessions.c.tenant_id == tx.tenant, sessions.c.provider_id == provider)
    await tx.sql.execute(delete(sessions).where(*mine))


# ---- before sign-in


async def offered(tx: SystemTx, provider: UUID) -> Offer | None:
    """None where nobody comes in by it."""
    return next(iter(await _offers(tx, providers.c.id == provider)), None)


async def offered_in(tx: Tx) -> Sequence[Offer]:
    """Those of a tenant, the oldest first."""
    return await _offers(tx, providers.c.tenant_id == tx.tenant)


async def offered_by_the_only_tenant(tx: SystemTx) -> Sequence[Offer]:
    """None where there are several tenants: which there are is not told to strangers."""
    found = (await tx.sql.scalars(select(tenants.c.id).limit(2))).all()
    return await offered_in(tx.of(found[0])) if len(found) == 1 else []


async def _offers(tx: SystemTx | Tx, of: ColumnElement[bool]) -> Sequence[Offer]:
    query = (
        select(providers.c.id, providers.c.name, tenants.c.id, tenants.c.name)
        .join(tenants, (tenants.c.id == providers.c.tenant_id) & tenants.c.purging_at.is_(None))
        .where(of, providers.c.enabled)
        .order_by(providers.c.id)
    )
    return [Offer(*row) for row in await tx.sql.execute(query)]


# ---- browsers on their way


async def visits(tx: SystemTx) -> int:
    """How many there are; those whose time is over go."""
    await tx.sql.execute(delete(provider_visits).where(provider_visits.c.expires_at <= tx.now))
    return await tx.sql.scalar(select(func.count()).select_from(provider_visits)) or 0


async def add_visit(tx: SystemTx, visit: Visit, hashed: bytes, binding_hash: bytes) -> None:
    values = {field: getattr(visit, field) for field in Visit.__struct_fields__}
    await tx.sql.execute(insert(provider_visits).values(**values, hash=hashed, binding_hash=binding_hash))


async def take_visit(tx: SystemTx, hashed: bytes, binding_hash: bytes) -> Visit | None:
    """It is used up. None where it is unknown, over, used already, or another browser's: that one keeps it."""
    gone = delete(provider_visits).where(
        provider_visits.c.hash == hashed,
        provider_visits.c.binding_hash == binding_hash,
        provider_visits.c.expires_at > tx.now,
    )
    row = (await tx.sql.execute(gone.returning(*_VISIT))).first()
    return Visit(**row._mapping) if row else None


# ---- whom a provider means


async def person(tx: Tx, provider: UUID, subject: str) -> UUID | None:
    query = select(identities.c.user_id).where(
        identities.c.provider_id == provider, identities.c.subject == subject, identities.c.tenant_id == tx.tenant
    )
    found: UUID | None = await tx.sql.scalar(query)
    return found


async def is_known(tx: Tx, provider: UUID, user: UUID) -> bool:
    """Whether the provider means this person by some `sub` already."""
    query = select(identities.c.subject).where(
        identities.c.provider_id == provider, identities.c.user_id == user, identities.c.tenant_id == tx.tenant
    )
    return (await tx.sql.execute(query.limit(1))).first() is not None


async def add_identity(tx: Tx, provider: UUID, subject: str, user: UUID) -> None:
    row = {"provider_id": provider, "subject": subject, "tenant_id": tx.tenant, "user_id": user}
    await tx.sql.execute(insert(identities).values(**row, created_at=tx.now, used_at=tx.now))


async def used(tx: Tx, provider: UUID, subject: str) -> None:
    mine = (identities.c.provider_id == provider, identities.c.subject == subject, identities.c.tenant_id == tx.tenant)
    await tx.sql.execute(update(identities).where(*mine).values(used_at=tx.now))


async def forget(tx: Tx, user: UUID) -> None:
    """No provider of this tenant means this person any more."""
    await tx.sql.execute(delete(identities).where(identities.c.tenant_id == tx.tenant, identities.c.user_id == user))


# ---- keys


async def sealed(tx: SystemTx) -> Sequence[Sealed]:
    """Of every tenant, locked."""
    query = select(providers.c.id, providers.c.tenant_id, providers.c.client_secret_sealed).order_by(providers.c.id)
    return [Sealed(*row) for row in await tx.sql.execute(query.with_for_update())]


async def keep_sealed(tx: SystemTx, provider: UUID, sealed: bytes) -> None:
    await tx.sql.execute(update(providers).where(providers.c.id == provider).values(client_secret_sealed=sealed))


def _provider(row: Row[Any]) -> Provider:
    return Provider(**row._mapping)
