"""Answers that cost much are given again for a while: at most a tenth of the time goes into making one anew."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")

TIMES = 10
MOST = 1000


class Memo(Generic[T]):
    """An answer that took t seconds stands for `TIMES` t; one that took less than `worth_seconds` is made anew.

    `most`: how many are kept.
    """

    def __init__(self, worth_seconds: float = 0.5, most: int = MOST) -> None:
        self._worth = worth_seconds
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        began = anyio.current_time()
        kept = self._kept.get(key)
        if kept is not None and kept[0] > began:
            return kept[1]
        made = await make()
        took = anyio.current_time() - began
        self._kept.pop(key, None)
        if took >= self._worth:
            self._kept[key] = (began + took * (1 + TIMES), made)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made
