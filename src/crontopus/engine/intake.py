"""The group commit of check-ins: all that wait are applied in one transaction, in order of arrival, and each is
answered only after that transaction is on disk."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import islice

import structlog
from msgspec import Struct

from crontopus.domain.errors import CrontopusError, Unavailable
from crontopus.engine.batch import Batch
from crontopus.engine.loops import repeated
from crontopus.engine.report import NO_BODY, Accepted, Outcome, Report
from crontopus.engine.usage import Usage
from crontopus.metrics import Metrics
from crontopus.storage.ledger import Ledger, LedgerTx

log = structlog.get_logger(__name__)

QUEUE_LIMIT = 20_000
"""Check-ins that may wait; beyond, the sender is told to come again."""
BYTES_LIMIT = 256 * 1024 * 1024
"""Likewise of what they printed."""
BATCH = 200
"""Check-ins of one transaction: some 20 ms of the turn that all writers share."""
CROWD = 16
"""Where so many were answered together, most of their senders are about to send the next."""
GATHER_SECONDS = 0.001
"""So long a crowd is waited for: fewer waits for the disk cost less than this one."""


SETTLING = 2
"""So many turns of the loop after its client was answered, the next request of a connection is in the queue."""


class Prepared(Struct):
    """What the first that wait will change, found out while `earlier` was written, and what they will be answered."""

    earlier: LedgerTx
    batch: Batch
    outcomes: list[Outcome]


class Intake:
    """`run` is the loop that commits; `submit` waits for it."""

    def __init__(self, ledger: Ledger, metrics: Metrics, usage: Usage) -> None:
        self._ledger = ledger
        self._usage = usage
        self._metrics = metrics
        self._waiting: deque[tuple[Report, asyncio.Future[Outcome]]] = deque()
        self._waiting_bytes = 0
        self._prepared: Prepared | None = None
        self._wake = asyncio.Event()
        self._arrived = self._answered = 0
        self._progress = asyncio.Condition()

    async def submit(self, reports: Sequence[Report]) -> list[Outcome]:
        """The outcome of each, in order, once all are on disk. Raises Unavailable where too many wait already."""
        self._refuse_too_many(reports)
        futures = [self._queued(report) for report in reports]
        return [await future for future in futures]

    async def submit_one(self, report: Report) -> Outcome:
        """As `submit`."""
        self._refuse_too_many((report,))
        return await self._queued(report)

    def _refuse_too_many(self, more: Sequence[Report]) -> None:
        size = _size(more)
        if len(self._waiting) + len(more) > QUEUE_LIMIT or 0 < self._waiting_bytes > BYTES_LIMIT - size:
            self._metrics.check_ins_refused.inc(len(more))
            raise Unavailable("too many check-ins are waiting to be stored", retry_after_seconds=2)

    def _queued(self, report: Report) -> asyncio.Future[Outcome]:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((report, future))
        self._waiting_bytes += _size((report,))
        self._arrived += 1
        self._wake.set()
        return future

    async def settled(self) -> None:
        """Until every check-in that has arrived by now is stored or refused, also where its sender is gone."""
        arrived = self._arrived
        async with self._progress:
            await self._progress.wait_for(lambda: self._answered >= arrived)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """Of what they printed."""
        return self._waiting_bytes

    async def run(self) -> None:
        """Commit what waits, batch after batch, until cancelled."""
        answered = 0
        while await self._wake.wait():
            if len(self._waiting) < answered // 2 and answered >= CROWD // 2:
                await asyncio.sleep(GATHER_SECONDS)
            answered = await self.commit(max(CROWD, (len(self._waiting) + answered) // 2))
            await asyncio.sleep(0)  # They hear it before the next are written.

    async def commit(self, most: int = BATCH) -> int:
        """Store one batch and answer those who wait for it. How many they were."""
        prepared, self._prepared = self._prepared, None
        count = max(most, 0 if prepared is None else len(prepared.outcomes))
        batch = [self._waiting.popleft() for _ in range(min(count, BATCH, len(self._waiting)))]
        if not self._waiting:
            self._wake.clear()
        reports = [report for report, _ in batch]
        outcomes = await self._outcomes(reports, prepared)
        self._waiting_bytes -= _size(reports)
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)
        self._answered += len(batch)
        async with self._progress:
            self._progress.notify_all()
        return len(batch)

    async def _outcomes(self, reports: Sequence[Report], prepared: Prepared | None = None) -> Sequence[Outcome]:
        """Of one transaction; where that fails for a reason of its own, each report is tried by itself."""
        try:
            return await repeated(lambda: self._committed(reports, prepared))
        except Unavailable as error:
            self._metrics.check_ins_refused.inc(len(reports))
            log.warning("check-ins not stored", count=len(reports), reason=str(error))
            return [error] * len(reports)
        except Exception as error:
            if len(reports) > 1:
                return [(await self._outcomes([report]))[0] for report in reports]
            log.exception("a check-in could not be stored")
            return [CrontopusError(f"internal error ({type(error).__name__})")]

    async def _committed(self, reports: Sequence[Report], prepared: Prepared | None) -> Sequence[Outcome]:
        if not reports:
            return []
        with self._metrics.commit_seconds.time():
            async with self._ledger.transaction() as tx:
                batch, outcomes = Batch(self._usage), []
                if prepared is not None and tx.follows(prepared.earlier):
                    batch, outcomes = prepared.batch, prepared.outcomes
                rest = reports[len(outcomes) :]
                if rest:
                    await batch.read(tx, rest)
                    outcomes = [*outcomes, *await batch.taken(rest)]
                await batch.tell()
                await tx.write(self._ledger.written(batch.closed()))
                tx.meanwhile(partial(self._prepare, tx, batch))
        self._usage.count(batch.meter)
        self._metrics.check_ins.inc(sum(isinstance(outcome, Accepted) for outcome in outcomes))
        return outcomes

    async def _prepare(self, earlier: LedgerTx, written: Batch, tx: LedgerTx) -> None:
        """While `written` is on its way to the disk, find out what those who wait by now will change."""
        for _ in range(SETTLING):
            await asyncio.sleep(0)
        reports = [report for report, _ in islice(self._waiting, BATCH)]
        if not reports:
            return
        with suppress(Exception):  # It will be wrong in the transaction itself, too, and be told there.
            batch = Batch(self._usage, written)
            await batch.read(tx, reports)
            self._prepared = Prepared(earlier, batch, await batch.taken_ahead(reports))


def _size(reports: Sequence[Report]) -> int:
    """Bytes of bodies that are held. Most have none."""
    size = 0
    for report in reports:
        if report.body is not NO_BODY:
            size += len(report.body.head) + len(report.body.tail)
    return size
