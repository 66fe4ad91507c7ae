"""All that a tenant has, table by table, as it may be given to its owner: without anything that opens something."""

import zlib
from datetime import timedelta
from typing import Any

from sqlalchemy import LargeBinary, Table, literal, select, tuple_

from crontopus.storage.database import Tx
from crontopus.storage.tables import (
    audit_heads,
    device_codes,
    events,
    export_parts,
    exports,
    idempotency,
    metadata,
    outputs,
    sessions,
    tenants,
)

Place = tuple[Any, ...]

BATCH = 500
_NOT_TOLD = {
    table.name
    for table in (
        device_codes,  # of machines that wait to be signed in
        audit_heads,  # follows from the log
        events,  # of the last hour, and of use to live streams alone
        exports,
        export_parts,
        idempotency,
        sessions,  # of people, in whichever tenant they are
    )
}
_SECRET = frozenset({"ping_uuid", "secret", "claim"})
"""Columns that let their holder in, as does whatever is stored as bytes: hashes, sealed things."""
TABLES = [table.name for table in metadata.sorted_tables if "tenant_id" in table.c and table.name not in _NOT_TOLD]


async def batch(tx: Tx, name: str, after: Place | None) -> tuple[list[dict[str, Any]], Place | None]:
    """Rows of one table, in the order of its key, those behind `after`; and where the rest begins, if there is more."""
    table = metadata.tables[name]
    key = list(table.primary_key.columns)
    query = select(table).where(table.c.tenant_id == tx.tenant).order_by(*key).limit(BATCH)
    if after is not None:
        place = (literal(value, column.type) for value, column in zip(after, key, strict=True))
        query = query.where(tuple_(*key) > tuple_(*place))
    found = (await tx.sql.execute(query)).all()
    last = tuple(found[-1]._mapping[column.name] for column in key) if len(found) == BATCH else None
    return [_told(table, row._mapping) for row in found], last


async def about(tx: Tx) -> list[dict[str, Any]]:
    """The tenant itself."""
    found = (await tx.sql.execute(select(tenants).where(tenants.c.id == tx.tenant))).all()
    return [_told(tenants, row._mapping) for row in found]


def _told(table: Table, row: Any) -> dict[str, Any]:
    told = {
        column.name: _plain(row[column.name])
        for column in table.c
        if column.name not in _SECRET and not isinstance(column.type, LargeBinary)
    }
    if table is outputs:
        told |= {end: zlib.decompress(row[end]).decode(errors="replace") for end in ("head", "tail")}
    return told


def _plain(value: Any) -> Any:
    """Durations in seconds, as in the API."""
    return value.total_seconds() if isinstance(value, timedelta) else value
