"""What a message says: an alert, its job and its run, put into words with the facts, the output and the links."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from crontopus.domain import messages
from crontopus.domain.access import ALL
from crontopus.domain.alerts import AlertClass, SubjectKind
from crontopus.domain.messages import Held, JobFacts, RunFacts
from crontopus.domain.routing import Kind, Sending
from crontopus.domain.watch import RunState
from crontopus.engine import runs as engine_runs
from crontopus.engine import unobserved
from crontopus.engine.links import Acting
from crontopus.notify.contract import Act, Fact, Link, Notice
from crontopus.storage import jobs, runs, tenants, watches
from crontopus.storage.alerts import Stored
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.jobs import Subject
from crontopus.storage.notifications import Notification
from crontopus.storage.runs import Run

LINES = 20
"""Of the output that a message shows."""
_WITH_OUTPUT = frozenset({Kind.OPEN, Kind.FAILURE, Kind.REMINDER})

NAMED = 20
MOST_COUNTED = 10_000
"""Of the jobs that an alert is of that is of many."""

NOBODY = UUID(int=0)

Item = tuple[Stored, Notification, Sending]


class _Known(Struct, frozen=True):
    """What is read for several messages at once. `of_many`: what is told of those alerts that are of no single run."""

    subjects: Mapping[UUID, Subject]
    runs: Mapping[UUID, Run]
    tails: Mapping[UUID, str]
    tenant: str
    of_many: Mapping[UUID, JobFacts]
    offers: bool


class Notices:
    """`public_url`: where the links lead. `acting`: those by which a reader acts; see `Links.acting`."""

    def __init__(self, public_url: str, acting: Callable[[UUID, UUID, UUID, datetime], Acting]) -> None:
        self._url = public_url
        self._acting = acting

    async def of(
        self, tx: Tx, items: Sequence[Item], told: Mapping[UUID, Sequence[Notification]], *, offers: bool = True
    ) -> Sequence[Notice]:
        """In the order of `items`. `told`: all messages of each alert, for what the first of them was called there.
        `offers`: who reads them may act by their links.
        """
        if not items:
            return []
        of_runs = await runs.of_ids(tx, [stored.run_id for stored, _, _ in items if stored.run_id])
        beginnings = {stored.run_id for stored, message, _ in items if message.kind in _WITH_OUTPUT}
        subjects = await jobs.subjects(SystemTx(tx.sql, tx.now), {stored.subject_id for stored, _, _ in items})
        known = _Known(
            subjects,
            of_runs,
            await engine_runs.tails_of(tx, [run for id, run in of_runs.items() if id in beginnings]),
            (await tenants.own(tx)).name,
            await _of_many(tx, [stored for stored, _, _ in items], subjects),
            offers,
        )
        return [self._one(tx, item, known, told[item[0].alert.id]) for item in items]

    async def as_if(self, tx: Tx, stored: Stored) -> Notice:
        """What would be told of it now: that it is there, or that it is over."""
        kind = Kind.RESOLVE if stored.alert.is_over else Kind.OPEN
        message = Notification(
            id=stored.alert.id,
            tenant_id=stored.tenant_id,
            alert_id=stored.alert.id,
            channel_id=NOBODY,
            route_id=NOBODY,
            kind=kind,
            number=1,
            opening=stored.alert.opening,
            step=0,
            made_at=tx.now,
        )
        (found,) = await self.of(tx, [(stored, message, Sending.AS_IT_IS)], {stored.alert.id: ()}, offers=False)
        return found

    def _one(self, tx: Tx, item: Item, known: _Known, told: Sequence[Notification]) -> Notice:
        stored, message, how = item
        subject = known.subjects.get(stored.subject_id)
        run = known.runs.get(stored.run_id) if stored.run_id else None
        ended, of_run = how is Sending.WITH_ITS_END, _run_facts(run)
        of_job = known.of_many.get(stored.alert.id) or (_job_facts(subject) if subject else JobFacts())
        return Notice(
            id=message.id,
            alert=stored.alert.id,
            opening=message.opening,
            kind=message.kind,
            cls=stored.alert.kind,
            severity=stored.alert.severity,
            state=messages.state(message.kind, stored.alert, ended=ended),
            title=_title(stored, subject, of_job),
            summary=_summary(message.kind, stored, of_run, of_job, ended=ended),
            at=tx.now,
            since=stored.alert.opened_at,
            tenant=known.tenant,
            namespace=subject.namespace if subject else "",
            job=subject.slug if subject else "",
            job_name=subject.name if subject else "",
            tags=tuple(subject.tags) if subject else (),
            labels=subject.labels if subject else {},
            got=messages.cause(stored.alert, of_run, of_job),
            exit_code=of_run.exit_code,
            facts=tuple(_facts(stored, subject, run, of_job)),
            output=_output(known.tails.get(run.id, "")) if run and message.kind in _WITH_OUTPUT else (),
            links=tuple(self._links(tx, item, subject, offers=known.offers and _needs_somebody(item, tx.now))),
            ended=ended,
            reference=_reference(message, told),
        )

    def _links(self, tx: Tx, item: Item, subject: Subject | None, *, offers: bool) -> Sequence[Link]:
        """What matters most first: not everybody has room for all."""
        stored = item[0]
        links = [Link("The alert", f"{self._url}/alerts/{stored.alert.id}")]
        if offers:
            links += self._acts(tx, item)
        if stored.run_id is not None:
            links.append(Link("The run", f"{self._url}/runs/{stored.run_id}"))
        if subject is not None and not subject.is_deleted:
            links.append(Link("The job", f"{self._url}/jobs/{subject.id}"))
            if subject.notes.runbook.startswith(("https://", "http://")):
                links.append(Link("Runbook", subject.notes.runbook))
        return links

    def _acts(self, tx: Tx, item: Item) -> Sequence[Link]:
        stored, message, _ = item
        pages = self._acting(tx.tenant, stored.alert.id, message.channel_id, tx.now)
        return [
            Link("Acknowledge", pages.acknowledge, Act.ACKNOWLEDGE, pages.code),
            Link("Silence for an hour", pages.silence, Act.SILENCE, pages.code),
        ]


def _needs_somebody(item: Item, now: datetime) -> bool:
    """Not what is over or told as over, and not what somebody knows of."""
    stored, message, how = item
    is_told_as_over = how is Sending.WITH_ITS_END or message.kind is Kind.RESOLVE
    return not (is_told_as_over or stored.alert.is_over or stored.alert.is_acknowledged(now))


def _summary(kind: Kind, stored: Stored, run: RunFacts, job: JobFacts, *, ended: bool) -> str:
    """With why one learns of it only now, where it was held before."""
    told = messages.summary(kind, stored.alert, run, job, stored.acknowledged_by, ended=ended)
    if kind is not Kind.OPEN or stored.alert.held or stored.held_since is None:
        return told
    return f"{told} {messages.held(Held(stored.held_since, stored.alert.clock_at, stored.holders), job.zone)}"


async def _of_many(tx: Tx, of: Sequence[Stored], subjects: Mapping[UUID, Subject]) -> Mapping[UUID, JobFacts]:
    """Of each alert of flapping how the job stands; of one that is of many jobs which."""
    found: dict[UUID, JobFacts] = {}
    for stored in of:
        subject = subjects.get(stored.subject_id)
        if stored.subject is SubjectKind.SYSTEM:
            found[stored.alert.id] = await _silent_jobs(tx, stored)
        elif stored.alert.kind is AlertClass.FLAPPING and subject is not None:
            believed = (await watches.states(tx, [subject.id])).get((subject.id, stored.agent_id))
            stands = believed.status.value if believed else ""
            found[stored.alert.id] = replace(_job_facts(subject), stands=stands)
    return found


async def _silent_jobs(tx: Tx, stored: Stored) -> JobFacts:
    silent = await unobserved.still_silent(tx, stored, MOST_COUNTED)
    named = await jobs.refs(tx, ALL, silent, NAMED)
    names = [f"{one.name} in {one.namespace}" for one in named]
    return JobFacts(silent=names, more=len(silent) - len(names))


def _title(stored: Stored, subject: Subject | None, job: JobFacts) -> str:
    if stored.subject is SubjectKind.SYSTEM:
        several = len(job.silent) + job.more
        return "1 job" if several == 1 else f"{several or 'Some'} jobs"
    if subject is None:
        return "A job that is gone"
    return f"{subject.name} in {subject.namespace}" if subject.namespace else subject.name


def _run_facts(run: Run | None) -> RunFacts:
    if run is None:
        return RunFacts()
    return RunFacts(
        exit_code=run.exit_code,
        signal=run.signal,
        abandoned=run.state is RunState.ABANDONED,
        expected_at=run.expected_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        duration=run.duration,
        count=run.count,
    )


def _job_facts(subject: Subject) -> JobFacts:
    promise = subject.expectation
    return JobFacts(
        zone=promise.timezone, grace=promise.grace, max_runtime=promise.max_runtime, min_runtime=promise.min_runtime
    )


def _facts(stored: Stored, subject: Subject | None, run: Run | None, job: JobFacts) -> Sequence[Fact]:
    found = [Fact("severity", stored.alert.severity.value)]
    if run is not None:
        said = {
            "expected": messages.clock(run.expected_at, job.zone) if run.expected_at else "",
            "started": messages.clock(run.started_at, job.zone) if run.started_at else "",
            "took": messages.duration(run.duration) if run.duration is not None else "",
            "exit status": "" if run.exit_code is None else str(run.exit_code),
            "signal": "" if run.signal is None else str(run.signal),
            "host": run.host or "",
            "revision": run.revision or "",
        }
        found += [Fact(name, value) for name, value in said.items() if value]
    if subject is not None and subject.notes.owner:
        found.append(Fact("owner", subject.notes.owner))
    return found


def _output(text: str) -> tuple[str, ...]:
    """The last lines of what a run printed."""
    return tuple(text.splitlines()[-LINES:])


def _reference(message: Notification, told: Sequence[Notification]) -> str:
    """What the first message of this opening is called where it was sent."""
    same = [one for one in told if one.channel_id == message.channel_id and one.opening == message.opening]
    return next((one.reference for one in same if one.reference and one.id != message.id), "")
