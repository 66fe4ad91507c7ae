"""What shows whether a secret key is the one of this database: a known text, sealed."""

import base64
from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.storage.database import SystemTx
from crontopus.storage.tables import namespaces, settings

_NAME = "secret_key_check"


class SealedKey(Struct, frozen=True):
    """The ping key of a namespace."""

    tenant: UUID
    namespace: UUID
    sealed: bytes


async def find(tx: SystemTx) -> bytes | None:
    """None where no key was ever used here."""
    kept = await tx.sql.scalar(select(settings.c.value).where(settings.c.name == _NAME))
    return None if kept is None else base64.b64decode(kept)


async def keep(tx: SystemTx, sealed: bytes) -> bytes:
    """Unless another process was quicker: what is kept now."""
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    statement = make(settings).values(name=_NAME, value=base64.b64encode(sealed).decode())
    await tx.sql.execute(statement.on_conflict_do_nothing(index_elements=["name"]))
    return await find(tx) or sealed


async def replace(tx: SystemTx, sealed: bytes) -> None:
    value = base64.b64encode(sealed).decode()
    await tx.sql.execute(update(settings).where(settings.c.name == _NAME).values(value=value))


async def ping_keys(tx: SystemTx) -> Sequence[SealedKey]:
    """Of every tenant, locked."""
    query = select(namespaces.c.tenant_id, namespaces.c.id, namespaces.c.ping_key_sealed)
    rows = await tx.sql.execute(query.order_by(namespaces.c.id).with_for_update())
    return [SealedKey(*row) for row in rows]


async def keep_ping_key(tx: SystemTx, namespace: UUID, sealed: bytes) -> None:
    await tx.sql.execute(update(namespaces).where(namespaces.c.id == namespace).values(ping_key_sealed=sealed))
