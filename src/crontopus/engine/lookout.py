"""Whoever runs the installation is told when Crontopus itself lags: by a thread of its own, which waits for neither the
loop of events nor the database, and mails by itself.

It reads what the loops leave in memory, and remembers whom to tell.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage

import anyio
import structlog
from msgspec import Struct

from crontopus.domain import troubles
from crontopus.domain.mail_server import MailServer
from crontopus.domain.troubles import Known, Late, News, Place, Trouble
from crontopus.engine.absence import Monotonic
from crontopus.engine.health import Health
from crontopus.notify import mail
from crontopus.notify.outcome import Delivered, TryAgain
from crontopus.storage import users
from crontopus.storage.database import Database
from crontopus.storage.identity import new_id

log = structlog.get_logger(__name__)

EVERY_SECONDS = 10.0
"""Longer than it takes until all is asked anew: two looks do not see the same."""
AGAIN_AFTER_SECONDS = 60.0
"""A letter that was not taken is tried again."""
WORTH_SECONDS = 3600.0
"""So long a letter is worth sending."""
MOST = 20
"""People who are told."""
LEAVES_WITHIN_SECONDS = 1.0


class _Letter(Struct):
    message: EmailMessage
    made_at: float
    next_at: float


class Lookout:
    """`server` None: nothing is mailed, and the log alone tells. `to`: who is told; empty: every superadmin who can
    sign in.
    """

    def __init__(
        self, db: Database, health: Health, monotonic: Monotonic, server: MailServer | None, to: Sequence[str], url: str
    ) -> None:
        self._db = db
        self._health = health
        self._monotonic = monotonic
        self._server = server
        self._given = tuple(to)
        self._to = self._given
        self._place = Place(url.partition("://")[2], url, socket.gethostname())
        self._beat_at = monotonic()
        self._known = Known()
        self._letters: list[_Letter] = []

    @property
    def people(self) -> int:
        """How many would get a letter."""
        return 0 if self._server is None else len(self._to)

    # ---- on the loop of events

    async def beat(self) -> bool:
        """A step of a loop: it runs."""
        self._beat_at = self._monotonic()
        return False

    async def remember(self) -> bool:
        """A step of a loop: whom to tell, for when they cannot be asked for."""
        if not self._given:
            async with self._db.read_all() as tx:
                self._to = tuple(await users.superadmins(tx, MOST))
        return False

    # ---- on a thread of its own

    @contextmanager
    def awake(self, every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
        """Meanwhile it looks. Whoever ends it does not wait for a letter."""
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended, every_seconds), name="lookout", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(LEAVES_WITHIN_SECONDS)

    def _watch(self, ended: threading.Event, every_seconds: float) -> None:
        while not ended.wait(every_seconds):
            try:
                self.look()
                if self._letters:
                    asyncio.run(self.post())
            except Exception:
                log.exception("the lookout failed")

    def look(self) -> None:
        """Once; what is to be told is written."""
        ticks = self._monotonic()
        self._known, news = troubles.judged(self._known, troubles.found(self._late(ticks)), ticks)
        if news.troubles:
            log.error("crontopus itself is in trouble", troubles=" ".join(news.troubles))
            self._write(news, ticks)
        if news.over:
            log.info("crontopus itself is well again", troubles=" ".join(sorted(news.over)))
            self._write(news, ticks)

    def _late(self, ticks: float) -> Late:
        """What was not asked for long is not taken for well."""
        lags = self._health.lags
        late = {Trouble(name): max(lag.behind.total_seconds(), ticks - lag.ticks) for name, lag in lags.items()}
        return {Trouble.PROCESS: ticks - self._beat_at, **late}

    def _write(self, news: News, ticks: float) -> None:
        if self._server is None:
            return
        now = self._db.clock()
        subject, text = troubles.subject(news, self._place), troubles.text(news, self._place, now)
        for to in self._to:
            message = mail.written(self._server, to, subject, new_id(now), now)
            message.set_content(text)
            self._letters.append(_Letter(message, ticks, ticks))

    async def post(self) -> None:
        """Send what is written and not taken yet."""
        if self._server is None:
            return
        ticks = self._monotonic()
        self._letters = [each for each in self._letters if ticks - each.made_at < WORTH_SECONDS]
        async with anyio.create_task_group() as tree:
            for each in self._letters:
                if each.next_at <= ticks:
                    each.next_at = ticks + AGAIN_AFTER_SECONDS
                    tree.start_soon(self._send, self._server, each)

    async def _send(self, server: MailServer, letter: _Letter) -> None:
        outcome = await mail.deliver(server, letter.message)
        if not isinstance(outcome, TryAgain):
            self._letters.remove(letter)
        if not isinstance(outcome, Delivered):
            log.warning("the operator was not told", reason=outcome.why)
