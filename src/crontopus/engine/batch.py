"""The check-ins of one transaction: each applied to its watch in order of arrival, then written all at once."""

import secrets
import zlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import takewhile
from uuid import UUID, uuid4

import msgspec

from crontopus.domain import ids
from crontopus.domain.audit import Deed, Doer, Happened, Noun, Target, changes
from crontopus.domain.errors import Invalid, NotFound
from crontopus.domain.reports import IGNORED, Filters, filtered, kind_of
from crontopus.domain.tiers import Quota, reached
from crontopus.domain.watch import Expectation, Mark, Reported, Run, Step, advance, fresh
from crontopus.engine.known import Key, Known
from crontopus.engine.report import Accepted, Body, Creation, Outcome, Report
from crontopus.engine.usage import Meter, Usage
from crontopus.storage import jobs, watches
from crontopus.storage.identity import new_id
from crontopus.storage.ledger import Address, BySlug, Home, LedgerTx
from crontopus.storage.watches import Placed, Rows
from crontopus.wire.jobs import Origin

PING = "a ping"
"""In the audit log, where a job was made by whoever knows the ping key of its namespace."""


class Batch:
    """What the reports of one transaction change. What `earlier` changed counts, though it may not be written yet."""

    def __init__(self, usage: Usage, earlier: "Batch | None" = None) -> None:
        self.meter: Meter = Meter(usage, None if earlier is None else earlier.meter)
        self._known: Known = Known(None if earlier is None else earlier._known)
        self._rows = Rows()
        self._changed: dict[Key, _Changed] = {}
        self._made_here: dict[UUID, list[Happened]] = {}
        """What the audit log of each tenant is told."""

    async def read(self, tx: LedgerTx, reports: Sequence[Report]) -> None:
        """Read what more reports are about."""
        self._tx = tx
        await self._known.read(tx, reports)

    async def taken_ahead(self, reports: Sequence[Report]) -> list[Outcome]:
        """As `taken`, but only up to the first report that asks the database for more."""
        plain = takewhile(lambda report: not self._asks_for_more(report), reports)
        outcomes = [await self.take(report) for report in plain]
        self.meter.settle()
        return outcomes

    def _asks_for_more(self, report: Report) -> bool:
        placed = self._known.placed.get(report.address)
        if placed is None:
            return report.create is not None
        return self._followed(placed, report) is not None

    async def taken(self, reports: Sequence[Report]) -> list[Outcome]:
        """Apply them, those of each job in order of arrival. The outcome of each, in order.

        What may make a job goes first, by its name: of two processes that make the same jobs, none waits for one of
        the other's while the other waits for one of its own.
        """
        new = {r.address for r in reports if isinstance(r.address, BySlug) and r.address not in self._known.placed}
        if not new:
            return [await self.take(report) for report in reports]
        order = sorted(range(len(reports)), key=lambda number: _turn(reports[number].address, new))
        outcomes = {number: await self.take(reports[number]) for number in order}
        return [outcomes[number] for number in range(len(reports))]

    async def take(self, report: Report) -> Outcome:
        """Apply one report. What is wrong with it is its own answer, and changes nothing."""
        placed = self._known.placed.get(report.address)
        if placed is None:
            return await self._take_new(report)
        if report.fault is not None:
            return report.fault
        told = report.rid is not None and await self._is_told(placed, report)
        return self._take(placed, report, told=told)

    def _followed(self, placed: Placed, report: Report) -> Run | None:
        """The run of the report, where a later attempt of it has been reported."""
        run = None if report.rid is None else self._known.priors.get((placed.job, report.rid))
        return None if run is None or report.attempt >= run.attempt else run

    async def _is_told(self, placed: Placed, report: Report) -> bool:
        """Whether a check-in of an attempt that another has followed is stored already, or in this batch."""
        followed = self._followed(placed, report)
        if followed is None:
            return False
        wanted = (ids.run_id(placed.job, placed.agent, followed.number), report.said, report.attempt)
        here = any((row["run_id"], row["kind"], row["attempt"]) == wanted for row in self._rows.check_ins)
        return here or await self._tx.told(*wanted)

    async def _take_new(self, report: Report) -> Outcome:
        """A report on a job that is not there: makes it, where that is asked for by who has the namespace's key."""
        address, wanted = report.address, report.create
        if wanted is None or not isinstance(address, BySlug):
            return NotFound("not found")
        home = await self._tx.home(address.key_hash)
        if home is None:
            return NotFound("not found")
        if report.fault is not None:
            return report.fault
        if isinstance(wanted, Invalid):
            return wanted
        refusal = await self._full(home, report)
        if refusal is not None:
            return refusal
        if await self._made(home, address, wanted, report):
            return self._take(self._known.placed[address], report, created=True)
        return await self._take_made(report) or NotFound("not found")

    async def _take_made(self, report: Report) -> Outcome | None:
        """Where another process has made the job meanwhile."""
        await self._known.read(self._tx, [report])
        placed = self._known.placed.get(report.address)
        return self._take(placed, report) if placed else None

    async def _full(self, home: Home, report: Report) -> Outcome | None:
        """What becomes of a report that would make one job too many. Who asks again at once is not counted for."""
        usage = self.meter.usage
        limit = usage.jobs(home.tenant)
        if limit is None:
            return None
        if home.tenant not in usage.full:
            used = await self._tx.jobs_of(home.tenant)
            if used < limit:
                return None
            if (outcome := await self._take_made(report)) is not None:
                return outcome
            usage.full[home.tenant] = used
        return reached(Quota.JOBS, usage.full[home.tenant], limit)

    def _take(self, placed: Placed, report: Report, created: bool = False, told: bool = False) -> Outcome:
        said = _meaning(placed.filters, report)
        self.meter.ping(placed.tenant, report.received_at)
        if said == IGNORED:
            self._keep(placed, report, said, None, frozenset())
            return Accepted(None, report.rid, created=created)
        event = self._event(placed, report, said, told)
        step = advance(placed.watch, event, placed.rule, self._known.gaps, report.received_at)
        run, stored = self._apply(placed, report, said, step)
        return Accepted(run, report.rid, stored, created)

    async def tell(self) -> None:
        """Who has made jobs here: in the order of tenants, so that processes do not wait for each other in a circle."""
        for tenant in sorted(self._made_here):
            await self._tx.tell(tenant, self._made_here[tenant])

    def closed(self) -> Rows:
        """All that must be written."""
        for changed in self._changed.values():
            watches.add_watch(self._rows, changed.placed, changed.at, changed.runs)
        return self._rows

    def _event(self, placed: Placed, report: Report, said: str, told: bool) -> Reported:
        return Reported(
            kind=kind_of(said, report.exit_code),
            occurred_at=report.occurred_at,
            skew=report.skew,
            rid=report.rid,
            started_at=report.started_at,
            duration=report.duration,
            exit_code=report.exit_code,
            signal=report.signal,
            attempt=report.attempt,
            truncated=report.body.truncated,
            by_url=report.by_url,
            prior=None if report.rid is None else self._known.priors.get((placed.job, report.rid)),
            told=told,
        )

    def _apply(self, placed: Placed, report: Report, said: str, step: Step) -> tuple[UUID | None, bool]:
        """The id of the report's run, and whether the report is new."""
        receipt = step.receipt
        assert receipt is not None  # noqa: S101 # every Reported is answered by a receipt
        changes = bool(step.runs or step.flips or step.gone) or step.watch != placed.watch
        details = _details(report) if receipt.stored else None
        told = watches.add_step(self._rows, placed, step, report.received_at, details, gaps=self._known.gaps)
        if changes:
            self._note_change(placed, report.received_at, step, told)
        run = watches.run_id(placed, receipt.run, told)
        if receipt.stored:
            self._keep(placed, report, said, run, receipt.marks)
        return run, receipt.stored

    def _note_change(self, placed: Placed, at: datetime, step: Step, told: Mapping[int, UUID]) -> None:
        changed = self._changed.setdefault((placed.job, placed.agent), _Changed(placed, at))
        changed.at = at
        changed.runs.update(told.values())
        for run in step.runs:
            if run.rid is not None:
                key = (placed.job, run.rid)
                known = self._known.priors.get(key)
                if known is None or known.number <= run.number:
                    self._known.priors[key] = run

    def _keep(self, placed: Placed, report: Report, said: str, run: UUID | None, marks: frozenset[Mark]) -> None:
        """The check-in itself, and what it printed, as far as the tenant's quotas allow."""
        check_in, size = new_id(report.received_at), report.body.size
        self._rows.check_ins.append(
            {
                "id": check_in,
                "tenant_id": placed.tenant,
                "job_id": placed.job,
                "run_id": run,
                "rid": report.rid,
                "kind": said,
                "exit_code": report.exit_code,
                "attempt": report.attempt,
                "occurred_at": report.occurred_at,
                "received_at": report.received_at,
                "method": report.method,
                "address": report.sender,
                "user_agent": report.user_agent,
                "output_bytes": size,
                "marks": sorted(report.marks | marks),
            }
        )
        failed = said == "fail" or (said == "exit" and report.exit_code != 0)
        tally = self.meter.check_in(placed.tenant, report.received_at, failed)
        if size:
            kept = report.body.kept_bytes
            over = self.meter.over(placed.tenant, report.received_at, kept)
            row = _output_row(check_in, placed, report.body if over is None else _withheld(report.body), run, failed)
            self._rows.outputs.append({**row, "over_quota": over})
            if over is None:
                tally.output_bytes += kept
                tally.stored_bytes += row["size_bytes"]
            else:
                tally.dropped_bytes += kept

    async def _made(self, home: Home, address: BySlug, wanted: Creation, report: Report) -> bool:
        """Whether there was no such job, so that this ping has made it."""
        now = report.received_at
        placed = _placed(home, wanted, now)
        made = await self._tx.make_job(_job_row(home, placed, address.slug, wanted, now))
        if made:
            watches.add_new_watch(self._rows, placed)
            self._known.add(address, placed)
            doer = Doer(PING, address=report.sender, user_agent=report.user_agent)
            told = now, doer, _deed(home, placed, address, wanted)
            self._made_here.setdefault(home.tenant, []).append(told)
        return made


