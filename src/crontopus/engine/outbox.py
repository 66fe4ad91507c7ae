"""The outbox: claims what can be sent now, sends it with no transaction open, and settles what became of it.

A process takes a channel by a lease, and a few of its messages at a time; whoever ends while it sends leaves behind
what may have arrived, and that is sent again under the same key.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

import anyio
import structlog
from anyio.abc import TaskGroup
from msgspec import Struct, field
from msgspec.structs import replace

from crontopus.domain import delivery
from crontopus.domain.routing import SENT, Kind, MessageState, Sending, Waiting, gather, sending
from crontopus.engine import monthly, steps
from crontopus.engine.broken import Broken
from crontopus.engine.loops import Loops
from crontopus.engine.notices import Item, Notices
from crontopus.engine.pace import stand_back
from crontopus.engine.sending import Sender, Tried
from crontopus.engine.steps import Step
from crontopus.metrics import Metrics
from crontopus.notify import kinds
from crontopus.notify.contract import Notice, Parcel
from crontopus.notify.guarded import Connections
from crontopus.notify.outcome import Delivered, GiveUp, TryAgain
from crontopus.storage import alerts, channels, events, notifications, tenants
from crontopus.storage.channels import Channel
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.identity import new_id
from crontopus.storage.notifications import Attempt, Notification
from crontopus.storage.touched import Touched

log = structlog.get_logger(__name__)

CHANNELS_AT_ONCE = 16
AT_ONCE = 4
"""Messages that one channel sends at the same time."""
MOST_IN_A_ROUND = 64
"""Claimed together where the other side answers quickly; `AT_ONCE` go at the same time, and what was not begun after
`ROUND_SECONDS`, or once one has failed, is as if it had not been claimed."""
ROUND_SECONDS = 1.0
RESTS = timedelta(minutes=1)
AGAIN_AFTER = timedelta(seconds=1)
"""An alert that was just told is decided upon with others."""
LOOKED_AT = 500
"""Messages of a channel that are looked at for what goes out next."""
RENEWED_AFTER = timedelta(seconds=20)
"""A lease lasts for much longer."""
FRESH = timedelta(seconds=1)
GROUPS_KNOWN = timedelta(days=1)
_OUTCOMES = {Delivered: "delivered", TryAgain: "failed", GiveUp: "refused"}
"""As the metrics call them."""


class Batch(Struct, frozen=True):
    """What goes out as one: the messages, in order, as they are and as they were `before`; the parcel made of them; and
    how the live stream tells of them.
    """

    messages: tuple[Notification, ...]
    before: tuple[Notification, ...]
    parcel: Parcel
    touched: tuple[tuple[UUID, Touched], ...]


class Chosen(Struct, frozen=True):
    """What may go now, each part as one. `summary`: by number."""

    parts: Sequence[Sequence[Notification]]
    summary: bool


class Done(Struct, frozen=True):
    """A batch that was sent, and what became of it."""

    batch: Batch
    tried: Tried


class Round(Struct):
    """What was claimed together: what was sent of it, and what was not begun."""

    done: list[Done] = field(default_factory=list)
    unsent: list[Batch] = field(default_factory=list)


class Going(Struct, frozen=True):
    """What goes out now on a channel, which is held since `renewed_at`."""

    channel: Channel
    batches: Sequence[Batch]
    renewed_at: datetime


class Outbox:
    """`process` is this one, which holds what it sends by a lease."""

    def __init__(
        self,
        db: Database,
        loops: Loops,
        notices: Notices,
        sender: Sender,
        process: UUID,
        metrics: Metrics,
        broken: Broken,
    ) -> None:
        self._broken = broken
        self._db = db
        self._loops = loops
        self._notices = notices
        self._sender = sender
        self._process = process
        self._metrics = metrics
        self._busy: set[UUID] = set()

    async def begin(self) -> None:
        """On SQLite whoever sent before has ended: what they held may have arrived."""
        if self._db.is_sqlite:
            async with self._db.write_all() as tx:
                await notifications.interrupted(tx)

    async def run(self) -> None:
        """Until cancelled: as soon as there is something to send."""
        async with anyio.create_task_group() as tree:
            await self._loops.whenever(self._db.owed, "outbox", lambda: self._claim(tree))

    async def step(self) -> bool:
        """Send what is due now, to its end. True where there was anything."""
        async with anyio.create_task_group() as tree:
            found = await self._claim(tree)
        return found

    async def _claim(self, tree: TaskGroup) -> bool:
        """Begin to send on some channels. True where all that may be at once are: there may be more."""
        free = CHANNELS_AT_ONCE - len(self._busy)
        async with self._db.read_all() as tx:
            due = await channels.next_due(tx)
        if free <= 0 or due is None or due > self._db.clock():
            return False
        async with self._db.write_all() as tx:
            claimed = await channels.claim(tx, self._process, self._busy, free, alone=self._db.is_sqlite)
            if not self._db.is_sqlite:
                await notifications.interrupted(tx, [each.id for each in claimed])
        for each in claimed:
            self._busy.add(each.id)
            tree.start_soon(self._serve, each)
        return bool(claimed)

    async def _serve(self, channel: Channel) -> None:
        """Send on one channel until nothing is due there, or it is the turn of others. One that fails keeps none of
        them from going out.
        """
        try:
            await self._loops.attempt("sending", lambda: self._all_of(channel))
        finally:
            self._busy.discard(channel.id)

    async def _all_of(self, claimed: Channel) -> bool:
        last = Round()
        most = AT_ONCE
        renewed_at = self._db.clock()
        async with self._sender.connections() as kept:
            while True:
                began = anyio.current_time()
                going = await self._db.wrote(partial(self._round, claimed.id, last, most, renewed_at))
                if going is None:
                    return False
                steps.reached(Step.CLAIMED)
                renewed_at = going.renewed_at
                last = await self._send_all(going.channel, going.batches, kept)
                most = _most_next(most, last)
                if len(self._busy) >= CHANNELS_AT_ONCE:
                    await self._db.wrote(partial(self._left, claimed.id, last))
                    return True
                if self._db.crowded:
                    await self._db.wrote(partial(self._over, claimed.id, last))
                    last, most = Round(), AT_ONCE
                    await stand_back(self._db, began)

    async def _round(self, id: UUID, last: Round, most: int, renewed_at: datetime, tx: SystemTx) -> Going | None:
        """Settles what was sent on a channel, and claims what goes out next, at most so many; None: nothing does."""
        channel = await self._over(id, last, tx)
        batches = await self._next(tx, channel, most) if channel else []
        if channel is None or not batches:
            await channels.release(tx, self._process, id)
            return None
        if tx.now - renewed_at > RENEWED_AFTER:
            await channels.renew(tx, self._process, [id])
            renewed_at = tx.now
        return Going(channel, batches, renewed_at)

    async def _over(self, id: UUID, last: Round, tx: SystemTx) -> Channel | None:
        """Settles what was sent on a channel, which is returned as it is then; None: it is gone."""
        channel = await self._settle(tx, (await channels.of_ids(tx, [id])).get(id), last)
        if last.done:
            steps.reached(Step.SETTLED)
        return channel

    async def _left(self, id: UUID, last: Round, tx: SystemTx) -> None:
        """To whoever's turn it is: where all that may send at once do, none has more than a round."""
        await self._over(id, last, tx)
        await channels.release(tx, self._process, id)

    async def _send_all(self, channel: Channel, batches: Sequence[Batch], kept: Connections) -> Round:
        """A few at a time. Nothing more is begun once one has failed, or it takes long: it is asked for again."""
        round, slots = Round(), anyio.CapacityLimiter(AT_ONCE)
        until = anyio.current_time() + ROUND_SECONDS

        async def send(batch: Batch) -> None:
            async with slots:
                if anyio.current_time() > until or _has_failed(round):
                    round.unsent.append(batch)
                    return
                steps.reached(Step.SENDING)
                tried = await self._sender.send(channel, batch.parcel, kept)
                steps.reached(Step.SENT)
                outcome = _OUTCOMES[type(tried.outcome)]
                self._metrics.tries.labels(kind=channel.kind, outcome=outcome).inc(len(batch.messages))
                round.done.append(Done(batch, tried))

        async with anyio.create_task_group() as tree:
            for batch in batches:
                tree.start_soon(send, batch)
        return round

    async def _next(self, tx: SystemTx, channel: Channel, most: int) -> Sequence[Batch]:
        """What goes out now on a channel, marked as being sent; what is overtaken is settled by the way."""
        slots = 1 if channel.failures >= delivery.FAILURES else most
        paid = self._sender.monthly(channel)
        left = monthly.left(channel, paid, tx.now)
        batches: list[Batch] = []
        looked_at = 0
        while len(batches) < slots and looked_at < LOOKED_AT:
            free = slots - len(batches)
            heads = await notifications.due(tx, channel.id, free if kinds.keeps(channel.kind) else LOOKED_AT)
            if not heads:
                break
            looked_at += len(heads)
            chosen = await self._gathered(tx, channel, heads)
            if left > len(batches):
                batches += await self._begun(tx, channel, chosen, min(free, left - len(batches)))
            else:
                await self._begun(tx, channel, chosen, free, refused=monthly.used_up(paid))
        if batches and paid is not None:
            await monthly.take(tx, channel, len(batches))
        if not batches:
            await notifications.wait_behind(tx, channel.id)
        return batches

    async def _gathered(self, tx: SystemTx, channel: Channel, due: Sequence[Notification]) -> Chosen:
        """What goes together: with what is due also what waits for another try, where a person reads it as one. What
        waits for others of its group is looked at when it may go.
        """
        keeps = kinds.keeps(channel.kind)
        further = [] if keeps else await notifications.later(tx, channel.id, LOOKED_AT)
        heads = sorted((*due, *further), key=lambda each: each.id)
        last: Mapping[tuple[str, ...], datetime] = {}
        if any(each.group for each in heads):
            last = await notifications.last_of_groups(tx, channel.id, tx.now - GROUPS_KNOWN)
        found = gather([_offered(each) for each in heads], last, tx.now, keeps=keeps)
        is_due = {each.id for each in due}
        batches = [batch for batch in found.batches if any(each.id in is_due for each in batch)]
        going = {each.id for batch in batches for each in batch}
        waits = [each for each in due if each.id not in going]
        if waits and found.next_at is not None:
            steps.reached(Step.GROUPED)
            await notifications.keep(tx, [replace(each, next_at=found.next_at) for each in waits])
        by_id = {each.id: each for each in heads}
        parts = [[by_id[each.id] for each in batch] for batch in batches]
        return Chosen(sorted(parts, key=_gravity), found.summary)

    async def _begun(
        self, tx: SystemTx, channel: Channel, chosen: Chosen, most: int, *, refused: str = ""
    ) -> Sequence[Batch]:
        """As many of these as there is room for, as parcels: each alert is asked again. Without those that are
        overtaken. `refused`: why none of it is sent, where none may be.
        """
        parts = chosen.parts[:most]
        of_alerts = await alerts.of_ids(tx, {each.alert_id for part in parts for each in part})
        told = await notifications.of_alerts(tx, list(of_alerts))
        keeps = kinds.keeps(channel.kind)
        is_off = not channel.enabled or bool(await tenants.deleted(tx, [channel.tenant_id]))
        going: list[list[tuple[Notification, Item]]] = []
        overtaken: list[Notification] = []
        for part in parts:
            items: list[tuple[Notification, Item]] = []
            for each in part:
                stored, said = of_alerts[each.alert_id], [one.told for one in told[each.alert_id]]
                held = stored.alert.held and not stored.alert.is_over
                how = sending(each.told, stored.alert, said, tx.now, held=held, keeps=keeps)
                if how in SENT and is_off:
                    overtaken.append(_rests(each, tx.now))
                elif how in SENT:
                    sent = _dead(each, refused, tx.now) if refused else _begun(each, how, tx.now)
                    items.append((each, (stored, sent, how)))
                else:
                    overtaken.append(_overtaken(each, how, tx.now))
            going += [items] if items else []
        begun = [item for items in going for _, item in items]
        await notifications.keep(tx, [*overtaken, *(message for _, message, _ in begun)])
        settled = [*overtaken, *(message for _, message, _ in begun if refused)]
        if settled:
            await alerts.ask_again(tx, {each.alert_id for each in settled})
            await events.tell(tx, [of_alerts[each.alert_id].touched([each.id]) for each in settled])
        if refused:
            return []
        notices = iter(await self._notices.of(tx.of(channel.tenant_id), begun, told, offers=not chosen.summary))
        return [
            Batch(
                tuple(message for _, (_, message, _) in items),
                tuple(before for before, _ in items),
                Parcel(tuple(islice(notices, len(items))), tx.now, chosen.summary),
                tuple(stored.touched([message.id]) for _, (stored, message, _) in items),
            )
            for items in going
        ]

    async def _settle(self, tx: SystemTx, channel: Channel | None, last: Round) -> Channel | None:
        """The channel as it is then."""
        is_gone = channel is None
        unsent = [before for batch in last.unsent for before in batch.before]
        await notifications.keep(tx, [_given_up(each, tx.now) if is_gone else each for each in unsent])
        if not last.done:
            return channel
        told = [
            (message, notice, each.tried)
            for each in last.done
            for message, notice in zip(each.batch.messages, each.batch.parcel.notices, strict=True)
        ]
        settled = [_settled(*each, tx.now) for each in told]
        await notifications.keep(tx, [_given_up(each, tx.now) if is_gone else each for each in settled])
        await notifications.log(tx, [_attempt(message, tried, tx.now) for message, _, tried in told])
        delivered = {message.alert_id for message, _, tried in told if isinstance(tried.outcome, Delivered)}
        await alerts.ask_again(tx, {message.alert_id for message, _, _ in told} - delivered)
        await alerts.ask_by(tx, delivered, tx.now + AGAIN_AFTER)
        await events.tell(tx, [each for one in last.done for each in one.batch.touched])
        return await self._fares(tx, channel, last) if channel else None

    async def _fares(self, tx: SystemTx, channel: Channel, round: Round) -> Channel:
        """What these tries say of the channel itself."""
        done = round.done
        values: dict[str, Any] = {"fault": next((each.tried.fault for each in done if each.tried.fault), "")}
        values |= monthly.given_back(channel, [each.tried.outcome for each in done], len(round.unsent))
        if any(isinstance(each.tried.outcome, Delivered) for each in done):
            return await self._fares_well(tx, channel, values)
        failures = channel.failures + len(done)
        last = done[-1].tried.outcome
        values |= {"failures": failures, "why": "" if isinstance(last, Delivered) else last.why}
        if any(isinstance(each.tried.outcome, GiveUp) and each.tried.outcome.broken for each in done):
            values["broken_at"] = channel.broken_at or tx.now
            if channel.broken_at is None:
                of_tenant = tx.of(channel.tenant_id)
                tenant = (await tenants.own(of_tenant)).name
                await self._broken.tell(of_tenant, tenant, channel, values["why"])
        closed = delivery.closed_until(failures, None, tx.now)
        if closed is not None:
            values["closed_until"] = closed
            await notifications.put_off(tx, channel.id, closed)
            if channel.fallback_id is not None:
                await alerts.ask_waiting_again(tx, channel.id)
            log.warning("a channel is closed for a while", kind=channel.kind, reason=values["why"])
        await channels.fares(tx, channel.id, values)
        return replace(channel, **values)

    async def _fares_well(self, tx: SystemTx, channel: Channel, values: Mapping[str, Any]) -> Channel:
        """That it did is written down once a second: it is the same for thousands of messages."""
        well = {"failures": 0, "closed_until": None, "broken_at": None, "why": "", **values}
        found = replace(channel, **well, delivered_at=tx.now)
        if replace(channel, delivered_at=tx.now) != found or not _is_fresh(channel.delivered_at, tx.now):
            await channels.fares(tx, channel.id, {**well, "delivered_at": tx.now})
        if channel.failures:
            await notifications.hasten(tx, channel.id)
        return found


