"""What tenants use: what came of each by day, and what is there of it; sums that are added to, never counted anew in a
request."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.domain.standing import Standing, State
from crontopus.domain.tiers import UNLIMITED, UNLIMITED_NAME
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import holdings, jobs, members, tenants, tiers, usage
from crontopus.storage.types import Id

MINUTES_A_DAY = 24 * 60
GROWTH = timedelta(days=7)
_EPOCH = date(1970, 1, 1)
_EPOCH_DAY = _EPOCH.toordinal()


class Tally(Struct):
    """What came of a tenant in one minute. `stored_bytes`: what was kept of its output, compressed."""

    pings: int = 0
    check_ins: int = 0
    failures: int = 0
    output_bytes: int = 0
    dropped_bytes: int = 0
    stored_bytes: int = 0

    def add(self, more: "Tally") -> None:
        self.pings += more.pings
        self.check_ins += more.check_ins
        self.failures += more.failures
        self.output_bytes += more.output_bytes
        self.dropped_bytes += more.dropped_bytes
        self.stored_bytes += more.stored_bytes


class Day(Struct, frozen=True, kw_only=True):
    """What came of a tenant on a day, by UTC."""

    day: date
    pings: int = 0
    check_ins: int = 0
    failures: int = 0
    output_bytes: int = 0
    dropped_bytes: int = 0
    peak: int = 0
    minute: int = 0
    minute_pings: int = 0


class Holding(Struct, frozen=True):
    """What is there of a tenant."""

    check_ins: int = 0
    stored_bytes: int = 0


class Ranked(Struct, frozen=True, kw_only=True):
    """A tenant among all. Pings to `peak` are of the last seven days; `growth_bytes` is what they added."""

    tenant: UUID
    name: str
    state: State
    tier: UUID
    tier_name: str
    jobs: int
    members: int
    pings: int
    check_ins: int
    failures: int
    output_bytes: int
    dropped_bytes: int
    peak: int
    growth_bytes: int
    stored_bytes: int
    stored_check_ins: int


def minute_of(at: datetime) -> int:
    """Since 1970. `at` in UTC: it is asked for at every check-in, and subtracting instants takes longer."""
    return (at.toordinal() - _EPOCH_DAY) * MINUTES_A_DAY + at.hour * 60 + at.minute


def day_of(minute: int) -> date:
    return _EPOCH + timedelta(days=minute // MINUTES_A_DAY)


def _day_at(at: datetime) -> date:
    return at.astimezone(UTC).date()


async def add(tx: SystemTx, tenant: UUID, minute: int, tally: Tally) -> None:
    """To what this and other processes have counted. Nothing, where the tenant is gone."""
    given = {
        "tenant": tenant,
        "day": day_of(minute),
        "minute": minute,
        **{name: getattr(tally, name) for name in Tally.__struct_fields__},
    }
    for statement in _ADD[tx.sql.dialect.name]:
        await tx.sql.execute(statement, given)


def _additions(dialect: str) -> tuple[Any, Any]:
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    there = and_(tenants.c.id == bindparam("tenant", type_=Id), tenants.c.purging_at.is_(None))
    sums = ("pings", "check_ins", "failures", "output_bytes", "dropped_bytes", "stored_bytes")

    def given(name: str) -> ColumnElement[int]:
        return cast(bindparam(name, type_=BigInteger), BigInteger)

    row = select(
        tenants.c.id,
        cast(bindparam("day", type_=usage.c.day.type), usage.c.day.type)
        if dialect == "postgresql"
        else bindparam("day", type_=usage.c.day.type),
        *(given(name) for name in sums),
        given("pings"),
        given("minute"),
        given("pings"),
    ).where(there)
    added = make(usage).from_select(["tenant_id", "day", *sums, "peak", "minute", "minute_pings"], row)
    new = added.excluded
    in_minute = case(
        (new.minute == usage.c.minute, usage.c.minute_pings + new.minute_pings),
        (new.minute > usage.c.minute, new.minute_pings),
        else_=usage.c.minute_pings,
    )
    highest = case((usage.c.peak > in_minute, usage.c.peak), else_=in_minute)
    newest = case((new.minute > usage.c.minute, new.minute), else_=usage.c.minute)
    in_use = added.on_conflict_do_update(
        index_elements=["tenant_id", "day"],
        set_={
            **{name: usage.c[name] + new[name] for name in sums},
            "peak": highest,
            "minute": newest,
            "minute_pings": in_minute,
        },
    )
    held = make(holdings).from_select(
        ["tenant_id", "check_ins", "stored_bytes"],
        select(tenants.c.id, given("check_ins"), given("stored_bytes")).where(there),
    )
    holds = held.on_conflict_do_update(
        index_elements=["tenant_id"],
        set_={name: holdings.c[name] + held.excluded[name] for name in ("check_ins", "stored_bytes")},
    )
    return in_use, holds


_ADD = {dialect: _additions(dialect) for dialect in ("sqlite", "postgresql")}


async def take(tx: SystemTx, gone: Mapping[UUID, Holding]) -> None:
    """What was removed of some tenants is there no more. What was never counted is not owed."""
    for tenant in sorted(gone):
        values = {
            name: case((holdings.c[name] > less, holdings.c[name] - less), else_=0)
            for name in Holding.__struct_fields__
            if (less := getattr(gone[tenant], name))
        }
        if values:
            await tx.sql.execute(update(holdings).where(holdings.c.tenant_id == tenant).values(values))


async def today(tx: SystemTx, several: Sequence[UUID]) -> dict[UUID, Day]:
    """Of those tenants of which anything came today."""
    query = select(usage.c.tenant_id, *_DAY).where(usage.c.day == _day_at(tx.now))
    found: dict[UUID, Day] = {}
    for first in range(0, len(several), 500):
        rows = await tx.sql.execute(query.where(usage.c.tenant_id.in_(several[first : first + 500])))
        found.update({row.tenant_id: _day(row) for row in rows})
    return found


async def days(tx: Tx, limit: int) -> Sequence[Day]:
    """The tenant's, newest first; those of which nothing came are not there."""
    query = select(*_DAY).where(usage.c.tenant_id == tx.tenant).order_by(usage.c.day.desc()).limit(limit)
    return [_day(row) for row in await tx.sql.execute(query)]


