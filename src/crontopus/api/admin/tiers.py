"""Tiers: what tenants may have of each thing."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from crontopus.api import shown
from crontopus.api.admin.tenants import TenantId
from crontopus.api.arguments import Caller, Parts
from crontopus.api.principal import needs
from crontopus.api.reading import Body
from crontopus.domain.access import Scope
from crontopus.engine import tiers as engine
from crontopus.storage import tiers
from crontopus.wire.common import Page
from crontopus.wire.tenants import TenantInfo
from crontopus.wire.tiers import NewTier, Tier, TierChoice, TierPatch

TierId = Annotated[UUID, PathParameter(description="The tier's id.")]


@get("/admin/tiers", operation_id="admin_tiers", opt=needs(Scope.INSTALLATION_READ))
async def listed(parts: Parts) -> Page[Tier]:
    """List the tiers, by name.

    Before all others the one without limits, in which every tenant is that was given no other.
    """
    async with parts.db.read_all() as tx:
        return Page(items=[shown.tier(one) for one in await tiers.listed(tx)])


@post(
    "/admin/tiers",
    operation_id="add_tier",
    opt=needs(Scope.INSTALLATION_WRITE),
    dependencies={"new": Body(NewTier)},
)
async def make(caller: Caller, parts: Parts, new: NamedDependency[NewTier]) -> Tier:
    """Make a tier."""
    async with parts.db.write_all() as tx:
        return shown.tier(await engine.make(tx, caller, new))


@get("/admin/tiers/{tier:uuid}", operation_id="admin_tier", opt=needs(Scope.INSTALLATION_READ))
async def show(parts: Parts, tier: TierId) -> Tier:
    """Show a tier."""
    async with parts.db.read_all() as tx:
        return shown.tier(await tiers.find(tx, tier))


@patch(
    "/admin/tiers/{tier:uuid}",
    operation_id="edit_tier",
    opt=needs(Scope.INSTALLATION_WRITE),
    dependencies={"changes": Body(TierPatch)},
)
async def edit(caller: Caller, parts: Parts, tier: TierId, changes: NamedDependency[TierPatch]) -> Tier:
    """Change a tier.

    For all tenants in it, within seconds. What they have beyond a lowered quota stays; they can make no more.
    """
    async with parts.db.write_all() as tx:
        return shown.tier(await engine.edit(tx, caller, tier, changes))


@delete("/admin/tiers/{tier:uuid}", operation_id="delete_tier", opt=needs(Scope.INSTALLATION_WRITE))
async def remove(caller: Caller, parts: Parts, tier: TierId) -> None:
    """Delete a tier.

    409 while tenants are in it.
    """
    async with parts.db.write_all() as tx:
        await engine.remove(tx, caller, tier)


@patch(
    "/admin/tenants/{tenant:uuid}/tier",
    operation_id="give_tier",
    opt=needs(Scope.INSTALLATION_WRITE),
    dependencies={"choice": Body(TierChoice)},
)
async def give(caller: Caller, parts: Parts, tenant: TenantId, choice: NamedDependency[TierChoice]) -> TenantInfo:
    """Put a tenant into a tier.

    It holds within seconds. What it has beyond a quota stays; it can make no more.
    """
    async with parts.db.write_all() as tx:
        return shown.tenant(await engine.give(tx, caller, tenant, choice.tier))


ROUTES = [listed, make, show, edit, remove, give]
