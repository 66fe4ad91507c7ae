"""Alerts and what happened to them; and the flips that are owed to them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, and_, bindparam, exists, func, insert, not_, or_, select, tuple_, update

from crontopus.domain import ids
from crontopus.domain.access import Reach
from crontopus.domain.alerts import Alert, AlertClass, Happening, SubjectKind
from crontopus.domain.errors import NotFound
from crontopus.domain.routing import Holder, Kind
from crontopus.domain.watch import Cause, Reason
from crontopus.storage import jobs as of_jobs
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import alert_events, alerts, flips, jobs, notifications
from crontopus.storage.touched import Touched

Key = tuple[UUID, UUID, AlertClass]
"""Subject, agent and class: what makes two troubles the same."""


class Stored(Struct, frozen=True, kw_only=True):
    """An alert with what it is of. `run_id`: the run that opened it last. `next_at`: see `Decision`.

    `holders`: what holds it since `held_since`; of one that is not held any more, what held it last in this opening.
    """

    alert: Alert
    tenant_id: UUID
    subject: SubjectKind
    subject_id: UUID
    agent_id: UUID
    acknowledged_by: str = ""
    run_id: UUID | None = None
    next_at: datetime | None = None
    held_since: datetime | None = None
    holders: tuple[Holder, ...] = ()

    @property
    def key(self) -> Key:
        return self.subject_id, self.agent_id, self.alert.kind

    @property
    def let_go_at(self) -> datetime | None:
        """When the last that held it in this opening let go of it."""
        return self.alert.clock_at if self.held_since is not None and not self.alert.held else None

    def touched(self, messages: Iterable[UUID] = ()) -> tuple[UUID, Touched]:
        """As the live stream tells of it, and of `messages` about it."""
        job = self.subject_id if self.subject is SubjectKind.JOB else None
        return self.tenant_id, Touched(self.alert.id, noun="alert", job=job, notifications=tuple(messages))


class Event(Struct, frozen=True, kw_only=True):
    """A line of an alert's log. `who` is empty where it happened by itself."""

    id: UUID
    tenant_id: UUID
    alert_id: UUID
    at: datetime
    what: Happening
    who: str = ""
    why: str = ""


class OwedFlip(Struct, frozen=True, kw_only=True):
    """A flip that no alert knows of yet."""

    id: UUID
    tenant_id: UUID
    job_id: UUID
    agent_id: UUID
    reason: Reason
    entered: bool
    at: datetime
    cause: Cause
    run_id: UUID | None

    @property
    def key(self) -> Key:
        return self.job_id, self.agent_id, AlertClass(self.reason)


_OF_ALERT = Alert.__struct_fields__
_BESIDE = [name for name in Stored.__struct_fields__ if name != "alert"]
COLUMNS = [alerts.c[name] for name in (*_OF_ALERT, *_BESIDE)]
_EVENT = [alert_events.c[name] for name in Event.__struct_fields__]
_FLIP = [flips.c[name] for name in OwedFlip.__struct_fields__]
_CHANGING = [column for column in COLUMNS if column.name not in ("id", "tenant_id")]

# What is said for each message is composed once: that takes as long as it takes SQLite to do it.
_AMONG = alerts.c.id.in_(bindparam("ids", expanding=True))
_OF_IDS = select(*COLUMNS).where(_AMONG).order_by(alerts.c.id)
_LOCKED = _OF_IDS.with_for_update()
_ASK_AGAIN = update(alerts).where(_AMONG).values(next_at=bindparam("now"))
_ASK_BY = (
    update(alerts)
    .where(_AMONG, or_(alerts.c.next_at.is_(None), alerts.c.next_at > bindparam("at", type_=alerts.c.next_at.type)))
    .values(next_at=bindparam("at", type_=alerts.c.next_at.type))
)
_CHANGE = (
    update(alerts)
    .where(alerts.c.id == bindparam("key_id", type_=alerts.c.id.type))
    .values({column.name: bindparam(f"to_{column.name}", type_=column.type) for column in _CHANGING})
)


async def owed(tx: SystemTx, limit: int) -> Sequence[OwedFlip]:
    """The oldest flips that no alert knows of. On PostgreSQL nobody else takes any until the transaction ends."""
    await take_turn(tx)
    query = select(*_FLIP).where(flips.c.taken_at.is_(None)).order_by(flips.c.id).limit(limit)
    return [OwedFlip(**row._mapping) for row in await tx.sql.execute(query)]


async def take_turn(tx: SystemTx | Tx) -> None:
    """Until the transaction ends nobody else decides upon alerts, nor changes what is decided by. Flips of one watch
    are taken in their order; two that decide at once would wait for each other's alerts; and what opens while somebody
    ends a silence would be held by it, and not be asked again.

    To be taken after jobs are locked, and before anything else of these is: two who change routes at once could make a
    circle of them.
    """
    if tx.sql.dialect.name == "postgresql":
        await tx.sql.execute(select(func.pg_advisory_xact_lock(_TURN)))


