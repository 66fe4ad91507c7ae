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
from crontopus.api.audit import (
    BATCH,
    MEDIA_TYPES,
    NDJSON,
    Action,
    Actor,
    Format,
    Since,
    Subject,
    Until,
    exported,
    filter_of,
)
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


@get("/admin/audit", operation_id="admin_audit", opt=needs(Scope.INSTALLATION_READ))
async def listed(
    parts: Parts,
    whose: Whose = None,
    actor: Actor = None,
    action: Action = None,
    subject: Subject = None,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[SystemAuditEntry]:
    """List what was done anywhere, newest first."""
    before, wanted = place_of(cursor, _Before), filter_of(actor, action, subject, since, until)
    place = (before.at, before.tenant, before.position) if before else None
    async with parts.db.read_all() as tx:
        found = await audit.listed_of_all(tx, whose, wanted, place, limit + 1)
    return page_of(found, limit, shown.system_audit_entry, _place)


@get(
    "/admin/audit/export",
    operation_id="export_admin_audit",
    opt={**needs(Scope.INSTALLATION_READ), "media_types": tuple(MEDIA_TYPES.values())},
    media_type="application/x-ndjson",
)
async def export(
    parts: Parts,
    whose: Whose = None,
    actor: Actor = None,
    action: Action = None,
    subject: Subject = None,
    since: Since = None,
    until: Until = None,
    form: Format = NDJSON,
) -> Stream:
    """Export what was done anywhere, newest first.

    One entry a line, as JSON or CSV; `changes` is JSON in both.
    """
    wanted = filter_of(actor, action, subject, since, until)
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
