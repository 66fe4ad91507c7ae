"""The live stream's table: what changed, in an order in which nothing that commits late is passed over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, literal_column, select, tuple_
from sqlalchemy import true as always

from crontopus.storage.database import Tx
from crontopus.storage.statements import event_insert
from crontopus.storage.tables import events
from crontopus.storage.watches import event_row


class Position(Struct, frozen=True, order=True):
    """Where a reader stands. `transaction` is 0 on SQLite, where positions are given in the order of commits."""

    transaction: int
    position: int


class Change(Struct, frozen=True, kw_only=True):
    """A row."""

    transaction: int
    position: int
    noun: str
    subject_id: UUID
    job_id: UUID | None
    version: int
    at: datetime

    @property
    def place(self) -> Position:
        return Position(self.transaction, self.position)


async def add(tx: Tx, noun: str, subject: UUID, job: UUID | None, version: int) -> None:
    row = event_row(tx.tenant, noun, subject, job, version, tx.now)
    await tx.sql.execute(event_insert(tx.sql.dialect.name), row)


async def after(tx: Tx, place: Position, limit: int) -> Sequence[Change]:
    """The tenant's changes behind `place`, oldest first; of transactions that no older one can precede any more."""
    query = (
        select(*(events.c[field] for field in Change.__struct_fields__))
        .where(events.c.tenant_id == tx.tenant, _behind(place), _settled(tx))
        .order_by(events.c.transaction, events.c.position)
        .limit(limit)
    )
    return [Change(**row._mapping) for row in await tx.sql.execute(query)]


async def newest(tx: Tx) -> Position:
    """Where the stream of this tenant stands now."""
    query = (
        select(events.c.transaction, events.c.position)
        .where(events.c.tenant_id == tx.tenant, _settled(tx))
        .order_by(events.c.transaction.desc(), events.c.position.desc())
        .limit(1)
    )
    row = (await tx.sql.execute(query)).first()
    return Position(*row) if row else Position(0, 0)


async def has(tx: Tx, place: Position) -> bool:
    """Whether the change at `place` is still there: then everything behind it is too."""
    query = select(events.c.position).where(
        events.c.tenant_id == tx.tenant,
        events.c.transaction == place.transaction,
        events.c.position == place.position,
    )
    return (await tx.sql.execute(query)).first() is not None


def _behind(place: Position) -> ColumnElement[bool]:
    return tuple_(events.c.transaction, events.c.position) > (place.transaction, place.position)


def _settled(tx: Tx) -> ColumnElement[bool]:
    """PostgreSQL hands out transaction numbers before commit: those below `xmin` are all committed or gone."""
    if tx.sql.dialect.name != "postgresql":
        return always()
    xmin: ColumnElement[Any] = literal_column("(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint", BigInteger)
    return events.c.transaction < xmin
