"""Jobs: the definitions, with what is believed of each. Which jobs a query finds is in `storage.finding`."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Select, bindparam, delete, func, select, update
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError

from crontopus.domain import ids
from crontopus.domain.access import Reach
from crontopus.domain.alerts import Severity
from crontopus.domain.errors import Conflict, NotFound
from crontopus.domain.reports import Filters
from crontopus.domain.watch import Expectation, Watch
from crontopus.storage import dependencies, runs
from crontopus.storage.database import SystemTx, TenantId, Tx
from crontopus.storage.dependencies import Mute
from crontopus.storage.packing import unpacked
from crontopus.storage.runs import Run
from crontopus.storage.statements import job_insert
from crontopus.storage.tables import dependencies as needs
from crontopus.storage.tables import jobs, namespaces, watches
from crontopus.wire.jobs import Origin


class Notes(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What only people read of a job."""

    description: str = ""
    severity: Severity = Severity.WARNING
    owner: str = ""
    runbook: str = ""


NO_FILTERS = Filters()
NO_NOTES = Notes()


class Job(Struct, frozen=True, kw_only=True):
    """The definition. `namespace` is the slug of its namespace. `depends_on`: as namespace/slug, those within reach."""

    id: UUID
    namespace_id: UUID
    namespace: str
    slug: str
    name: str
    ping_uuid: UUID
    expectation: Expectation
    timezone_given: bool
    filters: Filters
    tags: list[str]
    labels: dict[str, str]
    notes: Notes
    depends_on: list[str]
    origin: Origin
    created_at: datetime
    updated_at: datetime
    version: int


class Ref(Struct, frozen=True):
    """A job by its names."""

    id: UUID
    namespace: str
    slug: str
    name: str


class Subject(Struct, frozen=True, kw_only=True):
    """A job as its alerts need it. `namespace`: its slug; empty where the job is deleted."""

    id: UUID
    tenant_id: UUID
    namespace: str
    slug: str
    name: str
    tags: list[str]
    labels: dict[str, str]
    notes: Notes
    expectation: Expectation
    is_deleted: bool


class Watched(Struct, frozen=True, kw_only=True):
    """A job, what is believed of it (by ping), since when, and its newest run. `change` rises with each. `mute`: the
    last one, which may be over.
    """

    job: Job
    watch: Watch
    changed_at: datetime
    change: int
    last_run: Run | None = None
    mute: Mute | None = None


_JOB = [jobs.c[field] for field in Job.__struct_fields__ if field not in ("namespace", "depends_on")]
_WATCH = [watches.c.state, watches.c.changed_at, watches.c.last_number, watches.c.version.label("change")]


def row(
    *,
    id: UUID,
    tenant: TenantId,
    namespace_id: UUID,
    slug: str,
    name: str,
    ping_uuid: UUID,
    expectation: Expectation,
    timezone_given: bool,
    origin: Origin,
    now: datetime,
    filters: Filters = NO_FILTERS,
    tags: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    notes: Notes = NO_NOTES,
) -> dict[str, Any]:
    """A new job's values by column name."""
    return {
        "id": id,
        "tenant_id": tenant,
        "namespace_id": namespace_id,
        "ping_uuid": ping_uuid,
        "origin": origin,
        "created_at": now,
        "deleted_at": None,
        "version": 1,
        **definition(
            slug=slug,
            name=name,
            expectation=expectation,
            timezone_given=timezone_given,
            filters=filters,
            tags=tags,
            labels=labels or {},
            notes=notes,
            now=now,
        ),
    }


def definition(
    *,
    slug: str,
    name: str,
    expectation: Expectation,
    timezone_given: bool,
    filters: Filters,
    tags: Sequence[str],
    labels: Mapping[str, str],
    notes: Notes,
    now: datetime,
) -> dict[str, Any]:
    """What an edit may change of a job, by column name."""
    return {
        "slug": slug,
        "name": name,
        "search": name.lower(),
        "expectation": expectation,
        "timezone_given": timezone_given,
        "filters": None if filters == NO_FILTERS else msgspec.json.encode(filters).decode(),
        "tags": list(tags),
        "labels": dict(labels),
        "notes": msgspec.json.encode(notes).decode(),
        "updated_at": now,
    }


def selected() -> Select[Any]:
    """Jobs with their namespaces and watches, every column `watched` needs; nothing of any tenant left out."""
    return (
        select(*_JOB, namespaces.c.slug.label("namespace"), *_WATCH)
        .join(namespaces, namespaces.c.id == jobs.c.namespace_id)
        .join(watches, (watches.c.job_id == jobs.c.id) & (watches.c.agent_id == ids.NO_AGENT))
        .where(jobs.c.deleted_at.is_(None))
    )


def within(tx: Tx, reach: Reach) -> list[ColumnElement[bool]]:
    """That a job is the tenant's, and within reach."""
    conditions: list[ColumnElement[bool]] = [jobs.c.tenant_id == tx.tenant]
    if reach.namespaces is not None:
        conditions.append(jobs.c.namespace_id.in_(reach.namespaces))
    if reach.job is not None:
        conditions.append(jobs.c.id == reach.job)
    return conditions


