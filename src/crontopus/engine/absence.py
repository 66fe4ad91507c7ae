"""Our own absence: heartbeats, and the gaps in which nobody watched. A gap is recorded before anything is judged."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import anyio
import structlog

from crontopus.domain.watch import Gap
from crontopus.metrics import Metrics
from crontopus.storage import gaps
from crontopus.storage.database import Database, SystemTx

log = structlog.get_logger(__name__)

BEAT = timedelta(seconds=5)
DEAD_AFTER = 3 * BEAT
"""A process that has not beaten for so long does not watch."""
JUMP = timedelta(minutes=1)
"""A clock that goes so much faster or slower than time itself was set."""
NOTICE_AFTER = timedelta(minutes=11)
"""The longest excuse is 10 minutes: afterwards a gap's list is complete but for jobs with a longer grace."""
FORGET_AFTER = timedelta(days=1)

Monotonic = Callable[[], float]


class Absence:
    """Of one process, `process`. `monotonic` is a clock in seconds that nobody can set."""

    def __init__(self, db: Database, process: UUID, monotonic: Monotonic, metrics: Metrics) -> None:
        self._db = db
        self._process = process
        self._monotonic = monotonic
        self._metrics = metrics
        self._seen_at: datetime | None = None
        self._seen_monotonic = 0.0

    async def begin(self) -> None:
        """Record the gap since anybody last watched, before the first deadline is judged.

        Where another process beat a moment ago, wait to see whether it is alive: only then was there no gap.
        """
        async with self._db.read_all() as tx:
            last = await gaps.last_beat(tx)
            now = tx.now
        if last is not None and not self._db.is_sqlite and now - last < DEAD_AFTER and await self._another_beats(last):
            last = None
        async with self._db.write_all() as tx:
            if last is not None and last < tx.now:
                await self._record(tx, Gap(last, tx.now), "stopped")
            await self._beat(tx)

    async def beat(self) -> bool:
        """One heartbeat; a clock that was set, or a process that stood still, leaves a gap."""
        async with self._db.write_all() as tx:
            gap = self._missing(tx.now)
            if gap is not None and not await self._was_watched(tx, gap[0]):
                await self._record(tx, *gap)
            await self._beat(tx)
            await gaps.forget_processes(tx, tx.now - FORGET_AFTER)
        return False

    async def notices(self) -> bool:
        """Write the notice of each gap that is old enough: once, whatever number of processes run."""
        async with self._db.write_all() as tx:
            for gap_id, gap in await gaps.unnoticed(tx, tx.now - NOTICE_AFTER):
                silent = await gaps.count_silent(tx, gap_id)
                log.warning(
                    "nobody watched", since=gap.since.isoformat(), until=gap.until.isoformat(), silent_jobs=silent
                )
                await gaps.notice(tx, gap_id)
        return False

    async def end(self) -> None:
        """The last heartbeat of a clean stop: the next gap begins here."""
        async with self._db.write_all() as tx:
            await gaps.beat(tx, self._process)

    def _missing(self, now: datetime) -> tuple[Gap, str] | None:
        """The gap between the last beat of ours and this one, where there is one."""
        assert self._seen_at is not None  # noqa: S101 # `begin` comes first
        passed = timedelta(seconds=self._monotonic() - self._seen_monotonic)
        jump = (now - self._seen_at) - passed
        if abs(jump) > JUMP:
            log.warning("the clock was set", by_seconds=jump.total_seconds())
            return Gap(min(now, self._seen_at), max(now, self._seen_at)), "clock"
        if passed > JUMP:
            return Gap(self._seen_at, now), "stalled"
        return None

    async def _was_watched(self, tx: SystemTx, gap: Gap) -> bool:
        """Whether another process watched all the while; whoever's clock was set is not believed about it."""
        last = await gaps.last_beat_of_others(tx, self._process)
        return last is not None and gap.until - last < DEAD_AFTER and last > gap.since

    async def _another_beats(self, last: datetime) -> bool:
        for _ in range(int(2 * BEAT.total_seconds()) + 2):
            await anyio.sleep(1)
            async with self._db.read_all() as tx:
                newest = await gaps.last_beat(tx)
            if newest is not None and newest > last:
                return True
        return False

    async def _record(self, tx: SystemTx, gap: Gap, cause: str) -> None:
        await gaps.add(tx, gap, cause)
        self._metrics.gaps.labels(cause=cause).inc()
        log.warning("gap", since=gap.since.isoformat(), until=gap.until.isoformat(), cause=cause)

    async def _beat(self, tx: SystemTx) -> None:
        await gaps.beat(tx, self._process)
        self._seen_at, self._seen_monotonic = tx.now, self._monotonic()