class _Changed(msgspec.Struct):
    placed: Placed
    at: datetime
    runs: set[UUID] = msgspec.field(default_factory=set)


def _turn(address: Address, new: Collection[Address]) -> tuple[bool, bytes, str]:
    """Where those of this address stand among the others."""
    if isinstance(address, BySlug) and address in new:
        return False, address.key_hash, address.slug
    return True, b"", ""


def _meaning(filters: str | None, report: Report) -> str:
    if filters is None or not report.by_url:
        return report.said
    text = (report.body.head + report.body.tail).decode(errors="replace")
    return filtered(_filters(filters), report.method, report.said, text)


@lru_cache(maxsize=1024)
def _filters(text: str) -> Filters:
    return msgspec.json.decode(text, type=Filters)


def _details(report: Report) -> watches.Details:
    size = report.body.size
    return msgspec.structs.replace(report.details, output_bytes=size) if size else report.details


def _withheld(body: Body) -> Body:
    """Nothing of it is kept, and how much that was is."""
    return Body(dropped_bytes=body.size, truncated=body.truncated)


def _output_row(check_in: UUID, placed: Placed, body: Body, run: UUID | None, failed: bool) -> watches.Row:
    head, tail = zlib.compress(body.head, 1), zlib.compress(body.tail, 1)
    return {
        "check_in_id": check_in,
        "tenant_id": placed.tenant,
        "job_id": placed.job,
        "run_id": run,
        "failed": failed,
        "head": head,
        "tail": tail,
        "dropped_bytes": body.dropped_bytes,
        "truncated": body.truncated,
        "size_bytes": len(head) + len(tail),
    }


