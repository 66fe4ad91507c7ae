"""Looking as another: those who run the installation see a tenant as one of its members does, for a while, for a
written reason, and without its secrets. Told in the tenant's log and in the installation's, and seen by the tenant.
"""

from datetime import timedelta
from uuid import UUID

from msgspec import structs

from crontopus.domain.access import Principal, Role, SystemRole
from crontopus.domain.audit import Deed, Doer, Noun, Target, changes
from crontopus.domain.errors import Closed, Conflict, FactorNeeded, Fault, Invalid, NotAllowed, NotFound
from crontopus.domain.ids import NOWHERE
from crontopus.engine import audit
from crontopus.engine.credentials import require_still
from crontopus.storage import impersonations, members, tenants
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.identity import new_id
from crontopus.storage.impersonations import Impersonation, Known
from crontopus.storage.tenants import Tenant
from crontopus.wire.impersonations import NewImpersonation, Raise

LASTS = timedelta(minutes=30)
LEAST_REASON = 5


async def begin(db: Database, caller: Principal, new: NewImpersonation) -> Known:
    """In the caller's session. Raises Invalid, NotFound, NotAllowed, Unconfirmed, Closed, Conflict. That the tenant
    forbids it is told to it, too.
    """
    if caller.session is None or caller.user is None:
        raise NotAllowed(
            "looking as another needs a password that was just given, which no token has: begin it in the console"
        )
    why = _reason(new.why)
    if (new.member is None) == (new.role is None):
        detail = "say as whom: a member by address, or a role; one of the two"
        raise Invalid(detail, (Fault("/member", detail),))
    caller.require_confirmed(db.clock())
    async with db.write_all() as tx:
        await require_still(tx.of(caller.tenant), caller)
        tenant = await tenants.lock(tx, new.tenant)
        if not tenant.forbid_impersonation:
            return await _begun(tx, caller, (caller.user, caller.session), tenant, structs.replace(new, why=why))
        await _tell(tx, audit.doer_of(caller), _refused(tenant, why), tenant.id)
    raise NotAllowed(
        f"{tenant.name} does not allow anybody to look as one of its members; an owner can change that. It was told "
        "that you asked"
    )


async def _begun(
    tx: SystemTx, caller: Principal, own: tuple[UUID, UUID], tenant: Tenant, new: NewImpersonation
) -> Known:
    """`own`: the caller's id and session."""
    user, session = own
    if tenant.standing.refusal:
        raise Closed(f"{tenant.name} is {tenant.standing.state}, and nobody sees anything there")
    if tenant.require_second_factor and not caller.has_factor:
        raise FactorNeeded(f"everybody in {tenant.name} has a second factor: set up your own first")
    member = None
    if new.member is not None:
        member = await members.of_email(tx.of(tenant.id), new.member.strip().lower())
        if member is None:
            raise NotFound(f"nobody in {tenant.name} has this address")
    made = Impersonation(
        id=new_id(tx.now),
        tenant_id=tenant.id,
        operator_id=user,
        operator=caller.name,
        session_id=session,
        member_id=member.user if member else None,
        member=member.email if member else None,
        role=member.role if member else new.role or Role.VIEWER,
        why=new.why,
        began_at=tx.now,
        expires_at=tx.now + LASTS,
    )
    await impersonations.forget_expired(tx, session)
    if not await impersonations.add(tx, made):
        raise Conflict("you look as another already: end that first")
    said = changes({}, {"why": made.why, "until": made.expires_at})
    await _tell(tx, audit.doer_of(caller), Deed("impersonation.begin", _target(made), said), tenant.id)
    return await impersonations.find(tx, made.id)


async def raised(tx: SystemTx, caller: Principal, id: UUID, form: Raise) -> Known:
    """It may change things from now on; it lasts no longer for that. `caller` as an operator. Raises NotFound, Invalid,
    Conflict, and NotAllowed for all but the superadmin whose it is.
    """
    why = _reason(form.why)
    found = await impersonations.lock(tx, id)
    if caller.impersonation is None or caller.impersonation.id != id or caller.system is not SystemRole.SUPERADMIN:
        raise NotAllowed("only the superadmin who looks as another may raise that")
    await require_still(tx.of(caller.tenant), caller)
    if found.raised_at is not None:
        raise Conflict("it is raised already")
    await impersonations.raised(tx, id, why)
    deed = Deed("impersonation.raise", _target(found), changes({}, {"why": why}))
    await _tell(tx, audit.doer_of(caller), deed, found.tenant_id)
    return await impersonations.find(tx, id)


async def end(tx: SystemTx, caller: Principal, id: UUID) -> None:
    """Anybody who runs the installation may; nothing happens where it is over. Raises NotFound."""
    await impersonations.lock(tx, id)
    await end_of(tx, audit.doer_of(caller), id=id)


async def end_of(tx: SystemTx, doer: Doer, **of: UUID) -> None:
    """All that run and are `of` a `tenant_id`, an `operator_id`, a `session_id`, a `member_id`. They do not come back
    when what ended them is undone.
    """
    await audit.tell_each(tx, doer, await ended_of(tx, **of))


async def ended_of(tx: SystemTx, **of: UUID) -> list[tuple[UUID, Deed]]:
    """Likewise, for whoever has more to tell in the same transaction: what is to be told, and in whose log."""
    deeds = [(one.tenant_id, Deed("impersonation.end", _target(one))) for one in await impersonations.end(tx, **of)]
    return [*deeds, *((NOWHERE, deed) for _, deed in deeds)]


def _reason(text: str) -> str:
    """Raises Invalid where nothing is written there."""
    why = text.strip()
    if len(why) < LEAST_REASON:
        detail = f"write why, in {LEAST_REASON} letters or more: the tenant reads it"
        raise Invalid(detail, (Fault("/why", detail),))
    return why


def _refused(tenant: Tenant, why: str) -> Deed:
    return Deed("impersonation.refuse", Target(Noun.TENANT, tenant.id, tenant.name), changes({}, {"why": why}))


def _target(made: Impersonation) -> Target:
    return Target(Noun.IMPERSONATION, made.id, subject(made))


def subject(made: Impersonation) -> str:
    """Whom they look as."""
    return made.member or f"the role {made.role}"


async def _tell(tx: SystemTx, doer: Doer, deed: Deed, tenant: UUID) -> None:
    await audit.tell_in(tx, doer, [tenant, NOWHERE], deed)
