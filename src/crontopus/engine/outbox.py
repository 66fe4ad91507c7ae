"""The outbox: claims what can be sent now, sends it with no transaction open, and settles what became of it.

A process takes a channel by a lease, and a few of its messages at a time; whoever ends while it sends leaves behind
what may have arrived, and that is sent again under the same key.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import anyio
import structlog
from anyio.abc import TaskGroup
from msgspec import Struct

from crontopus.domain import delivery
from crontopus.domain.routing import SENT, MessageState, Sending, Waiting, gather, sending
from crontopus.engine import monthly, steps
from crontopus.engine.loops import Loops
from crontopus.engine.notices import Notices
from crontopus.engine.sending import Sender, Tried
from crontopus.engine.steps import Step
from crontopus.notify import kinds
from crontopus.notify.contract import Notice, Parcel
from crontopus.notify.outcome import Delivered, GiveUp, TryAgain
from crontopus.storage import alerts, channels, notifications
from crontopus.storage.channels import Channel
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.identity import new_id
from crontopus.storage.notifications import Attempt, Notification

log = structlog.get_logger(__name__)

CHANNELS_AT_ONCE = 16
AT_ONCE = 4
"""Messages that one channel sends at the same time."""
LOOKED_AT = 500
"""Waiting messages of a channel that are looked at for what goes out next."""
GROUPS_KNOWN = timedelta(days=1)


class Batch(Struct, frozen=True):
    """What goes out as one: the messages, in order, and the parcel made of them."""

    messages: tuple[Notification, ...]
    parcel: Parcel


class Done(Struct, frozen=True):
    """A batch that was sent, and what became of it."""

    batch: Batch
    tried: Tried


class Outbox:
    """`process` is this one, which holds what it sends by a lease."""

    def __init__(self, db: Database, loops: Loops, notices: Notices, sender: Sender, process: UUID) -> None:
        self._db = db
        self._loops = loops
        self._notices = notices
        self._sender = sender
        self._process = process
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
        """Send on one channel until nothing is due there. One that fails keeps no other from going out."""
        try:
            await self._loops.attempt("sending", lambda: self._all_of(channel))
        finally:
            self._busy.discard(channel.id)

    async def _all_of(self, channel: Channel) -> bool:
        done: Sequence[Done] = ()
        while True:
            async with self._db.write_all() as tx:
                await self._settle(tx, channel, done)
                if done:
                    steps.reached(Step.SETTLED)
                batches = await self._next(tx, channel.id)
                if not batches:
                    await channels.release(tx, self._process, channel.id)
                    return False
                await channels.renew(tx, self._process, [channel.id])
            steps.reached(Step.CLAIMED)
            done = await self._send_all(channel, batches)

    async def _send_all(self, channel: Channel, batches: Sequence[Batch]) -> Sequence[Done]:
        done: list[Done] = []

        async def send(batch: Batch) -> None:
            steps.reached(Step.SENDING)
            done.append(Done(batch, await self._sender.send(channel, batch.parcel)))
            steps.reached(Step.SENT)

        async with anyio.create_task_group() as tree:
            for batch in batches:
                tree.start_soon(send, batch)
        return done

    async def _next(self, tx: SystemTx, id: UUID) -> Sequence[Batch]:
        """What goes out now on a channel, marked as being sent; what is overtaken is settled by the way."""
        found = (await channels.of_ids(tx, [id])).get(id)
        if found is None:
            return []
        waiting = await notifications.waiting(tx, id, LOOKED_AT)
        last = await notifications.last_of_groups(tx, id, tx.now - GROUPS_KNOWN)
        heads = _first_of_each_alert(waiting, tx.now)
        chosen = gather([_offered(each) for each in heads], last, tx.now, keeps=kinds.keeps(found.kind))
        await self._put_off(tx, heads, chosen.batches, chosen.next_at)
        by_id = {each.id: each for each in heads}
        slots = 1 if found.failures >= delivery.FAILURES else AT_ONCE
        most = self._sender.monthly(found)
        left = monthly.left(found, most, tx.now)
        batches: list[Batch] = []
        for part in chosen.batches:
            if len(batches) < slots:
                messages = [by_id[each.id] for each in part]
                why = monthly.used_up(most) if len(batches) >= left else ""
                made = await self._batch(tx, found, messages, summary=chosen.summary, refused=why)
                batches += [made] if made else []
        if batches and most is not None:
            await monthly.take(tx, found, len(batches))
        return batches

    async def _put_off(
        self, tx: SystemTx, heads: Sequence[Notification], chosen: Sequence[Sequence[Waiting]], until: datetime | None
    ) -> None:
        """What waits for others of its group is looked at when it may go."""
        going = {each.id for batch in chosen for each in batch}
        for each in heads:
            if each.id not in going and until is not None:
                steps.reached(Step.GROUPED)
                await notifications.change(tx, each.id, {"next_at": until})

    async def _batch(
        self, tx: SystemTx, channel: Channel, messages: Sequence[Notification], *, summary: bool, refused: str
    ) -> Batch | None:
        """As a parcel; None where all of it is overtaken. `refused`: why none of it is sent, where none may be."""
        of_alerts = await alerts.of_ids(tx, {each.alert_id for each in messages})
        told = await notifications.of_alerts(tx, list(of_alerts))
        going: list[tuple[Notification, Sending]] = []
        for each in messages:
            stored = of_alerts[each.alert_id]
            said = [one.told for one in told[each.alert_id]]
            keeps, held = kinds.keeps(channel.kind), stored.alert.held and not stored.alert.is_over
            how = sending(each.told, stored.alert, said, tx.now, held=held, keeps=keeps)
            if how in SENT:
                going.append((each, how))
            else:
                await self._overtaken(tx, each, how)
        if refused:
            await self._refused(tx, [each for each, _ in going], refused)
        if refused or not going:
            return None
        for each, how in going:
            await notifications.change(tx, each.id, _begun(each, how, tx.now))
        items = [(of_alerts[each.alert_id], each, how) for each, how in going]
        made = await self._notices.of(tx.of(channel.tenant_id), items, told)
        return Batch(tuple(each for each, _ in going), Parcel(tuple(made), tx.now, summary))

    async def _overtaken(self, tx: SystemTx, message: Notification, how: Sending) -> None:
        settled = {"state": MessageState.OVERTAKEN, "settled_at": tx.now, "next_at": None, "why": how.value}
        await notifications.change(tx, message.id, settled)
        await alerts.ask_again(tx, [message.alert_id])

    async def _refused(self, tx: SystemTx, messages: Sequence[Notification], why: str) -> None:
        for each in messages:
            await notifications.change(tx, each.id, _dead(tx.now) | {"why": why})
        await alerts.ask_again(tx, [each.alert_id for each in messages])

    async def _settle(self, tx: SystemTx, channel: Channel, done: Sequence[Done]) -> None:
        for each in done:
            for message, notice in zip(each.batch.messages, each.batch.parcel.notices, strict=True):
                await self._settled(tx, message, notice, each.tried)
        if done:
            await alerts.ask_again(tx, {message.alert_id for each in done for message in each.batch.messages})
            await self._fares(tx, channel, done)

    async def _settled(self, tx: SystemTx, message: Notification, notice: Notice, tried: Tried) -> None:
        tries = message.tries + 1
        values: dict[str, Any] = {"sending": False}
        match tried.outcome:
            case Delivered(reference=reference):
                values |= {"state": MessageState.DELIVERED, "arrived": True, "why": tried.fault}
                values |= {"reference": reference} if reference else {}
                values |= {"settled_at": tx.now, "next_at": None, "ended": notice.ended}
            case TryAgain(why=why, after=after, arrived=arrived):
                again = delivery.retry(message.made_at, tries, after, tx.now, secrets.randbelow(1000) / 1000)
                values |= {"why": why, "next_at": again.next_at}
                values |= {"arrived": True, "ended": notice.ended} if arrived else {}
                if again.next_at is None:
                    values |= _dead(tx.now)
            case GiveUp(why=why):
                values |= _dead(tx.now) | {"why": why}
        await notifications.change(tx, message.id, values)
        attempt = Attempt(
            id=new_id(tx.now),
            tenant_id=message.tenant_id,
            notification_id=message.id,
            at=tried.at,
            took=tried.took,
            outcome=type(tried.outcome).__name__,
            status=tried.status,
            request=tried.request,
            response=tried.response,
        )
        await notifications.log(tx, [attempt])

    async def _fares(self, tx: SystemTx, channel: Channel, done: Sequence[Done]) -> None:
        """What these tries say of the channel itself."""
        now = (await channels.of_ids(tx, [channel.id])).get(channel.id)
        if now is None:
            return
        values: dict[str, Any] = {"fault": next((each.tried.fault for each in done if each.tried.fault), "")}
        values |= monthly.given_back(now, [each.tried.outcome for each in done])
        if any(isinstance(each.tried.outcome, Delivered) for each in done):
            values |= {"failures": 0, "closed_until": None, "broken_at": None, "why": "", "delivered_at": tx.now}
            await channels.fares(tx, now.id, values)
            if now.closed_until is not None:
                await notifications.hasten(tx, now.id)
            return
        failures = now.failures + len(done)
        last = done[-1].tried.outcome
        values |= {"failures": failures, "why": "" if isinstance(last, Delivered) else last.why}
        if any(isinstance(each.tried.outcome, GiveUp) and each.tried.outcome.broken for each in done):
            values["broken_at"] = now.broken_at or tx.now
        closed = delivery.closed_until(failures, None, tx.now)
        if closed is not None:
            values["closed_until"] = closed
            await notifications.put_off(tx, now.id, closed)
            log.warning("a channel is closed for a while", kind=now.kind, reason=values["why"])
        await channels.fares(tx, now.id, values)


def _dead(now: datetime) -> dict[str, Any]:
    """It is not sent any more, and the fallback is owed it."""
    return {"state": MessageState.DEAD, "settled_at": now, "next_at": None, "falls_at": now}


def _begun(message: Notification, how: Sending, now: datetime) -> Mapping[str, Any]:
    """What is known of a message once it is on its way: it may arrive from now on."""
    tried_at = message.tried_at or now
    return {
        "sending": True,
        "tries": message.tries + 1,
        "tried_at": tried_at,
        "falls_at": delivery.falls_at(tried_at, message.falls_at),
        "ended": message.ended or how is Sending.WITH_ITS_END,
    }


def _first_of_each_alert(waiting: Sequence[Notification], now: datetime) -> list[Notification]:
    """Those that are due, in order within an alert: what was made later waits for what was made before."""
    first: dict[UUID, Notification] = {}
    for each in waiting:
        first.setdefault(each.alert_id, each)
    return [each for each in first.values() if each.next_at is not None and each.next_at <= now]


def _offered(message: Notification) -> Waiting:
    return Waiting(
        id=message.id,
        group=message.group,
        since=message.made_at,
        wait=message.group_wait,
        interval=message.group_interval,
    )
