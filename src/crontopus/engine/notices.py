"""What a message says: an alert, its job and its run, put into words with the facts, the output and the links."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from msgspec import Struct

from crontopus.domain import messages
from crontopus.domain.messages import JobFacts, RunFacts
from crontopus.domain.routing import Kind, Sending
from crontopus.domain.watch import RunState
from crontopus.engine import runs as engine_runs
from crontopus.notify.contract import Fact, Link, Notice
from crontopus.storage import jobs, runs, tenants
from crontopus.storage.alerts import Stored
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.jobs import Subject
from crontopus.storage.notifications import Notification
from crontopus.storage.runs import Run

LINES = 20
"""Of the output that a message shows."""

NOBODY = UUID(int=0)

Item = tuple[Stored, Notification, Sending]


class _Known(Struct, frozen=True):
    """What is read for several messages at once."""

    subjects: Mapping[UUID, Subject]
    runs: Mapping[UUID, Run]
    tenant: str


class Notices:
    """`public_url`: where the links lead."""

    def __init__(self, public_url: str) -> None:
        self._url = public_url

    async def of(self, tx: Tx, items: Sequence[Item], told: Mapping[UUID, Sequence[Notification]]) -> Sequence[Notice]:
        """In the order of `items`. `told`: all messages of each alert, for what the first of them was called there."""
        known = _Known(
            await jobs.subjects(SystemTx(tx.sql, tx.now), {stored.subject_id for stored, _, _ in items}),
            await runs.of_ids(tx, [stored.run_id for stored, _, _ in items if stored.run_id]),
            (await tenants.own(tx)).name,
        )
        return [await self._one(tx, item, known, told[item[0].alert.id]) for item in items]

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
        (found,) = await self.of(tx, [(stored, message, Sending.AS_IT_IS)], {stored.alert.id: ()})
        return found

    async def _one(self, tx: Tx, item: Item, known: _Known, told: Sequence[Notification]) -> Notice:
        stored, message, how = item
        subject = known.subjects.get(stored.subject_id)
        run = known.runs.get(stored.run_id) if stored.run_id else None
        ended, of_run = how is Sending.WITH_ITS_END, _run_facts(run)
        of_job = _job_facts(subject) if subject else JobFacts()
        wants_output = message.kind in (Kind.OPEN, Kind.FAILURE, Kind.REMINDER)
        return Notice(
            id=message.id,
            alert=stored.alert.id,
            opening=message.opening,
            kind=message.kind,
            cls=stored.alert.kind,
            severity=stored.alert.severity,
            state=messages.state(message.kind, stored.alert, ended=ended),
            title=_title(subject),
            summary=messages.summary(message.kind, stored.alert, of_run, of_job, stored.acknowledged_by, ended=ended),
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
            output=await _output(tx, run) if wants_output and run else (),
            links=tuple(self._links(stored, subject)),
            ended=ended,
            reference=_reference(message, told),
        )

    def _links(self, stored: Stored, subject: Subject | None) -> Sequence[Link]:
        links = [Link("The alert", f"{self._url}/alerts/{stored.alert.id}")]
        if stored.run_id is not None:
            links.append(Link("The run", f"{self._url}/runs/{stored.run_id}"))
        if subject is not None and not subject.is_deleted:
            links.append(Link("The job", f"{self._url}/jobs/{subject.id}"))
            if subject.notes.runbook.startswith(("https://", "http://")):
                links.append(Link("Runbook", subject.notes.runbook))
        return links


def _title(subject: Subject | None) -> str:
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


async def _output(tx: Tx, run: Run) -> tuple[str, ...]:
    """The last lines that the run printed."""
    text = await engine_runs.tail_of(tx, run)
    return tuple(text.splitlines()[-LINES:])


def _reference(message: Notification, told: Sequence[Notification]) -> str:
    """What the first message of this opening is called where it was sent."""
    same = [one for one in told if one.channel_id == message.channel_id and one.opening == message.opening]
    return next((one.reference for one in same if one.reference and one.id != message.id), "")
