"""The outbox: every message that is owed to a channel or was, and each try."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal_column,
    not_,
    select,
    type_coerce,
    update,
)

from crontopus.domain.errors import NotFound
from crontopus.domain.routing import Kind, MessageState, Told
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import attempts, channels, notifications


class Notification(Struct, frozen=True, kw_only=True):
    """A row. It waits as long as `next_at` is there. `sending`: somebody took it, and has not said what came of it."""

    id: UUID
    tenant_id: UUID
    alert_id: UUID
    channel_id: UUID
    kind: Kind
    number: int
    opening: int
    route_id: UUID
    step: int
    made_at: datetime
    gravity: int = 1
    group: tuple[str, ...] = ()
    group_wait: timedelta = timedelta()
    group_interval: timedelta = timedelta()
    state: MessageState = MessageState.WAITING
    tried_at: datetime | None = None
    tries: int = 0
    sending: bool = False
    next_at: datetime | None = None
    settled_at: datetime | None = None
    arrived: bool = False
    ended: bool = False
    falls_at: datetime | None = None
    reference: str = ""
    why: str = ""

    @property
    def told(self) -> Told:
        """As routing sees it: what is being sent may have arrived."""
        return Told(
            channel=self.channel_id,
            kind=self.kind,
            number=self.number,
            opening=self.opening,
            route=self.route_id,
            step=self.step,
            state=self.state,
            at=self.settled_at or self.made_at,
            made_at=self.made_at,
            arrived=self.arrived or self.sending,
            ended=self.ended,
            falls_at=self.falls_at,
        )


class Attempt(Struct, frozen=True, kw_only=True):
    """One try. `took` until it was known what became of it; `status` and excerpts of the last exchange of it."""

    id: UUID
    tenant_id: UUID
    notification_id: UUID
    at: datetime
    took: timedelta
    outcome: str
    status: int | None = None
    request: str = ""
    response: str = ""


class Left(Struct, frozen=True):
    """How many messages of a channel wait, also for later, and how many are dead: neither sent again nor put away."""

    waiting: int = 0
    dead: int = 0


WAITING = notifications.c.next_at.is_not(None)
DEAD = notifications.c.state == literal_column(f"'{MessageState.DEAD}'")
"""With the word itself, as the index has it."""

GRAVITIES = (0, 1, 2)
"""The gravest first."""
_FIELDS = Notification.__struct_fields__
_COLUMNS = [notifications.c[name] for name in _FIELDS]
_CHANGING = (
    "state",
    "tried_at",
    "tries",
    "sending",
    "next_at",
    "settled_at",
    "arrived",
    "ended",
    "falls_at",
    "reference",
    "why",
)
_ATTEMPT = [attempts.c[name] for name in Attempt.__struct_fields__]


def _heads() -> Select[Any]:
    """Of a channel; of each alert the message that was made first, unless it is being sent."""
    before, channel = notifications.alias(), bindparam("channel", type_=notifications.c.channel_id.type)
    is_behind = exists().where(
        before.c.alert_id == notifications.c.alert_id,
        before.c.channel_id == channel,
        before.c.state == MessageState.WAITING,  # by its alert: an index of what waits would lead through all of it
        before.c.id < notifications.c.id,
    )
    return (
        select(*_COLUMNS)
        .where(notifications.c.channel_id == channel, notifications.c.sending.is_(False), not_(is_behind))
        .order_by(notifications.c.next_at, notifications.c.id)
        .limit(bindparam("most", type_=Integer))
    )


# What is said for each message is composed once: that takes as long as it takes SQLite to do it.
_DUE = _heads().where(notifications.c.gravity == bindparam("gravity"), notifications.c.next_at <= bindparam("now"))
_LATER = _heads().where(notifications.c.next_at > bindparam("now"))
_OF_ALERTS = (
    select(*_COLUMNS)
    .where(notifications.c.alert_id.in_(bindparam("alerts", expanding=True)))
    .order_by(notifications.c.id)
)
_KEEP = (
    update(notifications)
    .where(notifications.c.id == bindparam("key_id", type_=notifications.c.id.type))
    .values({name: bindparam(f"to_{name}", type_=notifications.c[name].type) for name in _CHANGING})
)
_ADD, _LOG = insert(notifications), insert(attempts)


async def add(tx: SystemTx, made: Sequence[Notification]) -> None:
    if made:
        rows = [{name: getattr(each, name) for name in _FIELDS} for each in made]
        await tx.sql.execute(_ADD, rows)


async def of_alerts(tx: SystemTx | Tx, wanted: Collection[UUID]) -> Mapping[UUID, list[Notification]]:
    """All of each alert, in the order in which they were made."""
    found: dict[UUID, list[Notification]] = {alert: [] for alert in wanted}
    for row in await tx.sql.execute(_OF_ALERTS, {"alerts": list(wanted)}):
        found[row.alert_id].append(_notification(row))
    return found


async def due(tx: SystemTx, channel: UUID, limit: int) -> Sequence[Notification]:
    """Those of a channel that may go now, the gravest first: of each alert the one that was made first, and none
    where that is being sent or waits for later.
    """
    found: list[Notification] = []
    for gravity in GRAVITIES:
        if len(found) < limit:
            wanted = {"channel": channel, "gravity": gravity, "now": tx.now, "most": limit - len(found)}
            found += [_notification(row) for row in await tx.sql.execute(_DUE, wanted)]
    return found


async def later(tx: SystemTx, channel: UUID, limit: int) -> Sequence[Notification]:
    """Likewise, those that wait for later: for another try, or for others of their group."""
    rows = await tx.sql.execute(_LATER, {"channel": channel, "now": tx.now, "most": limit})
    return [_notification(row) for row in rows]


async def wait_behind(tx: SystemTx, channel: UUID) -> None:
    """What waits behind another of its alert is due when that one is, and not before: else it would be asked for again
    and again.
    """
    before = notifications.alias()
    behind = (
        select(notifications.c.id.label("key_id"), func.max(before.c.next_at).label("until"))
        .join(before, (before.c.alert_id == notifications.c.alert_id) & (before.c.id < notifications.c.id))
        .where(notifications.c.channel_id == channel, notifications.c.next_at <= tx.now)
        .where(before.c.channel_id == channel, before.c.next_at > tx.now)
        .group_by(notifications.c.id)
    )
    rows = [{"key_id": row.key_id, "until": row.until} for row in await tx.sql.execute(behind)]
    if rows:
        until = bindparam("until", type_=notifications.c.next_at.type)
        key = bindparam("key_id", type_=notifications.c.id.type)
        await tx.sql.execute(update(notifications).where(notifications.c.id == key).values(next_at=until), rows)


async def last_of_groups(tx: SystemTx, channel: UUID, since: datetime) -> Mapping[tuple[str, ...], datetime]:
    """When each group of a channel was told last, as far as that was after `since`."""
    told = func.max(notifications.c.settled_at)
    query = (
        select(notifications.c.group, told.label("told_at"))
        .where(
            notifications.c.channel_id == channel,
            notifications.c.settled_at > since,
            notifications.c.state == MessageState.DELIVERED,
        )
        .group_by(notifications.c.group)
    )
    return {row.group: row.told_at for row in await tx.sql.execute(query) if row.group}


async def change(tx: SystemTx, notification: UUID, values: Mapping[str, Any]) -> None:
    await tx.sql.execute(update(notifications).where(notifications.c.id == notification).values(dict(values)))


async def keep(tx: SystemTx, changed: Sequence[Notification]) -> None:
    """What became of each of these."""
    if changed:
        rows = [{"key_id": each.id, **{f"to_{name}": getattr(each, name) for name in _CHANGING}} for each in changed]
        await tx.sql.execute(_KEEP, rows)


async def put_off(tx: SystemTx, channel: UUID, until: datetime) -> None:
    """Nothing of the channel is sent before, and its fallback is owed what waits there."""
    held = update(notifications).where(
        notifications.c.channel_id == channel, notifications.c.next_at < until, notifications.c.sending.is_(False)
    )
    falls = func.coalesce(notifications.c.falls_at, tx.now)
    soonest = case((falls < tx.now, falls), else_=type_coerce(tx.now, notifications.c.falls_at.type))
    await tx.sql.execute(held.values(next_at=until, falls_at=soonest))


async def hasten(tx: SystemTx, channel: UUID) -> None:
    """The channel works again: whatever was put off goes now."""
    later = update(notifications).where(notifications.c.channel_id == channel, notifications.c.next_at > tx.now)
    await tx.sql.execute(later.values(next_at=tx.now))


async def discard_of(tx: Tx, channel: UUID) -> None:
    """What waits for a channel that is removed."""
    waits = update(notifications).where(
        notifications.c.tenant_id == tx.tenant,
        notifications.c.channel_id == channel,
        notifications.c.next_at.is_not(None),
    )
    settled = {"state": MessageState.DISCARDED, "next_at": None, "settled_at": tx.now, "why": "the channel was removed"}
    await tx.sql.execute(waits.values(settled))


async def interrupted(tx: SystemTx, channels: Collection[UUID] | None = None) -> int:
    """What somebody took who is gone: it may have arrived, and is sent again. Of these channels; None: of all."""
    taken = update(notifications).where(notifications.c.sending.is_(True))
    if channels is not None:
        taken = taken.where(notifications.c.channel_id.in_(list(channels)))
    return (await tx.sql.execute(taken.values(sending=False, arrived=True))).rowcount


async def log(tx: SystemTx, made: Sequence[Attempt]) -> None:
    if made:
        rows = [{name: getattr(each, name) for name in Attempt.__struct_fields__} for each in made]
        await tx.sql.execute(_LOG, rows)


async def attempts_of(tx: Tx, notification: UUID) -> Sequence[Attempt]:
    """The oldest first."""
    mine = (attempts.c.tenant_id == tx.tenant, attempts.c.notification_id == notification)
    query = select(*_ATTEMPT).where(*mine).order_by(attempts.c.id)
    return [Attempt(**row._mapping) for row in await tx.sql.execute(query)]


async def find(tx: Tx, notification: UUID) -> Notification:
    """Raises NotFound. Nobody else changes it until the transaction ends."""
    mine = (notifications.c.tenant_id == tx.tenant, notifications.c.id == notification)
    row = (await tx.sql.execute(select(*_COLUMNS).where(*mine).with_for_update())).first()
    if row is None:
        raise NotFound("no such message")
    return _notification(row)


async def listed(
    tx: Tx,
    before: UUID | None,
    limit: int,
    state: MessageState | None = None,
    channel: UUID | None = None,
    alert: UUID | None = None,
) -> Sequence[Notification]:
    """Newest first."""
    query = select(*_COLUMNS).where(notifications.c.tenant_id == tx.tenant)
    if state is not None:
        query = query.where(notifications.c.state == state)
    if channel is not None:
        query = query.where(notifications.c.channel_id == channel)
    if alert is not None:
        query = query.where(notifications.c.alert_id == alert)
    if before is not None:
        query = query.where(notifications.c.id < before)
    rows = await tx.sql.execute(query.order_by(notifications.c.id.desc()).limit(limit))
    return [_notification(row) for row in rows]


async def left(tx: Tx) -> Mapping[UUID, Left]:
    """By channel, of those that have any."""
    waiting, dead = await _by_channel(tx, WAITING), await _by_channel(tx, DEAD)
    return {channel: Left(waiting.get(channel, 0), dead.get(channel, 0)) for channel in waiting.keys() | dead.keys()}


async def _by_channel(tx: Tx, which: ColumnElement[bool]) -> Mapping[UUID, int]:
    mine = notifications.c.channel_id.in_(select(channels.c.id).where(channels.c.tenant_id == tx.tenant))
    query = select(notifications.c.channel_id, func.count().label("many")).where(mine, which)
    found = await tx.sql.execute(query.group_by(notifications.c.channel_id))
    return {row.channel_id: row.many for row in found}


def _notification(row: Row[Any]) -> Notification:
    return Notification(**dict(zip(_FIELDS, row, strict=True)))
