"""What was done anywhere: the logs of all tenants and of the installation itself."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import Struct

from crontopus.api import shown
from crontopus.api.arguments import Cursor, Limit, Parts
from crontopus.api.audit import BATCH, MEDIA_TYPES, NDJSON, WANTED, Format, Wanted, exported
from crontopus.api.parts import Parts as Assembly
from crontopus.api.principal import needs
from crontopus.api.reading import page_of, place_of
from crontopus.domain.access import Scope
from crontopus.domain.ids import NOWHERE
from crontopus.engine import audit as engine
from crontopus.storage import audit
from crontopus.storage.audit import Filter
from crontopus.wire.audit import SystemAuditEntry, SystemAuditVerdict
from crontopus.wire.common import Page

Whose = Annotated[
    UUID | None,
    QueryParameter(
        name="tenant", description=f"Only of this tenant's log, by its id; `{NOWHERE}`: of the installation's own."
    ),
]


class _Before(Struct, forbid_unknown_fields=True):
    at: datetime
    tenant: UUID
    position: int


def _place(told: audit.Told) -> _Before:
    return _Before(told.entry.at, told.tenant, told.entry.position)


@get("/admin/audit", operation_id="admin_audit", opt=needs(Scope.INSTALLATION_READ), dependencies=WANTED)
async def listed(
    parts: Parts,
    wanted: Wanted,
    whose: Whose = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[SystemAuditEntry]:
    """List what was done anywhere, newest first."""
    before = place_of(cursor, _Before)
    place = (before.at, before.tenant, before.position) if before else None
    async with parts.db.read_all() as tx:
        found = await audit.listed_of_all(tx, whose, wanted, place, limit + 1)
    return page_of(found, limit, shown.system_audit_entry, _place)


@get(
    "/admin/audit/export",
    operation_id="export_admin_audit",
    opt={**needs(Scope.INSTALLATION_READ), "media_types": tuple(MEDIA_TYPES.values())},
    media_type="application/x-ndjson",
    dependencies=WANTED,
)
async def export(
    parts: Parts,
    wanted: Wanted,
    whose: Whose = None,
    form: Format = NDJSON,
) -> Stream:
    """Export what was done anywhere, newest first.

    One entry a line, as JSON or CSV; `changes` is JSON in both.
    """
    return exported(form, SystemAuditEntry, _pages(parts, whose, wanted))


@get("/admin/audit/verify", operation_id="verify_admin_audit", opt=needs(Scope.INSTALLATION_READ))
async def verify(parts: Parts) -> Page[SystemAuditVerdict]:
    """Check all logs.

    Reads all of each; one that does not hold says from which entry on.
    """
    return Page(items=[shown.system_audit_verdict(*one) for one in await engine.verify_all(parts.db)])


async def _pages(parts: Assembly, whose: UUID | None, wanted: Filter) -> AsyncIterator[list[SystemAuditEntry]]:
    """In short transactions: whoever reads slowly holds up nobody."""
    place: audit.Place | None = None
    while True:
        async with parts.db.read_all() as tx:
            found = await audit.listed_of_all(tx, whose, wanted, place, BATCH)
        yield [shown.system_audit_entry(one) for one in found]
        if len(found) < BATCH:
            return
        last = found[-1]
        place = (last.entry.at, last.tenant, last.entry.position)


ROUTES = [listed, export, verify]
