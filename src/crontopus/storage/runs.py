"""Runs as people read them: one, those of a job, those of a tenant."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import CTE, ColumnElement, Row, Select, bindparam, column, literal, select, tuple_, values

from crontopus.domain import ids
from crontopus.domain.access import Reach
from crontopus.domain.errors import NotFound
from crontopus.domain.query import NAME, Query, Term
from crontopus.domain.watch import Mark, RunState
from crontopus.storage import matching
from crontopus.storage.database import Tx
from crontopus.storage.tables import jobs, namespaces, runs, watches
from crontopus.storage.types import Id


class Run(Struct, frozen=True, kw_only=True):
    """A row."""

    id: UUID
    job_id: UUID
    agent_id: UUID
    number: int
    rid: UUID | None
    state: RunState
    expected_at: datetime | None
    last_expected_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    duration: timedelta | None
    exit_code: int | None
    signal: int | None
    attempt: int
    marks: list[Mark]
    count: int
    host: str | None
    user: str | None
    env: str | None
    metrics: dict[str, float] | None
    rusage: dict[str, float] | None
    revision: str | None
    settled_by: str | None
    output_bytes: int
    created_at: datetime
    end_received_at: datetime | None

    @property
    def lag(self) -> timedelta | None:
        """How long after its slot it began."""
        return self.started_at - self.expected_at if self.started_at and self.expected_at else None


class RunOfJob(Struct, frozen=True, kw_only=True):
    """A run, and the job it is of."""

    run: Run
    namespace: str
    slug: str
    name: str


_COLUMNS = [runs.c[field] for field in Run.__struct_fields__]
_OF_IDS = select(*_COLUMNS).where(
    runs.c.tenant_id == bindparam("tenant"), runs.c.id.in_(bindparam("ids", expanding=True))
)
"""Composed once: it is said for every few messages of alerts."""
_MOST_OF_A_WATCH = 2**32 - 1


async def of_ids(tx: Tx, wanted: Sequence[UUID]) -> dict[UUID, Run]:
    if not wanted:
        return {}
    found = await tx.sql.execute(_OF_IDS, {"tenant": tx.tenant, "ids": list(wanted)})
    return {row.id: _run(row) for row in found}


async def last_successes(tx: Tx, newest: Mapping[UUID, int], look_back: int) -> dict[UUID, datetime]:
    """By job, when its newest good run ended. Looks at `look_back` runs of each, down from the number given for it."""
    if not newest:
        return {}
    wanted = _wanted(newest, look_back)
    newest_good = (
        select(runs.c.finished_at)
        .where(runs.c.id > wanted.c.low, runs.c.id <= wanted.c.high)
        .where(runs.c.state == RunState.SUCCEEDED, ~matching.has_word(runs.c.marks, Mark.TOO_SHORT))
        .order_by(runs.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(wanted.c.job_id, newest_good).join(jobs, jobs.c.id == wanted.c.job_id)
    found = await tx.sql.execute(query.where(jobs.c.tenant_id == tx.tenant))
    return {job: at for job, at in found if at is not None}


async def find(tx: Tx, reach: Reach, run: UUID) -> RunOfJob:
    """Raises NotFound, also where it is another tenant's, out of reach or of a deleted job."""
    row = (await tx.sql.execute(_selected(reach).where(runs.c.tenant_id == tx.tenant, runs.c.id == run))).first()
    if row is None:
        raise NotFound("no such run")
    return _run_of_job(row)


async def of_job(tx: Tx, reach: Reach, job: UUID, query: Query, below: int | None, limit: int) -> Sequence[RunOfJob]:
    """Newest first; those with a number below `below`."""
    last = ids.run_id(job, ids.NO_AGENT, _MOST_OF_A_WATCH if below is None else below)
    statement = (
        _selected(reach)
        .where(jobs.c.tenant_id == tx.tenant)  # asked of the job: SQLite would read all runs of a tenant for it
        .where(runs.c.job_id == job, runs.c.id >= ids.run_id(job, ids.NO_AGENT, 0), runs.c.id < last)
        .where(*_conditions(query))
        .order_by(runs.c.id.desc())
        .limit(limit)
    )
    return [_run_of_job(row) for row in await tx.sql.execute(statement)]


