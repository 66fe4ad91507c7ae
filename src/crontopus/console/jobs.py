"""The list of jobs: filter in the address, chips with counts, pages by cursor."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from crontopus.client import Client
from crontopus.console.strip import LENGTH, Strip, strip
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.console.why import Sentence, Teller
from crontopus.domain.errors import Invalid
from crontopus.domain.watch import Status
from crontopus.wire.common import Page
from crontopus.wire.jobs import Job
from crontopus.wire.runs import Gap, Run

PAGE = 50
MINUTE = timedelta(minutes=1)
CHIPS = (Status.DOWN, Status.LATE, Status.UP, Status.PAUSED, Status.NEW)
SORTS = {"": "By namespace", "name": "By name", "-created_at": "Newest first", "created_at": "Oldest first"}


class Query(Struct, frozen=True):
    """What the address asks for; every link of the page is one of these, written out."""

    q: str = ""
    sort: str = ""
    cursor: str = ""

    @classmethod
    def of(cls, request: Visit) -> "Query":
        asked = request.query_params
        return cls(asked.get("q", "")[:1000], asked.get("sort", ""), asked.get("cursor", ""))

    @property
    def status(self) -> str:
        """The one status that is asked for, or nothing."""
        terms = [word for word in self.q.split() if word.startswith("status:")]
        return terms[0].removeprefix("status:") if len(terms) == 1 else ""

    @property
    def without_status(self) -> str:
        return " ".join(word for word in self.q.split() if not word.startswith("status:"))

    def only(self, status: str) -> str:
        """The address with this status and no other, from its first page on."""
        return Query(f"{'status:' + status if status else ''} {self.without_status}".strip(), self.sort).url()

    def sorted_by(self, sort: str) -> str:
        return Query(self.q, sort).url()

    def after(self, cursor: str) -> str:
        return Query(self.q, self.sort, cursor).url()

    def url(self) -> str:
        asked = {"q": self.q, "sort": self.sort, "cursor": self.cursor}
        return "/jobs" + ("?" + text if (text := urlencode({k: v for k, v in asked.items() if v})) else "")


class Row(Struct, frozen=True):
    """A job's last runs, and why it is as it is."""

    strip: Strip
    sentence: Sentence


@get("/jobs")
async def jobs(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    if view.me is not None and view.me.tenant_id is None:
        return go("/admin")  # an operator who belongs nowhere has no jobs
    query = Query.of(request)
    fault = ""
    try:
        found = await client.jobs(q=query.q or None, sort=query.sort or None, cursor=query.cursor or None, limit=PAGE)
        counts = await client.job_counts(q=query.without_status or None)
    except Invalid as error:
        fault, found, counts = str(error), Page[Job](items=[]), {}
    stale = [instant for job in found.items for instant in (job.next_expected_at, job.due_at)]
    return view.page(
        "jobs.html",
        400 if fault else 200,
        query=query,
        fault=fault,
        groups=_groups(found.items, query.sort),
        jobs=found.items,
        counts=counts,
        chips=CHIPS,
        sorts=SORTS,
        following=query.after(found.next_cursor) if found.next_cursor else "",
        rows=await _rows(client, found.items, view),
        gaps=await recent_gaps(client, view),
        refresh_in=view.refresh_in(*stale),
    )


def _groups(jobs: list[Job], sort: str) -> list[tuple[str, list[Job]]]:
    """By namespace; in any other order as one group without a name."""
    if sort:
        return [("", jobs)] if jobs else []
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.namespace, []).append(job)
    return sorted(groups.items())


async def _rows(client: Client, jobs: list[Job], view: View) -> dict[UUID, Row]:
    """What the list shows of each job beyond the job itself."""
    runs: dict[UUID, list[Run]] = {job.id: [] for job in jobs}
    for run in (await client.newest_runs(list(runs), each=LENGTH)).items if jobs else []:
        runs[run.job.id].append(run)
    return {job.id: _row(job, runs[job.id], view) for job in jobs}


def _row(job: Job, newest_first: list[Run], view: View) -> Row:
    return Row(strip(newest_first), Teller(job, newest_first, None, view.reader).sentence())


async def recent_gaps(client: Client, view: View) -> list[Gap]:
    """Of the last day: when nobody watched. A restart, which took less than a minute and hid nobody, is none."""
    found = (await client.gaps(limit=10)).items
    return [gap for gap in found if (view.now - gap.until).days < 1 and (gap.silent or gap.until - gap.since >= MINUTE)]


ROUTES = [jobs]
