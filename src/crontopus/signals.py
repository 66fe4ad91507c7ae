"""Signals that end the process, heard however much the event loop has to do."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def heard() -> Iterator["asyncio.Queue[int]"]:
    """Those that come meanwhile, in order.

    Not by `loop.add_signal_handler`: it hears by the pipe on which threads wake the loop. Where hundreds of requests
    have just done so the pipe is full, and the signal lost.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Queue[int] = asyncio.Queue()

    def hear(number: int, _: Any) -> None:
        loop.call_soon_threadsafe(found.put_nowait, number)

    before = {number: signal.signal(number, hear) for number in ENDING}
    try:
        yield found
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def deafen() -> None:
    """For a process that ends by itself from here on: one signal more would end it half-way."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
