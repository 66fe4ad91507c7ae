"""What is done about tenants as a whole: make, rename, suspend, delete, restore. Each is told in the tenant's log, and
what an operator does, or what ends a tenant, in the installation's too."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, structs

from crontopus.domain.access import EVERYTHING, Principal, Role
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, NotAllowed
from crontopus.domain.ids import DEFAULT_NAMESPACE, NOWHERE
from crontopus.domain.schedule import Clock
from crontopus.domain.standing import OPEN, Standing, State
from crontopus.engine import audit, impersonations, namespaces, people, routing, schedules
from crontopus.engine.credentials import require_still
from crontopus.engine.people import Post
from crontopus.storage import accounts, alerts, tenants
from crontopus.storage.database import SystemTx
from crontopus.storage.identity import new_id
from crontopus.storage.sealing import Sealer
from crontopus.storage.tenants import Tenant
from crontopus.wire.accounts import NewNamespace
from crontopus.wire.people import NewInvitation, TenantPatch
from crontopus.wire.tenants import NewTenant


class Made(Struct, frozen=True):
    """A new tenant, and the link with which its first owner comes in; None: it is mailed."""

    tenant: Tenant
    link: str | None


async def make(tx: SystemTx, caller: Principal, sealer: Sealer, post: Post, new: NewTenant) -> Made:
    """With its first namespace, and an invitation for its first owner. Raises Invalid."""
    await require_still(tx.of(caller.tenant), caller)
    tenant = new_id(tx.now)
    await accounts.add_tenant(tx, tenant, new.name)
    there = structs.replace(
        caller, tenant=tenant, tenant_name=new.name, role=Role.OWNER, scopes=EVERYTHING, session=None, token=None
    )
    own = tx.of(tenant)
    await _tell(tx, caller, tenant, "tenant.create", new.name, after={"owner": new.owner})
    await namespaces.create(own, there, sealer, NewNamespace(slug=DEFAULT_NAMESPACE, name="Default"))
    await routing.begin(own, sealer, new.owner)
    invited = await people.invite(own, there, post, NewInvitation(email=new.owner, role=Role.OWNER))
    return Made(await tenants.find(tx, tenant), invited.link)


async def edit(tx: SystemTx, caller: Principal, tenant: UUID, patch: TenantPatch) -> Tenant:
    """JSON Merge Patch. Raises NotFound, NotAllowed, and Conflict where the caller would shut themselves out."""
    await require_still(tx.of(caller.tenant), caller)
    old = await tenants.lock(tx, tenant)
    values = {name: value for name, value in _given(patch).items() if value != getattr(old, name)}
    if not values:
        return old
    if "require_second_factor" in values:
        _require_its_owner(tx, caller, tenant, "only an owner says whether everybody needs a second factor")
        if not caller.has_factor:
            raise Conflict("set up a second factor of your own first: you would shut yourself out")
    if "forbid_impersonation" in values:
        _require_its_owner(tx, caller, tenant, "only an owner says who may look as one of its members")
    await tenants.change(tx, tenant, values)
    new = await tenants.find(tx, tenant)
    await namespaces.inherit(tx.of(tenant), new)
    await _tell(tx, caller, tenant, "tenant.edit", new.name, _told(old), _told(new))
    if values.get("forbid_impersonation"):
        await impersonations.end_of(tx, audit.doer_of(caller), tenant_id=tenant)
    return new


def _given(patch: TenantPatch) -> dict[str, Any]:
    """Raises Invalid."""
    given = {field: getattr(patch, field) for field in patch.__struct_fields__}
    found = {field: value for field, value in given.items() if value is not UNSET}
    if "timezone" in found:
        schedules.read(None, found["timezone"], Clock.CRON)
    if "default_grace" in found:
        found["default_grace"] = namespaces.grace_of(found["default_grace"])
    return found


def _told(tenant: Tenant) -> dict[str, Any]:
    return {
        "name": tenant.name,
        "require_second_factor": tenant.require_second_factor,
        "forbid_impersonation": tenant.forbid_impersonation,
        "timezone": tenant.timezone,
        "default_grace": tenant.default_grace.total_seconds(),
    }


def _require_its_owner(tx: SystemTx, caller: Principal, tenant: UUID, why: str) -> None:
    """For what members decide among themselves: an operator does not. Raises NotAllowed, Unconfirmed."""
    if caller.role is not Role.OWNER or caller.tenant != tenant:
        raise NotAllowed(why)
    caller.require_confirmed(tx.now)


async def suspend(tx: SystemTx, caller: Principal, tenant: UUID, why: str) -> Tenant:
    """Its people are told why, and can do nothing there. Again: with another reason. Raises NotFound."""

    def suspended(old: Standing) -> Standing:
        return structs.replace(old, suspended_at=old.suspended_at or tx.now, suspended_why=why)

    return await _stand(tx, caller, tenant, "tenant.suspend", suspended)


async def resume(tx: SystemTx, caller: Principal, tenant: UUID) -> Tenant:
    """Raises NotFound, and Conflict where it is not suspended."""

    def resumed(old: Standing) -> Standing:
        if old.suspended_at is None:
            raise Conflict("this tenant is not suspended")
        return Standing(deleted_at=old.deleted_at)

    return await _stand(tx, caller, tenant, "tenant.resume", resumed)


async def delete(tx: SystemTx, caller: Principal, tenant: UUID) -> Tenant:
    """For 14 days it can be restored. Raises NotFound, and Conflict where it is deleted already."""

    def deleted(old: Standing) -> Standing:
        if old.deleted_at is not None:
            raise Conflict("this tenant is deleted already")
        return structs.replace(old, deleted_at=tx.now)

    return await _stand(tx, caller, tenant, "tenant.delete", deleted)


async def restore(tx: SystemTx, caller: Principal, tenant: UUID) -> Tenant:
    """A tenant that is suspended stays so. Raises NotFound, and Conflict where it is not deleted."""

    def restored(old: Standing) -> Standing:
        if old.deleted_at is None:
            raise Conflict("this tenant is not deleted")
        return structs.replace(old, deleted_at=None)

    await alerts.take_turn(tx)
    found = await _stand(tx, caller, tenant, "tenant.restore", restored)
    await alerts.ask_all_again(tx.of(tenant))
    await alerts.ask_ends_again(tx.of(tenant))
    return found


async def own(
    tx: SystemTx, caller: Principal, deed: Callable[[SystemTx, Principal, UUID], Awaitable[Tenant]]
) -> Tenant:
    """What an owner does with their own. Raises Unconfirmed, and as the deed."""
    caller.require_confirmed(tx.now)
    return await deed(tx, caller, caller.tenant)


async def _stand(
    tx: SystemTx, caller: Principal, tenant: UUID, action: str, change: Callable[[Standing], Standing]
) -> Tenant:
    await require_still(tx.of(caller.tenant), caller)
    old = await tenants.lock(tx, tenant)
    new = change(old.standing)
    if new == old.standing:
        return old
    await tenants.stand(tx, tenant, new)
    if new.refusal:
        await impersonations.end_of(tx, audit.doer_of(caller), tenant_id=tenant)
    await _tell(tx, caller, tenant, action, old.name, _said(old.standing), _said(new))
    return await tenants.find(tx, tenant)


def _said(standing: Standing) -> dict[str, Any]:
    """As the audit log tells of it."""
    told = {"state": standing.state, "why": standing.suspended_why or None}
    return told if standing != OPEN else {"state": State.ACTIVE}


async def _tell(
    tx: SystemTx,
    caller: Principal,
    tenant: UUID,
    action: str,
    name: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """In the tenant's log; in the installation's too, unless an owner has only changed their own."""
    target = Target(Noun.TENANT, tenant, name)
    await audit.tell(tx.of(tenant), caller, action, target, before, after)
    if action != "tenant.edit" or caller.tenant != tenant:
        await audit.tell(tx.of(NOWHERE), caller, action, target, before, after)
