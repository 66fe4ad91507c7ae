"""Retention: what is older than the settings allow goes, in small batches in the background, never in a request."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

import anyio
from msgspec import Struct

from crontopus.domain.alerts import SETTLES
from crontopus.domain.tiers import Quotas, kept_for
from crontopus.storage import pruning, tiers, usage
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.pruning import Before

BATCH = 200
USAGE_FOR = timedelta(days=400)
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

    @property
    def alerts(self) -> timedelta:
        """From their end on, as long as runs: but never so short that one could still be opened again."""
        return max(self.runs, SETTLES)

    def within(self, quotas: Quotas) -> "Kept":
        """No longer than a tier allows."""
        runs, output, failed = (kept_for(quotas, each) for each in (self.runs, self.output, self.failed_output))
        return Kept(runs=runs, output=output, failed_output=failed, output_bytes=self.output_bytes)


class Retention:
    def __init__(self, db: Database, kept: Kept) -> None:
        self._db = db
        self._kept = kept
        self._looked_at = UUID(int=0)

    async def prune(self) -> bool:
        """Remove all that is too old or too much. True where there is more output to look at."""
        for remove in (
            self._check_ins,
            self._runs,
            self._outputs,
            self._alerts,
            self._flips,
            self._deleted_jobs,
            self._events,
            self._days,
        ):
            await self._all(remove)
        await self._shorter()
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

    async def _alerts(self, tx: SystemTx) -> int:
        return await pruning.old_alerts(tx, tx.now - self._kept.alerts, BATCH)

    async def _flips(self, tx: SystemTx) -> int:
        return await pruning.old_flips(tx, tx.now - self._kept.runs, BATCH)

    async def _deleted_jobs(self, tx: SystemTx) -> int:
        return await pruning.deleted_job(tx, BATCH)

    async def _events(self, tx: SystemTx) -> int:
        return await pruning.old_events(tx, tx.now - EVENTS_FOR, BATCH)

    async def _days(self, tx: SystemTx) -> int:
        return await usage.old_days(tx, tx.now - USAGE_FOR, BATCH)

    async def _shorter(self) -> None:
        """What goes earlier, of tenants whose tier keeps it for less long."""
        async with self._db.read_all() as tx:
            limited = await tiers.limited(tx)
        for tenant, quotas in limited.items():
            kept = self._kept.within(quotas)
            if kept != self._kept:
                await self._older(tenant, kept)

    async def _older(self, tenant: UUID, kept: Kept) -> None:
        """Than this tenant's things are kept."""
        async with self._db.read_all() as tx:
            before = Before(tx.now - kept.runs, tx.now - kept.output, tx.now - kept.failed_output)
            over_before = tx.now - kept.alerts
            found = await pruning.jobs_with_old(tx, tenant, before)
        for job in found:
            await self._all(partial(pruning.old_of_job, job=job, before=before, limit=BATCH))
        await self._all(partial(pruning.old_runs_of, tenant=tenant, before=before.check_ins, limit=BATCH))
        await self._all(partial(pruning.old_alerts, tenant=tenant, before=over_before, limit=BATCH))

    async def _excess(self) -> bool:
        """Whether there may be more outputs that came since the last time."""
        async with self._db.read_all() as tx:
            jobs, looked_at = await pruning.jobs_with_output(tx, self._looked_at, 1000)
        for job in jobs:
            await self._all(partial(pruning.excess_output, job=job, most_bytes=self._kept.output_bytes, limit=BATCH))
        done = looked_at == self._looked_at
        self._looked_at = looked_at
        return not done