async def watched(tx: Tx, reach: Reach, rows: Sequence[Row[Any]]) -> list[Watched]:
    """Rows of `selected`, with their newest runs and what is within reach of what they depend on."""
    newest = {row.id: ids.run_id(row.id, ids.NO_AGENT, row.last_number) for row in rows if row.last_number}
    found = await runs.of_ids(tx, list(newest.values()))
    muted = await dependencies.muted(tx, [row.id for row in rows])
    needed = await _needed(tx, reach, [row.id for row in rows])
    return [
        Watched(
            job=_job(row, needed.get(row.id, [])),
            watch=unpacked(row.state),
            changed_at=row.changed_at,
            change=row.change,
            last_run=found.get(newest[row.id]) if row.id in newest else None,
            mute=muted.get(row.id),
        )
        for row in rows
    ]


async def find(tx: Tx, reach: Reach, name: str) -> Watched:
    """By id, or `namespace/slug` (`namespace:slug` in a path), or a slug of the default namespace.

    Raises NotFound, also for what is out of reach.
    """
    query = selected().where(*within(tx, reach), _named(name))
    found = (await tx.sql.execute(query)).all()
    if not found:
        raise NotFound(f"no job {name.replace(':', '/', 1)!r}")
    return (await watched(tx, reach, found))[0]


async def reached(tx: Tx, reach: Reach, wanted: Sequence[UUID]) -> set[UUID]:
    """Of these jobs, deleted ones included, those within reach."""
    return set(await tx.sql.scalars(select(jobs.c.id).where(*within(tx, reach), jobs.c.id.in_(wanted))))


async def id_of(tx: Tx, reach: Reach, name: str) -> UUID:
    """As `find`, where the id is enough. Raises NotFound."""
    return await _id(tx, name, _ids(tx, reach).where(_named(name)))


async def lock(tx: Tx, reach: Reach, name: str) -> UUID:
    """The id of the job, which nobody else changes until the transaction ends. Raises NotFound."""
    return await _id(tx, name, _ids(tx, reach).where(_named(name)).with_for_update(of=jobs))


async def of_ids(tx: Tx, reach: Reach, wanted: Sequence[UUID]) -> Sequence[Watched]:
    """In the order of ids; those that are deleted or out of reach are left out."""
    query = selected().where(*within(tx, reach), jobs.c.id.in_(wanted)).order_by(jobs.c.id)
    return await watched(tx, reach, (await tx.sql.execute(query)).all())


async def lock_all(tx: Tx, reach: Reach, wanted: Sequence[UUID]) -> None:
    """As `lock`, for many; in the order of ids, so that two who lock many never wait for each other."""
    query = _ids(tx, reach).where(jobs.c.id.in_(wanted)).order_by(jobs.c.id)
    await tx.sql.execute(query.with_for_update(of=jobs))


async def without_zone(tx: Tx, namespace: UUID, after: UUID, limit: int) -> Sequence[UUID]:
    """Some jobs of a namespace that have no time zone of their own; by id, those after `after`."""
    query = select(jobs.c.id).where(
        jobs.c.namespace_id == namespace, jobs.c.tenant_id == tx.tenant, jobs.c.deleted_at.is_(None)
    )
    found: Sequence[UUID] = (
        await tx.sql.scalars(query.where(~jobs.c.timezone_given, jobs.c.id > after).order_by(jobs.c.id).limit(limit))
    ).all()
    return found


async def ids_of(tx: Tx, reach: Reach, names: Sequence[str]) -> dict[str, UUID]:
    """Of many names at once; those that name nothing are left out."""
    by_id = {name: job for name in names if (job := _uuid(name)) is not None}
    known = set(await tx.sql.scalars(_ids(tx, reach).where(jobs.c.id.in_(by_id.values())))) if by_id else set()
    found = {name: job for name, job in by_id.items() if job in known}
    for name in names:
        if name not in by_id:
            job = await tx.sql.scalar(_ids(tx, reach).where(_named(name)))
            if job is not None:
                found[name] = job
    return found


async def refs(
    tx: Tx, reach: Reach, wanted: Sequence[UUID] | Select[tuple[UUID]], limit: int | None = None
) -> Sequence[Ref]:
    """Of these jobs, by name; those that are deleted or out of reach are left out."""
    query = select(jobs.c.id, namespaces.c.slug, jobs.c.slug, jobs.c.name)
    query = query.join(namespaces, namespaces.c.id == jobs.c.namespace_id)
    query = query.where(*within(tx, reach), jobs.c.id.in_(wanted), jobs.c.deleted_at.is_(None))
    return [Ref(*row) for row in await tx.sql.execute(query.order_by(jobs.c.search, jobs.c.id).limit(limit))]


