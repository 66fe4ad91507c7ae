"""Our own absence: heartbeats, and the gaps in which nobody watched. A gap is recorded before anything is judged.

On PostgreSQL a process that begins a moment after another's heartbeat cannot know whether that one is alive. It
records the gap nevertheless, since check-ins come at once, and who watched all the while takes it back at its next
heartbeat. Until then silence is not judged by it: a process that `doubts` its gap judges none, and who knows better
does not believe in it. What is excused too much is at most a slot or a run of a job that is reported on or edited in
these seconds; a report ends the excuse, so no silence follows.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import anyio
import structlog
from msgspec import Struct

from crontopus.domain.watch import Gap, Gaps
from crontopus.engine import unobserved
from crontopus.metrics import Metrics
from crontopus.storage import gaps
from crontopus.storage.database import Database, SystemTx

log = structlog.get_logger(__name__)

BEAT = timedelta(seconds=5)
DEAD_AFTER = 3 * BEAT
"""A process that has not beaten for so long does not watch."""
DENIED_WITHIN = 2 * BEAT
"""Whoever watched all the while has taken back a gap by then."""
JUMP = timedelta(minutes=1)
"""A clock that goes so much faster or slower than time itself was set."""
NOTICE_AFTER = timedelta(minutes=11)
"""The longest excuse is 10 minutes: afterwards a gap's list is complete but for jobs with a longer grace."""
FORGET_AFTER = timedelta(days=1)

Monotonic = Callable[[], float]


class Moment(Struct, frozen=True):
    """An instant by the clock on the wall, and by the one that nobody can set, in seconds."""

    at: datetime
    ticks: float


class Missing(Struct, frozen=True):
    """A gap that has not been recorded. `jump`: how much the clock went against time itself."""

    gap: Gap
    cause: str
    jump: timedelta


class Absence:
    """Of one process, `process`. `monotonic` is a clock in seconds that nobody can set."""

    def __init__(self, db: Database, process: UUID, monotonic: Monotonic, metrics: Metrics) -> None:
        self._db = db
        self._process = process
        self._monotonic = monotonic
        self._metrics = metrics
        self._one = anyio.Lock()
        self._seen: Moment | None = None
        self._watches_since: datetime | None = None
        self._doubted: Gap | None = None
        self._left: Moment | None = None

    async def begin(self) -> None:
        """Record the gap since anybody last watched, before the first check-in is applied or deadline judged."""
        async with self._db.write_all() as tx:
            now = tx.now
            last = await gaps.last_beat(tx, now + DEAD_AFTER)
            gap = None if last is None or last >= now else Gap(last, now)
            if gap is not None:
                await gaps.add(tx, gap, gaps.STOPPED)
            await gaps.beat(tx, self._process, now)
        self._watches_since = now
        self.saw(now)
        if gap is None:
            return
        if not self._db.is_sqlite and gap.until - gap.since < DEAD_AFTER:
            self._doubted = gap
        else:
            self._tell(gap, gaps.STOPPED)

    async def beat(self) -> bool:
        """One heartbeat. A clock that was set, or a process that stood still or could store none, leaves a gap."""
        async with self._one:
            if self._left is None:
                await self._store()
        return False

    async def attend(self) -> None:
        """Record the gap that ends now, where there is one: before whatever may judge a watch."""
        if self._is_missing():
            async with self._one:
                if self._is_missing():
                    await self._store()

    async def notices(self) -> bool:
        """Write the notice of each gap that is old enough: once, whatever number of processes run."""
        async with self._db.write_all() as tx:
            for gap_id, gap in await gaps.unnoticed(tx, tx.now - NOTICE_AFTER):
                silent = await gaps.count_silent(tx, gap_id)
                log.warning(
                    "nobody watched", since=gap.since.isoformat(), until=gap.until.isoformat(), silent_jobs=silent
                )
                await gaps.notice(tx, gap_id)
                await unobserved.noticed(tx, gap_id)
        return False

    def leave(self) -> None:
        """From now on check-ins are refused: no heartbeat says that we watch later than this."""
        self._left = self._moment(self._db.clock())

    async def end(self) -> None:
        """The last heartbeat of a clean stop: the next gap begins where we left, else now."""
        async with self._one:
            await self._store(is_last=True)

    def saw(self, now: datetime) -> None:
        """Nothing was missed until `now`."""
        self._seen = self._moment(now)

    @property
    def doubts(self) -> bool:
        """Whether another process may have watched while this one began: then it is the one to judge silence."""
        return self._doubted is not None

    def believed(self, known: Gaps) -> Gaps:
        """Without those in which this process watched."""
        since = self._watches_since
        return known if since is None else tuple(gap for gap in known if gap.since < since)

    async def _store(self, *, is_last: bool = False) -> None:
        """A heartbeat, and with it all that is known of gaps; none of it counts before it is stored."""
        async with self._db.write_all() as tx:
            moment = self._left or self._moment(tx.now)
            missing = self._missing(moment)
            recorded = missing is not None and not await self._was_watched(tx, missing.gap, moment.at)
            if missing is not None and recorded:
                await gaps.add(tx, missing.gap, missing.cause)
            if missing is None and self._watches_since is not None:
                await gaps.deny(tx, self._watches_since, moment.at)
            stands = self._doubted is not None and await gaps.stands(tx, self._doubted)
            await gaps.beat(tx, self._process, moment.at, is_last=is_last)
            await gaps.forget_processes(tx, moment.at - FORGET_AFTER, moment.at + DEAD_AFTER)
        self._seen = moment
        if missing is not None:
            self._missed(missing, moment.at, recorded)
        self._settle_doubt(stands, moment.at)

    def _is_missing(self) -> bool:
        return self._left is None and self._missing(self._moment(self._db.clock())) is not None

    def _missing(self, moment: Moment) -> Missing | None:
        """The gap between the last beat of ours and `moment`, where there is one."""
        seen = self._seen
        if seen is None:
            return None
        passed = timedelta(seconds=moment.ticks - seen.ticks)
        jump = (moment.at - seen.at) - passed
        if abs(jump) > JUMP:
            return Missing(Gap(min(moment.at, seen.at), max(moment.at, seen.at)), gaps.CLOCK, jump)
        return Missing(Gap(seen.at, moment.at), gaps.STALLED, jump) if passed > DEAD_AFTER else None

    async def _was_watched(self, tx: SystemTx, gap: Gap, now: datetime) -> bool:
        """Whether another process watched all the while; whoever's clock was set is not believed about it."""
        last = await gaps.last_beat_of_others(tx, self._process, now + DEAD_AFTER)
        return last is not None and gap.until - last < DEAD_AFTER and last > gap.since

    def _missed(self, missing: Missing, now: datetime, recorded: bool) -> None:
        self._watches_since = max(now, missing.gap.until)
        if missing.cause == gaps.CLOCK:
            log.warning("the clock was set", by_seconds=missing.jump.total_seconds())
        if recorded:
            self._tell(missing.gap, missing.cause)

    def _settle_doubt(self, stands: bool, now: datetime) -> None:
        doubted = self._doubted
        if doubted is None:
            return
        if stands and now - doubted.until < DENIED_WITHIN:
            return
        self._doubted = None
        if stands:
            self._tell(doubted, gaps.STOPPED)

    def _tell(self, gap: Gap, cause: str) -> None:
        self._metrics.gaps.labels(cause=cause).inc()
        log.warning("gap", since=gap.since.isoformat(), until=gap.until.isoformat(), cause=cause)

    def _moment(self, at: datetime) -> Moment:
        return Moment(at, self._monotonic())
