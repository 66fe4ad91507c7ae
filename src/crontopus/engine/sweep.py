"""Silence: watches whose deadline has passed are judged. Costs one indexed query while nothing is due."""

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

import anyio
import anyio.lowlevel
import structlog
from msgspec import Struct, field

from crontopus.domain.errors import Unavailable
from crontopus.domain.watch import Elapsed, Gaps, Step, advance
from crontopus.engine.absence import Absence
from crontopus.engine.intake import Intake
from crontopus.engine.loops import Loops
from crontopus.metrics import Metrics
from crontopus.storage import watches
from crontopus.storage.database import Clock
from crontopus.storage.gaps import REMEMBERED
from crontopus.storage.ledger import Ledger, LedgerTx, Unreadable, Written
from crontopus.storage.refusals import Contended
from crontopus.storage.watches import Placed, Rows

log = structlog.get_logger(__name__)

BATCH = 200
"""Watches judged in one transaction: some 20 ms of the turn that all writers share."""
AHEAD = timedelta(seconds=3)
"""So near a deadline must be to be foreseen: it takes half a second, after up to `LONGEST_SLEEP`."""
FORESEEN = 50
"""Batches judged ahead: ten thousand watches, some 30 MiB."""
LONGEST_SLEEP = timedelta(seconds=1)
"""A deadline may come nearer while we sleep; so often we look."""
AFTER_FAILURE = timedelta(milliseconds=100)
"""What is still due after a step could not be judged: on a full disk, trying again at once only fills the log."""
PUT_OFF = timedelta(minutes=10)
"""A watch whose judgement failed is tried again after so long: by then the program or the data may have been mended."""
_JUST_AFTER = timedelta(milliseconds=1)


class Verdict(Struct):
    """What one transaction of the sweep writes and counts. `written` is made of `rows`, once there are no more."""

    rows: Rows = field(default_factory=Rows)
    written: Written = ()
    steps: list[Step] = field(default_factory=list)
    deadlines: list[datetime] = field(default_factory=list)

    def judge(self, placed: Placed, gaps: Gaps, now: datetime) -> None:
        """Add that nobody has reported on `placed` until `now`."""
        step = advance(placed.watch, Elapsed(), placed.rule, gaps, now)
        self.deadlines.append(placed.watch.due_at or now)
        self.steps.append(step)
        told = watches.add_step(self.rows, placed, step, now, gaps=gaps)
        watches.add_watch(self.rows, placed, now, told.values())


class Foreseen(Struct):
    """What will be judged of some watches at `due_at`, if nobody changes them until then and no gap comes.

    As it says when that was judged, it is forgotten where it can be written only later.
    """

    due_at: datetime
    gaps: Gaps
    verdict: Verdict


