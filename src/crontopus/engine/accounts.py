"""Signing in and out, and what people do with their own account."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct
from msgspec.structs import replace

from crontopus.domain import passwords as rules
from crontopus.domain import providers, tokens, zone
from crontopus.domain.access import Principal, SystemRole
from crontopus.domain.audit import Deed, Doer, Noun, Target, changes
from crontopus.domain.errors import (
    Fault,
    Invalid,
    NotAllowed,
    NotFound,
    ProviderNeeded,
    Unauthenticated,
    Unavailable,
)
from crontopus.domain.ids import NOWHERE
from crontopus.domain.letters import password_changed
from crontopus.engine import factors, impersonations, passkeys
from crontopus.engine.attempts import Attempts
from crontopus.engine.audit import AT_THE_DATA, doer_of, tell, tell_each, tell_everywhere, tell_in
from crontopus.engine.credentials import SESSION_LIFE, Caller
from crontopus.engine.mail import Mail
from crontopus.engine.passkeys import Site
from crontopus.engine.passwords import Passwords
from crontopus.storage import accounts, audit, members, resets, sessions
from crontopus.storage import factors as stored_factors
from crontopus.storage import providers as stored_providers
from crontopus.storage import tokens as stored_tokens
from crontopus.storage.accounts import Login
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.identity import new_id
from crontopus.storage.members import Home
from crontopus.storage.sealing import Sealer
from crontopus.wire.accounts import Session, SignIn
from crontopus.wire.factors import SecondFactor
from crontopus.wire.people import Confirmation, MePatch, NewPassword


async def sign_in(db: Database, passwords: Passwords, attempts: Attempts, form: SignIn, caller: Caller) -> Session:
    """A new session. Raises Unauthenticated (never saying what was wrong) or Throttled."""
    email = form.email.strip().lower()
    async with db.read_all() as tx:
        login = await accounts.login_of(tx, email)
        at_home = login is not None and await sessions.was_at(tx, login.user, caller.address)
    # Whoever guesses elsewhere shall not lock a person out of where they have signed in before.
    keys = (f"email {email} at home" if at_home else f"email {email}", f"address {caller.address}")
    hashed = login.password_hash if login else None
    if not await is_password(db, passwords, attempts, form.password, hashed, *keys) or login is None:
        await _tell_refused(db, attempts, login, email, caller)
        raise Unauthenticated("the e-mail address or the password is wrong")
    async with db.write_all() as tx:
        await require_hash(tx, login.user, login.password_hash)
        return await begin_by_password(tx, await _where_it_opens(tx, login), caller)


async def _where_it_opens(tx: SystemTx, login: Login) -> Login:
    """Where somebody comes in who has shown that the account is theirs. Raises ProviderNeeded."""
    if not login.by_provider:
        return login
    if await accounts.system_role(tx, login.user) is not None:
        return replace(login, tenant=NOWHERE, tenant_name="", by_provider=False)
    raise await provider_needed(tx, login)


async def provider_needed(tx: SystemTx, login: Login) -> ProviderNeeded:
    """For somebody who has shown that the account is theirs."""
    offers = await stored_providers.offered_in(tx.of(login.tenant))
    way = "" if offers else "; none of its providers is in use, so ask one of its owners"
    return ProviderNeeded(
        f"{login.tenant_name} asks its people to sign in by its provider{way}",
        tuple(Fault(f"/sign-in/with/{offer.id}", offer.name) for offer in offers),
    )


async def _tell_refused(db: Database, attempts: Attempts, login: Login | None, email: str, caller: Caller) -> None:
    """In the logs of whoever's account it is, else in the installation's, and there without what was typed: some type
    their password there.
    """
    times = attempts.to_tell(db.clock(), f"account {login.user}" if login else f"address {caller.address}")
    if not times:
        return
    doer, told = Doer("somebody", None, None, caller.address, caller.user_agent), changes({}, {"times": times})
    with suppress(Unavailable):
        async with db.write_all() as tx:
            if login is not None:
                deed = Deed("session.refuse", Target(Noun.MEMBER, login.user, login.email), told)
                await tell_everywhere(tx, doer, login.user, deed)
            else:
                target = Target(Noun.INSTALLATION, NOWHERE, _masked(email))
                await audit.add(tx.of(NOWHERE), doer, [Deed("session.refuse", target, told)])


def _masked(email: str) -> str:
    """`a…@example.com`, and of what is no address nothing."""
    name, at, domain = email.partition("@")
    return f"{name[:1]}…@{domain[:100]}" if at and name and "." in domain else "no address"


async def sign_in_with_passkey(
    db: Database, attempts: Attempts, site: Site, answer: dict[str, Any], caller: Caller
) -> Session:
    """A new session, complete: a passkey is something one has, opened by something one knows or is. Raises
    Unauthenticated or Throttled.
    """
    address = f"address {caller.address}"
    attempts.require(db.clock(), address)
    session = None
    async with db.write_all() as tx:
        found = await passkeys.signed_in(tx, site, answer)
        if found is not None:
            account = await accounts.account_of(tx, found.passkey.user_id)
            login = await accounts.login_of(tx, account.email)
            doer = Doer(account.email, account.user, None, caller.address, caller.user_agent)
            if not await factors.is_cloned(tx, doer, found) and login is not None:
                session = await begin_session(tx, await _where_it_opens(tx, login), caller)
    if session is None:
        attempts.failed(db.clock(), address)
        raise Unauthenticated("this passkey opens nothing here, or took too long: try again")
    return session


async def sign_in_by_proxy(db: Database, email: str, caller: Caller) -> Session:
    """As whom a trusted proxy has signed in, empty: it says nothing. Raises Unauthenticated, ProviderNeeded."""
    async with db.write_all() as tx:
        login = await accounts.login_of(tx, email.strip().lower()) if email.strip() else None
        if login is None:
            raise Unauthenticated("no proxy that is trusted says who you are, or nobody here has that address")
        return await begin_by_password(tx, await _where_it_opens(tx, login), caller, by="proxy")


async def begin_by_password(tx: SystemTx, login: Login, caller: Caller, *, by: str = "") -> Session:
    """Pending, where the person has a second factor. `by`: what else than the password has let them in."""
    kinds = await factors.kinds(tx, login.user)
    return replace(await begin_session(tx, login, caller, pending=bool(kinds), by=by), factors=kinds)


async def is_password(
    db: Database, passwords: Passwords, attempts: Attempts, password: str, hashed: str | None, who: str, *others: str
) -> bool:
    """`hashed` None: of nobody. Raises Throttled where `who` or one of `others` has failed too often.

    A try counts against `who` before it is known how it ends: those who guess at once would else all be let through.
    """
    attempts.require(db.clock(), who, *others)
    attempts.failed(db.clock(), who)
    if await passwords.matches(password, hashed):
        attempts.succeeded(who, *others)
        return True
    attempts.failed(db.clock(), *others)
    return False


async def require_hash(tx: SystemTx, user: UUID, password_hash: str) -> None:
    """What was verified before the transaction is still the password. Raises Unauthenticated."""
    if not await accounts.is_hash_of(tx, user, password_hash):
        raise Unauthenticated("the password was changed meanwhile: try again")


class Provided(Struct, frozen=True):
    """A session that a sign-in provider of the tenant vouches for. `shown_at`: when the person last showed there who
    they are.
    """

    provider: UUID
    name: str
    shown_at: datetime


async def begin_session(
    tx: SystemTx,
    login: Login,
    caller: Caller,
    *,
    pending: bool = False,
    provided: Provided | None = None,
    by: str = "",
) -> Session:
    """The secret is in the answer and nowhere else. `pending`: it opens nothing until the second factor is shown.

    Raises Unauthenticated for an account that is disabled; whoever comes here has shown that it is theirs.
    """
    if await accounts.is_disabled(tx, login.user):
        raise Unauthenticated("this account is disabled: ask whoever runs this installation")
    secret, id = secrets.token_urlsafe(32), new_id(tx.now)
    life = factors.PENDING_LIFE if pending else SESSION_LIFE if provided is None else providers.SESSION_LIFE
    expires_at = tx.now + life
    row = sessions.Session(
        id=id,
        user_id=login.user,
        tenant_id=login.tenant,
        created_at=tx.now,
        used_at=tx.now,
        confirmed_at=tx.now if provided is None else min(provided.shown_at, tx.now),
        expires_at=expires_at,
        address=caller.address,
        user_agent=caller.user_agent,
        pending=factors.TRIES if pending else None,
        provider_id=None if provided is None else provided.provider,
    )
    await sessions.add(tx, row, tokens.hash_of(secret))
    doer = Doer(login.email, login.user, None, caller.address, caller.user_agent)
    said = {"provider": provided and provided.name, "by": by or None}
    action = "session.pending" if pending else "session.begin"
    deed = Deed(action, Target(Noun.SESSION, id, login.email), changes({}, said))
    await audit.add(tx.of(login.tenant), doer, [deed])
    return Session(session=secret, expires_at=expires_at, pending=pending)


async def sign_out(db: Database, caller: Principal) -> None:
    """Ends the session at once, wherever else it is used. Raises NotAllowed for a token, which has none."""
    user, session = factors.person(caller)
    async with db.write_all() as tx:
        await _end(tx, caller, user, session)


async def own_sessions(db: Database, caller: Principal) -> Sequence[sessions.Session]:
    """Where the caller is signed in as they are here: by this provider, or by no provider. Raises NotAllowed for a
    token.
    """
    user, _ = factors.person(caller)
    async with db.read_all() as tx:
        return [one for one in await sessions.of_user(tx, user) if one.provider_id == caller.provider]


async def own_tenants(tx: SystemTx, caller: Principal, user: UUID) -> Sequence[Home]:
    """Where the caller can go in this session: whoever came by a provider goes nowhere else."""
    homes = await members.homes(tx, user)
    if caller.provider is not None:
        return [home for home in homes if home.id == caller.tenant]
    return [home for home in homes if not home.by_provider]


async def end_session(db: Database, caller: Principal, session: UUID) -> None:
    """One of the caller's own, among those that they are shown. Raises NotFound, NotAllowed."""
    user, _ = factors.person(caller)
    if session not in {one.id for one in await own_sessions(db, caller)}:
        raise NotFound("no such session")
    async with db.write_all() as tx:
        await _end(tx, caller, user, session)


