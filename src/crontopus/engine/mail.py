"""What goes out by e-mail: written in the transaction that owes it, sealed, and sent from here until it is delivered or
worth nothing any more."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

import anyio
import msgspec
import structlog
from msgspec import Struct

from crontopus.domain import letters as rules
from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, CrontopusError, Unavailable
from crontopus.domain.ids import NOWHERE
from crontopus.domain.letters import Letter
from crontopus.domain.mail_server import MailServer
from crontopus.engine import audit
from crontopus.notify import mail
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from crontopus.storage import letters as stored
from crontopus.storage.database import Database, SystemTx, Tx
from crontopus.storage.identity import new_id
from crontopus.storage.sealing import Sealer

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=2)
AT_ONCE = 4
KEPT = timedelta(days=30)
"""So long is known what became of a letter."""
_FORGOTTEN_AT_ONCE = 500
_OFF = "this installation sends no e-mail: whoever runs it can give the settings smtp_url and mail_from"


class Said(Struct, frozen=True, array_like=True):
    """What is sealed."""

    subject: str
    text: str


class Mail:
    """`server` None: nothing is mailed. `process` is this one, which holds what it sends by a lease."""

    def __init__(self, db: Database, sealer: Sealer, server: MailServer | None, process: UUID) -> None:
        self._db = db
        self._sealer = sealer
        self.server = server
        self._process = process

    @property
    def is_on(self) -> bool:
        return self.server is not None

    def require(self) -> MailServer:
        """Raises Conflict where nothing is mailed."""
        if self.server is None:
            raise Conflict(_OFF)
        return self.server

    async def put(self, tx: Tx, letter: Letter, about: UUID) -> None:
        """It goes out once the transaction is committed. Nothing happens where nothing is mailed."""
        if self.server is None:
            return
        id = new_id(tx.now)
        said = msgspec.msgpack.encode(Said(letter.subject, letter.text))
        row = stored.Letter(
            id=id,
            tenant_id=tx.tenant,
            about=about,
            kind=letter.kind,
            recipient=letter.to,
            sealed=self._sealer.seal(said, tx.tenant, id),
            made_at=tx.now,
            expires_at=letter.expires_at,
            next_at=tx.now,
        )
        await stored.add(tx, row)

    async def step(self) -> bool:
        """Send some that are due. True where there were as many as go at once: there may be more."""
        if self.server is None:
            return False
        alone = self._db.is_sqlite  # whoever else held a lease has ended: only one process opens the file
        async with self._db.read_all() as tx:
            if not await stored.is_due(tx, self._process, alone=alone):
                return False
        async with self._db.write_all() as tx:
            await stored.forget(tx, tx.now - KEPT, _FORGOTTEN_AT_ONCE)
            claimed = await stored.claim(tx, self._process, AT_ONCE, alone=alone)
        async with anyio.create_task_group() as tree:
            for one in claimed:
                tree.start_soon(self._send, self.server, one)
        return len(claimed) == AT_ONCE

    async def _send(self, server: MailServer, row: stored.Letter) -> None:
        now = self._db.clock()
        if row.expires_at <= now:
            outcome: Outcome = GiveUp(f"it was not delivered in time; at last: {row.why}" if row.why else "too late")
        else:
            outcome = await self._tried(server, row, now)
        async with self._db.write_all() as tx:
            await _settle(tx, row, outcome)

    async def _tried(self, server: MailServer, row: stored.Letter, now: datetime) -> Outcome:
        """One that cannot be read keeps no other from going out."""
        try:
            letter = self._opened(row)
        except CrontopusError as error:
            return TryAgain(str(error))
        return await mail.send(server, letter, row.id, now)

    def _opened(self, row: stored.Letter) -> Letter:
        said = msgspec.msgpack.decode(self._sealer.open(row.sealed or b"", row.tenant_id, row.id), type=Said)
        return Letter(kind=row.kind, to=row.recipient, subject=said.subject, text=said.text, expires_at=row.expires_at)

    async def try_now(self, caller: Principal, to: str) -> None:
        """A letter to see that letters arrive. Raises Conflict, Unavailable with what the mail server said."""
        server = self.require()
        now = self._db.clock()
        async with self._db.write_all() as tx:
            await audit.tell(tx.of(NOWHERE), caller, "mail.try", Target(Noun.INSTALLATION, NOWHERE, to))
        outcome = await mail.send(server, rules.trial(to, now), new_id(now), now)
        if not isinstance(outcome, Delivered):
            raise Unavailable(outcome.why)


async def _settle(tx: SystemTx, row: stored.Letter, outcome: Outcome) -> None:
    match outcome:
        case Delivered():
            await stored.finish(tx, row.id, delivered=True)
        case TryAgain(why=why):
            chance = secrets.randbelow(1000) / 1000
            await stored.put_off(tx, row.id, tx.now + rules.pause(row.tries, chance), why)
            if row.tries == 1:
                log.warning("a letter was not delivered", kind=row.kind, reason=why)
        case GiveUp(why=why):
            await stored.finish(tx, row.id, delivered=False, why=why)
            log.error("a letter was given up", kind=row.kind, reason=why)