def _placed(home: Home, wanted: Creation, now: datetime) -> Placed:
    rule = Expectation(
        schedules=home.schedules if wanted.schedules is None else wanted.schedules,
        timezone=wanted.timezone or home.timezone,
        grace=home.grace if wanted.grace is None else wanted.grace,
    )
    return Placed(
        tenant=home.tenant,
        job=ids.ordered(now, secrets.randbits(74)),
        agent=ids.NO_AGENT,
        rule=rule,
        watch=fresh(rule, now),
        filters=None,
        last_number=None,
        changed_at=now,
        version=1,
    )


def _deed(home: Home, placed: Placed, address: BySlug, wanted: Creation) -> Deed:
    after = {"slug": address.slug, "name": address.slug, "tags": list(wanted.tags), "origin": Origin.PING}
    return Deed("job.create", Target(Noun.JOB, placed.job, f"{home.slug}/{address.slug}"), changes({}, after))


def _job_row(home: Home, placed: Placed, slug: str, wanted: Creation, now: datetime) -> watches.Row:
    return jobs.row(
        id=placed.job,
        tenant=home.tenant,
        namespace_id=home.id,
        slug=slug,
        name=slug,
        ping_uuid=uuid4(),
        expectation=placed.rule,
        timezone_given=wanted.timezone is not None,
        origin=Origin.PING,
        tags=list(wanted.tags),
        now=now,
    )