async def _end(tx: SystemTx, caller: Principal, user: UUID, session: UUID) -> None:
    """With what was begun in it. Raises NotFound."""
    await sessions.end(tx, user, session)
    deed = Deed("session.end", Target(Noun.SESSION, session, caller.name))
    ended = await impersonations.ended_of(tx, session_id=session)
    await tell_each(tx, doer_of(caller), [(caller.tenant, deed), *ended])


async def switch(db: Database, caller: Principal, tenant: UUID) -> Home:
    """To another tenant of theirs, in this session. Raises NotFound, NotAllowed."""
    user, session = factors.person(caller)
    async with db.write_all() as tx:
        home = next((home for home in await own_tenants(tx, caller, user) if home.id == tenant), None)
        if home is None:
            raise NotFound("no such tenant, or one that you enter by its sign-in provider")
        await sessions.move(tx, session, tenant)
        return home


async def confirm(
    db: Database,
    passwords: Passwords,
    attempts: Attempts,
    sealer: Sealer,
    site: Site | None,
    caller: Principal,
    form: Confirmation,
) -> None:
    """For the next ten minutes it is them: by a passkey alone, or by their password, with a code where they have a
    second factor. Who has no password shows a factor. Raises Invalid, NotAllowed, Throttled.
    """
    user, session = factors.person(caller)
    if caller.provider is not None:
        raise NotAllowed("you came by your organisation's sign-in provider: sign in by it once more")
    shown = SecondFactor(code=form.code, passkey=form.passkey)
    if form.passkey is not None:
        return await factors.require_shown(db, sealer, attempts, site, caller, shown, None)
    if caller.has_factor and not form.code.strip():
        detail = "give a code of your second factor, too, or show a passkey"
        raise Invalid(detail, (Fault("/code", detail),))
    async with db.read_all() as reading:
        has_password = bool((await accounts.account_of(reading, user)).password_hash)
    if not has_password and not caller.has_factor:
        raise NotAllowed("you have neither password nor second factor here: sign in again")
    verified = await _require_password(db, passwords, attempts, user, form.password) if has_password else None
    if caller.has_factor:
        return await factors.require_shown(db, sealer, attempts, site, caller, shown, verified)
    async with db.write_all() as tx:
        await require_hash(tx, user, verified or "")
        if await stored_factors.exist(tx, user):
            raise NotAllowed("a second factor was set up meanwhile: show it, too")
        await sessions.confirmed(tx, session)


