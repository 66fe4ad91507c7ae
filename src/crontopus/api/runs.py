"""Runs: each execution, what it printed, and the check-ins it is made of."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta, Struct

from crontopus.api import shown
from crontopus.api.arguments import Caller, Cursor, JobName, Limit, Parts, RunsQuery
from crontopus.api.principal import needs
from crontopus.api.reading import Body, cursor_of, place_of
from crontopus.domain import query
from crontopus.domain import watch as domain
from crontopus.domain.access import Scope
from crontopus.domain.errors import Fault, Invalid
from crontopus.engine import runs as engine
from crontopus.storage import checkins, gaps, jobs, runs
from crontopus.storage.checkins import CheckIn
from crontopus.storage.database import Tx
from crontopus.wire.common import Instant, Page
from crontopus.wire.runs import Gap, JobRef, Log, Run, Settle, StoredCheckIn

RunId = Annotated[UUID, PathParameter(description="The run's id.")]
MOST_CHECK_INS = 1000
MOST_JOBS = 100
MOST_SILENT = 1000


class _Below(Struct, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=1, lt=2**32)]


class _BeforeId(Struct, forbid_unknown_fields=True):
    id: UUID


class _BeforeInstant(Struct, forbid_unknown_fields=True):
    at: Instant

    def __post_init__(self) -> None:
        if self.at.utcoffset():
            raise ValueError("we write UTC")


class _Before(_BeforeInstant):
    id: UUID


@get("/runs", operation_id="runs", opt=needs(Scope.RUNS_READ))
async def listed(
    caller: Caller, parts: Parts, q: RunsQuery = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[Run]:
    """List the runs of all jobs, newest first."""
    terms, before = query.parse_runs(q or ""), place_of(cursor, _Before)
    place = None if before is None else (before.at, before.id)
    async with parts.db.read(caller.tenant) as tx:
        found = await runs.listed(tx, caller.reach, terms, place, limit + 1)
    items = [shown.run(one) for one in found[:limit]]
    if len(found) <= limit:
        return Page(items=items)
    last = found[limit - 1].run
    return Page(items=items, next_cursor=cursor_of(_Before(last.created_at, last.id)))


@get("/runs/newest", operation_id="newest_runs", opt=needs(Scope.RUNS_READ))
async def newest(
    caller: Caller,
    parts: Parts,
    of: Annotated[
        str, QueryParameter(name="jobs", description="Ids of jobs, with commas between; at most 100.", max_length=4000)
    ],
    each: Annotated[int, QueryParameter(ge=1, le=50, description="How many of each at most.")] = 30,
) -> Page[Run]:
    """List the newest runs of several jobs, those of each job newest first.

    Of jobs that are not there, there are none. All of them are on one page.
    """
    wanted = _ids(of)
    async with parts.db.read(caller.tenant) as tx:
        return Page(items=[shown.run(one) for one in await runs.newest(tx, caller.reach, wanted, each)])


def _ids(text: str) -> list[UUID]:
    detail = f"give ids of jobs, at most {MOST_JOBS}, with commas between them"
    try:
        found = [UUID(part.strip()) for part in text.split(",")]
    except ValueError:
        raise Invalid("`jobs` names no jobs", (Fault("/jobs", detail),)) from None
    if len(found) > MOST_JOBS:
        raise Invalid("`jobs` names too many jobs", (Fault("/jobs", detail),))
    return found


@get("/jobs/{job:str}/runs", operation_id="job_runs", opt=needs(Scope.RUNS_READ))
async def of_job(
    caller: Caller, parts: Parts, job: JobName, q: RunsQuery = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[Run]:
    """List the runs of a job, newest first."""
    terms, below = query.parse_runs(q or ""), place_of(cursor, _Below)
    async with parts.db.read(caller.tenant) as tx:
        job_id = await jobs.id_of(tx, caller.reach, job)
        found = await runs.of_job(tx, caller.reach, job_id, terms, below.number if below else None, limit + 1)
    items = [shown.run(one) for one in found[:limit]]
    more = len(found) > limit
    return Page(items=items, next_cursor=cursor_of(_Below(found[limit - 1].run.number)) if more else None)


@get("/runs/{run:uuid}", operation_id="run", opt=needs(Scope.RUNS_READ))
async def show(caller: Caller, parts: Parts, run: RunId) -> Run:
    """Show a run."""
    async with parts.db.read(caller.tenant) as tx:
        return shown.run(await runs.find(tx, caller.reach, run))


@get("/runs/{run:uuid}/log", operation_id="run_log", opt=needs(Scope.RUNS_READ))
async def log(caller: Caller, parts: Parts, run: RunId) -> Log:
    """Show what a run printed.

    Head and tail, as they were reported; `pruned` where retention has removed them.
    """
    async with parts.db.read(caller.tenant) as tx:
        return await engine.log_of(tx, await runs.find(tx, caller.reach, run))


@get("/runs/{run:uuid}/check-ins", operation_id="run_check_ins", opt=needs(Scope.RUNS_READ))
async def check_ins_of_run(caller: Caller, parts: Parts, run: RunId) -> Page[StoredCheckIn]:
    """List the check-ins of a run, oldest first.

    The first thousand.
    """
    async with parts.db.read(caller.tenant) as tx:
        found = await runs.find(tx, caller.reach, run)
        return Page(items=_shown(await checkins.of_run(tx, found.run, MOST_CHECK_INS)))


@get("/jobs/{job:str}/check-ins", operation_id="job_check_ins", opt=needs(Scope.RUNS_READ))
async def check_ins_of_job(
    caller: Caller, parts: Parts, job: JobName, cursor: Cursor = None, limit: Limit = 50
) -> Page[StoredCheckIn]:
    """List the check-ins of a job, newest first."""
    before = place_of(cursor, _BeforeId)
    async with parts.db.read(caller.tenant) as tx:
        job_id = await jobs.id_of(tx, caller.reach, job)
        found = await checkins.of_job(tx, job_id, before.id if before else None, limit + 1)
    more = len(found) > limit
    return Page(items=_shown(found[:limit]), next_cursor=cursor_of(_BeforeId(found[limit - 1].id)) if more else None)


@post(
    "/runs/{run:uuid}/settle",
    operation_id="settle_run",
    opt=needs(Scope.RUNS_WRITE),
    dependencies={"verdict": Body(Settle)},
    status_code=200,
)
async def settle(caller: Caller, parts: Parts, run: RunId, verdict: NamedDependency[Settle]) -> Run:
    """Close an open run by hand.

    409 where it is not open.
    """
    async with parts.db.write(caller.tenant) as tx:
        return shown.run(await engine.settle(tx, caller, run, verdict.succeeded))


@get("/gaps", operation_id="gaps", opt=needs(Scope.RUNS_READ))
async def listed_gaps(caller: Caller, parts: Parts, cursor: Cursor = None, limit: Limit = 50) -> Page[Gap]:
    """List the times when nobody watched, newest first.

    Each with the jobs that did not report in it and have not since, up to a thousand.
    """
    before = place_of(cursor, _BeforeInstant)
    async with parts.db.read(caller.tenant) as tx:
        found = await gaps.listed(tx, before.at if before else None, limit + 1)
        items = [
            Gap(since=gap.since, until=gap.until, cause=cause, silent=await _refs(tx, caller, gap))
            for gap, cause in found[:limit]
        ]
    more = len(found) > limit
    return Page(items=items, next_cursor=cursor_of(_BeforeInstant(found[limit - 1][0].since)) if more else None)


async def _refs(tx: Tx, caller: Caller, gap: domain.Gap) -> list[JobRef]:
    return [shown.ref(one) for one in await gaps.silent(tx, caller.reach, gap, MOST_SILENT)]


def _shown(found: Sequence[CheckIn]) -> list[StoredCheckIn]:
    return [shown.check_in(one) for one in found]


ROUTES = [
    listed,
    newest,
    of_job,
    show,
    log,
    check_ins_of_run,
    check_ins_of_job,
    settle,
    listed_gaps,
]