_TURN = 0x616C657274  # "alert"


async def is_owed(tx: SystemTx) -> bool:
    """Whether there is anything to take or to decide."""
    flip = select(flips.c.id).where(flips.c.taken_at.is_(None)).limit(1)
    alert = select(alerts.c.id).where(alerts.c.next_at <= tx.now).limit(1)
    return (await tx.sql.execute(flip)).first() is not None or (await tx.sql.execute(alert)).first() is not None


async def overdue_since(tx: SystemTx) -> datetime | None:
    """Since when the oldest flip waits to be taken, or an alert to be decided upon; None: nothing does."""
    flip = select(flips.c.id).where(flips.c.taken_at.is_(None)).order_by(flips.c.id).limit(1)
    alert = select(func.min(alerts.c.next_at)).where(alerts.c.next_at <= tx.now)
    oldest, due = await tx.sql.scalar(flip), await tx.sql.scalar(alert)
    return min((at for at in (due, ids.time_of(oldest) if oldest else None) if at is not None), default=None)


async def take(tx: SystemTx, taken: Sequence[UUID]) -> None:
    await tx.sql.execute(update(flips).where(flips.c.id.in_(taken)).values(taken_at=tx.now))


async def latest(tx: SystemTx, keys: Collection[Key], since: datetime) -> dict[Key, Stored]:
    """Of each the alert that is open, or else the newest that was resolved after `since`. Nobody else changes them
    until the transaction ends.
    """
    known = tuple_(alerts.c.subject_id, alerts.c.agent_id, alerts.c.kind).in_(list(keys))
    fresh = or_(alerts.c.resolved_at.is_(None), alerts.c.resolved_at > since)
    query = select(*COLUMNS).where(known, fresh).order_by(alerts.c.id)
    found = [of_row(row) for row in await tx.sql.execute(query.with_for_update())]
    return {each.key: each for each in found}


async def around(tx: SystemTx | Tx, subjects: Collection[UUID], since: datetime) -> Sequence[Stored]:
    """Of these subjects the alerts that are open, or were resolved after `since`."""
    fresh = or_(alerts.c.resolved_at.is_(None), alerts.c.resolved_at > since)
    query = select(*COLUMNS).where(alerts.c.subject_id.in_(list(subjects)), fresh).order_by(alerts.c.id)
    return [of_row(row) for row in await tx.sql.execute(query)]


async def due(tx: SystemTx, limit: int) -> Sequence[Stored]:
    """Those to be decided upon by now. On PostgreSQL nobody else decides until the transaction ends."""
    await take_turn(tx)
    query = select(*COLUMNS).where(alerts.c.next_at <= tx.now).order_by(alerts.c.next_at).limit(limit)
    rows = await tx.sql.execute(query.with_for_update(skip_locked=True))
    return [of_row(row) for row in rows]


async def of_ids(tx: SystemTx, wanted: Collection[UUID], *, lock: bool = False) -> dict[UUID, Stored]:
    rows = await tx.sql.execute(_LOCKED if lock else _OF_IDS, {"ids": list(wanted)})
    return {row.id: of_row(row) for row in rows}


async def save(tx: SystemTx, new: Sequence[Stored], changed: Sequence[Stored]) -> None:
    if new:
        await tx.sql.execute(insert(alerts), [_values(each) for each in new])
    if changed:
        rows = [
            {"key_id": each.alert.id, **{f"to_{name}": value for name, value in _values(each).items()}}
            for each in changed
        ]
        for row in rows:
            del row["to_id"], row["to_tenant_id"]
        await tx.sql.execute(_CHANGE, rows)


async def ask_again(tx: SystemTx, wanted: Collection[UUID]) -> None:
    """They are decided upon anew, at once."""
    await tx.sql.execute(_ASK_AGAIN, {"ids": list(wanted), "now": tx.now})


async def ask_by(tx: SystemTx, wanted: Collection[UUID], at: datetime) -> None:
    """They are decided upon anew at that time at the latest."""
    if wanted:
        await tx.sql.execute(_ASK_BY, {"ids": list(wanted), "at": at})


async def ask_waiting_again(tx: SystemTx, channel: UUID) -> None:
    """Those of which a message waits for this channel: its fallback may be owed it."""
    waits = select(notifications.c.alert_id).where(
        notifications.c.channel_id == channel, notifications.c.next_at.is_not(None)
    )
    await tx.sql.execute(update(alerts).where(alerts.c.id.in_(waits)).values(next_at=tx.now))


