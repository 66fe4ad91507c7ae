"""What is done about the sign-in providers of a tenant: make, edit, remove. Whoever does it decides who may be whom in
the tenant, so only its owners do."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import UNSET

from crontopus.domain import providers as rules
from crontopus.domain.access import Principal, Reach
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, Fault, Invalid, Unavailable
from crontopus.domain.providers import GroupRole
from crontopus.engine import audit, people
from crontopus.engine.credentials import require_still
from crontopus.engine.oidc import Client, Metadata, Oidc
from crontopus.storage import members, namespaces
from crontopus.storage import providers as stored
from crontopus.storage.database import Database, Tx
from crontopus.storage.identity import new_id
from crontopus.storage.providers import Provider
from crontopus.storage.sealing import Sealer
from crontopus.wire import providers as wire
from crontopus.wire.providers import NewProvider, ProviderPatch

MOST = 20
"""Providers of one tenant."""
CALLBACK = "/sign-in/callback"
_TOLD = (
    "name",
    "issuer",
    "client_id",
    "scopes",
    "domains",
    "groups_claim",
    "roles",
    "default_role",
    "enabled",
    "enforced",
)
"""What the audit log tells of one."""


class NotWell(Exception):
    """Nobody comes in by this provider now."""


def client_of(sealer: Sealer, provider: Provider, public_url: str) -> Client:
    secret = sealer.open(provider.client_secret_sealed, provider.tenant_id, provider.id).decode()
    return Client(provider.issuer, provider.client_id, secret, public_url + CALLBACK)


async def create(tx: Tx, caller: Principal, sealer: Sealer, oidc: Oidc, new: NewProvider) -> Provider:
    """Raises Invalid, NotFound, NotAllowed, Conflict."""
    await _require_may(tx, caller)
    if await stored.count(tx) >= MOST:
        raise Conflict(f"an organisation has at most {MOST} sign-in providers: remove one first")
    await _require_free(tx, new.name)
    id = new_id(tx.now)
    values = {name: getattr(new, name) for name in _TOLD}
    values |= await _checked(tx, oidc, values)
    provider = Provider(
        **values,
        id=id,
        tenant_id=tx.tenant,
        client_secret_sealed=sealer.seal(new.client_secret.encode(), tx.tenant, id),
        created_at=tx.now,
    )
    await _require_way_back(tx, provider)
    await stored.add(tx, provider)
    await audit.tell(tx, caller, "provider.create", _target(provider), after=_told(provider))
    return provider


async def edit(tx: Tx, caller: Principal, sealer: Sealer, oidc: Oidc, provider: UUID, patch: ProviderPatch) -> Provider:
    """JSON Merge Patch. Where it is another issuer, or in use no more, whoever came by it is signed out.

    Raises Invalid, NotFound, NotAllowed, Conflict.
    """
    old = await stored.lock(tx, provider)
    await _require_may(tx, caller)
    given = {name: value for name in _TOLD if (value := getattr(patch, name)) is not UNSET}
    values = given | await _checked(tx, oidc, given)
    changed = {name: value for name, value in values.items() if value != getattr(old, name)}
    if patch.client_secret is not UNSET:
        changed["client_secret_sealed"] = sealer.seal(patch.client_secret.encode(), tx.tenant, provider)
    if not changed:
        return old
    if "name" in changed:
        await _require_free(tx, changed["name"], but=provider)
    await stored.change(tx, provider, changed)
    new = await stored.find(tx, provider)
    await _require_way_back(tx, new)
    if new.issuer != old.issuer:
        await stored.forget_all(tx, provider)
    if new.issuer != old.issuer or not new.enabled:
        await stored.end_sessions(tx, provider)
    await audit.tell(
        tx, caller, "provider.edit", _target(new), _secretly(old, new, _told(old)), _secretly(new, old, _told(new))
    )
    return new


async def remove(tx: Tx, caller: Principal, provider: UUID) -> None:
    """Whoever came by it is signed out. Raises NotFound, NotAllowed."""
    old = await stored.lock(tx, provider)
    await _require_may(tx, caller)
    await stored.end_sessions(tx, provider)
    await stored.remove(tx, provider)
    await audit.tell(tx, caller, "provider.remove", _target(old), before=_told(old))


async def check(db: Database, oidc: Oidc, caller: Principal, provider: UUID) -> tuple[Metadata, int]:
    """What it says of itself now, and how many keys it has. Raises NotFound, NotWell."""
    async with db.read(caller.tenant) as tx:
        found = await stored.find(tx, provider)
    try:
        return await oidc.look(found.issuer, db.clock())
    except (Invalid, Unavailable) as error:
        raise NotWell(str(error)) from error


async def slugs(tx: Tx, reach: Reach, providers: Sequence[Provider]) -> dict[str, str]:
    """Of the namespaces that their roles are limited to, by id."""
    ids = {UUID(place) for one in providers for role in one.roles for place in role.namespaces}
    found: dict[UUID, Any] = await namespaces.of_ids(tx, [id for id in ids if reach.covers(id)]) if ids else {}
    return {str(place): one.slug for place, one in found.items()}


async def _require_may(tx: Tx, caller: Principal) -> None:
    caller.require_owner()
    caller.require_confirmed(tx.now)
    await members.owners(tx, *([caller.user] if caller.user else ()))
    await require_still(tx, caller)


async def _require_free(tx: Tx, name: str, but: UUID | None = None) -> None:
    """It stands on a button, and two that are the same cannot be told apart. Raises Conflict."""
    if name.casefold() in {one.name.casefold() for one in await stored.listed(tx) if one.id != but}:
        detail = "another sign-in provider has this name"
        raise Conflict(detail, (Fault("/name", detail),))


async def _checked(tx: Tx, oidc: Oidc, given: Mapping[str, Any]) -> dict[str, Any]:
    """Of what is given, that which is stored otherwise than it was sent. Raises Invalid."""
    found: dict[str, Any] = {}
    if "issuer" in given:
        rules.address_of(given["issuer"], oidc.allowed)
    if "domains" in given:
        found["domains"] = rules.domains_of(given["domains"])
    if "scopes" in given and "openid" not in given["scopes"]:
        raise Invalid("the scope `openid` is missing", (Fault("/scopes", "name openid among them"),))
    if "roles" in given:
        found["roles"] = await _roles(tx, given["roles"])
    return found


async def _roles(tx: Tx, wanted: Sequence[wire.GroupRole]) -> list[GroupRole]:
    return [
        GroupRole(
            one.group, one.role, await people.places_of(tx, one.role, one.namespaces, f"/roles/{number}/namespaces")
        )
        for number, one in enumerate(wanted)
    ]


async def _require_way_back(tx: Tx, provider: Provider) -> None:
    """A provider that fails, or is set up wrongly, must not lock everybody out. Raises Conflict."""
    if provider.enforced and not await members.owners_of_their_own(tx):
        detail = "no owner could come in without it: invite an owner who signs in with a password first"
        raise Conflict(detail, (Fault("/enforced", detail),))


def _target(provider: Provider) -> Target:
    return Target(Noun.PROVIDER, provider.id, provider.name)


def _told(provider: Provider) -> dict[str, Any]:
    return {name: getattr(provider, name) for name in _TOLD}


def _secretly(one: Provider, other: Provider, told: dict[str, Any]) -> dict[str, Any]:
    """With the secret, where it was changed: that it was is told, not to what."""
    if one.client_secret_sealed == other.client_secret_sealed:
        return told
    return told | {"client_secret": one.client_secret_sealed.hex()}
