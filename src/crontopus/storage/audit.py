"""The audit log: chains of entries, one of each tenant, that are only ever added to."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, bindparam, insert, literal, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.domain.audit import BEGINNING, Deed, Doer, Entry, Happened, Target, link
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import audit, audit_heads, tenants

_BATCH = 1000


class Head(Struct, frozen=True):
    """The newest entry of a chain; of an empty one position 0."""

    position: int
    hash: bytes


class Filter(Struct, frozen=True, kw_only=True):
    """What is looked for; None: anything. `since` and `until` are instants, the second excluded."""

    actor: str | None = None
    action: str | None = None
    target: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


async def add(tx: Tx, doer: Doer, deeds: Sequence[Deed]) -> None:
    """At the end of the tenant's chain, in this transaction: they are told if and only if they were done."""
    statement, values = head_lock(tx.sql.dialect.name), {"tenant": tx.tenant}
    head = Head(*(await tx.sql.execute(statement, values)).one())
    rows, head = continued(tx.tenant, head, [(tx.now, doer, deed) for deed in deeds])
    await tx.sql.execute(insert(audit), rows)
    await tx.sql.execute(head_move(), {"tenant": tx.tenant, "new_position": head.position, "new_hash": head.hash})


def continued(tenant: UUID, head: Head, told: Iterable[Happened]) -> tuple[list[dict[str, Any]], Head]:
    """The rows that tell of it after `head`, and the head after them."""
    rows = []
    for at, doer, deed in told:
        entry = Entry(head.position + 1, at, doer, deed)
        head = Head(entry.position, link(head.hash, tenant, entry))
        rows.append(_row(tenant, entry, head.hash))
    return rows, head


def head_lock(dialect: str) -> Any:
    """Gives the head of the chain of `tenant`, which nobody else moves until the transaction ends."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    tenant = bindparam("tenant", type_=audit_heads.c.tenant_id.type)
    fresh = make(audit_heads).values(tenant_id=tenant, position=0, hash=BEGINNING)
    # An update that changes nothing locks the row where it is there.
    return fresh.on_conflict_do_update(
        index_elements=["tenant_id"], set_={"tenant_id": audit_heads.c.tenant_id}
    ).returning(audit_heads.c.position, audit_heads.c.hash)


def head_move() -> Any:
    """Puts the head of the chain of `tenant` at `new_position` and `new_hash`."""
    position: Any = bindparam("new_position")
    hashed: Any = bindparam("new_hash", type_=audit_heads.c.hash.type)
    found = audit_heads.c.tenant_id == bindparam("tenant", type_=audit_heads.c.tenant_id.type)
    return update(audit_heads).where(found).values(position=position, hash=hashed)


async def listed(tx: Tx, wanted: Filter, before: int | None, limit: int) -> Sequence[Entry]:
    """Newest first, those before the position `before`."""
    query = select(audit).where(audit.c.tenant_id == tx.tenant, *_conditions(wanted))
    if before is not None:
        query = query.where(audit.c.position < before)
    rows = await tx.sql.execute(query.order_by(audit.c.position.desc()).limit(limit))
    return [_entry(row) for row in rows]


class Told(Struct, frozen=True):
    """An entry of whichever tenant's log; `tenant_name` is None of one that is gone, and of the installation itself."""

    tenant: UUID
    tenant_name: str | None
    entry: Entry


Place = tuple[datetime, UUID, int]
"""Of an entry among those of all logs: when, whose, and its position there."""


async def listed_of_all(
    tx: SystemTx, tenant: UUID | None, wanted: Filter, before: Place | None, limit: int
) -> list[Told]:
    """Of all logs, or of that of `tenant`; newest first, those before the place `before`."""
    query = select(audit, tenants.c.name.label("tenant_name"))
    query = query.outerjoin(tenants, tenants.c.id == audit.c.tenant_id).where(*_conditions(wanted))
    if tenant is not None:
        query = query.where(audit.c.tenant_id == tenant)
    key = (audit.c.at, audit.c.tenant_id, audit.c.position)
    if before is not None:
        place = (literal(value, column.type) for value, column in zip(before, key, strict=True))
        query = query.where(tuple_(*key) < tuple_(*place))
    rows = await tx.sql.execute(query.order_by(*(column.desc() for column in key)).limit(limit))
    return [Told(row.tenant_id, row.tenant_name, _entry(row)) for row in rows]


async def chains(tx: SystemTx) -> Sequence[tuple[UUID, str | None]]:
    """Whose logs there are, with the names of the tenants that are there."""
    query = select(audit_heads.c.tenant_id, tenants.c.name)
    query = query.outerjoin(tenants, tenants.c.id == audit_heads.c.tenant_id).order_by(audit_heads.c.tenant_id)
    return [(row.tenant_id, row.name) for row in await tx.sql.execute(query)]


async def head(tx: Tx) -> Head:
    query = select(audit_heads.c.position, audit_heads.c.hash).where(audit_heads.c.tenant_id == tx.tenant)
    row = (await tx.sql.execute(query)).first()
    return Head(*row) if row else Head(0, BEGINNING)


async def chain(tx: Tx, until: int) -> AsyncIterator[tuple[Entry, bytes]]:
    """Every entry with its hash, from the first to the position `until`, however many there are."""
    place = 0
    while True:
        query = (
            select(audit)
            .where(audit.c.tenant_id == tx.tenant, audit.c.position > place, audit.c.position <= until)
            .order_by(audit.c.position)
            .limit(_BATCH)
        )
        rows = (await tx.sql.execute(query)).all()
        for row in rows:
            yield _entry(row), row.hash
        if len(rows) < _BATCH:
            return
        place = rows[-1].position


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found = (
        (wanted.actor, audit.c.actor.__eq__),
        (wanted.action, audit.c.action.__eq__),
        (wanted.target, audit.c.target_id.__eq__),
        (wanted.since, audit.c.at.__ge__),
        (wanted.until, audit.c.at.__lt__),
    )
    return [holds(value) for value, holds in found if value is not None]


def _row(tenant: UUID, entry: Entry, hashed: bytes) -> dict[str, Any]:
    doer, deed = entry.doer, entry.deed
    return {
        "tenant_id": tenant,
        "position": entry.position,
        "at": entry.at,
        "actor": doer.name,
        "user_id": doer.user,
        "token_id": doer.token,
        "address": doer.address,
        "user_agent": doer.user_agent,
        "via": doer.via,
        "action": deed.action,
        "noun": deed.target.noun,
        "target_id": deed.target.id,
        "target": deed.target.name,
        "changes": deed.changes,
        "hash": hashed,
    }


def _entry(row: Row[Any]) -> Entry:
    doer = Doer(row.actor, row.user_id, row.token_id, row.address, row.user_agent, row.via)
    return Entry(row.position, row.at, doer, Deed(row.action, Target(row.noun, row.target_id, row.target), row.changes))
