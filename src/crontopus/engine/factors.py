"""Second factors of people: what they enrol, what shows that it is them, and what becomes of those they have lost.

What is refused is decided in the transaction and raised after it, so that a try counts and a used code stays used.
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO
from uuid import UUID

import pyotp
import segno
from msgspec import Struct

from crontopus.domain import tokens
from crontopus.domain.access import Principal
from crontopus.domain.audit import Deed, Doer, Noun, Target
from crontopus.domain.errors import Conflict, Fault, Invalid, NotAllowed, Unauthenticated
from crontopus.engine import passkeys
from crontopus.engine.attempts import Attempts
from crontopus.engine.audit import doer_of, tell, tell_everywhere
from crontopus.engine.credentials import SESSION_LIFE
from crontopus.engine.passkeys import Site
from crontopus.storage import accounts, factors, sessions
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.factors import Authenticator, Passkey
from crontopus.storage.identity import new_id
from crontopus.storage.sealing import Sealer
from crontopus.wire.accounts import Session
from crontopus.wire.factors import FactorKind, NewPasskey, SecondFactor

PENDING_LIFE = timedelta(minutes=10)
"""So long there is between the password and the second factor."""
TRIES = 5
"""So often it may be wrong in one sign-in."""
STEP_SECONDS = 30
WAITS_FOR = timedelta(hours=1)
"""So long a new authenticator app may take to its first code."""
ISSUER = "Crontopus"
_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_WRONG = "this code is wrong, or was used already: wait for the next one"


class Held(Struct, frozen=True):
    """What a person has beside their password."""

    authenticator: Authenticator | None
    passkeys: Sequence[Passkey]
    recovery_codes: int


class Enrolment(Struct, frozen=True):
    """What an authenticator app is given."""

    secret: str
    uri: str
    qr: str


async def held(tx: SystemTx, user: UUID) -> Held:
    return Held(
        await factors.authenticator(tx, user),
        await factors.passkeys_of(tx, user),
        await factors.recovery_codes_left(tx, user),
    )


async def kinds(tx: SystemTx, user: UUID) -> list[FactorKind]:
    """With what this person finishes signing in; none: the password is enough."""
    has = await factors.in_force(tx, user)
    there = {
        FactorKind.AUTHENTICATOR: has.authenticator,
        FactorKind.PASSKEY: has.passkey,
        FactorKind.RECOVERY_CODE: has.recovery_codes and (has.authenticator or has.passkey),
    }
    return [kind for kind, is_there in there.items() if is_there]


# ---- enrolling


async def enrol(db: Database, sealer: Sealer, caller: Principal) -> Enrolment:
    """A secret for a new authenticator app; until its first code has come it is the same again, and opens nothing."""
    user, _ = account_of(caller)
    async with db.write_all() as tx:
        caller.require_confirmed(tx.now)
        await factors.lock(tx, user)
        found = await factors.waiting(tx, user, tx.now - WAITS_FOR)
        if found is None:
            id, secret = new_id(tx.now), pyotp.random_base32()
            found = Authenticator(id=id, user_id=user, sealed=sealer.seal(secret.encode(), user, id), created_at=tx.now)
            await factors.replace_waiting(tx, found)
        account = await accounts.account_of(tx, user)
    return _enrolment(_secret(sealer, found), account.email)


async def confirm_authenticator(
    db: Database, sealer: Sealer, attempts: Attempts, caller: Principal, code: str
) -> list[str]:
    """In force from now on, in place of an older one. Recovery codes, where the person had none. Raises Invalid."""
    user, session = account_of(caller)
    now, key = db.clock(), f"second factor of session {session}"
    _try(attempts, now, key)
    async with db.write_all() as tx:
        caller.require_confirmed(tx.now)
        await _require_same_session(tx, user, session)
        waiting = await factors.waiting(tx, user, tx.now - WAITS_FOR)
        if waiting is None:
            raise Conflict("no authenticator app waits for its first code: begin again")
        step = _step(_secret(sealer, waiting), code, now)
        if step is None:
            detail = _no_code(code)
            raise Invalid(detail, (Fault("/code", detail),))
        replaced = await factors.authenticator(tx, user)
        await factors.put_in_force(tx, user, waiting.id, step)
        deed = "authenticator.replace" if replaced else "authenticator.add"
        await _tell(tx, caller, Deed(deed, Target(Noun.FACTOR, waiting.id, "authenticator app")))
        codes = await _first_codes(tx, caller, user)
    attempts.succeeded(key)
    return codes


async def remove_authenticator(db: Database, caller: Principal) -> None:
    """Raises Conflict where there is none."""
    user, session = account_of(caller)
    async with db.write_all() as tx:
        caller.require_confirmed(tx.now)
        await _require_same_session(tx, user, session)
        found = await factors.authenticator(tx, user)
        await factors.remove_authenticators(tx, user)
        if found is None:
            raise Conflict("no authenticator app is set up")
        await _tell(tx, caller, Deed("authenticator.remove", Target(Noun.FACTOR, found.id, "authenticator app")))
        await _forget_codes_without_factor(tx, user)


async def passkey_registration(db: Database, site: Site, caller: Principal) -> dict[str, object]:
    """What the browser is asked."""
    user, session = account_of(caller)
    async with db.read_all() as tx:
        caller.require_confirmed(tx.now)
        return await passkeys.registration(tx, site, await accounts.account_of(tx, user), session)


async def add_passkey(db: Database, site: Site, caller: Principal, new: NewPasskey) -> tuple[Passkey, list[str]]:
    """With recovery codes, where the person had none. Raises Invalid, Conflict."""
    user, session = account_of(caller)
    async with db.write_all() as tx:
        caller.require_confirmed(tx.now)
        await _require_same_session(tx, user, session)
        account = await accounts.account_of(tx, user)
        made = await passkeys.register(tx, site, account, session, new.passkey, new.name.strip() or "Passkey")
        await _tell(tx, caller, Deed("passkey.add", Target(Noun.FACTOR, made.id, made.name)))
        return made, await _first_codes(tx, caller, user)


async def rename_passkey(db: Database, caller: Principal, passkey: UUID, name: str) -> Passkey:
    """Raises NotFound."""
    user, _ = account_of(caller)
    async with db.write_all() as tx:
        old = await factors.passkey_of(tx, user, passkey)
        await factors.rename_passkey(tx, passkey, name)
        changes = {"name": (old.name, name)}
        await _tell(tx, caller, Deed("passkey.edit", Target(Noun.FACTOR, passkey, name), changes))
        return await factors.passkey_of(tx, user, passkey)


async def remove_passkey(db: Database, caller: Principal, passkey: UUID) -> None:
    """Raises NotFound."""
    user, session = account_of(caller)
    async with db.write_all() as tx:
        old = await factors.passkey_of(tx, user, passkey)
        caller.require_confirmed(tx.now)
        await _require_same_session(tx, user, session)
        await factors.remove_passkey(tx, passkey)
        await _tell(tx, caller, Deed("passkey.remove", Target(Noun.FACTOR, passkey, old.name)))
        await _forget_codes_without_factor(tx, user)


async def new_recovery_codes(db: Database, caller: Principal) -> list[str]:
    """Those before are void. Raises Conflict where there is nothing that they could stand in for."""
    user, session = account_of(caller)
    async with db.write_all() as tx:
        caller.require_confirmed(tx.now)
        await _require_same_session(tx, user, session)
        if not await factors.exist(tx, user):
            raise Conflict(
                "recovery codes stand in for a second factor: set up an authenticator app or a passkey first"
            )
        return await _codes(tx, caller, user)


async def reset(tx: SystemTx, user: UUID, doer: Doer) -> None:
    """For somebody who has lost them: every second factor, recovery code and session of theirs is gone; their password
    alone lets them in.
    """
    await factors.lock(tx, user)
    email = (await accounts.account_of(tx, user)).email
    await factors.remove_authenticators(tx, user)
    await factors.remove_passkeys(tx, user)
    await factors.replace_recovery_codes(tx, user, [])
    await sessions.end_others(tx, user, None)
    await tell_everywhere(tx, doer, user, Deed("factors.reset", Target(Noun.MEMBER, user, email)))


# ---- showing them


async def finish(
    db: Database, sealer: Sealer, attempts: Attempts, site: Site | None, caller: Principal, form: SecondFactor
) -> Session:
    """The sign-in is complete, under another secret than before. Raises Unauthenticated; the fifth time, and after ten
    minutes, the password is to be given again.
    """
    user, session = person(caller)
    if not caller.pending:
        raise Conflict("nothing is to be finished: you are signed in")
    _require_one(form)
    now, key = db.clock(), await _at_the_door(db, caller)
    if form.passkey is None:
        _try(attempts, now, key)
    secret, expires_at = secrets.token_urlsafe(32), now + SESSION_LIFE
    async with db.write_all() as tx:
        await factors.lock(tx, user)
        left = await sessions.tries_left(tx, session)
        shown = left is not None and await is_shown(tx, sealer, site, caller, form)
        target = Target(Noun.SESSION, session, caller.name)
        if shown:
            await sessions.finish(tx, session, tokens.hash_of(secret), expires_at)
            await tell(tx.of(caller.tenant), caller, "session.begin", target)
        elif left is not None:
            await _count_down(tx, caller, target, left - 1)
    if not shown:
        raise Unauthenticated(_WRONG if left and left > 1 else "that was once too often: sign in again")
    attempts.succeeded(key)
    return Session(session=secret, expires_at=expires_at)


async def _count_down(tx: SystemTx, caller: Principal, target: Target, left: int) -> None:
    if left > 0:
        await sessions.keep_tries(tx, target.id, left)
    else:
        await sessions.end(tx, caller.id, target.id)
        await _tell(tx, caller, Deed("session.refuse", target))


async def is_shown(tx: SystemTx, sealer: Sealer, site: Site | None, caller: Principal, form: SecondFactor) -> bool:
    """Whether it is the caller's: a passkey that signed for this session, the app's code, or a recovery code. What can
    be used once is used up.
    """
    user, session = person(caller)
    await factors.lock(tx, user)
    if form.passkey is not None:
        found = None if site is None else await passkeys.shown(tx, site, session, user, form.passkey)
        return found is not None and not await is_cloned(tx, doer_of(caller), found)
    if re.fullmatch(r"\d{3} ?\d{3}", form.code.strip()):
        return await _is_code(tx, sealer, user, form.code)
    return await _is_recovery_code(tx, caller, user, form.code)


async def is_cloned(tx: SystemTx, doer: Doer, found: passkeys.Shown) -> bool:
    """Told wherever its owner is, since somebody may have a copy."""
    if found.cloned:
        deed = Deed("passkey.refuse", Target(Noun.FACTOR, found.passkey.id, found.passkey.name))
        await tell_everywhere(tx, doer, found.passkey.user_id, deed)
    return found.cloned


async def require_shown(
    db: Database,
    sealer: Sealer,
    attempts: Attempts,
    site: Site | None,
    caller: Principal,
    form: SecondFactor,
    password_hash: str | None,
) -> None:
    """For the next ten minutes it is them. `password_hash` is what was verified before, None where nothing was; it must
    still be theirs. Raises NotAllowed, Throttled.
    """
    user, session = person(caller)
    _require_one(form)
    key = f"second factor of session {session}"
    if form.passkey is None:
        _try(attempts, db.clock(), key)
    async with db.write_all() as tx:
        if password_hash is not None and not await accounts.is_hash_of(tx, user, password_hash):
            raise Unauthenticated("the password was changed meanwhile: try again")
        shown = await is_shown(tx, sealer, site, caller, form)
        if shown:
            await sessions.confirmed(tx, session)
    if not shown:
        raise NotAllowed("this passkey does not open it" if form.passkey is not None else _WRONG)
    attempts.succeeded(key)


async def passkey_request(db: Database, site: Site, caller: Principal) -> dict[str, object]:
    """What the browser is asked, to finish signing in or to show again who one is. Raises Conflict."""
    user, session = person(caller)
    async with db.read_all() as tx:
        known = await factors.passkeys_of(tx, user)
        if not known:
            raise Conflict("you have no passkey here")
        return passkeys.request(site, tx.now, session, known)


def require_person(caller: Principal) -> UUID:
    """By a session or a token of their own. Raises NotAllowed for a program, and for whoever looks as another."""
    caller.require_own_name()
    if caller.user is None or caller.email is None:
        raise NotAllowed("a token of a program has no account: come as a person")
    return caller.user


def person(caller: Principal) -> tuple[UUID, UUID]:
    """Raises NotAllowed for a token: this is for people."""
    if caller.user is None or caller.session is None:
        raise NotAllowed("a token has no account: sign in as a person")
    return caller.user, caller.session


def account_of(caller: Principal) -> tuple[UUID, UUID]:
    """Likewise, for what holds wherever the person is. Raises NotAllowed for whoever came by a provider, too."""
    caller.require_own_sign_in()
    return person(caller)


async def _is_code(tx: SystemTx, sealer: Sealer, user: UUID, code: str) -> bool:
    app = await factors.authenticator(tx, user)
    step = None if app is None else _step(_secret(sealer, app), code, tx.now)
    return app is not None and step is not None and await factors.use_step(tx, app.id, step)


async def _is_recovery_code(tx: SystemTx, caller: Principal, user: UUID, code: str) -> bool:
    plain = re.sub(r"[\s-]", "", code).lower()
    if not await factors.exist(tx, user) or not await factors.use_recovery_code(tx, user, _hash(user, plain)):
        return False
    left = await factors.recovery_codes_left(tx, user)
    deed = Deed("recovery-code.use", Target(Noun.MEMBER, user, caller.name), {"left": (left + 1, left)})
    await _tell(tx, caller, deed)
    return True


def _no_code(code: str) -> str:
    """What to do about a code that is none now."""
    if re.fullmatch("[0-9]{6}", re.sub(r"\s", "", code)) is None:
        return "a code is six digits: write those that the app shows now"
    return "this is not the code that the app should show now: is the clock of the phone right?"


def _step(secret: str, code: str, now: datetime) -> int | None:
    """That of the code, at most one beside the present one; None where it is of none of these."""
    given, present, app = re.sub(r"\s", "", code).encode(), int(now.timestamp()) // STEP_SECONDS, pyotp.TOTP(secret)
    found = None
    for step in (present, present - 1, present + 1):
        if hmac.compare_digest(app.generate_otp(step).encode(), given) and found is None:
            found = step
    return found


def _secret(sealer: Sealer, app: Authenticator) -> str:
    return sealer.open(app.sealed, app.user_id, app.id).decode()


def _enrolment(secret: str, email: str) -> Enrolment:
    uri, image = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER), BytesIO()
    segno.make(uri, error="m", micro=False).save(image, kind="svg", scale=5, light="#fff", xmldecl=False)
    return Enrolment(secret, uri, image.getvalue().decode())


def _try(attempts: Attempts, now: datetime, key: str) -> None:
    """A try counts before it is known how it ends. Raises Throttled."""
    attempts.require(now, key)
    attempts.failed(now, key)


async def _at_the_door(db: Database, caller: Principal) -> str:
    """What tries are counted by: whoever has the password and guesses elsewhere shall not keep the person out of where
    they have signed in before.
    """
    user, _ = person(caller)
    async with db.read_all() as tx:
        at_home = await sessions.was_at(tx, user, caller.address)
    return f"second factor {user} at home" if at_home else f"second factor {user}"


def _require_one(form: SecondFactor) -> None:
    if bool(form.code.strip()) == (form.passkey is not None):
        detail = "give a code or a passkey"
        raise Invalid(detail, (Fault("/code", detail),))


async def _first_codes(tx: SystemTx, caller: Principal, user: UUID) -> list[str]:
    return [] if await factors.recovery_codes_left(tx, user) else await _codes(tx, caller, user)


async def _codes(tx: SystemTx, caller: Principal, user: UUID) -> list[str]:
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(16)) for _ in range(_CODES)]
    await factors.replace_recovery_codes(tx, user, [_hash(user, code) for code in codes])
    await _tell(tx, caller, Deed("recovery-codes.create", Target(Noun.MEMBER, user, caller.name)))
    return ["-".join(code[place : place + 4] for place in range(0, 16, 4)) for code in codes]


async def _forget_codes_without_factor(tx: SystemTx, user: UUID) -> None:
    if not await factors.exist(tx, user):
        await factors.replace_recovery_codes(tx, user, [])


def _hash(user: UUID, code: str) -> bytes:
    return sha256(user.bytes + code.encode()).digest()


async def _require_same_session(tx: SystemTx, user: UUID, session: UUID) -> None:
    """Nobody else changes this person's factors meanwhile; and what lets them do it was not ended since they asked.
    Raises Unauthenticated.
    """
    await factors.lock(tx, user)
    if session not in {one.id for one in await sessions.of_user(tx, user)}:
        raise Unauthenticated("this session was ended meanwhile: sign in again")


async def _tell(tx: SystemTx, caller: Principal, deed: Deed) -> None:
    user, _ = person(caller)
    await tell_everywhere(tx, doer_of(caller), user, deed)
