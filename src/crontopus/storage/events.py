"""The live stream: what changed, in an order in which nothing that commits late is passed over."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, literal_column, select, tuple_
from sqlalchemy import true as always

from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.statements import event_insert
from crontopus.storage.tables import events
from crontopus.storage.touched import Touched, touch


class Position(Struct, frozen=True, order=True):
    """Where a reader stands: behind the first `index` changes of a row.

    `transaction` is 0 on SQLite, where rows are numbered in the order of commits.
    """

    transaction: int
    position: int
    index: int


class Change(Struct, frozen=True, kw_only=True):
    """One change of a row; `place` is behind it."""

    place: Position
    noun: str
    subject_id: UUID
    job_id: UUID | None
    version: int
    at: datetime


async def add(tx: Tx, job: UUID, version: int) -> None:
    """Tell of a job that changed beside its watch."""
    rows: dict[UUID, Any] = {}
    touch(rows, tx.tenant, Touched(job, version), tx.now)
    await tx.sql.execute(event_insert(tx.sql.dialect.name), rows[tx.tenant])


async def tell(tx: SystemTx, told: Iterable[tuple[UUID, Touched]]) -> None:
    """Of alerts and their messages, each with its tenant."""
    rows: dict[UUID, Any] = {}
    for tenant, touched in told:
        touch(rows, tenant, touched, tx.now)
    if rows:
        await tx.sql.execute(event_insert(tx.sql.dialect.name), list(rows.values()))


async def after(tx: Tx, place: Position, limit: int) -> Sequence[Change]:
    """The tenant's changes behind `place`, oldest first; of transactions that no older one can precede any more.

    All of a row, and of at most `limit` rows.
    """
    query = (
        select(events.c.transaction, events.c.position, events.c.touched, events.c.at)
        .where(events.c.tenant_id == tx.tenant, _not_before(place), _settled(tx))
        .order_by(events.c.transaction, events.c.position)
        .limit(limit)
    )
    rows = (await tx.sql.execute(query)).all()
    return [change for row in rows for change in _changes(row) if change.place > place]


def _changes(row: Any) -> Iterator[Change]:
    """A job before its runs, an alert before its messages; in the order in which they were touched."""
    told = ((touched, noun, id) for touched in row.touched for noun, id in _subjects(touched))
    for index, (touched, noun, id) in enumerate(told, 1):
        yield Change(
            place=Position(row.transaction, row.position, index),
            noun=noun,
            subject_id=id,
            job_id=touched.id if touched.noun == "job" else touched.job,
            version=touched.version,
            at=row.at,
        )


def _subjects(touched: Touched) -> list[tuple[str, UUID]]:
    parts = [("run", run) for run in touched.runs] + [("notification", each) for each in touched.notifications]
    return [(touched.noun, touched.id), *parts]


async def newest(tx: Tx) -> Position:
    """Where the stream of this tenant stands now."""
    query = (
        select(events.c.transaction, events.c.position, events.c.touched)
        .where(events.c.tenant_id == tx.tenant, _settled(tx))
        .order_by(events.c.transaction.desc(), events.c.position.desc())
        .limit(1)
    )
    row = (await tx.sql.execute(query)).first()
    if row is None:
        return Position(0, 0, 0)
    return Position(row.transaction, row.position, sum(len(_subjects(touched)) for touched in row.touched))


async def has(tx: Tx, place: Position) -> bool:
    """Whether the change at `place` is still there: then everything behind it is too."""
    query = select(events.c.position).where(
        events.c.tenant_id == tx.tenant,
        events.c.transaction == place.transaction,
        events.c.position == place.position,
    )
    return (await tx.sql.execute(query)).first() is not None


def _not_before(place: Position) -> ColumnElement[bool]:
    return tuple_(events.c.transaction, events.c.position) >= (place.transaction, place.position)


def _settled(tx: Tx) -> ColumnElement[bool]:
    """PostgreSQL hands out transaction numbers before commit: those below `xmin` are all committed or gone."""
    if tx.sql.dialect.name != "postgresql":
        return always()
    xmin: ColumnElement[Any] = literal_column("(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint", BigInteger)
    return events.c.transaction < xmin
