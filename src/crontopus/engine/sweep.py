"""Silence: watches whose deadline has passed are judged. Costs one indexed query while nothing is due."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain

import anyio

from crontopus.domain.watch import Elapsed, Gaps, Step, advance
from crontopus.engine.intake import Intake
from crontopus.engine.loops import attempt
from crontopus.metrics import Metrics
from crontopus.storage import watches
from crontopus.storage.database import Clock
from crontopus.storage.gaps import REMEMBERED
from crontopus.storage.ledger import Ledger
from crontopus.storage.watches import Placed, Rows

BATCH = 200
"""Watches judged in one transaction: some 20 ms of the turn that all writers share."""
LONGEST_SLEEP = timedelta(seconds=1)
"""A deadline may come nearer while we sleep; so often we look."""
AFTER_FAILURE = timedelta(milliseconds=100)
"""What is still due after a step could not be judged: on a full disk, trying again at once only fills the log."""
_JUST_AFTER = timedelta(milliseconds=1)


class Sweep:
    def __init__(self, ledger: Ledger, intake: Intake, clock: Clock, metrics: Metrics) -> None:
        self._ledger = ledger
        self._intake = intake
        self._clock = clock
        self._metrics = metrics

    async def run(self) -> None:
        """Judge what is due, and sleep until the nearest deadline; until cancelled."""
        while True:
            if not await attempt("sweep", self.step, self._metrics):
                await anyio.sleep((await self._pause()).total_seconds())

    async def step(self) -> bool:
        """Judge one batch. True where there may be more.

        Check-ins that arrived before now are stored first: who reports at the deadline itself is in time.
        """
        now = self._clock()
        due = await self._ledger.next_due()
        if due is None or due >= now:
            return False
        await self._intake.settled()
        async with self._ledger.transaction() as tx:
            gaps = await tx.gaps(now - REMEMBERED)
            placed = await tx.due(now, BATCH)
            deadlines = [each.watch.due_at or now for each in placed]
            rows = Rows()
            steps = [self._judge(rows, each, gaps) for each in placed]
            await tx.write(rows)
        self._count(steps, deadlines)
        return len(placed) == BATCH

    def _judge(self, rows: Rows, placed: Placed, gaps: Gaps) -> Step:
        now = self._clock()
        step = advance(placed.watch, Elapsed(), placed.rule, gaps, now)
        told = watches.add_step(rows, placed, step, now, gaps=gaps)
        watches.add_watch(rows, placed, now, told.values())
        return step

    def _count(self, steps: Sequence[Step], deadlines: Iterable[datetime]) -> None:
        """What was judged counts once it is on disk."""
        now = self._clock()
        self._metrics.judged.inc(len(steps))
        for deadline in deadlines:
            self._metrics.sweep_lag_seconds.observe(max((now - deadline).total_seconds(), 0))
        self._metrics.count_flips(chain.from_iterable(step.flips for step in steps))

    async def _pause(self) -> timedelta:
        """Until the nearest deadline, but no longer than `LONGEST_SLEEP`; that long too where it cannot be read."""
        due: timedelta | None = None

        async def ask() -> bool:
            nonlocal due
            nearest = await self._ledger.next_due()
            due = None if nearest is None else nearest - self._clock() + _JUST_AFTER
            return True

        await attempt("sweep", ask, self._metrics)
        if due is None:
            return LONGEST_SLEEP
        return min(due, LONGEST_SLEEP) if due > _JUST_AFTER else AFTER_FAILURE
