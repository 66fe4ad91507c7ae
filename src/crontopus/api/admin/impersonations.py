"""Looking at a tenant as one of its members, for those who run the installation."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from crontopus.api import shown
from crontopus.api.arguments import Caller, Cursor, Limit, Parts
from crontopus.api.principal import even_as_another, needs
from crontopus.api.reading import Body, page_of, place_of
from crontopus.domain.access import Scope
from crontopus.engine import impersonations as engine
from crontopus.storage import impersonations
from crontopus.wire.common import Page
from crontopus.wire.impersonations import Impersonation, NewImpersonation, Raise

ImpersonationId = Annotated[UUID, PathParameter(description="The impersonation's id.")]
Where = Annotated[UUID | None, QueryParameter(name="tenant", description="Only of this tenant.")]


class Before(Struct, forbid_unknown_fields=True):
    id: UUID


@get("/admin/impersonations", operation_id="admin_impersonations", opt=needs(Scope.INSTALLATION_READ))
async def listed(parts: Parts, where: Where = None, cursor: Cursor = None, limit: Limit = 50) -> Page[Impersonation]:
    """List who looked at a tenant as one of its members, newest first."""
    before = place_of(cursor, Before)
    async with parts.db.read_all() as tx:
        found = await impersonations.listed(tx, where, before.id if before else None, limit + 1)
    return page_of(found, limit, shown.impersonation, lambda one: Before(one.made.id))


@post(
    "/admin/impersonations",
    operation_id="impersonate",
    opt=needs(Scope.INSTALLATION_READ),
    dependencies={"new": Body(NewImpersonation)},
)
async def begin(caller: Caller, parts: Parts, new: NamedDependency[NewImpersonation]) -> Impersonation:
    """Look at a tenant as one of its members, or as a role there.

    In the session that asks, for 30 minutes at most. Whoever looks changes nothing and sees no ping keys; the tenant
    reads who it was, and why, and may forbid it. It needs a password of the last ten minutes, so no token begins it.
    """
    return shown.impersonation(await engine.begin(parts.db, caller, new))


@post(
    "/admin/impersonations/{impersonation:uuid}/raise",
    operation_id="raise_impersonation",
    opt=even_as_another(needs(Scope.INSTALLATION_WRITE)),
    dependencies={"form": Body(Raise)},
    status_code=200,
)
async def raise_it(
    caller: Caller, parts: Parts, impersonation: ImpersonationId, form: NamedDependency[Raise]
) -> Impersonation:
    """Allow oneself to change jobs and runs while one looks.

    For superadmins, with a reason that the tenant reads, too. It lasts no longer for that, and opens neither members
    nor tokens nor ping keys.
    """
    async with parts.db.write_all() as tx:
        return shown.impersonation(await engine.raised(tx, caller.as_operator, impersonation, form))


@delete(
    "/admin/impersonations/{impersonation:uuid}",
    operation_id="end_impersonation",
    opt=even_as_another(needs(Scope.INSTALLATION_READ)),
)
async def end(caller: Caller, parts: Parts, impersonation: ImpersonationId) -> None:
    """End an impersonation.

    At once; one's own or another's.
    """
    async with parts.db.write_all() as tx:
        await engine.end(tx, caller, impersonation)


ROUTES = [listed, begin, raise_it, end]
