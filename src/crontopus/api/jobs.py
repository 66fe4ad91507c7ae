"""Jobs: the definitions, and what is believed of each."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Struct

from crontopus.api import shown
from crontopus.api.arguments import Caller, Cursor, Http, IfMatch, JobName, JobsQuery, Limit, Parts
from crontopus.api.once import IdempotencyKey, once
from crontopus.api.principal import needs
from crontopus.api.reading import Body, cursor_of, place_of, versions_of
from crontopus.domain import query
from crontopus.domain.access import Reach, Scope
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.query import Query
from crontopus.engine import bulk as bulks
from crontopus.engine import jobs as engine
from crontopus.engine import schedules, silences
from crontopus.storage import finding, jobs
from crontopus.storage.database import Tx
from crontopus.storage.finding import Key
from crontopus.storage.jobs import Watched
from crontopus.wire.common import Page
from crontopus.wire.jobs import Bulk, BulkResult, Job, JobPatch, NewJob, Pause, Watch
from crontopus.wire.schedules import Preview
from crontopus.wire.silences import MuteJob

Find = Callable[[Tx, Reach, Query, Key | None, int], Awaitable[Sequence[Watched]]]

ORDERS: dict[str, Find] = {
    "name": finding.by_name,
    "-name": finding.by_name_backwards,
    "created_at": finding.oldest_first,
    "-created_at": finding.newest_first,
}
Sort = Annotated[
    str,
    QueryParameter(description="`name` or `created_at`; with `-` before it backwards.", enum=list(ORDERS)),
]
Count = Annotated[int, QueryParameter(ge=1, le=100, description="How many runs.")]


class _After(Struct):
    sort: str
    key: str
    id: UUID


@get("/jobs", operation_id="jobs", opt=needs(Scope.JOBS_READ))
async def listed(
    caller: Caller, parts: Parts, q: JobsQuery = None, sort: Sort = "name", cursor: Cursor = None, limit: Limit = 50
) -> Page[Job]:
    """List jobs."""
    terms, find, after = query.parse_jobs(q or ""), _order(sort), place_of(cursor, _After)
    if after is not None and after.sort != sort:
        raise Invalid("the cursor is of another order", (Fault("/cursor", "keep `sort` as it was on the first page"),))
    key = None if after is None else (after.key, after.id)
    async with parts.db.read(caller.tenant) as tx:
        found = await find(tx, caller.reach, terms, key, limit + 1)
        items = await shown.jobs(tx, parts, caller, found[:limit])
    if len(found) <= limit:
        return Page(items=items)
    last = found[limit - 1].job
    return Page(items=items, next_cursor=cursor_of(_After(sort, last.name.lower(), last.id)))


@get("/jobs/counts", operation_id="job_counts", opt=needs(Scope.JOBS_READ))
async def counts(caller: Caller, parts: Parts, q: JobsQuery = None) -> dict[str, int]:
    """Count jobs by status.

    Every status is there, and `total`. Where counting takes long, the last answer stands for ten times as long.
    """
    terms = query.parse_jobs(q or "")

    async def counted() -> dict[str, int]:
        async with parts.db.read(caller.tenant) as tx:
            return finding.with_total(await finding.counts(tx, caller.reach, terms))

    return await parts.counts.get((caller.tenant, caller.reach, terms), counted)


@get("/jobs/{job:str}", operation_id="job", opt=needs(Scope.JOBS_READ))
async def show(caller: Caller, parts: Parts, job: JobName) -> Response[Job]:
    """Show a job."""
    async with parts.db.read(caller.tenant) as tx:
        return await _answer(tx, parts, caller, await jobs.find(tx, caller.reach, job))


@post("/jobs", operation_id="add_job", opt=needs(Scope.JOBS_WRITE), dependencies={"new": Body(NewJob)})
async def create(
    request: Http, caller: Caller, parts: Parts, new: NamedDependency[NewJob], idempotency_key: IdempotencyKey = None
) -> Response[Job]:
    """Make a job.

    A name or a slug is enough. 409 where its namespace has a job of that slug already.
    """

    async def made(tx: Tx) -> Job:
        return (await shown.jobs(tx, parts, caller, [await engine.create(tx, caller, new)]))[0]

    async with parts.db.write(caller.tenant) as tx:
        return await once(tx, parts.sealer, request, idempotency_key, partial(made, tx))


@patch(
    "/jobs/{job:str}", operation_id="edit_job", opt=needs(Scope.JOBS_WRITE), dependencies={"changes": Body(JobPatch)}
)
async def edit(
    caller: Caller, parts: Parts, job: JobName, changes: NamedDependency[JobPatch], if_match: IfMatch = None
) -> Response[Job]:
    """Change a job.

    JSON Merge Patch: what is absent stays, null puts the default back; a schedule is replaced as a whole. A new
    schedule or zone starts afresh with its next slot. With `If-Match` (a version, or the job's `ETag`) a change that
    somebody else has overtaken is answered 412.
    """
    async with parts.db.write(caller.tenant) as tx:
        return await _answer(tx, parts, caller, await engine.edit(tx, caller, job, changes, versions_of(if_match)))


@delete("/jobs/{job:str}", operation_id="delete_job", opt=needs(Scope.JOBS_WRITE))
async def remove(caller: Caller, parts: Parts, job: JobName, if_match: IfMatch = None) -> None:
    """Delete a job.

    Its ping URLs stop at once; its history goes with the next pruning.
    """
    async with parts.db.write(caller.tenant) as tx:
        await engine.delete(tx, caller, job, versions_of(if_match))


@post(
    "/jobs/{job:str}/pause",
    operation_id="pause_job",
    opt=needs(Scope.JOBS_OPERATE),
    dependencies={"pause": Body(Pause)},
    status_code=200,
)
async def pause(caller: Caller, parts: Parts, job: JobName, pause: NamedDependency[Pause]) -> Response[Job]:
    """Pause a job.

    Nothing is missed while it is paused; check-ins are kept. Without `until` the end of a run begun after the pause
    ends it, unless the job has `manual_resume`.
    """
    async with parts.db.write(caller.tenant) as tx:
        return await _answer(tx, parts, caller, await engine.pause(tx, caller, job, pause.until))


@post("/jobs/{job:str}/resume", operation_id="resume_job", opt=needs(Scope.JOBS_OPERATE), status_code=200)
async def resume(caller: Caller, parts: Parts, job: JobName) -> Response[Job]:
    """Resume a job.

    Its deadlines count from now. A job that is not paused stays as it is.
    """
    async with parts.db.write(caller.tenant) as tx:
        return await _answer(tx, parts, caller, await engine.resume(tx, caller, job))


@post(
    "/jobs/{job:str}/mute",
    operation_id="mute_job",
    opt=needs(Scope.ALERTS_OPERATE),
    dependencies={"form": Body(MuteJob)},
    status_code=200,
)
async def mute(caller: Caller, parts: Parts, job: JobName, form: NamedDependency[MuteJob]) -> Response[Job]:
    """Mute a job.

    Its alerts open, and nobody is told of them, until a time or until somebody ends it. It holds none of those that
    depend on it.
    """
    async with parts.db.write(caller.tenant) as tx:
        return await _answer(tx, parts, caller, await silences.mute(tx, caller, job, form))


@post("/jobs/{job:str}/unmute", operation_id="unmute_job", opt=needs(Scope.ALERTS_OPERATE), status_code=200)
async def unmute(caller: Caller, parts: Parts, job: JobName) -> Response[Job]:
    """End the mute of a job: what is still open is told now. A job that is not muted stays as it is."""
    async with parts.db.write(caller.tenant) as tx:
        return await _answer(tx, parts, caller, await silences.unmute(tx, caller, job))


@post(
    "/jobs/bulk",
    operation_id="change_jobs",
    opt=needs(Scope.JOBS_OPERATE),
    dependencies={"bulk": Body(Bulk)},
    status_code=200,
)
async def change_many(caller: Caller, parts: Parts, bulk: NamedDependency[Bulk]) -> BulkResult:
    """Change many jobs.

    Those named by `jobs`, or all that `q` finds, up to 10,000; `dry_run` tells what would happen and changes nothing.
    They are changed in batches: `items` says of each whether it was changed. To tag, untag or delete also needs the
    scope `jobs:write`.
    """
    return await bulks.change(parts.db, caller, bulk)


@get("/jobs/{job:str}/watches", operation_id="watches", opt=needs(Scope.JOBS_READ))
async def watches(caller: Caller, parts: Parts, job: JobName) -> Page[Watch]:
    """Show what is believed of a job, for each agent it is placed on."""
    async with parts.db.read(caller.tenant) as tx:
        return Page(items=[shown.watch(await jobs.find(tx, caller.reach, job), tx.now)])


@get("/jobs/{job:str}/next", operation_id="next_runs", opt=needs(Scope.JOBS_READ))
async def next_runs(caller: Caller, parts: Parts, job: JobName, count: Count = 10) -> Preview:
    """Show the next runs of a job."""
    async with parts.db.read(caller.tenant) as tx:
        found = await jobs.find(tx, caller.reach, job)
        return schedules.of_watched(found, count, tx.now)


def _order(sort: str) -> Find:
    try:
        return ORDERS[sort]
    except KeyError:
        detail = f"sort is one of {', '.join(ORDERS)}"
        raise Invalid(detail, (Fault("/sort", detail),)) from None


async def _answer(tx: Tx, parts: Parts, caller: Caller, found: Watched) -> Response[Job]:
    """With the version as `ETag`, which the middleware completes where the thing is polled."""
    body = (await shown.jobs(tx, parts, caller, [found]))[0]
    return Response(body, headers={"ETag": f'"{found.job.version}"'})


ROUTES = [listed, counts, show, create, edit, remove, pause, resume, mute, unmute, change_many, watches, next_runs]
