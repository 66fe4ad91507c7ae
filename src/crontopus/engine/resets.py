"""A new password for whoever has lost theirs: a link by e-mail, or from an operator's hand."""

import secrets
from datetime import timedelta
from uuid import UUID

from msgspec import Struct

from crontopus.domain import letters, passwords, tokens
from crontopus.domain.audit import Deed, Doer, Noun, Target
from crontopus.domain.errors import NotFound, Throttled, Unauthenticated
from crontopus.domain.ids import NOWHERE
from crontopus.engine.accounts import begin_anew
from crontopus.engine.attempts import Attempts
from crontopus.engine.audit import tell_everywhere
from crontopus.engine.credentials import Caller
from crontopus.engine.mail import Mail
from crontopus.engine.passwords import Passwords
from crontopus.storage import accounts, resets
from crontopus.storage import letters as stored_letters
from crontopus.storage.accounts import Account
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.resets import Reset

LIFE = timedelta(hours=1)
PAUSE = timedelta(minutes=5)
"""Nobody's letter box is filled by who asks more often."""
WAITING = 1000
EVERY = timedelta(seconds=1)


class _Asked(Struct, frozen=True):
    email: str
    caller: Caller


class Resets:
    """Takes addresses at once, and looks later whose they are: how long an answer takes tells nothing."""

    def __init__(self, db: Database, mail: Mail, public_url: str) -> None:
        self._db = db
        self._mail = mail
        self._public_url = public_url
        self._asked: list[_Asked] = []

    def ask(self, attempts: Attempts, email: str, caller: Caller) -> None:
        """Raises Conflict where nothing is mailed, Throttled for whoever asks for many."""
        self._mail.require()
        address = f"resets of {caller.address}"
        attempts.require(self._db.clock(), address)
        attempts.failed(self._db.clock(), address)
        if len(self._asked) >= WAITING:
            raise Throttled("too many ask for a new password: try again in a minute", 60)
        self._asked.append(_Asked(email.strip().lower(), caller))

    async def step(self) -> bool:
        """Mail the link to one who asked for it and has an account. True where more wait."""
        if not self._asked:
            return False
        asked = self._asked[0]
        async with self._db.write_all() as tx:
            account = await accounts.account(tx, asked.email)
            if account is not None and not await accounts.is_disabled(tx, account.user):
                await self._mail_link(tx, account, asked.caller)
        self._asked.pop(0)
        return bool(self._asked)

    async def _mail_link(self, tx: SystemTx, account: Account, caller: Caller) -> None:
        made_at = await resets.made_at(tx, account.user)
        if made_at is not None and tx.now - made_at < PAUSE:
            return
        code = await make(tx, account.user, account.email)
        nowhere = tx.of(NOWHERE)
        letter = letters.password_reset(account.email, link(self._public_url, code), tx.now + LIFE)
        await self._mail.put(nowhere, letter, account.user)
        doer = Doer("somebody", None, None, caller.address, caller.user_agent)
        await tell_everywhere(tx, doer, account.user, Deed("password.ask", _target(account)))


async def make(tx: SystemTx, user: UUID, made_by: str) -> str:
    """The code of a new link, which makes an older one worthless."""
    code = secrets.token_urlsafe(32)
    await stored_letters.drop(tx.of(NOWHERE), user)
    await resets.put(tx, user, tokens.hash_of(code), made_by, tx.now + LIFE)
    return code


def link(public_url: str, code: str) -> str:
    return f"{public_url}/reset?code={code}"


async def opened(tx: SystemTx, attempts: Attempts, code: str, caller: Caller) -> Reset:
    """Raises NotFound, never saying why: unknown, replaced, over, or used; Throttled for whoever guesses."""
    address = f"address {caller.address}"
    attempts.require(tx.now, address)
    found = await resets.opened(tx, tokens.hash_of(code))
    if found is None:
        attempts.failed(tx.now, address)
        raise NotFound("this link opens nothing, or not any more: ask for a new one")
    return found


async def use(
    db: Database, passwords_: Passwords, attempts: Attempts, mail: Mail, code: str, password: str, caller: Caller
) -> None:
    """A new password, and the end of every session and own token: somebody else may hold them. A second factor stays.

    Raises NotFound, Invalid, Throttled, Unauthenticated for an account that is disabled.
    """
    async with db.read_all() as reading:
        found = await opened(reading, attempts, code, caller)
        account = await accounts.account_of(reading, found.user_id)
    passwords.require(password, "/password", account.email, account.name)
    hashed = await passwords_.hash(password)
    async with db.write_all() as tx:
        await opened(tx, attempts, code, caller)
        if await accounts.is_disabled(tx, account.user):
            raise Unauthenticated("this account is disabled: ask whoever runs this installation")
        await begin_anew(tx, account.user, hashed)
        doer = Doer(account.email, account.user, None, caller.address, caller.user_agent)
        await tell_everywhere(tx, doer, account.user, Deed("password.reset", _target(account)))
        letter = letters.password_changed(account.email, caller.address, tx.now)
        await mail.put(tx.of(NOWHERE), letter, account.user)


def _target(account: Account) -> Target:
    return Target(Noun.MEMBER, account.user, account.email)
