"""What happened to a run and what comes next, as a chain of moments. Pure."""

from datetime import datetime

from msgspec import Struct

from crontopus.console.why import age
from crontopus.console.words import duration
from crontopus.domain.watch import RunState, Status
from crontopus.wire.jobs import Job
from crontopus.wire.runs import Run

_BAD = {
    RunState.FAILED: "Failed",
    RunState.ABANDONED: "Given up",
    RunState.OVERRAN: "Still open",
}


class Link(Struct, frozen=True):
    """`kind`: `did` (it happened), `bad` (this is the fault), `next` (it is to come)."""

    name: str
    at: datetime | None
    note: str
    kind: str


def chain(job: Job, run: Run | None, now: datetime) -> list[Link]:
    """From what was expected to what comes next; `run` is the one that explains the status, if there is one."""
    links = _missing(job) if run is None else _of_run(run, now)
    if job.status is Status.LATE and job.due_at:
        links.append(Link("Down", job.due_at, "unless it reports", "next"))
    elif job.next_expected_at and job.next_expected_at > now:
        links.append(Link("Next run", job.next_expected_at, "", "next"))
    return links


def _missing(job: Job) -> list[Link]:
    links = [Link("Last sign", job.seen_at, "", "did")] if job.seen_at else []
    if job.status is Status.LATE:
        links.append(Link("Expected", job.next_expected_at, "nothing arrived", "did"))
    elif job.down_since:
        links.append(Link("Down", job.down_since, "", "bad"))
    return links


def _of_run(run: Run, now: datetime) -> list[Link]:
    links = [Link("Expected", run.expected_at, "", "did")] if run.expected_at else []
    if run.state is RunState.MISSED:
        return [*links, Link("Missed", run.last_expected_at, f"{run.count} in a row" if run.count > 1 else "", "bad")]
    if run.started_at:
        lag = f"{duration(run.lag)} after" if run.lag and run.lag >= 1 else ""
        links.append(Link("Started", run.started_at, lag, "did"))
    return [*links, Link(_BAD.get(run.state, "Ended"), run.finished_at, _ending(run, now), "bad")]


def _ending(run: Run, now: datetime) -> str:
    if run.state is RunState.OVERRAN:
        return f"for {duration(age(run, now))}"
    if run.signal is not None:
        return f"signal {run.signal}"
    if run.exit_code is not None:
        return f"exit {run.exit_code}"
    return f"after {duration(run.duration)}" if run.duration is not None else ""
