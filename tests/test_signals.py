"""Signals are heard however much the event loop has to do."""

import asyncio
import os
import signal

import pytest

from crontopus.signals import heard

WITHIN_SECONDS = 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_is_heard_while_threads_have_woken_the_loop_a_thousand_times(number: int) -> None:
    before = signal.getsignal(number)
    with heard() as signals:
        for _ in range(1000):
            asyncio.get_running_loop().call_soon_threadsafe(int)
        os.kill(os.getpid(), number)
        async with asyncio.timeout(WITHIN_SECONDS):
            assert await signals.get() == number
    assert signal.getsignal(number) is before


async def test_a_signal_is_heard_while_the_loop_sleeps() -> None:
    with heard() as signals:
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, os.kill, os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(WITHIN_SECONDS):
            assert await signals.get() == signal.SIGTERM
