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
REMEMBERED = 100_000


class Attempts:
    """Counts failures by any key. A key that has used up its failures waits until one is forgiven."""

    def __init__(self) -> None:
        self._free_at: OrderedDict[str, datetime] = OrderedDict()

    def require(self, now: datetime, *keys: str) -> None:
        """Raises Throttled while one of `keys` has failed too often."""
        waits = [self._free_at.get(key, now) - now - (FREE - 1) * REFILL for key in keys]
        longest = max(waits)
        if longest > timedelta(0):
            seconds = int(longest.total_seconds()) + 1
            raise Throttled(f"too many attempts failed: try again in {seconds} s", seconds)

    def failed(self, now: datetime, *keys: str) -> None:
        for key in keys:
            self._free_at[key] = max(self._free_at.pop(key, now), now) + REFILL
            while len(self._free_at) > REMEMBERED:
                self._free_at.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        for key in keys:
            self._free_at.pop(key, None)
