"""One job: why it is as it is, what runs, what comes, how it reports; and the deeds that need one button."""

from datetime import datetime, timedelta
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from crontopus.client import Client
from crontopus.console.ansi import last_lines
from crontopus.console.chain import chain
from crontopus.console.forms import read_form
from crontopus.console.job_alerts import told_of
from crontopus.console.jobs import recent_gaps
from crontopus.console.snippets import snippets
from crontopus.console.strip import LENGTH, strip
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.console.why import Teller
from crontopus.domain.watch import Mark, Reason, RunState, Status
from crontopus.wire.jobs import Job, Watch
from crontopus.wire.runs import CheckIn, Run, StoredCheckIn

_OPEN = (RunState.RUNNING, RunState.OVERRAN)
_EXPLAINS = {
    Reason.FAILED: (RunState.FAILED, RunState.ABANDONED),
    Reason.OVERRAN: (RunState.OVERRAN,),
    Reason.MISSED: (RunState.MISSED,),
    Reason.TOO_SHORT: (),
}
_FRESH = timedelta(minutes=5)


class LastLine(Struct, frozen=True):
    """The last telling line of a run's output, and where it stands."""

    text: str
    href: str


class Arrival(Struct, frozen=True):
    """Of a job that is new here: None in `first` while it waits for its first check-in."""

    first: StoredCheckIn | None


@get("/jobs/{job:str}")
async def overview(job: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    shown = await client.job(job)
    runs = (await client.job_runs(job, limit=LENGTH)).items
    watches = (await client.watches(job)).items
    culprit = _culprit(shown, runs)
    return view.page(
        "job.html",
        job=shown,
        runs=runs,
        strip=strip(runs),
        open_runs=[run for run in runs if run.state in _OPEN],
        sentence=_teller(shown, runs, watches, view).sentence(),
        chain=chain(shown, culprit, view.now),
        culprit=culprit,
        last_line=await _last_line(client, culprit),
        coming=await client.next_runs(job),
        parents=[await client.job(name) for name in shown.depends_on],
        arrival=await _arrival(client, shown, view),
        snippets=snippets(shown),
        told=await told_of(client, shown, view),
        gaps=[gap for gap in await recent_gaps(client, view) if any(ref.id == shown.id for ref in gap.silent)],
        refresh_in=view.refresh_in(
            shown.next_expected_at, shown.due_at, shown.paused_until, shown.down_since, *_signs(shown)
        ),
    )


def _signs(job: Job) -> tuple[datetime | None, ...]:
    """What the page counts from: the last run's beginning and end."""
    return (job.last_run.started_at, job.last_run.finished_at) if job.last_run else ()


@get("/jobs/{job:str}/runs")
async def job_runs(
    job: FromPath[str], request: Visit, client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[str]:
    shown = await client.job(job)
    page = await client.job_runs(job, cursor=request.query_params.get("cursor"), limit=50)
    return view.page("job-runs.html", job=shown, page=page, refresh_in=view.refresh_in(shown.due_at))


@get("/jobs/{job:str}/check-ins")
async def job_check_ins(
    job: FromPath[str], request: Visit, client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[str]:
    shown = await client.job(job)
    page = await client.job_check_ins(job, cursor=request.query_params.get("cursor"), limit=50)
    return view.page("job-check-ins.html", job=shown, page=page, refresh_in=view.refresh_in(shown.due_at))


@get("/jobs/{job:str}/integrate")
async def integrate(job: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    shown = await client.job(job)
    return view.page("job-integrate.html", job=shown, snippets=snippets(shown))


@post("/jobs/{job:str}/pause")
async def pause(
    job: FromPath[str], request: Visit, client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[None]:
    """For ever, or for the number of hours that is asked for."""
    hours = (await read_form(request)).whole("hours", 0)
    paused = await client.pause_job(job, view.now + timedelta(hours=min(hours, 9000)) if hours else None)
    return go(f"/jobs/{paused.id}", f"{paused.name} is paused.")


@post("/jobs/{job:str}/resume")
async def resume(job: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    resumed = await client.resume_job(job)
    return go(f"/jobs/{resumed.id}", f"{resumed.name} is watched again, from now on.")


@post("/jobs/{job:str}/delete")
async def delete(job: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    shown = await client.job(job)
    await client.delete_job(job)
    return go("/jobs", f"{shown.name} is deleted, with its runs and check-ins.")


@post("/jobs/{job:str}/test-ping")
async def test_ping(job: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    await client.check_in(CheckIn(kind="success", job=job))
    return go(f"/jobs/{job}", "A success was reported by hand.")


@post("/runs/{run:str}/settle")
async def settle(run: FromPath[str], request: Visit, client: NamedDependency[Client]) -> Response[None]:
    succeeded = (await read_form(request))["as"] == "succeeded"
    settled = await client.settle_run(run, succeeded=succeeded)
    return go(f"/jobs/{settled.job.id}", f"The run is closed as {'succeeded' if succeeded else 'failed'}.")


def _teller(job: Job, runs: list[Run], watches: list[Watch], view: View) -> Teller:
    gravest = next((watch for watch in watches if watch.status is job.status), next(iter(watches), None))
    return Teller(job, runs, gravest, view.reader)


def _culprit(job: Job, runs: list[Run]) -> Run | None:
    """The run that explains why the job is down."""
    if job.status is not Status.DOWN or job.reason is None:
        return None
    mark = {Reason.TOO_SHORT: Mark.TOO_SHORT, Reason.OVERRAN: Mark.OVERRAN}.get(job.reason)
    states = _EXPLAINS[job.reason]
    return next((run for run in runs if run.state in states or mark in run.marks), None)


async def _last_line(client: Client, run: Run | None) -> LastLine | None:
    if run is None or not run.output_bytes:
        return None
    log = await client.run_log(run.id)
    telling = [line for line in last_lines(log.tail or log.head) if line.text.strip()]
    return LastLine(telling[-1].text.strip()[:300], f"/runs/{run.id}#end") if telling else None


async def _arrival(client: Client, job: Job, view: View) -> Arrival | None:
    """Whether the page still waits for the first check-in, or shows that it has just come.

    None: it came long ago, or the page has something graver to say.
    """
    if job.status is not Status.NEW and view.now - job.created_at > timedelta(days=1):
        return None
    page = await client.job_check_ins(job.id, limit=10)
    if not page.items:
        return Arrival(None) if job.status is Status.NEW else None
    first = page.items[-1]
    fresh = page.next_cursor is None and view.now - first.received_at < _FRESH and job.status is not Status.DOWN
    return Arrival(first) if fresh else None


ROUTES: list[Any] = [
    overview,
    job_runs,
    job_check_ins,
    integrate,
    pause,
    resume,
    delete,
    test_ping,
    settle,
]
