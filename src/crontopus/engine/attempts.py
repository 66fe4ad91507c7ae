"""Against guessing: how often a sign-in may fail, per address and per e-mail, before one has to wait.

In memory: a restart forgets, and each process counts by itself.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from crontopus.domain.errors import Throttled

FREE = 10
"""Failures that cost nothing."""
REFILL = timedelta(seconds=30)
"""After so long, one failure is forgiven."""
TOLD_EVERY = timedelta(minutes=1)
REMEMBERED = 100_000


class Attempts:
    """Counts failures by any key; `free` cost nothing. A key that has used them up waits until one is forgiven."""

    def __init__(self, free: int = FREE) -> None:
        self._free = free
        self._free_at: OrderedDict[str, datetime] = OrderedDict()
        self._told: OrderedDict[str, tuple[datetime | None, int]] = OrderedDict()

    def require(self, now: datetime, *keys: str) -> None:
        """Raises Throttled while one of `keys` has failed too often."""
        waits = [self._free_at.get(key, now) - now - (self._free - 1) * REFILL for key in keys]
        longest = max(waits)
        if longest > timedelta(0):
            seconds = int(longest.total_seconds()) + 1
            raise Throttled(f"too many attempts failed: try again in {seconds} s", seconds)

    def failed(self, now: datetime, *keys: str) -> None:
        for key in keys:
            self._free_at[key] = max(self._free_at.pop(key, now), now) + REFILL
            while len(self._free_at) > REMEMBERED:
                self._free_at.popitem(last=False)

    def to_tell(self, now: datetime, key: str) -> int:
        """Of failures that are written down: how many there were since the last time, this one among them; 0 where
        that was too short ago. So nobody who guesses fills the log.
        """
        told_at, count = self._told.pop(key, (None, 0))
        if told_at is not None and now - told_at < TOLD_EVERY:
            self._told[key] = (told_at, count + 1)
            return 0
        self._told[key] = (now, 0)
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return count + 1

    def succeeded(self, *keys: str) -> None:
        for key in keys:
            self._free_at.pop(key, None)
