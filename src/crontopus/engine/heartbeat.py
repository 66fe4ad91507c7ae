"""The outgoing heartbeat: somebody else hears that all is well, and raises the alarm when they do not hear it.

It is withheld where a check is not well and where it cannot be made: an error is never taken for well.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog

from crontopus.engine.health import Health
from crontopus.notify.addresses import Network
from crontopus.notify.contract import Unreachable
from crontopus.notify.guarded import Guarded
from crontopus.storage.database import Clock

log = structlog.get_logger(__name__)


class Heartbeat:
    """`url`: where it goes; empty: nowhere. `networks` and `proxy` as for channels. `taken_at`: when it was heard last;
    `why`: what keeps it from being heard now.
    """

    def __init__(self, url: str, health: Health, clock: Clock, networks: Sequence[Network], proxy: str | None) -> None:
        self._url = url
        self._health = health
        self._clock = clock
        self._networks = networks
        self._proxy = proxy
        self.taken_at: datetime | None = None
        self.why = ""

    @property
    def is_on(self) -> bool:
        return bool(self._url)

    async def step(self) -> bool:
        """One, where all is well."""
        self._heard(await self._withheld() or await self._refused())
        return False

    async def _withheld(self) -> str:
        """Why it must not be sent; "" where nothing stands against it."""
        unwell = [check.name for check in await self._health.checks() if not check.ok]
        return f"it is withheld: {' and '.join(unwell)} not well" if unwell else ""

    async def _refused(self) -> str:
        """Sends it. What was said against it; "" where it was taken."""
        try:
            answer = await Guarded(self._networks, [self._url], self._proxy).send("GET", self._url)
        except Unreachable as error:
            return str(error)
        return "" if 200 <= answer.status < 300 else f"the answer was {answer.status}"

    def _heard(self, why: str) -> None:
        """Told when it begins and when it ends, and not each minute."""
        if not why:
            self.taken_at = self._clock()
        if why and not self.why:
            log.warning("the outgoing heartbeat is not heard", reason=why)
        elif self.why and not why:
            log.info("the outgoing heartbeat is heard again")
        self.why = why
