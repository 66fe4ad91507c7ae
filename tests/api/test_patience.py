"""Patience with those who are still sending: a time for each, room for all, and an end when the server stops."""

import asyncio

import pytest

from crontopus.api.patience import Patience

LONG_SECONDS = 3600.0
WITHIN_SECONDS = 10


async def _sends(patience: Patience, seconds: float = LONG_SECONDS, size: int = 0) -> str:
    """Somebody who never comes to an end."""
    try:
        async with patience.within(seconds) as wait:
            wait.holds(size)
            await asyncio.Event().wait()
    except TimeoutError:
        return "cut"
    raise AssertionError


async def _all_have_begun() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_who_takes_longer_than_he_has_is_cut() -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        assert await _sends(Patience(), 0.01) == "cut"


async def test_who_is_in_time_is_left_alone() -> None:
    patience = Patience()
    async with patience.within(0.01):
        pass
    async with patience.within(LONG_SECONDS):
        assert await _sends(patience, 0.01) == "cut"


async def test_who_has_taken_longest_makes_room_for_others() -> None:
    patience = Patience(most=2, least_seconds=0.01)
    first, second, third = [asyncio.create_task(_sends(patience)) for _ in range(3)]
    async with asyncio.timeout(WITHIN_SECONDS):
        assert await first == "cut"
    assert not second.done()
    assert not third.done()
    patience.end()
    assert set(await asyncio.gather(second, third)) == {"cut"}


async def test_a_crowd_that_sends_at_once_has_its_time() -> None:
    patience = Patience(most=2, least_seconds=LONG_SECONDS)
    crowd = [asyncio.create_task(_sends(patience)) for _ in range(10)]
    await _all_have_begun()
    patience._look()
    await _all_have_begun()
    assert not any(one.done() for one in crowd)
    patience.end()
    assert set(await asyncio.gather(*crowd)) == {"cut"}


async def test_who_sent_first_makes_room_for_what_others_send() -> None:
    patience = Patience(most_bytes=100)
    first, second = [asyncio.create_task(_sends(patience, size=60)) for _ in range(2)]
    async with asyncio.timeout(WITHIN_SECONDS):
        assert await first == "cut"
    third = asyncio.create_task(_sends(patience, size=40))
    await _all_have_begun()
    assert not second.done(), "there is room for both"
    patience.end()
    assert set(await asyncio.gather(second, third)) == {"cut"}


async def test_nobody_has_much_time_once_the_server_stops() -> None:
    patience = Patience()
    before = asyncio.create_task(_sends(patience))
    await _all_have_begun()
    patience.end()
    async with asyncio.timeout(WITHIN_SECONDS):
        assert set(await asyncio.gather(before, _sends(patience))) == {"cut"}


async def test_what_is_cancelled_by_others_is_not_taken_for_too_slow() -> None:
    patience = Patience()
    sender = asyncio.create_task(_sends(patience))
    await _all_have_begun()
    sender.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sender
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), patience.within(LONG_SECONDS):
            await asyncio.Event().wait()
