"""The only `while True` of the engine, and what is tried again."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import anyio
import structlog

from crontopus.domain.errors import Unavailable
from crontopus.metrics import Metrics
from crontopus.storage.refusals import Contended

log = structlog.get_logger(__name__)

T = TypeVar("T")
Step = Callable[[], Awaitable[bool]]

TRIES = 5
"""Of a transaction that others stand in the way of."""


async def run_every(pause: timedelta, name: str, step: Step, metrics: Metrics) -> None:
    """Call `step` until cancelled: again at once while it says there is more, else after `pause`.

    A step that raises is logged and tried again after `pause`; it never ends the loop.
    """
    while True:
        if not await attempt(name, step, metrics):
            await anyio.sleep(pause.total_seconds())


async def attempt(name: str, step: Step, metrics: Metrics) -> bool:
    """One step; False where it failed, which is logged and counted."""
    try:
        return await step()
    except Unavailable as error:
        log.warning("loop waits", loop=name, reason=str(error))
    except Exception:
        log.exception("loop failed", loop=name)
    metrics.loop_failures.labels(loop=name).inc()
    return False


async def repeated(transact: Callable[[], Awaitable[T]]) -> T:
    """The outcome of `transact`, which is one whole transaction. Raises Contended where it never comes through."""
    for _ in range(TRIES - 1):
        with suppress(Contended):
            return await transact()
    return await transact()
