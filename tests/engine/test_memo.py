"""What costs much is not made anew each time."""

import anyio

from crontopus.engine.memo import Memo


async def test_what_took_long_stands_for_a_while_and_for_its_key_alone() -> None:
    kept: Memo[int] = Memo(worth_seconds=0.01)
    made = []

    async def slow() -> int:
        await anyio.sleep(0.02)
        made.append(1)
        return len(made)

    assert [await kept.get("a", slow), await kept.get("a", slow), await kept.get("b", slow)] == [1, 1, 2]


async def test_what_was_quick_is_made_anew() -> None:
    kept: Memo[int] = Memo(worth_seconds=60)
    made = []

    async def quick() -> int:
        made.append(1)
        return len(made)

    assert [await kept.get("a", quick), await kept.get("a", quick)] == [1, 2]
