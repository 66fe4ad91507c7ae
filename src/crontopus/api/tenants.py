"""The tenants of a person; and what their owners do with the one they are in."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.response import Stream

from crontopus.api import shown
from crontopus.api.admin.impersonations import Before
from crontopus.api.arguments import Caller, Cursor, Limit, Parts
from crontopus.api.principal import FOR_SIGNED_IN, needs, needs_even_closed, needs_owner
from crontopus.api.reading import Body, page_of, place_of
from crontopus.domain.access import Scope
from crontopus.domain.errors import Conflict
from crontopus.domain.ids import NOWHERE
from crontopus.engine import accounts, exports, namespaces
from crontopus.engine import tenants as engine
from crontopus.engine.credentials import require_still
from crontopus.storage import exports as stored
from crontopus.storage import impersonations, tenants
from crontopus.storage.members import Home
from crontopus.wire.common import Page
from crontopus.wire.impersonations import Impersonation
from crontopus.wire.people import Tenant, TenantPatch
from crontopus.wire.tenants import Export, TenantInfo

ExportId = Annotated[UUID, PathParameter(description="The export's id.")]


@get("/tenants", operation_id="tenants", opt=FOR_SIGNED_IN)
async def listed(caller: Caller, parts: Parts) -> Page[Tenant]:
    """List the tenants that one belongs to, by name.

    A token belongs to one.
    """
    async with parts.db.read_all() as tx:
        if caller.user is not None and caller.session is not None:
            return Page(items=[shown.home(one, caller) for one in await accounts.own_tenants(tx, caller, caller.user)])
        if caller.tenant == NOWHERE:
            return Page(items=[])
        own = await tenants.find(tx, caller.tenant)
    home = Home(own.id, own.name, caller.role, own.require_second_factor, own.standing)
    return Page(items=[shown.home(home, caller)])


@get("/tenants/current", operation_id="tenant", opt=needs_even_closed(Scope.JOBS_READ))
async def current(caller: Caller, parts: Parts) -> TenantInfo:
    """Read the tenant."""
    async with parts.db.read(caller.tenant) as tx:
        return shown.tenant(await tenants.own(tx))


@patch(
    "/tenants/current",
    operation_id="edit_tenant",
    opt=needs(Scope.TENANT_WRITE),
    dependencies={"changes": Body(TenantPatch)},
)
async def edit(caller: Caller, parts: Parts, changes: NamedDependency[TenantPatch]) -> TenantInfo:
    """Change the tenant.

    With `require_second_factor` members without one may do nothing here but set one up. Only an owner says so, who has
    one. With `forbid_impersonation`, which an owner says, too, nobody who runs the installation looks at the tenant as
    one of its members.
    """
    caller.require_all_jobs()
    async with parts.db.write_all() as tx:
        changed = await engine.edit(tx, caller, caller.tenant, changes)
    await namespaces.follow(parts.db, caller.tenant)
    return shown.tenant(changed)


@delete("/tenants/current", operation_id="delete_tenant", opt=needs_owner(), status_code=200)
async def remove(caller: Caller, parts: Parts) -> TenantInfo:
    """Delete the tenant.

    Only an owner does. For 14 days an owner can restore it, and check-ins are stored; then all of it is removed.
    """
    async with parts.db.write_all() as tx:
        return shown.tenant(await engine.own(tx, caller, engine.delete))


@post(
    "/tenants/current/restore",
    operation_id="restore_tenant",
    opt=needs_owner(),
    status_code=200,
)
async def restore(caller: Caller, parts: Parts) -> TenantInfo:
    """Have a deleted tenant back.

    Only an owner does.
    """
    async with parts.db.write_all() as tx:
        return shown.tenant(await engine.own(tx, caller, engine.restore))


@get("/tenants/current/exports", operation_id="exports", opt=needs_owner())
async def listed_exports(caller: Caller, parts: Parts) -> Page[Export]:
    """List the exports of the tenant, newest first.

    Those under way, and those that can be downloaded.
    """
    async with parts.db.read(caller.tenant) as tx:
        return Page(items=[shown.export(one) for one in await stored.listed(tx)])


@post(
    "/tenants/current/exports",
    operation_id="export_tenant",
    opt=needs_owner(),
    status_code=202,
)
async def ask(caller: Caller, parts: Parts) -> Export:
    """Export all that the tenant has.

    It is written in the background. Only an owner does.
    """
    caller.require_confirmed(parts.db.clock())
    async with parts.db.write(caller.tenant) as tx:
        await require_still(tx, caller)
        return shown.export(await exports.ask(tx, caller))


@get(
    "/tenants/current/exports/{export:uuid}/content",
    operation_id="download_export",
    opt={**needs_owner(), "media_types": ("application/zip",)},
    media_type="application/zip",
)
async def download(caller: Caller, parts: Parts, export: ExportId) -> Stream:
    """Download an export.

    A zip of NDJSON files, with a manifest. The address is good until `expires_at`.
    """
    caller.require_confirmed(parts.db.clock())
    async with parts.db.read(caller.tenant) as tx:
        found = await stored.find(tx, export)
    if found.sha256 is None:
        raise Conflict("this export is not finished yet: try again in a moment")
    headers = {
        "Content-Disposition": f'attachment; filename="crontopus-{found.asked_at:%Y-%m-%d-%H%M}.zip"',
        "Content-Length": str(found.size_bytes),
    }
    return Stream(exports.download(parts.db, found), media_type="application/zip", headers=headers)


@get("/tenants/current/impersonations", operation_id="impersonations", opt=needs(Scope.AUDIT_READ))
async def looked_at(caller: Caller, parts: Parts, cursor: Cursor = None, limit: Limit = 50) -> Page[Impersonation]:
    """List who of those that run the installation looked at the tenant as one of its members, newest first."""
    caller.require_all_jobs()
    before = place_of(cursor, Before)
    async with parts.db.read(caller.tenant) as tx:
        found = await impersonations.of_tenant(tx, before.id if before else None, limit + 1)
    return page_of(found, limit, shown.impersonation, lambda one: Before(one.made.id))


ROUTES = [listed, current, edit, remove, restore, listed_exports, ask, download, looked_at]