_SUBJECTS = select(
    jobs.c.id,
    jobs.c.tenant_id,
    func.coalesce(namespaces.c.slug, "").label("namespace"),
    jobs.c.slug,
    jobs.c.name,
    jobs.c.tags,
    jobs.c.labels,
    jobs.c.notes,
    jobs.c.expectation,
    jobs.c.deleted_at.is_not(None).label("is_deleted"),
).outerjoin(namespaces, namespaces.c.id == jobs.c.namespace_id)
_SUBJECTS_OF = _SUBJECTS.where(jobs.c.id.in_(bindparam("ids", expanding=True)))
"""Composed once: it is said for every few messages."""


async def subjects(tx: SystemTx, wanted: Collection[UUID]) -> dict[UUID, Subject]:
    """Also those that are deleted, as long as anything of them is there."""
    return {row.id: _subject(row) for row in await tx.sql.execute(_SUBJECTS_OF, {"ids": list(wanted)})}


async def all_subjects(tx: Tx, reach: Reach, limit: int) -> AsyncIterator[Sequence[Subject]]:
    """Every job within reach, so many at a time."""
    query = _SUBJECTS.where(*within(tx, reach), jobs.c.deleted_at.is_(None)).order_by(jobs.c.id).limit(limit)
    after = ids.NO_AGENT
    while rows := (await tx.sql.execute(query.where(jobs.c.id > after))).all():
        yield [_subject(row) for row in rows]
        after = rows[-1].id


def _subject(row: Row[Any]) -> Subject:
    found: dict[str, Any] = dict(row._mapping)
    return Subject(**found | {"notes": msgspec.json.decode(row.notes, type=Notes)})


async def add(tx: Tx, values: Mapping[str, Any]) -> bool:
    """Store a new job, of `row`; False where its namespace has one of that slug already."""
    return bool((await tx.sql.execute(job_insert(tx.sql.dialect.name), dict(values))).rowcount)


async def slug_taken(tx: Tx, namespace: UUID, slug: str) -> bool:
    query = select(jobs.c.id).where(jobs.c.namespace_id == namespace, jobs.c.slug == slug, jobs.c.deleted_at.is_(None))
    return (await tx.sql.execute(query)).first() is not None


async def change(tx: Tx, job: UUID, values: Mapping[str, Any]) -> None:
    """Set the columns of `values`; the version rises. Raises Conflict where the slug has just been taken."""
    statement = update(jobs).where(jobs.c.tenant_id == tx.tenant, jobs.c.id == job)
    try:
        await tx.sql.execute(statement.values(**values, version=jobs.c.version + 1))
    except IntegrityError as error:
        raise Conflict("another job has just taken this slug: choose another one") from error


async def remove(tx: Tx, job: UUID) -> None:
    """Nothing watches it and no name finds it any more; its history stays until retention comes by."""
    await tx.sql.execute(delete(watches).where(watches.c.tenant_id == tx.tenant, watches.c.job_id == job))
    await tx.sql.execute(
        update(jobs)
        .where(jobs.c.tenant_id == tx.tenant, jobs.c.id == job)
        .values(deleted_at=tx.now, updated_at=tx.now, version=jobs.c.version + 1)
    )


def _ids(tx: Tx, reach: Reach) -> Select[Any]:
    query = select(jobs.c.id).join(namespaces, namespaces.c.id == jobs.c.namespace_id)
    return query.where(jobs.c.deleted_at.is_(None), *within(tx, reach))


async def _id(tx: Tx, name: str, query: Select[Any]) -> UUID:
    job: UUID | None = await tx.sql.scalar(query)
    if job is None:
        raise NotFound(f"no job {name.replace(':', '/', 1)!r}")
    return job


def _named(name: str) -> ColumnElement[bool]:
    job = _uuid(name)
    if job is not None:
        return jobs.c.id == job
    namespace, _, slug = name.replace("/", ":", 1).rpartition(":")
    namespace = namespace or ids.DEFAULT_NAMESPACE
    return (namespaces.c.slug == namespace) & (jobs.c.slug == slug)


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name) if len(name) in (32, 36) else None
    except ValueError:
        return None


async def _needed(tx: Tx, reach: Reach, wanted: Sequence[UUID]) -> Mapping[UUID, list[str]]:
    """Of each of these the jobs that it depends on, by name."""
    query = (
        select(needs.c.job_id, namespaces.c.slug, jobs.c.slug)
        .join(jobs, jobs.c.id == needs.c.parent_id)
        .join(namespaces, namespaces.c.id == jobs.c.namespace_id)
        .where(needs.c.job_id.in_(wanted), *within(tx, reach))
    )
    found: dict[UUID, list[str]] = {}
    for job, namespace, slug in await tx.sql.execute(query.order_by(namespaces.c.slug, jobs.c.slug)):
        found.setdefault(job, []).append(f"{namespace}/{slug}")
    return found


def _job(row: Row[Any], depends_on: list[str]) -> Job:
    values = {field: row._mapping[field] for field in Job.__struct_fields__ if field != "depends_on"}
    values["filters"] = NO_FILTERS if row.filters is None else msgspec.json.decode(row.filters, type=Filters)
    values["notes"] = msgspec.json.decode(row.notes, type=Notes)
    return Job(**values, depends_on=depends_on)
