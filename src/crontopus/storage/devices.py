"""Machines that wait to be signed in: what they ask with, and what was decided. Codes are kept as hashes."""

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct
from sqlalchemy import delete, func, insert, select, update

from crontopus.domain.ids import NOWHERE
from crontopus.storage.database import SystemTx
from crontopus.storage.tables import device_codes


class Device(Struct, frozen=True, kw_only=True):
    """A row, without its hashes. `asked_at`: when the machine last asked how it stands."""

    id: UUID
    name: str
    address: str | None
    user_agent: str | None
    created_at: datetime
    expires_at: datetime
    interval: timedelta
    asked_at: datetime | None = None
    allowed: bool | None = None
    user_id: UUID | None = None
    tenant_id: UUID = NOWHERE
    provider_id: UUID | None = None


_COLUMNS = [device_codes.c[field] for field in Device.__struct_fields__]


async def waiting(tx: SystemTx) -> int:
    """How many there are; those whose time is over go."""
    await tx.sql.execute(delete(device_codes).where(device_codes.c.expires_at <= tx.now))
    return await tx.sql.scalar(select(func.count()).select_from(device_codes)) or 0


async def add(tx: SystemTx, device: Device, hashed: bytes, user_code_hash: bytes) -> None:
    values = {field: getattr(device, field) for field in Device.__struct_fields__}
    await tx.sql.execute(insert(device_codes).values(**values, hash=hashed, user_code_hash=user_code_hash))


async def by_user_code(tx: SystemTx, user_code_hash: bytes) -> Device | None:
    """One that nobody has decided about, locked. None where its time is over."""
    query = select(*_COLUMNS).where(
        device_codes.c.user_code_hash == user_code_hash,
        device_codes.c.expires_at > tx.now,
        device_codes.c.allowed.is_(None),
    )
    row = (await tx.sql.execute(query.with_for_update())).first()
    return Device(**row._mapping) if row else None


async def by_code(tx: SystemTx, hashed: bytes) -> Device | None:
    """Locked. None where its time is over."""
    query = select(*_COLUMNS).where(device_codes.c.hash == hashed, device_codes.c.expires_at > tx.now)
    row = (await tx.sql.execute(query.with_for_update())).first()
    return Device(**row._mapping) if row else None


async def decide(
    tx: SystemTx, device: UUID, allowed: bool, user: UUID, tenant: UUID, provider: UUID | None = None
) -> None:
    """`provider`: the person had come by this provider of the tenant."""
    changed = update(device_codes).where(device_codes.c.id == device)
    values = {"allowed": allowed, "user_id": user, "tenant_id": tenant, "provider_id": provider}
    await tx.sql.execute(changed.values(values))


async def asked(tx: SystemTx, device: UUID, interval: timedelta) -> None:
    """Now; from now on it waits so long."""
    changed = update(device_codes).where(device_codes.c.id == device)
    await tx.sql.execute(changed.values(asked_at=tx.now, interval=interval))


async def remove(tx: SystemTx, device: UUID) -> None:
    await tx.sql.execute(delete(device_codes).where(device_codes.c.id == device))