def _gravity(part: Sequence[Notification]) -> int:
    return min(each.gravity for each in part)


def _has_failed(round: Round) -> bool:
    return any(not isinstance(each.tried.outcome, Delivered) for each in round.done)


def _most_next(most: int, last: Round) -> int:
    """How many are claimed next: twice as many where all went quickly, else no more than go at the same time."""
    return AT_ONCE if last.unsent or _has_failed(last) else min(2 * most, MOST_IN_A_ROUND)


def _is_fresh(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at < FRESH


def _begun(message: Notification, how: Sending, now: datetime) -> Notification:
    """On its way: it may arrive from now on."""
    tried_at = message.tried_at or now
    return replace(
        message,
        sending=True,
        tries=message.tries + 1,
        tried_at=tried_at,
        falls_at=delivery.falls_at(tried_at, message.falls_at),
        ended=message.ended or how is Sending.WITH_ITS_END,
    )


def _rests(message: Notification, now: datetime) -> Notification:
    """Its channel is switched off, or its organisation deleted: the end waits until that is over, all else is decided
    upon anew then.
    """
    if message.kind is Kind.RESOLVE and now - message.made_at < delivery.WORTH:
        return replace(message, next_at=now + RESTS)
    return _overtaken(message, Sending.OFF, now)


def _overtaken(message: Notification, how: Sending, now: datetime) -> Notification:
    return replace(message, state=MessageState.OVERTAKEN, settled_at=now, next_at=None, why=how.value)


def _settled(message: Notification, notice: Notice, tried: Tried, now: datetime) -> Notification:
    """What became of one that was sent."""
    message = replace(message, sending=False)
    match tried.outcome:
        case Delivered(reference=reference):
            return replace(
                message,
                state=MessageState.DELIVERED,
                arrived=True,
                ended=notice.ended,
                settled_at=now,
                next_at=None,
                reference=reference or message.reference,
                why=tried.fault,
            )
        case TryAgain(why=why, after=after, arrived=arrived):
            again = delivery.retry(message.made_at, message.tries, after, now, secrets.randbelow(1000) / 1000)
            if arrived:
                message = replace(message, arrived=True, ended=notice.ended)
            if again.next_at is None:
                return _dead(message, why, now)
            return replace(message, next_at=again.next_at, why=why)
        case GiveUp(why=why):
            return _dead(message, why, now)


def _given_up(message: Notification, now: datetime) -> Notification:
    """Its channel was removed while it was on its way: nobody tries again."""
    if message.next_at is None:
        return message
    gone = {"state": MessageState.DISCARDED, "settled_at": now, "next_at": None, "why": "the channel was removed"}
    return replace(message, sending=False, **gone)


def _dead(message: Notification, why: str, now: datetime) -> Notification:
    return replace(message, state=MessageState.DEAD, settled_at=now, next_at=None, falls_at=now, why=why)


def _attempt(message: Notification, tried: Tried, now: datetime) -> Attempt:
    return Attempt(
        id=new_id(now),
        tenant_id=message.tenant_id,
        notification_id=message.id,
        at=tried.at,
        took=tried.took,
        outcome=type(tried.outcome).__name__,
        status=tried.status,
        request=tried.request,
        response=tried.response,
    )


def _offered(message: Notification) -> Waiting:
    return Waiting(
        id=message.id,
        group=message.group,
        since=message.made_at,
        wait=message.group_wait,
        interval=message.group_interval,
    )
