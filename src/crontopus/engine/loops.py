"""The only `while True` of the engine, and what is tried again."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

import anyio
import structlog
from msgspec import Struct

from crontopus.domain.errors import Unavailable
from crontopus.metrics import Metrics
from crontopus.storage.database import Changed, Clock
from crontopus.storage.refusals import Contended

log = structlog.get_logger(__name__)

T = TypeVar("T")
Step = Callable[[], Awaitable[bool]]

LONGEST_SLEEP = timedelta(seconds=1)
SHORTEST_SLEEP = timedelta(milliseconds=20)
"""Between two steps of a loop that is woken by what is written."""
TRIES = 5
"""Of a transaction that others stand in the way of."""


class Loop(Struct):
    """How one loop fares. `every`: its pause; None where it sleeps until there is something to do. `why`: what was
    said of its last failure.
    """

    every: timedelta | None
    began_at: datetime
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    failures: int = 0
    why: str = ""


class Loops:
    """The loops of this process, by name."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self.known: dict[str, Loop] = {}

    async def run(self, pause: timedelta, name: str, step: Step) -> None:
        """Call `step` until cancelled: again at once while it says there is more, else after `pause`.

        A step that raises is logged and tried again after `pause`; it never ends the loop.
        """
        while True:
            if not await self.attempt(name, step, pause):
                await anyio.sleep(pause.total_seconds())

    async def whenever(self, owed: Changed, name: str, step: Step) -> None:
        """Call `step` until cancelled: again at once while it says there is more, else when `owed` tells, or after a
        second. What is written many times in a row wakes it once.
        """
        while True:
            coming = owed.coming
            if not await self.attempt(name, step):
                await anyio.sleep(SHORTEST_SLEEP.total_seconds())
                with anyio.move_on_after(LONGEST_SLEEP.total_seconds()):
                    await coming.wait()

    async def attempt(self, name: str, step: Step, every: timedelta | None = None) -> bool:
        """One step; False where it failed, which is logged and counted."""
        loop = self.known.setdefault(name, Loop(every, self._clock()))
        try:
            more = await step()
        except Unavailable as error:
            log.warning("loop waits", loop=name, reason=str(error))
            loop.why = str(error)
        except Exception as error:
            log.exception("loop failed", loop=name)
            loop.why = type(error).__name__
        else:
            loop.succeeded_at = self._clock()
            return more
        loop.failed_at = self._clock()
        loop.failures += 1
        self._metrics.loop_failures.labels(loop=name).inc()
        return False


async def repeated(transact: Callable[[], Awaitable[T]]) -> T:
    """The outcome of `transact`, which is one whole transaction. Raises Contended where it never comes through."""
    for _ in range(TRIES - 1):
        with suppress(Contended):
            return await transact()
    return await transact()