async def newest(tx: Tx, reach: Reach, of: Sequence[UUID], each: int) -> Sequence[RunOfJob]:
    """The newest `each` of each of these jobs, newest first."""
    known = select(watches.c.job_id, watches.c.last_number).where(
        watches.c.tenant_id == tx.tenant, watches.c.job_id.in_(of), watches.c.agent_id == ids.NO_AGENT
    )
    last = {row.job_id: row.last_number for row in await tx.sql.execute(known) if row.last_number}
    if not last:
        return []
    wanted = _wanted(last, each)
    statement = (
        _selected(reach)
        .join(wanted, wanted.c.job_id == jobs.c.id)
        .where(jobs.c.tenant_id == tx.tenant, runs.c.id > wanted.c.low, runs.c.id <= wanted.c.high)
        .order_by(runs.c.id.desc())
    )
    return [_run_of_job(row) for row in await tx.sql.execute(statement)]


def _wanted(newest: Mapping[UUID, int], look_back: int) -> CTE:
    """Of each job the ids between which its newest `look_back` runs lie, down from the number given for it."""
    spans = [
        (job, *(ids.run_id(job, ids.NO_AGENT, end) for end in (max(0, last - look_back), last)))
        for job, last in newest.items()
    ]
    columns = (column("job_id", Id), column("low", Id), column("high", Id))
    return values(*columns, name="wanted").data(spans).cte("wanted")


async def listed(
    tx: Tx, reach: Reach, query: Query, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[RunOfJob]:
    """The tenant's, newest first; those that came before `before`."""
    statement = _selected(reach).where(runs.c.tenant_id == tx.tenant, *_conditions(query))
    if before is not None:
        place: Any = tuple_(runs.c.created_at, runs.c.id)
        statement = statement.where(place < tuple_(*_typed(before)))
    statement = statement.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
    return [_run_of_job(row) for row in await tx.sql.execute(statement)]


def _typed(before: tuple[datetime, UUID]) -> list[ColumnElement[Any]]:
    """Values in a row comparison do not learn their types from the other side."""
    return [literal(before[0], runs.c.created_at.type), literal(before[1], runs.c.id.type)]


def _selected(reach: Reach) -> Select[Any]:
    query = (
        select(
            *_COLUMNS,
            jobs.c.slug.label("job_slug"),
            jobs.c.name.label("job_name"),
            namespaces.c.slug.label("namespace"),
        )
        .join(jobs, jobs.c.id == runs.c.job_id)
        .join(namespaces, namespaces.c.id == jobs.c.namespace_id)
        .where(jobs.c.deleted_at.is_(None))
    )
    if reach.namespaces is not None:
        query = query.where(jobs.c.namespace_id.in_(reach.namespaces))
    if reach.job is not None:
        query = query.where(jobs.c.id == reach.job)
    return query


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    return [_condition(term) for term in query]


def _condition(term: Term) -> ColumnElement[bool]:
    match term.field:
        case "state":
            column = runs.c.state
            found = column.in_([RunState(pattern) for pattern in term.patterns])
            return ~found if term.denied else found
        case "ns":
            return matching.condition(term, lambda pattern: matching.slug_is(namespaces.c.slug, pattern))
        case "slug":
            return matching.condition(term, lambda pattern: matching.slug_is(jobs.c.slug, pattern))
        case "mark":
            return matching.condition(term, lambda pattern: matching.has_word(runs.c.marks, pattern))
        case field if field == NAME:
            return matching.condition(term, lambda pattern: matching.contains(jobs.c.search, pattern))
        case field:
            return matching.condition(term, lambda pattern: matching.text_is(runs.c[field], pattern))


def _run(row: Row[Any]) -> Run:
    return Run(**{field: row._mapping[field] for field in Run.__struct_fields__})


def _run_of_job(row: Row[Any]) -> RunOfJob:
    return RunOfJob(run=_run(row), namespace=row.namespace, slug=row.job_slug, name=row.job_name)
