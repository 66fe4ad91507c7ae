"""New ids: those made later in a process sort later, also within one millisecond."""

import random
from datetime import datetime
from uuid import UUID

from crontopus.domain import ids

_STEP_BITS = 32
_draw = random.Random().getrandbits  # noqa: S311 # no id is a secret
"""Seeded by the system; asking the system each time would cost ten times as much."""


class Identities:
    """Counts on from a random beginning for as long as the clock shows the same millisecond."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._random = 0

    def new(self, at: datetime) -> UUID:
        if at == self._at:
            self._random += 1 + _draw(_STEP_BITS)
        else:
            self._at, self._random = at, _draw(73)
        return ids.ordered(at, self._random)


_OF_THIS_PROCESS = Identities()


def new_id(at: datetime) -> UUID:
    """An id that sorts by time. Random enough to be unique, not to be secret."""
    return _OF_THIS_PROCESS.new(at)
