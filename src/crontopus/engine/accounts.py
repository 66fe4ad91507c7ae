"""Signing in and out, and what people do with their own account."""

import secrets
from collections.abc import Sequence
from uuid import UUID

from crontopus.domain import passwords as rules
from crontopus.domain import tokens
from crontopus.domain.access import Principal, SystemRole
from crontopus.domain.audit import Deed, Doer, Noun, Target, changes
from crontopus.domain.errors import NotAllowed, NotFound, Unauthenticated
from crontopus.engine.attempts import Attempts
from crontopus.engine.audit import tell, tell_everywhere
from crontopus.engine.credentials import SESSION_LIFE, Caller
from crontopus.engine.factors import reset
from crontopus.engine.passwords import Passwords
from crontopus.storage import accounts, audit, members, sessions
from crontopus.storage import tokens as stored_tokens
from crontopus.storage.accounts import Login
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.identity import new_id
from crontopus.storage.members import Home
from crontopus.wire.accounts import Session, SignIn
from crontopus.wire.people import NewPassword


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
        raise Unauthenticated("the e-mail address or the password is wrong")
    async with db.write_all() as tx:
        await require_hash(tx, login.user, login.password_hash)
        return await begin_session(tx, login, caller)


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


async def begin_session(tx: SystemTx, login: Login, caller: Caller) -> Session:
    """The secret is in the answer and nowhere else."""
    secret, id = secrets.token_urlsafe(32), new_id(tx.now)
    expires_at = tx.now + SESSION_LIFE
    row = sessions.Session(
        id=id,
        user_id=login.user,
        tenant_id=login.tenant,
        created_at=tx.now,
        used_at=tx.now,
        confirmed_at=tx.now,
        expires_at=expires_at,
        address=caller.address,
        user_agent=caller.user_agent,
    )
    await sessions.add(tx, row, tokens.hash_of(secret))
    doer = Doer(login.email, login.user, None, caller.address, caller.user_agent)
    await audit.add(tx.of(login.tenant), doer, [Deed("session.begin", Target(Noun.SESSION, id, login.email))])
    return Session(session=secret, expires_at=expires_at)


async def sign_out(db: Database, caller: Principal) -> None:
    """Ends the session at once, wherever else it is used. Raises NotAllowed for a token, which has none."""
    user, session = _person(caller)
    async with db.write_all() as tx:
        await sessions.end(tx, user, session)
        await tell(tx.of(caller.tenant), caller, "session.end", Target(Noun.SESSION, session, caller.name))


async def own_sessions(db: Database, caller: Principal) -> Sequence[sessions.Session]:
    """Where the caller is signed in. Raises NotAllowed for a token."""
    user, _ = _person(caller)
    async with db.read_all() as tx:
        return await sessions.of_user(tx, user)


async def end_session(db: Database, caller: Principal, session: UUID) -> None:
    """One of the caller's own. Raises NotFound, NotAllowed."""
    user, _ = _person(caller)
    async with db.write_all() as tx:
        await sessions.end(tx, user, session)
        await tell(tx.of(caller.tenant), caller, "session.end", Target(Noun.SESSION, session, caller.name))


async def switch(db: Database, caller: Principal, tenant: UUID) -> Home:
    """To another tenant of theirs, in this session. Raises NotFound, NotAllowed."""
    user, session = _person(caller)
    async with db.write_all() as tx:
        home = next((home for home in await members.homes(tx, user) if home.id == tenant), None)
        if home is None:
            raise NotFound("no such tenant")
        await sessions.move(tx, session, tenant)
        return home


async def confirm(db: Database, passwords: Passwords, attempts: Attempts, caller: Principal, password: str) -> None:
    """For the next ten minutes it is them. Raises NotAllowed, Throttled."""
    user, session = _person(caller)
    verified = await _require_password(db, passwords, attempts, user, password)
    async with db.write_all() as tx:
        await require_hash(tx, user, verified)
        await sessions.confirmed(tx, session)


async def change_password(
    db: Database, passwords: Passwords, attempts: Attempts, caller: Principal, form: NewPassword
) -> None:
    """Every other session of theirs ends. Raises NotAllowed, Throttled."""
    user, session = _person(caller)
    verified = await _require_password(db, passwords, attempts, user, form.old)
    rules.require(form.new, "/new", caller.email or "", caller.person_name)
    hashed = await passwords.hash(form.new)
    async with db.write_all() as tx:
        await require_hash(tx, user, verified)
        await accounts.change_password(tx, user, hashed)
        await sessions.end_others(tx, user, session)
        await sessions.confirmed(tx, session)
        await tell(tx.of(caller.tenant), caller, "password.change", Target(Noun.MEMBER, user, caller.name))


async def recover(tx: SystemTx, email: str, hashed: str, *, superadmin: bool, factors: bool) -> list[str]:
    """A new password, and the end of all that somebody else may have: sessions and own tokens; with `factors` also of
    every second factor. The names of their tenants, whose logs tell of it. Raises NotFound.
    """
    account = await accounts.account(tx, email)
    if account is None:
        raise NotFound(f"nobody here has the address {email}")
    doer = Doer("the operator, at the data itself")
    await accounts.change_password(tx, account.user, hashed)
    if superadmin:
        await accounts.give_system_role(tx, account.user, SystemRole.SUPERADMIN)
    await sessions.end_others(tx, account.user, None)
    for home in await members.homes(tx, account.user):
        await stored_tokens.revoke_own(tx.of(home.id), account.user)
    told = changes({}, {"superadmin": True}) if superadmin else {}
    target = Target(Noun.MEMBER, account.user, email)
    tenants = await tell_everywhere(tx, doer, account.user, Deed("password.reset", target, told))
    if factors:
        await reset(tx, account.user, doer)
    return tenants


async def rename(db: Database, caller: Principal, name: str) -> None:
    user, _ = _person(caller)
    async with db.write_all() as tx:
        old = await accounts.account_of(tx, user)
        if old.name != name:
            await accounts.rename(tx, user, name)
            target = Target(Noun.MEMBER, user, caller.name)
            await tell(tx.of(caller.tenant), caller, "profile.edit", target, {"name": old.name}, {"name": name})


def _person(caller: Principal) -> tuple[UUID, UUID]:
    """Raises NotAllowed for a token: this is for people."""
    if caller.user is None or caller.session is None:
        raise NotAllowed("a token has no account: sign in as a person")
    return caller.user, caller.session


async def _require_password(db: Database, passwords: Passwords, attempts: Attempts, user: UUID, password: str) -> str:
    """The hash that it has. Raises NotAllowed, Throttled."""
    async with db.read_all() as tx:
        account = await accounts.account_of(tx, user)
    if not await is_password(db, passwords, attempts, password, account.password_hash, f"email {account.email}"):
        raise NotAllowed("this is not your password")
    return account.password_hash
