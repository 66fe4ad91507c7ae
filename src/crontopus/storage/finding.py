"""Which jobs a query finds: pages of them in an order, and how many there are of each status.

`late` is no stored status: it is up, with an expected run outstanding.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    type_coerce,
)

from crontopus.domain import ids
from crontopus.domain.access import Reach
from crontopus.domain.query import NAME, Query, Term
from crontopus.domain.watch import Status
from crontopus.storage import matching
from crontopus.storage.database import Tx
from crontopus.storage.jobs import Watched, selected, watched, within
from crontopus.storage.tables import jobs, namespaces, runs, watches

FEW = 1000
RECENT = timedelta(days=7)
"""A job counts as one of a host where it has run there within this time."""

Key = tuple[str, UUID]
"""Where a page ended: the value it is sorted by, and the id of its last job."""


async def by_name(tx: Tx, reach: Reach, query: Query, after: Key | None, limit: int) -> Sequence[Watched]:
    """Sorted by name in lower case."""
    statement = await _found(tx, reach, query)
    if after is not None:
        statement = statement.where(_place() > _key(after))
    return await _page(tx, reach, statement.order_by(jobs.c.search, jobs.c.id).limit(limit))


async def by_name_backwards(tx: Tx, reach: Reach, query: Query, after: Key | None, limit: int) -> Sequence[Watched]:
    statement = await _found(tx, reach, query)
    if after is not None:
        statement = statement.where(_place() < _key(after))
    return await _page(tx, reach, statement.order_by(jobs.c.search.desc(), jobs.c.id.desc()).limit(limit))


async def oldest_first(tx: Tx, reach: Reach, query: Query, after: Key | None, limit: int) -> Sequence[Watched]:
    """In the order in which they were made."""
    statement = await _found(tx, reach, query)
    if after is not None:
        statement = statement.where(jobs.c.id > after[1])
    return await _page(tx, reach, statement.order_by(jobs.c.id).limit(limit))


async def newest_first(tx: Tx, reach: Reach, query: Query, after: Key | None, limit: int) -> Sequence[Watched]:
    statement = await _found(tx, reach, query)
    if after is not None:
        statement = statement.where(jobs.c.id < after[1])
    return await _page(tx, reach, statement.order_by(jobs.c.id.desc()).limit(limit))


async def ids_found(tx: Tx, reach: Reach, query: Query, limit: int) -> Sequence[UUID]:
    """Up to `limit` of them, in the order in which they were made."""
    statement = _joined(select(jobs.c.id)).where(*within(tx, reach), *await _conditions(tx, query))
    return list(await tx.sql.scalars(statement.order_by(jobs.c.id).limit(limit)))


async def counts(tx: Tx, reach: Reach, query: Query) -> dict[Status, int]:
    """How many of each status; those that there are none of may be left out."""
    stored, outstanding = select(watches.c.status, func.count()), select(func.count())
    if query or not reach.is_all:
        mine = [*within(tx, reach), *await _conditions(tx, query)]
        told = await _by_status(tx, _joined(stored).where(*mine))
        outstanding = _joined(outstanding)
    else:
        mine = [watches.c.tenant_id == tx.tenant]
        told = await _by_status(tx, stored.where(*mine, not_(_is_up())))
        told[Status.UP] = max(0, await _how_many(tx) - sum(told.values()))
    late = await tx.sql.scalar(outstanding.where(*mine, _is_late(tx.now))) or 0
    return {**told, Status.UP: told.get(Status.UP, 0) - late, Status.LATE: late}


async def _by_status(tx: Tx, stored: Select[Any]) -> dict[Status, int]:
    return {row[0]: row[1] for row in await tx.sql.execute(stored.group_by(watches.c.status))}


async def _how_many(tx: Tx) -> int:
    """Jobs of the tenant. Those that are up are what remains of them: no index has them, since they are most."""
    mine = select(func.count()).where(jobs.c.tenant_id == tx.tenant, jobs.c.deleted_at.is_(None))
    return await tx.sql.scalar(mine) or 0


def with_total(found: dict[Status, int]) -> dict[str, int]:
    """Every status by its name, and `total`."""
    return {**{status.value: found.get(status, 0) for status in Status}, "total": sum(found.values())}


async def _page(tx: Tx, reach: Reach, statement: Select[Any]) -> Sequence[Watched]:
    return await watched(tx, reach, (await tx.sql.execute(statement)).all())


async def _found(tx: Tx, reach: Reach, query: Query) -> Select[Any]:
    return selected().where(*within(tx, reach), *await _conditions(tx, query))


def _joined(statement: Select[Any]) -> Select[Any]:
    return (
        statement.select_from(jobs)
        .join(namespaces, namespaces.c.id == jobs.c.namespace_id)
        .join(watches, (watches.c.job_id == jobs.c.id) & (watches.c.agent_id == ids.NO_AGENT))
        .where(jobs.c.deleted_at.is_(None))
    )


def _place() -> Any:
    return tuple_(jobs.c.search, jobs.c.id)


def _key(after: Key) -> Any:
    """Values in a row comparison do not learn their types from the other side."""
    return tuple_(literal(after[0], jobs.c.search.type), literal(after[1], jobs.c.id.type))


async def _conditions(tx: Tx, query: Query) -> list[ColumnElement[bool]]:
    conditions = []
    for term in query:
        few = await _few(tx, term)
        conditions.append(condition(tx, term) if few is None else few)
    return conditions


async def _few(tx: Tx, term: Term) -> ColumnElement[bool] | None:
    """What few jobs have, as their ids; None where they are many, or only a look at each job can tell.

    No planner knows that `down` is rare and `up` is not: without this it would read a million names to find three.
    """
    queries = [] if term.denied else _indexed(tx, term)
    found: list[UUID] = []
    for query in queries:
        found += await tx.sql.scalars(query.limit(FEW + 1))
    return jobs.c.id.in_(found) if queries and len(found) <= FEW else None


def _indexed(tx: Tx, term: Term) -> list[Select[Any]]:
    """Queries of ids that an index answers, and that together are `term`; none where there is no such index."""
    if term.field == "status" and Status.UP not in term.patterns:
        mine = select(watches.c.job_id).where(watches.c.tenant_id == tx.tenant)
        return [mine.where(_has_status(Status(pattern), tx.now)) for pattern in term.patterns]
    if term.field == "slug" and not any("*" in pattern for pattern in term.patterns):
        homes = select(namespaces.c.id).where(namespaces.c.tenant_id == tx.tenant)
        mine = select(jobs.c.id).where(jobs.c.namespace_id.in_(homes), jobs.c.deleted_at.is_(None))
        return [mine.where(jobs.c.slug == pattern.lower()) for pattern in term.patterns]
    return []


def condition(tx: Tx, term: Term) -> ColumnElement[bool]:
    """That a job is as `term` says, where its namespace is joined, and for `status` its watch."""
    dialect = tx.sql.dialect.name
    match term.field:
        case "status":
            found = or_(*(_has_status(Status(pattern), tx.now) for pattern in term.patterns))
            return not_(found) if term.denied else found
        case "ns":
            return matching.condition(term, lambda pattern: matching.slug_is(namespaces.c.slug, pattern))
        case "slug":
            return matching.condition(term, lambda pattern: matching.slug_is(jobs.c.slug, pattern))
        case "tag":
            return matching.condition(term, lambda pattern: matching.has_element(jobs.c.tags, pattern, dialect))
        case "label":
            return _label(term, dialect)
        case "host":
            return matching.condition(term, partial(_ran_on, tx))
        case field:
            assert field == NAME  # noqa: S101 # the parser lets no other field through
            return matching.condition(term, lambda pattern: matching.contains(jobs.c.search, pattern))


def _label(term: Term, dialect: str) -> ColumnElement[bool]:
    if term.patterns:
        return matching.condition(term, lambda pattern: matching.has_label(jobs.c.labels, term.key, pattern, dialect))
    found = matching.has_label(jobs.c.labels, term.key, None, dialect)
    return not_(found) if term.denied else found


def _ran_on(tx: Tx, pattern: str) -> ColumnElement[bool]:
    """Whether a run that came within `RECENT` says that it ran there."""
    recent = select(runs.c.job_id).where(
        runs.c.tenant_id == tx.tenant, runs.c.created_at > tx.now - RECENT, matching.text_is(runs.c.host, pattern)
    )
    return jobs.c.id.in_(recent)


def _has_status(status: Status, now: datetime) -> ColumnElement[bool]:
    match status:
        case Status.LATE:
            return _is_late(now)
        case Status.UP:
            return and_(_is_up(), not_(_is_outstanding(now)))
        case _:
            return and_(watches.c.status == status, not_(_is_up()))


def _is_late(now: datetime) -> ColumnElement[bool]:
    """Of all tenants, so that the one index serves that has no tenant in it: seldom are there many."""
    late = watches.alias("late")
    of_late = select(late.c.job_id).where(_is_up(late), late.c.next_expected_at < now, late.c.agent_id == ids.NO_AGENT)
    return watches.c.job_id.in_(of_late)


def _is_up(of: FromClause = watches) -> ColumnElement[bool]:
    """Written out, so that a planner sees that it is the condition of an index: of those that are up, or are not."""
    return type_coerce(of.c.status, Text) == literal_column("'up'")


def _is_outstanding(now: datetime) -> ColumnElement[bool]:
    return func.coalesce(watches.c.next_expected_at < now, False)
