"""Whose token it is, remembered for a moment: a program that asks often is not looked up each time.

Whatever this process writes forgets all of it, and another process's revocation holds here after `STANDS_SECONDS`.
"""

from collections import OrderedDict

import anyio
from msgspec import Struct

from crontopus.storage import tokens
from crontopus.storage.database import Database
from crontopus.storage.tokens import Bearer

STANDS_SECONDS = 0.9
MOST = 10_000


class _Kept(Struct, frozen=True):
    bearer: Bearer
    writes: int
    until: float


class Verdicts:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()

    async def bearer(self, hashed: bytes) -> Bearer | None:
        """As `storage.tokens.bearer`, which is asked at least once in `STANDS_SECONDS`."""
        asked, writes = anyio.current_time(), self._db.writes
        kept = self._kept.get(hashed)
        if kept is not None and kept.writes == writes and asked < kept.until and not self._is_over(kept.bearer):
            return kept.bearer
        self._kept.pop(hashed, None)
        async with self._db.read_all() as tx:
            found = await tokens.bearer(tx, hashed)
        if found is not None:
            self._kept[hashed] = _Kept(found, writes, asked + STANDS_SECONDS)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return found

    def _is_over(self, bearer: Bearer) -> bool:
        ends = bearer.token.expires_at
        return ends is not None and ends <= self._db.clock()
