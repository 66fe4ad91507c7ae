"""What operators do about people: their system role, whether they may come in, and what they have signed in with."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import UNSET

from crontopus.domain.access import Principal, SystemRole
from crontopus.domain.audit import Deed, Noun, Target, changes
from crontopus.domain.errors import Conflict
from crontopus.domain.ids import NOWHERE
from crontopus.engine import audit, factors, impersonations, resets
from crontopus.engine.credentials import require_still
from crontopus.storage import sessions, tokens, users
from crontopus.storage.database import SystemTx
from crontopus.storage.users import User
from crontopus.wire.installation import UserPatch


async def edit(tx: SystemTx, caller: Principal, user: UUID, patch: UserPatch) -> User:
    """JSON Merge Patch. Raises NotFound, and Conflict for the last superadmin."""
    mighty, old = await _locked(tx, caller, user)
    role = old.system_role if patch.system_role is UNSET else patch.system_role
    if role == old.system_role:
        return old
    if role is not SystemRole.SUPERADMIN:
        _require_another(mighty, user)
    await users.change(tx, user, role, old.disabled_at)
    told = changes({"system": old.system_role}, {"system": role})
    await _tell(
        tx, caller, old, Deed("user.edit", _target(old), told), await impersonations.ended_of(tx, operator_id=user)
    )
    return await users.find(tx, user)


async def disable(tx: SystemTx, caller: Principal, user: UUID) -> User:
    """Nobody comes in as them any more, and what they have signed in with ends at once; tokens of programs that they
    made work on, since they are the tenant's. Raises NotFound, and Conflict for the last superadmin.
    """
    mighty, old = await _locked(tx, caller, user)
    if old.disabled_at is not None:
        return old
    _require_another(mighty, user)
    await users.change(tx, user, old.system_role, tx.now)
    await _tell(tx, caller, old, Deed("user.disable", _target(old)), await _end_all(tx, user))
    return await users.find(tx, user)


async def enable(tx: SystemTx, caller: Principal, user: UUID) -> User:
    """Raises NotFound."""
    _, old = await _locked(tx, caller, user)
    if old.disabled_at is None:
        return old
    await users.change(tx, user, old.system_role, None)
    await _tell(tx, caller, old, Deed("user.enable", _target(old)))
    return await users.find(tx, user)


async def end_sessions(tx: SystemTx, caller: Principal, user: UUID) -> User:
    """Their sessions and own tokens. Raises NotFound."""
    _, found = await _locked(tx, caller, user)
    await _tell(tx, caller, found, Deed("user.end_sessions", _target(found)), await _end_all(tx, user))
    return await users.find(tx, user)


async def reset_factors(tx: SystemTx, caller: Principal, user: UUID) -> User:
    """For somebody who has lost them: their password alone lets them in. Raises NotFound."""
    _, found = await _locked(tx, caller, user)
    await factors.reset(tx, user, audit.doer_of(caller))
    await audit.tell(tx.of(NOWHERE), caller, "factors.reset", _target(found))
    return await users.find(tx, user)


async def password_link(tx: SystemTx, caller: Principal, user: UUID) -> tuple[User, str]:
    """The code of a link with which they choose a new password. It opens once, and makes older ones worthless; their
    second factor stays. Raises NotFound, and Conflict for an account that is disabled.
    """
    _, found = await _locked(tx, caller, user)
    if found.disabled_at is not None:
        raise Conflict("this account is disabled: let them in again first")
    code = await resets.make(tx, user, caller.name)
    await _tell(tx, caller, found, Deed("password.link", _target(found)))
    return found, code


async def _locked(tx: SystemTx, caller: Principal, user: UUID) -> tuple[Sequence[UUID], User]:
    """The superadmins who can sign in, and the person; locked in one order, before the caller is looked at again."""
    mighty = await users.lock(tx, user)
    await require_still(tx.of(caller.tenant), caller)
    return mighty, await users.find(tx, user)


async def _end_all(tx: SystemTx, user: UUID) -> list[tuple[UUID, Deed]]:
    """What else is to be told of it, and where."""
    ended = await impersonations.ended_of(tx, operator_id=user)
    await sessions.end_others(tx, user, None)
    for home in [*(one.tenant for one in await users.memberships(tx, user)), NOWHERE]:
        await tokens.revoke_own(tx.of(home), user)
    return ended


def _require_another(mighty: Sequence[UUID], user: UUID) -> None:
    if list(mighty) == [user]:
        raise Conflict("this is the last superadmin: make another one first")


def _target(user: User) -> Target:
    return Target(Noun.MEMBER, user.id, user.email)


async def _tell(
    tx: SystemTx, caller: Principal, user: User, deed: Deed, more: Sequence[tuple[UUID, Deed]] = ()
) -> None:
    """In the log of each of their tenants, and in the installation's; `more` is to be told with it."""
    homes = [one.tenant for one in await users.memberships(tx, user.id)]
    await audit.tell_each(tx, audit.doer_of(caller), [*((home, deed) for home in [*homes, NOWHERE]), *more])
