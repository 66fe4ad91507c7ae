"""The audit log: what was done in the tenant, by whom, and whether the log still says so."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import Struct, to_builtins

from crontopus.api import shown
from crontopus.api.arguments import Caller, Cursor, Limit, Parts
from crontopus.api.parts import Parts as Assembly
from crontopus.api.principal import needs, never_as_another
from crontopus.api.reading import page_of, place_of
from crontopus.domain.access import Principal, Scope
from crontopus.engine import audit as engine
from crontopus.engine import schedules
from crontopus.storage import audit
from crontopus.storage.audit import Filter
from crontopus.wire.audit import AuditEntry, AuditVerdict
from crontopus.wire.common import Page
from crontopus.wire.encoding import encoded

BATCH = 500
NDJSON, CSV = "ndjson", "csv"
MEDIA_TYPES = {NDJSON: "application/x-ndjson", CSV: "text/csv"}

_Actor = Annotated[
    str | None, QueryParameter(description="Only of this person (by address) or `token <name>`.", max_length=300)
]
_Action = Annotated[str | None, QueryParameter(description="Only of this kind: `job.edit`.", max_length=100)]
_Subject = Annotated[UUID | None, QueryParameter(name="target", description="Only what was done to this, by its id.")]
_Since = Annotated[datetime | None, QueryParameter(description="Only from this instant on.")]
_Until = Annotated[datetime | None, QueryParameter(description="Only before this instant.")]
Format = Annotated[str, QueryParameter(name="format", description="`ndjson` or `csv`.", enum=[NDJSON, CSV])]


def _wanted(
    actor: _Actor = None, action: _Action = None, subject: _Subject = None, since: _Since = None, until: _Until = None
) -> Filter:
    return Filter(
        actor=actor,
        action=action,
        target=subject,
        since=None if since is None else schedules.utc(since, "/since"),
        until=None if until is None else schedules.utc(until, "/until"),
    )


Wanted = NamedDependency[Filter]
WANTED = {"wanted": Provide(_wanted, sync_to_thread=False)}
"""For routes that take `Wanted`: which entries, by the query."""


class _Before(Struct, forbid_unknown_fields=True):
    position: int


@get("/audit", operation_id="audit", opt=needs(Scope.AUDIT_READ), dependencies=WANTED)
async def listed(
    caller: Caller,
    parts: Parts,
    wanted: Wanted,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AuditEntry]:
    """List what was done, newest first."""
    caller.require_all_jobs()
    before = place_of(cursor, _Before)
    async with parts.db.read(caller.tenant) as tx:
        found = await audit.listed(tx, wanted, before.position if before else None, limit + 1)
    return page_of(found, limit, shown.audit_entry, lambda one: _Before(one.position))


@get(
    "/audit/export",
    operation_id="export_audit",
    opt={**never_as_another(needs(Scope.AUDIT_READ)), "media_types": tuple(MEDIA_TYPES.values())},
    media_type="application/x-ndjson",
    dependencies=WANTED,
)
async def export(
    caller: Caller,
    parts: Parts,
    wanted: Wanted,
    form: Format = NDJSON,
) -> Stream:
    """Export the log, newest first.

    One entry a line, as JSON or CSV; `changes` is JSON in both.
    """
    caller.require_all_jobs()
    return exported(form, AuditEntry, _pages(parts, caller, wanted))


@get("/audit/verify", operation_id="verify_audit", opt=needs(Scope.AUDIT_READ))
async def verify(caller: Caller, parts: Parts) -> AuditVerdict:
    """Check the log.

    Reads all of it: each entry is chained to the one before it by a hash.
    """
    caller.require_all_jobs()
    async with parts.db.read(caller.tenant) as tx:
        found = await engine.verify(tx)
    return AuditVerdict(entries=found.entries, broken=found.broken, why=found.why)


async def _pages(parts: Assembly, caller: Principal, wanted: Filter) -> AsyncIterator[list[AuditEntry]]:
    """In short transactions: whoever reads slowly holds up nobody."""
    before: int | None = None
    while True:
        async with parts.db.read(caller.tenant) as tx:
            found = await audit.listed(tx, wanted, before, BATCH)
        yield [shown.audit_entry(one) for one in found]
        if len(found) < BATCH:
            return
        before = found[-1].position


def exported(form: str, kind: type[AuditEntry], pages: AsyncIterator[Sequence[AuditEntry]]) -> Stream:
    """One entry a line, as `form` says."""
    lines = _csv(kind, pages) if form == CSV else _ndjson(pages)
    return Stream(lines, headers={"Content-Type": MEDIA_TYPES.get(form, MEDIA_TYPES[NDJSON])})


async def _ndjson(pages: AsyncIterator[Sequence[AuditEntry]]) -> AsyncIterator[bytes]:
    async for page in pages:
        yield b"".join(encoded(entry) + b"\n" for entry in page)


async def _csv(kind: type[AuditEntry], pages: AsyncIterator[Sequence[AuditEntry]]) -> AsyncIterator[bytes]:
    fields = kind.__struct_fields__
    yield (",".join(fields) + "\n").encode()
    async for page in pages:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([_cell(to_builtins(entry)[field]) for field in fields] for entry in page)
        yield text.getvalue().encode()


def _cell(value: Any) -> Any:
    """A spreadsheet takes what begins with one of these for a formula: names are anybody's to choose."""
    if isinstance(value, dict):
        return encoded(value).decode()
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


ROUTES = [listed, export, verify]
