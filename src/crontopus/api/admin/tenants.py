"""Every tenant, for those who run the installation."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct
from msgspec.structs import asdict

from crontopus.api import shown
from crontopus.api.arguments import Caller, Cursor, Limit, Parts
from crontopus.api.principal import needs
from crontopus.api.reading import Body, page_of, place_of
from crontopus.domain.access import Scope
from crontopus.engine import namespaces
from crontopus.engine import tenants as engine
from crontopus.storage import tenants
from crontopus.wire.common import Page
from crontopus.wire.people import TenantPatch
from crontopus.wire.tenants import CreatedTenant, NewTenant, Suspension, TenantInfo

TenantId = Annotated[UUID, PathParameter(description="The tenant's id.")]
Words = Annotated[str, QueryParameter(name="q", description="Only those whose name holds this.", max_length=200)]


class _After(Struct, forbid_unknown_fields=True):
    name: str
    id: UUID


@get("/admin/tenants", operation_id="admin_tenants", opt=needs(Scope.INSTALLATION_READ))
async def listed(parts: Parts, q: Words = "", cursor: Cursor = None, limit: Limit = 50) -> Page[TenantInfo]:
    """List all tenants, by name.

    Also those that are suspended or deleted.
    """
    after = place_of(cursor, _After)
    async with parts.db.read_all() as tx:
        found = await tenants.listed(tx, q, (after.name, after.id) if after else None, limit + 1)
    return page_of(found, limit, shown.tenant, lambda one: _After(one.name, one.id))


@get("/admin/tenants/{tenant:uuid}", operation_id="admin_tenant", opt=needs(Scope.INSTALLATION_READ))
async def show(parts: Parts, tenant: TenantId) -> TenantInfo:
    """Read any tenant."""
    async with parts.db.read_all() as tx:
        return shown.tenant(await tenants.find(tx, tenant))


@post(
    "/admin/tenants",
    operation_id="add_tenant",
    opt=needs(Scope.INSTALLATION_WRITE),
    dependencies={"new": Body(NewTenant)},
)
async def make(caller: Caller, parts: Parts, new: NamedDependency[NewTenant]) -> CreatedTenant:
    """Make a tenant.

    Whoever opens `link` within seven days becomes its owner. Where the installation sends e-mail it goes to them and is
    null here; else it is shown in this answer and never again.
    """
    async with parts.db.write_all() as tx:
        made = await engine.make(tx, caller, parts.sealer, parts.post, new)
    return CreatedTenant(**asdict(shown.tenant(made.tenant)), link=made.link)


@patch(
    "/admin/tenants/{tenant:uuid}",
    operation_id="admin_edit_tenant",
    opt=needs(Scope.INSTALLATION_WRITE),
    dependencies={"changes": Body(TenantPatch)},
)
async def edit(caller: Caller, parts: Parts, tenant: TenantId, changes: NamedDependency[TenantPatch]) -> TenantInfo:
    """Change any tenant."""
    async with parts.db.write_all() as tx:
        changed = await engine.edit(tx, caller, tenant, changes)
    await namespaces.follow(parts.db, tenant)
    return shown.tenant(changed)


@post(
    "/admin/tenants/{tenant:uuid}/suspend",
    operation_id="suspend_tenant",
    opt=needs(Scope.INSTALLATION_WRITE),
    dependencies={"form": Body(Suspension)},
    status_code=200,
)
async def suspend(caller: Caller, parts: Parts, tenant: TenantId, form: NamedDependency[Suspension]) -> TenantInfo:
    """Suspend a tenant.

    Its check-ins are stored all the same. Its people are told why, and can do nothing there.
    """
    async with parts.db.write_all() as tx:
        return shown.tenant(await engine.suspend(tx, caller, tenant, form.why))


@post(
    "/admin/tenants/{tenant:uuid}/resume",
    operation_id="resume_tenant",
    opt=needs(Scope.INSTALLATION_WRITE),
    status_code=200,
)
async def resume(caller: Caller, parts: Parts, tenant: TenantId) -> TenantInfo:
    """Resume a suspended tenant."""
    async with parts.db.write_all() as tx:
        return shown.tenant(await engine.resume(tx, caller, tenant))


@delete(
    "/admin/tenants/{tenant:uuid}",
    operation_id="admin_delete_tenant",
    opt=needs(Scope.INSTALLATION_WRITE),
    status_code=200,
)
async def remove(caller: Caller, parts: Parts, tenant: TenantId) -> TenantInfo:
    """Delete any tenant.

    For 14 days it can be restored; then all of it is removed.
    """
    async with parts.db.write_all() as tx:
        return shown.tenant(await engine.delete(tx, caller, tenant))


@post(
    "/admin/tenants/{tenant:uuid}/restore",
    operation_id="admin_restore_tenant",
    opt=needs(Scope.INSTALLATION_WRITE),
    status_code=200,
)
async def restore(caller: Caller, parts: Parts, tenant: TenantId) -> TenantInfo:
    """Have any deleted tenant back."""
    async with parts.db.write_all() as tx:
        return shown.tenant(await engine.restore(tx, caller, tenant))


ROUTES = [listed, show, make, edit, suspend, resume, remove, restore]
