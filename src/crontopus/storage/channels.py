"""Channels of a tenant: the ways by which it is told of alerts, how they fare, and who sends on them now."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, bindparam, delete, exists, func, insert, not_, or_, select, update

from crontopus.domain.errors import NotFound
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import channels, heartbeats, notifications

LEASE = timedelta(minutes=2)
"""Of the process that sends on it. Longer than any try."""
SILENT_FOR = timedelta(seconds=20)
"""A process whose heart has not beaten for so long is gone, and its leases with it: it beats every five."""


class Channel(Struct, frozen=True, kw_only=True):
    """A row. `broken_at`: since then the other side refuses everything. `closed_until`: after failures in a row nothing
    is sent before. `templates`: words of its own, and `fault`: what was wrong with them when something was sent last.
    `sent` in that `month`, which its first day stands for, as far as it is counted.
    """

    id: UUID
    tenant_id: UUID
    kind: str
    name: str
    sealed: bytes
    fallback_id: UUID | None
    enabled: bool
    created_at: datetime
    updated_at: datetime
    broken_at: datetime | None = None
    why: str = ""
    failures: int = 0
    closed_until: datetime | None = None
    delivered_at: datetime | None = None
    templates: Mapping[str, str] = {}
    fault: str = ""
    month: date | None = None
    sent: int = 0
    version: int = 1


_FIELDS = Channel.__struct_fields__
_COLUMNS = [channels.c[name] for name in _FIELDS]
_AMONG = channels.c.id.in_(bindparam("ids", expanding=True))
_OF_IDS = select(*_COLUMNS).where(_AMONG).order_by(channels.c.id).with_for_update()
"""Composed once: it is said for every few messages."""


async def of_tenants(tx: SystemTx, tenants: Collection[UUID]) -> Mapping[UUID, Sequence[Channel]]:
    query = select(*_COLUMNS).where(channels.c.tenant_id.in_(list(tenants))).order_by(channels.c.name, channels.c.id)
    found: dict[UUID, list[Channel]] = {tenant: [] for tenant in tenants}
    for row in await tx.sql.execute(query):
        found[row.tenant_id].append(_channel(row))
    return found


async def listed(tx: Tx) -> Sequence[Channel]:
    """By name."""
    return (await of_tenants(SystemTx(tx.sql, tx.now), [tx.tenant]))[tx.tenant]


async def find(tx: Tx, channel: UUID) -> Channel:
    """Raises NotFound."""
    return await _one(tx, channel, lock=False)


async def lock(tx: Tx, channel: UUID) -> Channel:
    """Raises NotFound."""
    return await _one(tx, channel, lock=True)


async def _one(tx: Tx, channel: UUID, *, lock: bool) -> Channel:
    query = select(*_COLUMNS).where(channels.c.tenant_id == tx.tenant, channels.c.id == channel)
    row = (await tx.sql.execute(query.with_for_update() if lock else query)).first()
    if row is None:
        raise NotFound("no such channel")
    return _channel(row)


async def of_ids(tx: SystemTx, wanted: Collection[UUID]) -> dict[UUID, Channel]:
    """Of any tenant; nobody else changes them until the transaction ends."""
    return {row.id: _channel(row) for row in await tx.sql.execute(_OF_IDS, {"ids": list(wanted)})}


async def count(tx: Tx) -> int:
    query = select(func.count()).select_from(channels).where(channels.c.tenant_id == tx.tenant)
    return await tx.sql.scalar(query) or 0


async def add(tx: Tx, channel: Channel) -> None:
    await tx.sql.execute(insert(channels).values(_values(channel) | {"tenant_id": tx.tenant}))


async def change(tx: Tx, channel: UUID, values: Mapping[str, Any]) -> None:
    """By a person: it counts as another version."""
    mine = update(channels).where(channels.c.tenant_id == tx.tenant, channels.c.id == channel)
    await tx.sql.execute(mine.values({**values, "updated_at": tx.now, "version": channels.c.version + 1}))


async def remove(tx: Tx, channel: UUID) -> None:
    await tx.sql.execute(
        update(channels)
        .where(channels.c.tenant_id == tx.tenant, channels.c.fallback_id == channel)
        .values(fallback_id=None)
    )
    await tx.sql.execute(delete(channels).where(channels.c.tenant_id == tx.tenant, channels.c.id == channel))


async def sealed(tx: SystemTx) -> Sequence[Channel]:
    """All of every tenant."""
    return [_channel(row) for row in await tx.sql.execute(select(*_COLUMNS).order_by(channels.c.id))]


async def keep_sealed(tx: SystemTx, channel: UUID, value: bytes) -> None:
    """The same settings, by another key."""
    await tx.sql.execute(update(channels).where(channels.c.id == channel).values(sealed=value))


async def next_due(tx: SystemTx) -> datetime | None:
    """When a message can be sent next, leases aside; None: none waits."""
    found: datetime | None = await tx.sql.scalar(
        select(func.min(notifications.c.next_at)).where(notifications.c.next_at.is_not(None))
    )
    return found


async def left_since(tx: SystemTx) -> datetime | None:
    """When the message that is due first, on any channel that nobody sends on, can be sent; None: none waits there."""
    mine = notifications.c.channel_id == channels.c.id
    first = select(func.min(notifications.c.next_at)).where(mine, notifications.c.next_at.is_not(None))
    query = select(func.min(first.scalar_subquery())).select_from(channels).where(_unclaimed(tx))
    found: datetime | None = await tx.sql.scalar(query)
    return found


async def claim(tx: SystemTx, claimer: UUID, busy: Collection[UUID], limit: int, *, alone: bool) -> Sequence[Channel]:
    """Some on which messages are due, which are `claimer`'s until the lease ends: of each tenant one, before more of
    any, and first those whose last turn was longest ago. `busy`: those on which it sends already. `alone`: nobody else
    can be sending.
    """
    due = exists().where(notifications.c.channel_id == channels.c.id, notifications.c.next_at <= tx.now)
    turn = func.row_number().over(partition_by=channels.c.tenant_id, order_by=channels.c.claimed_until.nulls_first())
    free = select(channels.c.id, channels.c.claimed_until, turn.label("turn")).where(due, _free(tx, claimer, alone))
    if busy:
        free = free.where(channels.c.id.not_in(list(busy)))
    chosen = free.subquery()
    longest = chosen.c.claimed_until.nulls_first()
    query = select(chosen.c.id).order_by(chosen.c.turn, longest, chosen.c.id).limit(limit)
    wanted = list((await tx.sql.scalars(query)).all())
    locked = select(*_COLUMNS).where(channels.c.id.in_(wanted), _free(tx, claimer, alone))
    found = [_channel(row) for row in await tx.sql.execute(locked.with_for_update(skip_locked=True))]
    await renew(tx, claimer, [each.id for each in found])
    return found


async def renew(tx: SystemTx, claimer: UUID, held: Sequence[UUID]) -> None:
    mine = update(channels).where(channels.c.id.in_(held))
    await tx.sql.execute(mine.values(claim=claimer, claimed_until=tx.now + LEASE))


async def release(tx: SystemTx, claimer: UUID, channel: UUID) -> None:
    """Whoever finds something due on it may have it. `claimed_until` stays as the time at which it had its turn."""
    mine = update(channels).where(channels.c.id == channel, channels.c.claim == claimer)
    await tx.sql.execute(mine.values(claim=None, claimed_until=tx.now))


async def fares(tx: SystemTx, channel: UUID, values: Mapping[str, Any]) -> None:
    """How it fares: no change by a person."""
    await tx.sql.execute(update(channels).where(channels.c.id == channel).values(dict(values)))


def _free(tx: SystemTx, claimer: UUID, alone: bool) -> ColumnElement[bool]:
    """Held by nobody, or by the claimer, who does not send on it."""
    free = or_(_unclaimed(tx), channels.c.claim == claimer)
    return or_(free, channels.c.claim != claimer) if alone else free


def _unclaimed(tx: SystemTx) -> ColumnElement[bool]:
    """Held by nobody, or by somebody whose lease or life has ended."""
    lives = exists().where(
        heartbeats.c.process_id == channels.c.claim,
        heartbeats.c.beat_at > tx.now - SILENT_FOR,
        heartbeats.c.stopped_at.is_(None),
    )
    return or_(channels.c.claim.is_(None), channels.c.claimed_until < tx.now, not_(lives))


def _values(channel: Channel) -> dict[str, Any]:
    return {name: getattr(channel, name) for name in _FIELDS}


def _channel(row: Row[Any]) -> Channel:
    return Channel(**{name: getattr(row, name) for name in _FIELDS})