async def holding(tx: Tx) -> Holding:
    query = select(holdings.c.check_ins, holdings.c.stored_bytes).where(holdings.c.tenant_id == tx.tenant)
    row = (await tx.sql.execute(query)).first()
    return Holding(*row) if row else Holding()


async def old_days(tx: SystemTx, before: datetime, limit: int) -> int:
    """Removes what came before that day, of all tenants."""
    key = select(usage.c.tenant_id, usage.c.day).where(usage.c.day < _day_at(before)).limit(limit)
    rows = (await tx.sql.execute(key)).all()
    for tenant, day in rows:
        await tx.sql.execute(usage.delete().where(usage.c.tenant_id == tenant, usage.c.day == day))
    return len(rows)


async def ranked(tx: SystemTx, by: str, after: tuple[Any, UUID] | None, limit: int) -> Sequence[Ranked]:
    """All tenants, those with most of `by` first, or by `name`; those behind `after`."""
    week = _week(tx.now)
    columns = _ranked(week)
    key = columns[by]
    query = (
        select(*(column.label(name) for name, column in columns.items()))
        .select_from(
            tenants.outerjoin(tiers, tiers.c.id == tenants.c.tier_id)
            .outerjoin(week, week.c.tenant_id == tenants.c.id)
            .outerjoin(holdings, holdings.c.tenant_id == tenants.c.id)
        )
        .where(tenants.c.purging_at.is_(None))
    )
    if after is not None:
        value, id = literal(after[0]), literal(after[1], Id)
        behind = key > value if by == "name" else key < value
        query = query.where(or_(behind, and_(key == value, tenants.c.id > id)))
    order = key if by == "name" else key.desc()
    return [_row(row) for row in await tx.sql.execute(query.order_by(order, tenants.c.id).limit(limit))]


def _week(now: datetime) -> Any:
    summed = ("pings", "check_ins", "failures", "output_bytes", "dropped_bytes", "stored_bytes")
    query: Select[Any] = select(
        usage.c.tenant_id,
        *(cast(func.sum(usage.c[name]), BigInteger).label(name) for name in summed),
        func.max(usage.c.peak).label("peak"),
    )
    return query.where(usage.c.day > _day_at(now - GROWTH)).group_by(usage.c.tenant_id).subquery()


def _ranked(week: Any) -> dict[str, ColumnElement[Any]]:
    def or_none(column: Any) -> ColumnElement[Any]:
        return func.coalesce(column, 0)

    own_jobs = select(func.count()).where(jobs.c.tenant_id == tenants.c.id, jobs.c.deleted_at.is_(None))
    own_members = select(func.count()).where(members.c.tenant_id == tenants.c.id)
    return {
        "tenant": tenants.c.id,
        "name": tenants.c.name,
        "suspended_at": tenants.c.suspended_at,
        "deleted_at": tenants.c.deleted_at,
        "tier": tiers.c.id,
        "tier_name": tiers.c.name,
        "jobs": own_jobs.correlate(tenants).scalar_subquery(),
        "members": own_members.correlate(tenants).scalar_subquery(),
        **{name: or_none(week.c[name]) for name in ("pings", "check_ins", "failures", "output_bytes", "dropped_bytes")},
        "peak": or_none(week.c.peak),
        "growth": or_none(week.c.stored_bytes),
        "storage": or_none(holdings.c.stored_bytes),
        "stored_check_ins": or_none(holdings.c.check_ins),
    }


def _row(row: Row[Any]) -> Ranked:
    found = dict(row._mapping)
    standing = Standing(suspended_at=found.pop("suspended_at"), deleted_at=found.pop("deleted_at"))
    found["growth_bytes"], found["stored_bytes"] = found.pop("growth"), found.pop("storage")
    found["tier"], found["tier_name"] = found["tier"] or UNLIMITED, found["tier_name"] or UNLIMITED_NAME
    return Ranked(state=standing.state, **found)


_DAY = [usage.c[name] for name in Day.__struct_fields__]


def _day(row: Row[Any]) -> Day:
    return Day(**{name: row._mapping[name] for name in Day.__struct_fields__})
