"""Which jobs a query finds: pages of them in an order, and how many there are of each status.

`late` is no stored status: it is up, with an expected run outstanding.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, case, func, literal, not_, or_, select, tuple_, type_coerce

from crontopus.domain import ids
from crontopus.domain.access import Reach
from crontopus.domain.query import NAME, Query, Term
from crontopus.domain.watch import Status
from crontopus.storage import matching
from crontopus.storage.database import Tx
from crontopus.storage.jobs import Watched, selected, watched, within
from crontopus.storage.tables import jobs, namespaces, runs, watches

RECENT = timedelta(days=7)
"""A job counts as one of a host where it has run there within this time."""

Key = tuple[str, UUID]
"""Where a page ended: the value it is sorted by, and the id of its last job."""


async def by_name(tx: Tx, reach: Reach, query: Query, after: Key | None, limit: int) -> Sequence[Watched]:
    """Sorted by name in lower case."""
    statement = _found(tx, reach, query)
    if after is not None:
        statement = statement.where(_place() > _key(after))
    return await _page(tx, statement.order_by(jobs.c.search, jobs.c.id).limit(limit))


async def by_name_backwards(tx: Tx, reach: Reach, query: Query, after: Key | None, limit: int) -> Sequence[Watched]:
    statement = _found(tx, reach, query)
    if after is not None:
        statement = statement.where(_place() < _key(after))
    return await _page(tx, statement.order_by(jobs.c.search.desc(), jobs.c.id.desc()).limit(limit))


async def oldest_first(tx: Tx, reach: Reach, query: Query, after: Key | None, limit: int) -> Sequence[Watched]:
    """In the order in which they were made."""
    statement = _found(tx, reach, query)
    if after is not None:
        statement = statement.where(jobs.c.id > after[1])
    return await _page(tx, statement.order_by(jobs.c.id).limit(limit))


async def newest_first(tx: Tx, reach: Reach, query: Query, after: Key | None, limit: int) -> Sequence[Watched]:
    statement = _found(tx, reach, query)
    if after is not None:
        statement = statement.where(jobs.c.id < after[1])
    return await _page(tx, statement.order_by(jobs.c.id.desc()).limit(limit))


async def ids_found(tx: Tx, reach: Reach, query: Query, limit: int) -> Sequence[UUID]:
    """Up to `limit` of them, in the order in which they were made."""
    statement = _joined(select(jobs.c.id)).where(*within(tx, reach), *_conditions(tx, query))
    return list(await tx.sql.scalars(statement.order_by(jobs.c.id).limit(limit)))


async def counts(tx: Tx, reach: Reach, query: Query) -> dict[Status, int]:
    """How many of each status; those that there are none of are left out."""
    shown = case((_is_late(tx.now), Status.LATE.value), else_=_stored_status())
    if query or not reach.is_all:
        statement = _joined(select(shown, func.count())).where(*within(tx, reach), *_conditions(tx, query))
    else:
        statement = select(shown, func.count()).where(watches.c.tenant_id == tx.tenant)
    return {Status(status): count for status, count in await tx.sql.execute(statement.group_by(shown))}


def with_total(found: dict[Status, int]) -> dict[str, int]:
    """Every status by its name, and `total`."""
    return {**{status.value: found.get(status, 0) for status in Status}, "total": sum(found.values())}


async def _page(tx: Tx, statement: Select[Any]) -> Sequence[Watched]:
    return await watched(tx, (await tx.sql.execute(statement)).all())


def _found(tx: Tx, reach: Reach, query: Query) -> Select[Any]:
    return selected().where(*within(tx, reach), *_conditions(tx, query))


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


def _conditions(tx: Tx, query: Query) -> list[ColumnElement[bool]]:
    return [_condition(tx, term) for term in query]


def _condition(tx: Tx, term: Term) -> ColumnElement[bool]:
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
            return and_(watches.c.status == Status.UP, not_(_is_outstanding(now)))
        case _:
            return watches.c.status == status


def _is_late(now: datetime) -> ColumnElement[bool]:
    return and_(watches.c.status == Status.UP, _is_outstanding(now))


def _is_outstanding(now: datetime) -> ColumnElement[bool]:
    return func.coalesce(watches.c.next_expected_at < now, False)


def _stored_status() -> ColumnElement[str]:
    return type_coerce(watches.c.status, Text)
