"""What is done to tiers, by those who run the installation: make, edit, remove, and put a tenant into one."""

from typing import Any
from uuid import UUID

from msgspec import UNSET

from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, Fault
from crontopus.domain.ids import NOWHERE
from crontopus.domain.tiers import UNLIMITED, UNLIMITED_NAME, Tier, changed
from crontopus.engine import audit
from crontopus.engine.credentials import require_still
from crontopus.storage import tenants
from crontopus.storage import tiers as stored
from crontopus.storage.database import SystemTx
from crontopus.storage.identity import new_id
from crontopus.storage.tenants import Tenant
from crontopus.wire.tiers import NewTier, TierPatch


async def make(tx: SystemTx, caller: Principal, new: NewTier) -> Tier:
    """Raises Invalid, or Conflict where another has its name."""
    await require_still(tx.of(caller.tenant), caller)
    tier = Tier(new_id(tx.now), new.name, changed({}, new.quotas))
    if _is_unlimited(new.name) or not await stored.add(tx, tier):
        raise _taken(new.name)
    await audit.tell(tx.of(NOWHERE), caller, "tier.create", _target(tier), after=_told(tier))
    return tier


async def edit(tx: SystemTx, caller: Principal, tier: UUID, patch: TierPatch) -> Tier:
    """JSON Merge Patch, in quotas too. What tenants have beyond lowered quotas stays. Raises NotFound, Invalid,
    Conflict.
    """
    await require_still(tx.of(caller.tenant), caller)
    old = await _locked(tx, tier)
    name = old.name if patch.name is UNSET else patch.name
    quotas = old.quotas if patch.quotas is UNSET else changed(old.quotas, patch.quotas)
    if (name, quotas) == (old.name, old.quotas):
        return old
    if name != old.name and (_is_unlimited(name) or await stored.name_taken(tx, name)):
        raise _taken(name)
    await stored.change(tx, tier, name, quotas)
    new = await stored.find(tx, tier)
    await audit.tell(tx.of(NOWHERE), caller, "tier.edit", _target(new), _told(old), _told(new))
    return new


async def remove(tx: SystemTx, caller: Principal, tier: UUID) -> None:
    """Raises NotFound, and Conflict while tenants are in it."""
    await require_still(tx.of(caller.tenant), caller)
    old = await _locked(tx, tier)
    if old.tenants:
        raise Conflict(f"{old.tenants} of the tenants here are in this tier: give them another first")
    await stored.remove(tx, tier)
    await audit.tell(tx.of(NOWHERE), caller, "tier.delete", _target(old), _told(old))


async def give(tx: SystemTx, caller: Principal, tenant: UUID, tier: UUID) -> Tenant:
    """Holds in every process within seconds. Raises NotFound."""
    await require_still(tx.of(caller.tenant), caller)
    new = await stored.hold(tx, tier)
    old = await tenants.lock(tx, tenant)
    if old.tier == tier:
        return old
    await stored.give(tx, tenant, tier)
    target = Target(Noun.TENANT, tenant, old.name)
    for place in (tenant, NOWHERE):
        await audit.tell(tx.of(place), caller, "tenant.tier", target, {"tier": old.tier_name}, {"tier": new.name})
    return await tenants.find(tx, tenant)


async def _locked(tx: SystemTx, tier: UUID) -> Tier:
    if tier == UNLIMITED:
        raise Conflict("the tier without limits is always there and stays as it is: make another")
    return await stored.lock(tx, tier)


def _is_unlimited(name: str) -> bool:
    return name.casefold() == UNLIMITED_NAME.casefold()


def _taken(name: str) -> Conflict:
    return Conflict(f"there is a tier {name!r} already", (Fault("/name", "taken: choose another name"),))


def _target(tier: Tier) -> Target:
    return Target(Noun.TIER, tier.id, tier.name)


def _told(tier: Tier) -> dict[str, Any]:
    return {"name": tier.name, **{str(quota): limit for quota, limit in tier.quotas.items()}}
