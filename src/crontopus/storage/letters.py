"""Letters that wait to be mailed, and what became of those that were. What they say is sealed, and gone once they are
finished."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update

from crontopus.domain.letters import LetterKind
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import letters

LEASE = timedelta(minutes=3)
"""Of whoever sends it."""


class Letter(Struct, frozen=True, kw_only=True):
    """A row. It waits until `finished_at`; `why` is what was said of the last try."""

    id: UUID
    tenant_id: UUID
    about: UUID
    kind: LetterKind
    recipient: str
    sealed: bytes | None
    made_at: datetime
    expires_at: datetime
    tries: int = 0
    next_at: datetime | None = None
    finished_at: datetime | None = None
    delivered: bool = False
    why: str = ""


class Queue(Struct, frozen=True):
    """How many wait, and since when the oldest of them does."""

    waiting: int
    oldest_at: datetime | None


_COLUMNS = [letters.c[field] for field in Letter.__struct_fields__]


async def add(tx: Tx, letter: Letter) -> None:
    await tx.sql.execute(insert(letters).values({field: getattr(letter, field) for field in Letter.__struct_fields__}))


async def of(tx: Tx, about: Sequence[UUID]) -> dict[UUID, Letter]:
    """The newest about each of these."""
    query = select(*_COLUMNS).where(letters.c.tenant_id == tx.tenant, letters.c.about.in_(about))
    rows = await tx.sql.execute(query.order_by(letters.c.id))
    return {row.about: Letter(**row._mapping) for row in rows}


async def drop(tx: Tx, about: UUID) -> None:
    """What is not sent yet about this is not sent any more, and nothing is known of what was."""
    await tx.sql.execute(delete(letters).where(letters.c.tenant_id == tx.tenant, letters.c.about == about))


async def is_due(tx: SystemTx, claimer: UUID, *, alone: bool) -> bool:
    query = select(letters.c.id).where(_due(tx, claimer, alone)).limit(1)
    return (await tx.sql.execute(query)).first() is not None


async def claim(tx: SystemTx, claimer: UUID, limit: int, *, alone: bool) -> Sequence[Letter]:
    """Some that are due, which are `claimer`'s until the lease ends; each counts as a try. `alone`: nobody else can be
    sending.
    """
    query = select(letters.c.id).where(_due(tx, claimer, alone)).order_by(letters.c.next_at).limit(limit)
    ids = (await tx.sql.scalars(query.with_for_update(skip_locked=True))).all()
    claimed = update(letters).where(letters.c.id.in_(ids))
    await tx.sql.execute(claimed.values(claim=claimer, claimed_until=tx.now + LEASE, tries=letters.c.tries + 1))
    rows = await tx.sql.execute(select(*_COLUMNS).where(letters.c.id.in_(ids)).order_by(letters.c.id))
    return [Letter(**row._mapping) for row in rows]


async def finish(tx: SystemTx, letter: UUID, *, delivered: bool, why: str = "") -> None:
    values: dict[str, Any] = {"sealed": None, "next_at": None, "finished_at": tx.now, "claimed_until": None}
    await tx.sql.execute(update(letters).where(letters.c.id == letter).values(delivered=delivered, why=why, **values))


async def put_off(tx: SystemTx, letter: UUID, until: datetime, why: str) -> None:
    values: dict[str, Any] = {"next_at": until, "claimed_until": None, "why": why}
    await tx.sql.execute(update(letters).where(letters.c.id == letter).values(values))


async def queue(tx: SystemTx) -> Queue:
    query = select(func.count(), func.min(letters.c.made_at)).where(letters.c.next_at.is_not(None))
    return Queue(*(await tx.sql.execute(query)).one())


async def in_trouble(tx: SystemTx, limit: int) -> Sequence[Letter]:
    """Those that were not delivered at their last try, newest first."""
    query = select(*_COLUMNS).where(letters.c.why != "", letters.c.delivered.is_(False))
    return [Letter(**row._mapping) for row in await tx.sql.execute(query.order_by(letters.c.id.desc()).limit(limit))]


async def forget(tx: SystemTx, finished_before: datetime, limit: int) -> int:
    old = select(letters.c.id).where(letters.c.finished_at < finished_before).limit(limit)
    return (await tx.sql.execute(delete(letters).where(letters.c.id.in_(old)))).rowcount


async def sealed(tx: SystemTx) -> Sequence[Letter]:
    """All that can still be opened."""
    rows = await tx.sql.execute(select(*_COLUMNS).where(letters.c.sealed.is_not(None)).order_by(letters.c.id))
    return [Letter(**row._mapping) for row in rows]


async def keep_sealed(tx: SystemTx, letter: UUID, value: bytes) -> None:
    await tx.sql.execute(update(letters).where(letters.c.id == letter).values(sealed=value))


def _due(tx: SystemTx, claimer: UUID, alone: bool) -> ColumnElement[bool]:
    free = or_(letters.c.claimed_until.is_(None), letters.c.claimed_until < tx.now)
    if alone:
        free = or_(free, letters.c.claim != claimer)
    return (letters.c.next_at <= tx.now) & free
