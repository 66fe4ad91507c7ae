"""Retention: what is older than the settings allow goes, in small batches in the background, never in a request."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

import anyio
from msgspec import Struct

from crontopus.storage import pruning
from crontopus.storage.database import Database, SystemTx

BATCH = 200
EVENTS_FOR = timedelta(hours=1)
ANSWERS_FOR = timedelta(days=1)
_BREATH_SECONDS = 0.02
"""Between two batches, so that check-ins have their turn."""


class Kept(Struct, frozen=True, kw_only=True):
    """For how long, and how much. `output_bytes` is of one job, as stored (compressed)."""

    runs: timedelta = timedelta(days=90)
    output: timedelta = timedelta(days=14)
    failed_output: timedelta = timedelta(days=90)
    output_bytes: int = 100_000_000


class Retention:
    def __init__(self, db: Database, kept: Kept) -> None:
        self._db = db
        self._kept = kept
        self._looked_at = UUID(int=0)

    async def prune(self) -> bool:
        """Remove all that is too old or too much. True where there is more output to look at."""
        for remove in (self._check_ins, self._runs, self._outputs, self._deleted_jobs, self._events):
            await self._all(remove)
        async with self._db.write_all() as tx:
            await pruning.expired(tx, tx.now - ANSWERS_FOR)
        return await self._excess()

    async def _all(self, remove: Callable[[SystemTx], Awaitable[int]]) -> None:
        while True:
            async with self._db.write_all() as tx:
                removed = await remove(tx)
            if not removed:
                return
            await anyio.sleep(_BREATH_SECONDS)

    async def _check_ins(self, tx: SystemTx) -> int:
        return await pruning.old_check_ins(tx, tx.now - self._kept.runs, BATCH)

    async def _runs(self, tx: SystemTx) -> int:
        return await pruning.old_runs(tx, tx.now - self._kept.runs, BATCH)

    async def _outputs(self, tx: SystemTx) -> int:
        return await pruning.old_outputs(tx, tx.now - self._kept.output, tx.now - self._kept.failed_output, BATCH)

    async def _deleted_jobs(self, tx: SystemTx) -> int:
        return await pruning.deleted_job(tx, BATCH)

    async def _events(self, tx: SystemTx) -> int:
        return await pruning.old_events(tx, tx.now - EVENTS_FOR, BATCH)

    async def _excess(self) -> bool:
        """Whether there may be more outputs that came since the last time."""
        async with self._db.read_all() as tx:
            jobs, looked_at = await pruning.jobs_with_output(tx, self._looked_at, 1000)
        for job in jobs:
            await self._all(partial(pruning.excess_output, job=job, most_bytes=self._kept.output_bytes, limit=BATCH))
        done = looked_at == self._looked_at
        self._looked_at = looked_at
        return not done