class Sweep:
    def __init__(
        self, ledger: Ledger, intake: Intake, absence: Absence, clock: Clock, metrics: Metrics, loops: Loops
    ) -> None:
        self._ledger = ledger
        self._intake = intake
        self._absence = absence
        self._clock = clock
        self._metrics = metrics
        self._loops = loops
        self._foreseen: deque[Foreseen] = deque()

    async def run(self) -> None:
        """Judge what is due, and sleep until the nearest deadline; until cancelled."""
        while True:
            if not await self._loops.attempt("sweep", self.step):
                await self._loops.attempt("sweep", self.foresee)
                await anyio.sleep((await self._pause()).total_seconds())

    async def step(self) -> bool:
        """Judge one batch. True where there may be more.

        Check-ins that arrived before now are stored first: who reports at the deadline itself is in time.
        """
        now = self._clock()
        due = None if self._absence.doubts else await self._ledger.next_due()
        if due is None or due >= now:
            return False
        await self._intake.settled()
        while self._foreseen and self._foreseen[0].due_at < now:
            await self._judge_as_foreseen(self._foreseen.popleft(), now)
        return await self._judge_some(now, BATCH)

    async def foresee(self) -> bool:
        """Judge ahead who will be silent at the next deadline, where it is near and they are many.

        Thousands of jobs are due at the top of the hour. Then only the writing is left to do, as long as nobody else
        has changed what was foreseen.
        """
        due_at = await self._ledger.next_due()
        reader = self._ledger.reader()
        if due_at is None or reader is None or not timedelta() <= due_at - self._clock() < AHEAD:
            return False
        if self._foreseen and self._foreseen[0].due_at == due_at:
            return False
        self._foreseen.clear()
        gaps = self._absence.believed(await reader.gaps(due_at - REMEMBERED))
        while len(self._foreseen) < FORESEEN and self._clock() < due_at:
            found = await reader.due(due_at + _JUST_AFTER, BATCH)
            if len(found) < BATCH:
                break
            self._foreseen.append(Foreseen(due_at, gaps, self._ahead(found, gaps, due_at + _JUST_AFTER)))
            await anyio.lowlevel.checkpoint()
        return False

    def _ahead(self, found: Iterable[Placed | Unreadable], gaps: Gaps, now: datetime) -> Verdict:
        """Without those that cannot be judged: they are told of when it is time."""
        verdict = Verdict()
        for each in found:
            if isinstance(each, Placed):
                with suppress(Exception):
                    verdict.judge(each, gaps, now)
        verdict.written = self._ledger.written(verdict.rows)
        return verdict

    async def _judge_as_foreseen(self, foreseen: Foreseen, now: datetime) -> None:
        """What somebody has changed meanwhile remains due, with what was foreseen beside it; so does what is late."""
        if now - foreseen.due_at > AHEAD:
            return
        with suppress(Contended):
            async with self._ledger.transaction() as tx:
                if self._absence.believed(await tx.gaps(foreseen.due_at - REMEMBERED)) != foreseen.gaps:
                    return
                await tx.write(foreseen.verdict.written)
            self._count(foreseen.verdict)

    async def _judge_some(self, now: datetime, at_most: int) -> bool:
        """In one transaction, or in several of one turn where nobody else waits for it.

        What cannot be stored is halved, until the one that is at fault stands alone.
        """
        found: list[Placed | Unreadable] = []
        stored = Verdict()
        try:
            async with self._ledger.transaction() as tx:
                gaps = self._absence.believed(await tx.gaps(now - REMEMBERED))
                found = await tx.due(now, at_most)
                verdict = self._verdict(found, gaps)
                await tx.write(verdict.written)
                while len(found) == at_most and not self._intake.waiting:
                    following = await tx.saved(partial(self._judge_next, stored, now, at_most, gaps))
                    if following is None:
                        break
                    stored, (found, verdict) = verdict, following
                    await tx.write(verdict.written)
        except Unavailable:
            raise
        except Exception as error:
            if not found:
                raise
            if len(found) > 1:
                return await self._judge_some(now, len(found) // 2)
            verdict = Verdict()
            self._put_off(verdict, found[0], error)
            verdict.written = self._ledger.written(verdict.rows)
            async with self._ledger.transaction() as tx:
                await tx.write(verdict.written)
        finally:
            self._count(stored)
        self._count(verdict)
        return len(found) == at_most

    async def _judge_next(
        self, stored: Verdict, now: datetime, at_most: int, gaps: Gaps, tx: LedgerTx
    ) -> tuple[list[Placed | Unreadable], Verdict]:
        """While the last ones are written, the next are read and judged, and those before them counted."""
        found = await tx.due(now, at_most)
        verdict = self._verdict(found, gaps)
        self._count(stored)
        return found, verdict

    def _verdict(self, found: Iterable[Placed | Unreadable], gaps: Gaps) -> Verdict:
        verdict = Verdict()
        for each in found:
            if isinstance(each, Unreadable):
                self._put_off(verdict, each, each.error)
                continue
            try:
                verdict.judge(each, gaps, self._clock())
            except Exception as error:
                self._put_off(verdict, each, error)
        verdict.written = self._ledger.written(verdict.rows)
        return verdict

    def _put_off(self, verdict: Verdict, at_fault: Placed | Unreadable, error: Exception) -> None:
        """It would be the most overdue for ever, and keep all others from being judged.

        Of many in one transaction only the first is told of at length: whoever waits for its end waits for that, too.
        """
        now = self._clock()
        until = now + PUT_OFF
        first = error if not verdict.rows.put_off else None
        told = {"job": str(at_fault.job), "reason": repr(error), "again_at": until.isoformat()}
        log.error("a watch could not be judged", **told, exc_info=first)
        self._metrics.put_off.inc()
        watches.add_put_off(verdict.rows, at_fault.job, at_fault.agent, now, until)

    def _count(self, verdict: Verdict) -> None:
        """What was judged counts once it is on disk, and but once."""
        now = self._clock()
        self._metrics.judged.inc(len(verdict.steps))
        for deadline in verdict.deadlines:
            self._metrics.sweep_lag_seconds.observe(max((now - deadline).total_seconds(), 0))
        self._metrics.count_flips(chain.from_iterable(step.flips for step in verdict.steps))
        verdict.steps, verdict.deadlines = [], []

    async def _pause(self) -> timedelta:
        """Until the nearest deadline, but no longer than `LONGEST_SLEEP`; that long too where it cannot be read."""
        due: timedelta | None = None

        async def ask() -> bool:
            nonlocal due
            nearest = await self._ledger.next_due()
            due = None if nearest is None else nearest - self._clock() + _JUST_AFTER
            return True

        await self._loops.attempt("sweep", ask)
        if due is None:
            return LONGEST_SLEEP
        return min(due, LONGEST_SLEEP) if due > _JUST_AFTER else AFTER_FAILURE