async def ask_subjects_again(tx: SystemTx | Tx, subjects: Collection[UUID], but: Collection[UUID] = ()) -> None:
    """Every open alert of these, but for some, is decided upon anew, at once."""
    await _ask(tx, _open_of(subjects, but))


async def ask_others_again(tx: SystemTx, subjects: Collection[UUID], decided: Collection[UUID]) -> None:
    """Likewise, by who has just decided upon some and holds those: without waiting for who holds others, and settles
    what was sent or changes them, since all these ask anew as well.
    """
    await _ask(tx, _open_of(subjects, decided), waits=False)


def _open_of(subjects: Collection[UUID], but: Collection[UUID]) -> ColumnElement[bool]:
    return and_(alerts.c.subject_id.in_(list(subjects)), alerts.c.resolved_at.is_(None), alerts.c.id.not_in(list(but)))


async def ask_all_again(tx: Tx, of: UUID | None = None) -> None:
    """Every open alert of the tenant, or of this subject there, is decided upon anew: whom it is told to, or what holds
    it, has changed.
    """
    which = and_(alerts.c.tenant_id == tx.tenant, alerts.c.resolved_at.is_(None))
    await _ask(tx, which if of is None else which & (alerts.c.subject_id == of))


async def ask_ends_again(tx: Tx, channel: UUID | None = None) -> None:
    """Likewise what is over, where a beginning may have arrived on this channel (None: on any of the tenant), and no
    end was made: it was switched off by then.
    """
    end = notifications.alias()
    has_end = exists().where(
        end.c.alert_id == notifications.c.alert_id,
        end.c.channel_id == notifications.c.channel_id,
        end.c.opening == notifications.c.opening,
        or_(end.c.kind == Kind.RESOLVE, end.c.ended.is_(True)),
    )
    began = exists().where(notifications.c.alert_id == alerts.c.id, notifications.c.arrived.is_(True), not_(has_end))
    if channel is not None:
        began = began.where(notifications.c.channel_id == channel)
    await _ask(tx, and_(alerts.c.tenant_id == tx.tenant, alerts.c.resolved_at.is_not(None), began))


async def ask_every_again(tx: SystemTx) -> None:
    """Every open alert of all tenants is decided upon anew."""
    await _ask(tx, alerts.c.resolved_at.is_(None), waits=False)


async def _ask(tx: SystemTx | Tx, which: ColumnElement[bool], *, waits: bool = True) -> None:
    """They are locked in their order, as by who settles what was sent."""
    await take_turn(tx)
    those = select(alerts.c.id).where(which).order_by(alerts.c.id).with_for_update(skip_locked=not waits)
    await tx.sql.execute(update(alerts).where(alerts.c.id.in_(those)).values(next_at=tx.now))


async def log(tx: SystemTx | Tx, events: Iterable[Event]) -> None:
    rows = [{name: getattr(each, name) for name in Event.__struct_fields__} for each in events]
    if rows:
        await tx.sql.execute(insert(alert_events), rows)


async def events_of(tx: Tx, alert: UUID) -> Sequence[Event]:
    """The oldest first."""
    query = select(*_EVENT).where(alert_events.c.alert_id == alert, alert_events.c.tenant_id == tx.tenant)
    return [Event(**row._mapping) for row in await tx.sql.execute(query.order_by(alert_events.c.id))]


async def find(tx: Tx, reach: Reach, alert: UUID, *, lock: bool = False) -> Stored:
    """Raises NotFound, also where the job is not reached."""
    query = select(*COLUMNS).where(alerts.c.id == alert, *within(tx, reach))
    row = (await tx.sql.execute(query.with_for_update() if lock else query)).first()
    if row is None:
        raise NotFound("no such alert")
    return of_row(row)


def within(tx: Tx, reach: Reach) -> list[ColumnElement[bool]]:
    """Of the tenant; and for who reaches a part of it only of jobs that are reached."""
    conditions: list[ColumnElement[bool]] = [alerts.c.tenant_id == tx.tenant]
    if not reach.is_all:
        reached = select(jobs.c.id).where(*of_jobs.within(tx, reach))
        conditions.append(and_(alerts.c.subject == SubjectKind.JOB, alerts.c.subject_id.in_(reached)))
    return conditions


def _values(stored: Stored) -> dict[str, Any]:
    of_alert = {name: getattr(stored.alert, name) for name in _OF_ALERT}
    return of_alert | {name: getattr(stored, name) for name in _BESIDE}


def of_row(row: Row[Any]) -> Stored:
    """A row of `COLUMNS`."""
    alert = Alert(**dict(zip(_OF_ALERT, row, strict=False)))
    return Stored(alert=alert, **dict(zip(_BESIDE, row[len(_OF_ALERT) :], strict=True)))
