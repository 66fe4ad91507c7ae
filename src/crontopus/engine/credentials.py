"""Who calls: the person of a session, or whoever a token belongs to; and whether they still are who they were."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from msgspec import Struct, structs

from crontopus.domain import tokens
from crontopus.domain.access import (
    ALL,
    OF_ROLE,
    OF_SYSTEM,
    Impersonation,
    Principal,
    Reach,
    Role,
    Scope,
    SystemRole,
    of_look,
)
from crontopus.domain.errors import Unauthenticated, Unavailable
from crontopus.domain.ids import NOWHERE
from crontopus.domain.tokens import Kind
from crontopus.engine.verdicts import Verdicts
from crontopus.storage import accounts, impersonations, members, sessions
from crontopus.storage import tokens as stored_tokens
from crontopus.storage.database import Database, SystemTx, Tx
from crontopus.storage.impersonations import Looking
from crontopus.storage.sessions import SignedIn
from crontopus.storage.tokens import Bearer

SESSION_LIFE = timedelta(days=30)
SESSION_STEP = timedelta(minutes=10)
"""A session in use is prolonged at most so often: not every page is a write."""
USED_STEP = timedelta(minutes=1)
"""Likewise `last_used_at` of a token."""


class Caller(Struct, frozen=True):
    """Where a request comes from, as far as the server knows."""

    address: str | None = None
    user_agent: str | None = None


async def of_session(db: Database, session: str, caller: Caller, *, strict: bool = False) -> Principal:
    """`strict`: who runs the installation must have a second factor. Raises Unauthenticated. Prolongs the session now
    and then.
    """
    async with db.read_all() as tx:
        found = await sessions.signed_in(tx, tokens.hash_of(session))
        looking = await impersonations.in_force(tx, found.impersonation) if found and found.impersonation else None
        now = tx.now
    if found is None:
        raise Unauthenticated("not signed in, or not any more")
    if found.pending is None and now - found.used_at > SESSION_STEP:
        await _later(db, lambda tx: sessions.used(tx, found.session, None if found.provider else tx.now + SESSION_LIFE))
    principal = Principal(
        id=found.user,
        tenant=found.tenant,
        tenant_name=found.tenant_name,
        scopes=frozenset() if found.pending is not None else _granted(found, strict),
        reach=_reach(found.namespaces or []),
        user=found.user,
        email=found.email,
        system=_system(found, strict),
        role=found.role,
        session=found.session,
        provider=found.provider,
        confirmed_at=found.confirmed_at,
        person_name=found.name,
        profile=found.profile,
        pending=found.pending is not None,
        has_factor=found.has_factor,
        lacks_factor=_lacks_factor(found, strict),
        address=caller.address,
        user_agent=caller.user_agent,
        closed=found.standing.refusal,
    )
    return principal if looking is None else _as_another(principal, looking)


def _as_another(principal: Principal, looking: Looking) -> Principal:
    """As whom they look; as themselves where they no longer run the installation, or lack what all must have there."""
    system, made = principal.system, looking.made
    if system is None or principal.pending or (looking.factor_required and not principal.has_factor):
        return principal
    is_raised = made.raised_at is not None
    return structs.replace(
        principal,
        id=made.id,
        tenant=made.tenant_id,
        tenant_name=looking.tenant_name,
        scopes=of_look(looking.role, raised=is_raised and system is SystemRole.SUPERADMIN),
        reach=_reach(looking.namespaces),
        role=looking.role,
        system=None,
        lacks_factor=False,
        closed="",
        impersonation=Impersonation(
            id=made.id,
            subject=made.member or f"the role {made.role}",
            operates=system,
            why=made.why,
            until=made.expires_at,
            raised=is_raised,
        ),
    )


async def of_token(db: Database, verdicts: Verdicts, text: str, caller: Caller, *, strict: bool = False) -> Principal:
    """`strict` as in `of_session`. Raises Unauthenticated."""
    tokens.kind_of(text)
    found, now = await verdicts.bearer(tokens.hash_of(text)), db.clock()
    if found is None:
        raise Unauthenticated("the token is not valid")
    token = found.token
    if not tokens.is_within(caller.address, token.addresses):
        raise Unauthenticated("the token is not valid at this address")
    if token.last_used_at is None or now - token.last_used_at >= USED_STEP:
        await _later(db, lambda tx: stored_tokens.used(tx, token.id))
    principal = Principal(
        id=token.id,
        tenant=found.tenant,
        tenant_name=found.tenant_name,
        scopes=frozenset(Scope(scope) for scope in token.scopes),
        reach=_reach(token.namespaces, token.job_id),
        user=token.user_id,
        token=token.id,
        token_name=token.name,
        provider=token.provider_id,
        address=caller.address,
        user_agent=caller.user_agent,
        system=_system(found, strict),
        closed=found.standing.refusal,
    )
    return _as_person(principal, found, strict) if token.kind == Kind.USER else principal


def _as_person(principal: Principal, found: Bearer, strict: bool) -> Principal:
    """Never more than the person may by now. Raises Unauthenticated where they are no member any more."""
    if found.role is None and not (found.tenant == NOWHERE and found.system):
        raise Unauthenticated("the token is not valid")
    return structs.replace(
        principal,
        scopes=principal.scopes & _granted(found, strict),
        reach=_within(principal.reach, _reach(found.namespaces or [])),
        role=found.role,
        email=found.email,
        has_factor=found.has_factor,
        lacks_factor=_lacks_factor(found, strict),
    )


async def of_person(
    tx: SystemTx, user: UUID, tenant: UUID, caller: Caller, *, provider: UUID | None = None
) -> Principal | None:
    """A person as they are in a tenant by now, or outside of all; None where they belong there no more. `provider`: by
    which they have come there.
    """
    account = await accounts.account_of(tx, user)
    system = None if provider else await accounts.system_role(tx, user)
    home = next((one for one in await members.homes(tx, user) if one.id == tenant), None)
    if home is None and not (tenant == NOWHERE and system):
        return None
    role, namespaces = await members.standing(tx.of(tenant), user) or (None, [])
    return Principal(
        id=user,
        tenant=tenant,
        tenant_name=home.name if home else "",
        scopes=_scopes(role, system),
        reach=_reach(namespaces),
        user=user,
        email=account.email,
        system=system,
        role=role,
        provider=provider,
        person_name=account.name,
        address=caller.address,
        user_agent=caller.user_agent,
    )


async def require_still(tx: Tx, caller: Principal) -> None:
    """For whatever hands out authority: the caller's is no less than when the request began, and stays so until the
    transaction ends. A body may come half a minute after its headers. Raises Unauthenticated.
    """
    if caller.session is None and caller.token is None:
        return
    if caller.impersonation is not None:
        stands = await impersonations.stands(tx, caller.impersonation.id, raised=caller.impersonation.raised)
    elif caller.session is not None:
        stands = await sessions.is_in_force(tx, caller.session)
    else:
        stands = caller.token is not None and await stored_tokens.is_in_force(tx, caller.token)
    if stands and caller.role is not None and caller.user is not None and caller.impersonation is None:
        role, namespaces = await members.standing(tx, caller.user) or (None, [])
        narrowed = _within(caller.reach, _reach(namespaces)) != caller.reach
        stands = role == caller.role and not narrowed
    if stands and caller.system is not None and caller.user is not None:
        stands = await accounts.system_role(SystemTx(tx.sql, tx.now), caller.user) == caller.system
    if not stands:
        raise Unauthenticated("what the caller may do was changed meanwhile: look again, and repeat this")


def _scopes(role: Role | None, system: SystemRole | None) -> frozenset[Scope]:
    """What a person may where they are: as a member, and as who runs the installation."""
    return (OF_ROLE[role] if role else frozenset()) | OF_SYSTEM[system]


def _granted(found: SignedIn | Bearer, strict: bool) -> frozenset[Scope]:
    """Likewise; nothing of what they need a second factor for and have none."""
    return _scopes(None if _is_walled(found) else found.role, _system(found, strict))


def _is_walled(found: SignedIn | Bearer) -> bool:
    """A provider sees to second factors itself: whoever comes by one has shown all that their tenant asks for."""
    return found.factor_required and not found.has_factor and found.provider is None


def _system(found: SignedIn | Bearer, strict: bool) -> SystemRole | None:
    """A provider speaks for one tenant: whoever comes by it is nothing to the installation."""
    return None if found.provider is not None or (strict and not found.has_factor) else found.system


def _lacks_factor(found: SignedIn | Bearer, strict: bool) -> bool:
    operates = strict and found.system is not None and found.provider is None
    return _is_walled(found) or (operates and not found.has_factor)


def _within(reach: Reach, limit: Reach) -> Reach:
    if reach.namespaces is None or limit.namespaces is None:
        return limit if reach.namespaces is None else reach
    return Reach(reach.namespaces & limit.namespaces)


async def _later(db: Database, note: Callable[[SystemTx], Awaitable[None]]) -> None:
    """What is only noted by the way does not fail a request that reads."""
    with suppress(Unavailable):
        async with db.write_all() as tx:
            await note(tx)


def _reach(namespaces: Sequence[str], job: UUID | None = None) -> Reach:
    if job is None and not namespaces:
        return ALL
    return Reach(frozenset(map(UUID, namespaces)) if namespaces else None, job)
