"""Links with which somebody chooses a new password; kept as hashes of their codes, found by them."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import delete, insert, select

from crontopus.storage.database import SystemTx
from crontopus.storage.tables import resets, users


class Reset(Struct, frozen=True, kw_only=True):
    """A row, without its hash, and the address of whose password it is."""

    user_id: UUID
    email: str
    made_by: str
    made_at: datetime
    expires_at: datetime


async def put(tx: SystemTx, user: UUID, hashed: bytes, made_by: str, expires_at: datetime) -> None:
    """In the place of an older one."""
    await remove(tx, user)
    values = {"hash": hashed, "made_by": made_by, "made_at": tx.now, "expires_at": expires_at}
    await tx.sql.execute(insert(resets).values(user_id=user, **values))


async def made_at(tx: SystemTx, user: UUID) -> datetime | None:
    """When the last one was made; None where there is none."""
    found: datetime | None = await tx.sql.scalar(select(resets.c.made_at).where(resets.c.user_id == user))
    return found


async def opened(tx: SystemTx, hashed: bytes) -> Reset | None:
    """None where it is unknown, replaced, over, or used. Locked, so that one link is used once."""
    query = (
        select(resets.c.user_id, users.c.email, resets.c.made_by, resets.c.made_at, resets.c.expires_at)
        .join(users, users.c.id == resets.c.user_id)
        .where(resets.c.hash == hashed, resets.c.expires_at > tx.now)
        .with_for_update(of=resets)
    )
    row = (await tx.sql.execute(query)).first()
    return Reset(**row._mapping) if row else None


async def remove(tx: SystemTx, user: UUID) -> None:
    await tx.sql.execute(delete(resets).where(resets.c.user_id == user))
