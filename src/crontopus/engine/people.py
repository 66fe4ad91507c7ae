"""What is done about members: invite, accept, change, remove. A tenant always keeps an owner."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct

from crontopus.domain import letters, tokens
from crontopus.domain import passwords as rules
from crontopus.domain.access import OF_ROLE, Principal, Reach, Role
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, Fault, Invalid, NotFound, ProviderNeeded, Unauthenticated
from crontopus.domain.tiers import Quota
from crontopus.engine import audit, impersonations, quotas
from crontopus.engine.accounts import begin_by_password, is_password, provider_needed, require_hash
from crontopus.engine.attempts import Attempts
from crontopus.engine.credentials import Caller, require_still
from crontopus.engine.mail import Mail
from crontopus.engine.passwords import Passwords
from crontopus.storage import accounts, invitations, members, namespaces, providers, sessions
from crontopus.storage import letters as stored_letters
from crontopus.storage import tokens as stored_tokens
from crontopus.storage.accounts import Login
from crontopus.storage.database import Database, SystemTx, Tx
from crontopus.storage.identity import new_id
from crontopus.storage.invitations import Invitation, Opened
from crontopus.storage.members import Member
from crontopus.wire.accounts import Session
from crontopus.wire.people import Acceptance, MemberPatch, NewInvitation

LIFE = timedelta(days=7)


class Post(Struct, frozen=True):
    """How those who are invited hear of it. `public_url`: where they come to."""

    mail: Mail
    public_url: str


class Invited(Struct, frozen=True):
    """A new invitation, and the link that is shown once; None: it is mailed."""

    invitation: Invitation
    link: str | None


async def invite(tx: Tx, caller: Principal, post: Post, new: NewInvitation) -> Invited:
    """Replaces an older invitation of that address. Where e-mail is sent the link goes there, and to nobody else:
    whoever joins has shown that the address is theirs. Raises Invalid, NotFound, NotAllowed, QuotaReached, and Conflict
    for a member.
    """
    caller.require_confirmed(tx.now)
    caller.require_may_give(new.role)
    await require_still(tx, caller)
    email = new.email.strip().lower()
    places = await places_of(tx, new.role, new.namespaces)
    if await members.of_email(tx, email) is not None:
        raise Conflict(f"{email} is a member already", (Fault("/email", "a member already"),))
    code = secrets.token_urlsafe(32)
    invitation = Invitation(
        id=new_id(tx.now),
        email=email,
        role=new.role,
        namespaces=places,
        invited_by=caller.name,
        created_at=tx.now,
        expires_at=tx.now + LIFE,
    )
    replaced = await invitations.of_email(tx, email)
    if replaced is not None:
        await _uninvite(tx, caller, replaced.id)
    await quotas.require(tx, Quota.MEMBERS)
    await invitations.add(tx, invitation, tokens.hash_of(code))
    said = {"role": new.role, "namespaces": new.namespaces}
    await audit.tell(tx, caller, "invitation.create", _invited(invitation), after=said)
    link = f"{post.public_url}/invitation?code={code}"
    letter = letters.invitation(email, caller.tenant_name, caller.name, new.role, link, invitation.expires_at)
    await post.mail.put(tx, letter, invitation.id)
    return Invited(invitation, None if post.mail.is_on else link)


async def uninvite(tx: Tx, caller: Principal, invitation: UUID) -> None:
    """The link opens nothing from now on. Raises NotFound, NotAllowed."""
    caller.require_confirmed(tx.now)
    await require_still(tx, caller)
    await _uninvite(tx, caller, invitation)


async def _uninvite(tx: Tx, caller: Principal, invitation: UUID) -> None:
    gone = await invitations.remove(tx, invitation)
    await stored_letters.drop(tx, invitation)
    caller.require_may_grant(gone.role)
    await audit.tell(tx, caller, "invitation.revoke", _invited(gone), {"role": gone.role})


async def opened(tx: SystemTx, code: str) -> Opened:
    """Raises NotFound, never saying why: unknown, revoked, over, or used."""
    found = await invitations.opened(tx, tokens.hash_of(code))
    if found is None:
        raise NotFound("this invitation opens nothing, or not any more: ask for a new one")
    return found


async def accept(db: Database, passwords: Passwords, attempts: Attempts, form: Acceptance, caller: Caller) -> Session:
    """Makes the person, unless they are known, and a member. Raises NotFound, Invalid, Unauthenticated, Throttled."""
    address = f"address {caller.address}"
    attempts.require(db.clock(), address)
    async with db.read_all() as tx:
        try:
            invitation = (await opened(tx, form.code)).invitation
        except NotFound:
            attempts.failed(tx.now, address)
            raise
        known = await accounts.account(tx, invitation.email)
    if known is None:
        rules.require(form.password, "/password", invitation.email, form.name)
    elif not known.password_hash:
        rules.require(form.password, "/password", invitation.email, known.name)
    elif not await is_password(
        db, passwords, attempts, form.password, known.password_hash, f"email {known.email}", address
    ):
        raise Unauthenticated("this is not the password of that account")
    hashed = known.password_hash if known and known.password_hash else await passwords.hash(form.password)
    async with db.write_all() as system:
        found = await opened(system, form.code)
        now_known = await accounts.account(system, found.invitation.email)
        if (now_known and now_known.user) != (known and known.user):
            raise Unauthenticated("this address has an account by now: give its password")
        if known is not None:
            await require_hash(system, known.user, known.password_hash)
            if not known.password_hash:
                await _give_password(system, known.user, hashed)
        login = await _join(system, found, hashed, form.name.strip(), caller)
        needed = await _provider_needed(system, login)
        if needed is None:
            return await begin_by_password(system, login, caller)
    raise needed


async def _give_password(tx: SystemTx, user: UUID, hashed: str) -> None:
    """To somebody whom a provider has brought in. It opens what they are invited to, and nothing that is the provider's
    tenant's. Raises Unauthenticated for who runs the installation: whoever has the link would be them.
    """
    if await accounts.system_role(tx, user) is not None:
        raise Unauthenticated("this account has no password yet: whoever runs this installation gives it one")
    await accounts.change_password(tx, user, hashed)


async def _provider_needed(tx: SystemTx, login: Login) -> ProviderNeeded | None:
    """They are a member now, of a tenant that its people enter by its provider."""
    home = next(one for one in await members.homes(tx, login.user) if one.id == login.tenant)
    return await provider_needed(tx, login) if home.by_provider else None


async def _join(tx: SystemTx, found: Opened, hashed: str, name: str, caller: Caller) -> Login:
    invitation, own = found.invitation, tx.of(found.tenant)
    known = await accounts.account(tx, invitation.email)
    user = known.user if known else new_id(tx.now)
    if known is None:
        await accounts.add_user(tx, user, invitation.email, hashed, name=name)
    await invitations.remove(own, invitation.id)
    await stored_letters.drop(own, invitation.id)
    await members.add(own, user, invitation.role, [UUID(place) for place in invitation.namespaces])
    doer = Principal(
        id=user,
        tenant=found.tenant,
        tenant_name=found.tenant_name,
        scopes=OF_ROLE[invitation.role],
        user=user,
        email=invitation.email,
        address=caller.address,
        user_agent=caller.user_agent,
    )
    said = {"role": invitation.role, "invited_by": invitation.invited_by}
    await audit.tell(own, doer, "member.join", Target(Noun.MEMBER, user, invitation.email), after=said)
    return Login(user, invitation.email, found.tenant, found.tenant_name, hashed)


async def edit(tx: Tx, caller: Principal, user: UUID, patch: MemberPatch) -> Member:
    """JSON Merge Patch. Raises Invalid, NotFound, NotAllowed, and Conflict for the last owner."""
    caller.require_confirmed(tx.now)
    owners = await _locked(tx, caller, user)
    old = await members.find(tx, user)
    role = old.role if patch.role is UNSET else patch.role
    caller.require_may_grant(old.role)
    if role is not old.role:
        caller.require_may_give(role)
    if patch.namespaces is UNSET:
        places = old.namespaces
        _require_unlimited(role, places)
    else:
        places = await places_of(tx, role, patch.namespaces or [])
    if (role, places) == (old.role, old.namespaces):
        return old
    if role is not Role.OWNER:
        await _require_another(tx, owners, user)
    await members.change(tx, user, role, places)
    if OF_ROLE[old.role] - OF_ROLE[role] or places:
        await invitations.remove_of(tx, old.email)
    before, after = ({"role": at[0], "namespaces": at[1]} for at in ((old.role, old.namespaces), (role, places)))
    await audit.tell(tx, caller, "member.edit", _member(old), before, after)
    return await members.find(tx, user)


async def remove(tx: Tx, caller: Principal, user: UUID) -> None:
    """What they have signed in with ends at once. Raises NotFound, NotAllowed, and Conflict for the last owner."""
    caller.require_confirmed(tx.now)
    owners = await _locked(tx, caller, user)
    old = await members.find(tx, user)
    caller.require_may_grant(old.role)
    await _require_another(tx, owners, user)
    await members.remove(tx, user)
    await impersonations.end_of(SystemTx(tx.sql, tx.now), audit.doer_of(caller), tenant_id=tx.tenant, member_id=user)
    await invitations.remove_of(tx, old.email)
    await providers.forget(tx, user)
    await sessions.end_in(tx, user)
    await stored_tokens.revoke_own(tx, user)
    await audit.tell(tx, caller, "member.remove", _member(old), {"role": old.role})


async def slugs(tx: Tx, reach: Reach, several: Sequence[Member | Invitation]) -> dict[str, str]:
    """Of the namespaces that these are limited to and `reach` covers, by id."""
    ids = {UUID(place) for one in several for place in one.namespaces if reach.covers(UUID(place))}
    found: dict[UUID, Any] = await namespaces.of_ids(tx, list(ids)) if ids else {}
    return {str(place): one.slug for place, one in found.items()}


async def places_of(tx: Tx, role: Role, wanted: Sequence[str], pointer: str = "/namespaces") -> list[str]:
    """The ids of the namespaces that a membership is limited to. Raises NotFound, Invalid."""
    found = []
    for number, slug in enumerate(dict.fromkeys(wanted)):
        try:
            found.append(str((await namespaces.find(tx, slug)).id))
        except NotFound as error:
            raise NotFound(str(error), (Fault(f"{pointer}/{number}", str(error)),)) from None
    _require_unlimited(role, found, pointer)
    return found


async def _locked(tx: Tx, caller: Principal, user: UUID) -> Sequence[UUID]:
    """The owners; until the transaction ends nobody else changes them, the member or the caller.

    All in one order, so that two who change each other do not wait for each other.
    """
    owners = await members.owners(tx, user, *([caller.user] if caller.user else ()))
    await require_still(tx, caller)
    return owners


def _require_unlimited(role: Role, places: Sequence[str], pointer: str = "/namespaces") -> None:
    if role is Role.OWNER and places:
        detail = "an owner is not limited to namespaces: choose another role"
        raise Invalid(detail, (Fault(pointer, detail),))


async def _require_another(tx: Tx, owners: Sequence[UUID], user: UUID) -> None:
    """There is an owner beside this person, who can come in where a provider that everybody must come by fails."""
    if list(owners) == [user]:
        raise Conflict("this is the last owner: make another member an owner first")
    if user in owners and list(await members.owners_of_their_own(tx)) == [user] and await members.is_enforcing(tx):
        raise Conflict("this is the last owner who can come in without the sign-in provider: invite another one first")


def _invited(invitation: Invitation) -> Target:
    return Target(Noun.INVITATION, invitation.id, invitation.email)


def _member(member: Member) -> Target:
    return Target(Noun.MEMBER, member.user, member.email)
