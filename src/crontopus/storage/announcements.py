"""Announcements: what those who run the installation tell people, and who has put it away."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Row, and_, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.domain.announcements import Weight
from crontopus.domain.errors import NotFound
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import announcements, dismissals

MOST = 200
"""Of all that stand there: they are few, and read whole."""


class Announcement(Struct, frozen=True, kw_only=True):
    """A row. `until` None: until it is removed. `tenants` are ids; empty: everybody."""

    id: UUID
    text: str
    severity: Weight
    since: datetime
    until: datetime | None
    tenants: list[str]
    made_by: str
    made_at: datetime

    def is_shown(self, now: datetime) -> bool:
        return self.since <= now and (self.until is None or now < self.until)


_COLUMNS = [announcements.c[field] for field in Announcement.__struct_fields__]


async def add(tx: SystemTx, made: Announcement) -> None:
    values = {field: getattr(made, field) for field in Announcement.__struct_fields__}
    await tx.sql.execute(insert(announcements).values(values))


async def listed(tx: SystemTx) -> Sequence[Announcement]:
    """Newest first."""
    rows = await tx.sql.execute(select(*_COLUMNS).order_by(announcements.c.id.desc()).limit(MOST))
    return [_announcement(row) for row in rows]


async def current(tx: Tx, user: UUID | None) -> Sequence[Announcement]:
    """Those shown now to the people of this tenant, but for those that `user` has put away; newest first."""
    query = select(*_COLUMNS).where(
        announcements.c.since <= tx.now, or_(announcements.c.until.is_(None), announcements.c.until > tx.now)
    )
    if user is not None:
        mine = and_(dismissals.c.announcement_id == announcements.c.id, dismissals.c.user_id == user)
        query = query.where(~select(dismissals.c.user_id).where(mine).exists())
    rows = await tx.sql.execute(query.order_by(announcements.c.id.desc()).limit(MOST))
    found = [_announcement(row) for row in rows]
    return [one for one in found if not one.tenants or str(tx.tenant) in one.tenants]


async def lock(tx: SystemTx, id: UUID) -> Announcement:
    """Nobody else changes it until the transaction ends. Raises NotFound."""
    row = (await tx.sql.execute(select(*_COLUMNS).where(announcements.c.id == id).with_for_update())).first()
    if row is None:
        raise NotFound("no such announcement")
    return _announcement(row)


async def change(tx: SystemTx, new: Announcement) -> None:
    values = {field: getattr(new, field) for field in Announcement.__struct_fields__}
    await tx.sql.execute(update(announcements).where(announcements.c.id == new.id).values(values))


async def remove(tx: SystemTx, id: UUID) -> None:
    await show_again(tx, id)
    await tx.sql.execute(delete(announcements).where(announcements.c.id == id))


async def dismiss(tx: SystemTx, id: UUID, user: UUID) -> None:
    """This person sees it no more."""
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    await tx.sql.execute(make(dismissals).values(announcement_id=id, user_id=user).on_conflict_do_nothing())


async def show_again(tx: SystemTx, id: UUID) -> None:
    """Also to those who have put it away."""
    await tx.sql.execute(delete(dismissals).where(dismissals.c.announcement_id == id))


def _announcement(row: Row[Any]) -> Announcement:
    return Announcement(**row._mapping)