async def change_password(
    db: Database, passwords: Passwords, attempts: Attempts, mail: Mail, caller: Principal, form: NewPassword
) -> None:
    """Every other session of theirs ends, and they are told by e-mail. Raises NotAllowed, Throttled, Invalid;
    Unconfirmed where they have a second factor and have not shown it lately.
    """
    user, session = factors.account_of(caller)
    if caller.has_factor:
        caller.require_confirmed(db.clock())
    verified = await _require_password(db, passwords, attempts, user, form.old)
    rules.require(form.new, "/new", caller.email or "", caller.person_name)
    hashed = await passwords.hash(form.new)
    async with db.write_all() as tx:
        await require_hash(tx, user, verified)
        await accounts.change_password(tx, user, hashed)
        await resets.remove(tx, user)
        await sessions.end_others(tx, user, session)
        await sessions.confirmed(tx, session)
        await tell(tx.of(caller.tenant), caller, "password.change", Target(Noun.MEMBER, user, caller.name))
        await mail.put(tx.of(NOWHERE), password_changed(caller.email or "", caller.address, tx.now), user)


async def recover(tx: SystemTx, email: str, hashed: str, *, superadmin: bool, without_factors: bool) -> list[str]:
    """A new password, and the end of all that somebody else may have: sessions, own tokens, and where it is said every
    second factor. The names of their tenants, whose logs tell of it, as does the installation's. Raises NotFound.
    """
    account = await accounts.account(tx, email)
    if account is None:
        raise NotFound(f"nobody here has the address {email}")
    await begin_anew(tx, account.user, hashed)
    if superadmin:
        await accounts.give_system_role(tx, account.user, SystemRole.SUPERADMIN)
    await members.make_own(tx, account.user)
    homes = await members.homes(tx, account.user)
    told = changes({}, {"superadmin": True}) if superadmin else {}
    target = Target(Noun.MEMBER, account.user, email)
    deed = Deed("password.reset", target, told)
    await tell_in(tx, AT_THE_DATA, [*sorted(home.id for home in homes), NOWHERE], deed)
    if without_factors:
        await factors.reset(tx, account.user, AT_THE_DATA)
    return [home.name for home in homes]


