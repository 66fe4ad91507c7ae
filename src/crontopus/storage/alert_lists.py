"""Which alerts a query finds, newest first; and how many are open. Never one of a job that is not reached."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, and_, case, false, func, not_, or_, select

from crontopus.domain.access import Reach
from crontopus.domain.alerts import AlertClass, Severity
from crontopus.domain.query import Query, Term
from crontopus.storage import finding, matching
from crontopus.storage.alerts import COLUMNS, Stored, of_row, within
from crontopus.storage.database import Tx
from crontopus.storage.tables import alerts, jobs, namespaces


class Wanted(Struct, frozen=True):
    """Which alerts are asked for: of one job, found by `query`, without those that are over."""

    only_open: bool = False
    job: UUID | None = None
    query: Query = ()


async def listed(tx: Tx, reach: Reach, wanted: Wanted, before: UUID | None, limit: int) -> Sequence[Stored]:
    """Newest first, made before `before`."""
    query = select(*COLUMNS).where(*_of(tx, reach, wanted))
    if before is not None:
        query = query.where(alerts.c.id < before)
    rows = await tx.sql.execute(query.order_by(alerts.c.id.desc()).limit(limit))
    return [of_row(row) for row in rows]


async def count(tx: Tx, reach: Reach, wanted: Wanted) -> int:
    return await tx.sql.scalar(select(func.count()).select_from(alerts).where(*_of(tx, reach, wanted))) or 0


async def since(tx: Tx, reach: Reach, at: datetime, limit: int) -> Sequence[Stored]:
    """Those that are open, or were opened last since then; the newest first."""
    fresh = or_(alerts.c.resolved_at.is_(None), alerts.c.opened_at >= at)
    rows = await tx.sql.execute(
        select(*COLUMNS).where(*within(tx, reach), fresh).order_by(alerts.c.id.desc()).limit(limit)
    )
    return [of_row(row) for row in rows]


def _of(tx: Tx, reach: Reach, wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [*within(tx, reach), *(_condition(tx, term) for term in wanted.query)]
    if wanted.only_open:
        conditions.append(alerts.c.resolved_at.is_(None))
    if wanted.job is not None:
        conditions.append(alerts.c.subject_id == wanted.job)
    return conditions


async def counts(tx: Tx, reach: Reach) -> dict[str, int]:
    """Of those that are not over: `open` is what nobody has acknowledged and nothing holds."""
    lasts = or_(alerts.c.snoozed_until.is_(None), alerts.c.snoozed_until > tx.now)
    state = case(
        (and_(alerts.c.acknowledged_at.is_not(None), lasts), "acknowledged"),
        (alerts.c.held, "held"),
        else_="open",
    ).label("state")
    mine = select(state, func.count()).where(*within(tx, reach), alerts.c.resolved_at.is_(None))
    found = {"open": 0, "acknowledged": 0, "held": 0}
    found |= {row[0]: row[1] for row in await tx.sql.execute(mine.group_by(state))}
    return found | {"total": sum(found.values())}


def _condition(tx: Tx, term: Term) -> ColumnElement[bool]:
    found: ColumnElement[bool]
    match term.field:
        case "class":
            found = alerts.c.kind.in_([AlertClass(pattern) for pattern in term.patterns])
        case "severity":
            found = alerts.c.severity.in_([Severity(pattern) for pattern in term.patterns])
        case "agent":
            found = false()  # no job is placed on one yet
        case _:
            of_jobs = select(jobs.c.id).outerjoin(namespaces, namespaces.c.id == jobs.c.namespace_id)
            found = alerts.c.subject_id.in_(of_jobs.where(jobs.c.tenant_id == tx.tenant, _of_job(tx, term)))
    return not_(found) if term.denied else found


def _of_job(tx: Tx, term: Term) -> ColumnElement[bool]:
    """That a job is like this, whether or not that is denied of the alert."""
    if term.field != "job":
        return finding.condition(tx, replace(term, denied=False))
    path = namespaces.c.slug + "/" + jobs.c.slug
    return or_(*(matching.slug_is(jobs.c.slug, pattern) | matching.text_is(path, pattern) for pattern in term.patterns))
