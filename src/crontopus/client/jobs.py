"""Jobs, their runs, and what they report."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from crontopus.client.http import Http, raised
from crontopus.domain.errors import NotFound
from crontopus.wire.common import Page
from crontopus.wire.jobs import Bulk, BulkResult, Job, JobPatch, NewJob, Pause, Watch
from crontopus.wire.runs import CheckIn, CheckInAnswer, CheckInAnswers, Gap, Log, Run, Settle, StoredCheckIn
from crontopus.wire.schedules import Crontab, CrontabRequest, Preview, PreviewRequest
from crontopus.wire.silences import MuteJob


class Jobs(Http):
    """Of the jobs within reach."""

    async def jobs(
        self, *, q: str | None = None, sort: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Page[Job]:
        return await self.call("GET", "/jobs", Page[Job], q=q, sort=sort, cursor=cursor, limit=limit)

    async def job_counts(self, *, q: str | None = None) -> dict[str, int]:
        """How many jobs of each status `q` finds, and `total`."""
        return await self.call("GET", "/jobs/counts", dict[str, int], q=q)

    async def job(self, job: UUID | str) -> Job:
        return await self.call("GET", f"/jobs/{_job_path(job)}", Job)

    async def add_job(self, new: NewJob, *, idempotency_key: str | None = None) -> Job:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return await self.call("POST", "/jobs", Job, new, headers=headers)

    async def edit_job(
        self, job: UUID | str, patch: JobPatch | Mapping[str, Any], *, version: int | None = None
    ) -> Job:
        """Raises LostRace where `version` is given and no longer the newest."""
        headers = {"If-Match": f'"{version}"'} if version is not None else {}
        return await self.call("PATCH", f"/jobs/{_job_path(job)}", Job, patch, headers=headers)

    async def delete_job(self, job: UUID | str) -> None:
        await self.call("DELETE", f"/jobs/{_job_path(job)}", type(None))

    async def pause_job(self, job: UUID | str, until: datetime | None = None) -> Job:
        return await self.call("POST", f"/jobs/{_job_path(job)}/pause", Job, Pause(until=until))

    async def mute_job(self, job: UUID | str, form: MuteJob) -> Job:
        return await self.call("POST", f"/jobs/{_job_path(job)}/mute", Job, form)

    async def unmute_job(self, job: UUID | str) -> Job:
        return await self.call("POST", f"/jobs/{_job_path(job)}/unmute", Job)

    async def resume_job(self, job: UUID | str) -> Job:
        return await self.call("POST", f"/jobs/{_job_path(job)}/resume", Job)

    async def change_jobs(self, bulk: Bulk) -> BulkResult:
        return await self.call("POST", "/jobs/bulk", BulkResult, bulk)

    async def next_runs(self, job: UUID | str, count: int = 10) -> Preview:
        return await self.call("GET", f"/jobs/{_job_path(job)}/next", Preview, count=count)

    async def watches(self, job: UUID | str) -> Page[Watch]:
        return await self.call("GET", f"/jobs/{_job_path(job)}/watches", Page[Watch])

    async def job_runs(
        self,
        job: UUID | str,
        *,
        q: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page[Run]:
        return await self.call("GET", f"/jobs/{_job_path(job)}/runs", Page[Run], q=q, cursor=cursor, limit=limit)

    async def job_check_ins(
        self, job: UUID | str, *, cursor: str | None = None, limit: int | None = None
    ) -> Page[StoredCheckIn]:
        path = f"/jobs/{_job_path(job)}/check-ins"
        return await self.call("GET", path, Page[StoredCheckIn], cursor=cursor, limit=limit)

    async def runs(self, *, q: str | None = None, cursor: str | None = None, limit: int | None = None) -> Page[Run]:
        return await self.call("GET", "/runs", Page[Run], q=q, cursor=cursor, limit=limit)

    async def newest_runs(self, jobs: Sequence[UUID], *, each: int | None = None) -> Page[Run]:
        return await self.call("GET", "/runs/newest", Page[Run], jobs=",".join(map(str, jobs)), each=each)

    async def run(self, run: UUID | str) -> Run:
        return await self.call("GET", f"/runs/{_run_id(run)}", Run)

    async def run_log(self, run: UUID | str) -> Log:
        return await self.call("GET", f"/runs/{_run_id(run)}/log", Log)

    async def run_check_ins(self, run: UUID | str) -> Page[StoredCheckIn]:
        return await self.call("GET", f"/runs/{_run_id(run)}/check-ins", Page[StoredCheckIn])

    async def settle_run(self, run: UUID | str, *, succeeded: bool) -> Run:
        return await self.call("POST", f"/runs/{_run_id(run)}/settle", Run, Settle(succeeded=succeeded))

    async def check_in(self, check_in: CheckIn) -> CheckInAnswer:
        return await self.call("POST", "/check-ins", CheckInAnswer, check_in)

    async def check_ins(self, several: list[CheckIn]) -> CheckInAnswers:
        return await self.call("POST", "/check-ins", CheckInAnswers, several)

    async def gaps(self, *, cursor: str | None = None, limit: int | None = None) -> Page[Gap]:
        return await self.call("GET", "/gaps", Page[Gap], cursor=cursor, limit=limit)

    async def preview(self, request: PreviewRequest) -> Preview:
        return await self.call("POST", "/schedules/preview", Preview, request)

    async def parse_crontab(self, request: CrontabRequest) -> Crontab:
        return await self.call("POST", "/crontabs/parse", Crontab, request)

    @asynccontextmanager
    async def events(self, last_event_id: str | None = None) -> AsyncIterator[httpx.Response]:
        """The live stream as it comes, text/event-stream; closing it ends it at the server too."""
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_event_id} if last_event_id else {})}
        async with self.http.stream("GET", "/events", headers=headers, timeout=None) as response:
            if response.is_error:
                await response.aread()
                raise raised(response)
            yield response


def _run_id(run: UUID | str) -> UUID:
    """Raises NotFound for what is no id: no route has such an address, and the server could not say what is missing."""
    try:
        return UUID(str(run))
    except ValueError:
        raise NotFound(f"no run {run!r}") from None


def _job_path(job: UUID | str) -> str:
    """An id as it is; `namespace/slug` as `namespace:slug`, so that it is one segment."""
    return quote(str(job).replace("/", ":", 1), safe=":") or "%20"
