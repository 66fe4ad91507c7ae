"""Signing in and out, and who a credential belongs to."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from msgspec import Struct

from crontopus.domain import tokens
from crontopus.domain.access import ALL, OF_ROLE, Principal, Reach, Scope
from crontopus.domain.errors import Unauthenticated, Unavailable
from crontopus.engine.attempts import Attempts
from crontopus.engine.passwords import Passwords
from crontopus.storage import accounts
from crontopus.storage import tokens as stored_tokens
from crontopus.storage.accounts import Login
from crontopus.storage.database import Database, SystemTx
from crontopus.wire.accounts import Session, SignIn

SESSION_LIFE = timedelta(days=30)
SESSION_STEP = timedelta(days=1)
"""A session in use is prolonged at most so often: not every page is a write."""
USED_STEP = timedelta(minutes=1)
"""Likewise `last_used_at` of a token."""


class Caller(Struct, frozen=True):
    """Where a request comes from, as far as the server knows."""

    address: str | None = None
    user_agent: str | None = None


async def sign_in(db: Database, passwords: Passwords, attempts: Attempts, form: SignIn, caller: Caller) -> Session:
    """A new session. Raises Unauthenticated (never saying what was wrong) or Throttled."""
    email = form.email.strip().lower()
    keys = (f"email {email}", f"address {caller.address}")
    attempts.require(db.clock(), *keys)
    async with db.read_all() as tx:
        login = await accounts.login_of(tx, email)
    if not await passwords.matches(form.password, login.password_hash if login else None) or login is None:
        attempts.failed(db.clock(), *keys)
        raise Unauthenticated("the e-mail address or the password is wrong")
    attempts.succeeded(*keys)
    async with db.write_all() as tx:
        return await begin_session(tx, login, caller)


async def begin_session(tx: SystemTx, login: Login, caller: Caller) -> Session:
    """The secret is in the answer and nowhere else."""
    secret = secrets.token_urlsafe(32)
    expires_at = tx.now + SESSION_LIFE
    await accounts.add_session(tx, login, tokens.hash_of(secret), expires_at, caller.address, caller.user_agent)
    return Session(session=secret, expires_at=expires_at)


async def sign_out(db: Database, session: str) -> None:
    """Ends it at once, wherever else it is used."""
    async with db.write_all() as tx:
        await accounts.end_session(tx, tokens.hash_of(session))


async def of_session(db: Database, session: str) -> Principal:
    """Raises Unauthenticated. Prolongs the session now and then."""
    hashed = tokens.hash_of(session)
    async with db.read_all() as tx:
        found = await accounts.signed_in(tx, hashed)
        now = tx.now
    if found is None:
        raise Unauthenticated("not signed in, or not any more")
    if found.expires_at - now < SESSION_LIFE - SESSION_STEP:
        await _later(db, lambda tx: accounts.extend_session(tx, hashed, tx.now + SESSION_LIFE))
    return Principal(
        id=found.user,
        tenant=found.tenant,
        tenant_name=found.tenant_name,
        scopes=OF_ROLE[found.role],
        reach=_reach(found.namespaces),
        user=found.user,
        email=found.email,
        system=found.system,
        role=found.role,
    )


async def of_token(db: Database, text: str) -> Principal:
    """Raises Unauthenticated."""
    tokens.kind_of(text)
    async with db.read_all() as tx:
        found = await stored_tokens.bearer(tx, tokens.hash_of(text))
        now = tx.now
    if found is None:
        raise Unauthenticated("the token is not valid")
    token = found.token
    if token.last_used_at is None or now - token.last_used_at >= USED_STEP:
        await _later(db, lambda tx: stored_tokens.used(tx, token.id))
    return Principal(
        id=token.id,
        tenant=found.tenant,
        tenant_name=found.tenant_name,
        scopes=frozenset(Scope(scope) for scope in token.scopes),
        reach=_reach(token.namespaces, token.job_id),
        user=token.user_id,
        token=token.id,
        system=found.system,
    )


async def _later(db: Database, note: Callable[[SystemTx], Awaitable[None]]) -> None:
    """What is only noted by the way does not fail a request that reads."""
    with suppress(Unavailable):
        async with db.write_all() as tx:
            await note(tx)


def _reach(namespaces: Sequence[str], job: UUID | None = None) -> Reach:
    if job is None and not namespaces:
        return ALL
    return Reach(frozenset(map(UUID, namespaces)) if namespaces else None, job)