async def begin_anew(tx: SystemTx, user: UUID, hashed: str) -> None:
    """With a new password, and without all that somebody else may have: sessions, own tokens, a link to choose another.
    A second factor stays.
    """
    await accounts.change_password(tx, user, hashed)
    await resets.remove(tx, user)
    await sessions.end_others(tx, user, None)
    for home in await members.homes(tx, user):
        await stored_tokens.revoke_own(tx.of(home.id), user)


async def edit_profile(db: Database, caller: Principal, patch: MePatch) -> None:
    """JSON Merge Patch of name, zone, theme and language. Who came by a provider changes an account that nobody enters
    otherwise. Raises Invalid, NotAllowed.
    """
    user, _ = factors.person(caller)
    if isinstance(patch.zone, str) and zone.find(patch.zone) is None:
        detail = f"there is no time zone {patch.zone!r}: write one such as Europe/Berlin"
        raise Invalid(detail, (Fault("/zone", detail),))
    async with db.write_all() as tx:
        if (await accounts.account_of(tx, user)).password_hash:
            caller.require_own_sign_in()
        old = await accounts.profile_of(tx, user)
        given = {name: getattr(patch, name) for name in patch.__struct_fields__ if getattr(patch, name) is not UNSET}
        after = {name: value.strip() if name == "name" else value for name, value in given.items()}
        before = {name: old[name] for name in after}
        if after != before:
            await accounts.edit_profile(tx, user, after)
            await tell(
                tx.of(caller.tenant), caller, "profile.edit", Target(Noun.MEMBER, user, caller.name), before, after
            )


async def _require_password(db: Database, passwords: Passwords, attempts: Attempts, user: UUID, password: str) -> str:
    """The hash that it has. Raises NotAllowed, Throttled."""
    async with db.read_all() as tx:
        account = await accounts.account_of(tx, user)
    if not await is_password(db, passwords, attempts, password, account.password_hash, f"email {account.email}"):
        raise NotAllowed("this is not your password")
    return account.password_hash
