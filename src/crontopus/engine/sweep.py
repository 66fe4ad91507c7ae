"""Silence: watches whose deadline has passed are judged. Costs one indexed query while nothing is due."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

import anyio
from msgspec import Struct, field

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


class _Judged(Struct, kw_only=True):
    """What became of the watches of one transaction."""

    deadlines: list[datetime]
    steps: list[Step] = field(default_factory=list)
    rows: Rows = field(default_factory=Rows)

    @property
    def may_be_more(self) -> bool:
        return len(self.steps) == BATCH


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
            judged = self._judged(gaps, await tx.due(now, BATCH))
            await tx.write(judged.rows)
            while judged.may_be_more and not self._intake.waiting:
                # What was judged is due no longer, so these are the next; they are judged while it is written.
                following = await tx.saved(partial(self._judged, gaps, await tx.due(now, BATCH)))
                if following is None:
                    break
                self._count(judged)
                judged = following
                await tx.write(judged.rows)
        self._count(judged)
        return judged.may_be_more

    def _judged(self, gaps: Gaps, due: Sequence[Placed]) -> "_Judged":
        judged = _Judged(deadlines=[each.watch.due_at for each in due if each.watch.due_at is not None])
        judged.steps.extend(self._judge(judged.rows, each, gaps) for each in due)
        return judged

    def _judge(self, rows: Rows, placed: Placed, gaps: Gaps) -> Step:
        now = self._clock()
        step = advance(placed.watch, Elapsed(), placed.rule, gaps, now)
        told = watches.add_step(rows, placed, step, now, gaps=gaps)
        watches.add_watch(rows, placed, now, told.values())
        return step

    def _count(self, judged: "_Judged") -> None:
        """What was judged counts once it is on disk."""
        now = self._clock()
        self._metrics.judged.inc(len(judged.steps))
        for deadline in judged.deadlines:
            self._metrics.sweep_lag_seconds.observe(max((now - deadline).total_seconds(), 0))
        self._metrics.count_flips(chain.from_iterable(step.flips for step in judged.steps))

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
