"""What people do about messages that were not delivered: send them again, or put them away."""

from collections.abc import Mapping
from uuid import UUID

from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict
from crontopus.domain.routing import MessageState
from crontopus.engine import audit
from crontopus.storage import alerts, channels, events, notifications
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.notifications import Notification


async def retry(tx: Tx, caller: Principal, id: UUID) -> Notification:
    """At once, as if it were new. Raises NotFound, and Conflict for one that is delivered or overtaken, and where its
    channel is gone.
    """
    found = await _found(tx, caller, id)
    if all(found.channel_id != one.id for one in await channels.listed(tx)):
        raise Conflict("the channel of this message was removed: it cannot be sent again")
    if found.state not in (MessageState.DEAD, MessageState.WAITING, MessageState.DISCARDED):
        raise Conflict(f"this message is {found.state}: there is nothing to send again")
    again = {
        "state": MessageState.WAITING,
        "next_at": tx.now,
        "settled_at": None,
        "made_at": tx.now,
        "tries": 0,
        "why": "",
    }
    return await _changed(tx, caller, found, "notification.retry", again | {"tries": 0, "why": ""})


async def discard(tx: Tx, caller: Principal, id: UUID) -> Notification:
    """It is not sent any more. Raises NotFound, and Conflict where it is settled otherwise."""
    found = await _found(tx, caller, id)
    if found.state not in (MessageState.DEAD, MessageState.WAITING):
        raise Conflict(f"this message is {found.state}: there is nothing to put away")
    gone = {"state": MessageState.DISCARDED, "next_at": None, "settled_at": tx.now}
    return await _changed(tx, caller, found, "notification.discard", gone)


async def _found(tx: Tx, caller: Principal, id: UUID) -> Notification:
    caller.require_all_jobs()
    found = await notifications.find(tx, id)
    if found.sending:
        raise Conflict("this message is being sent right now: look again in a moment")
    return found


async def _changed(
    tx: Tx, caller: Principal, found: Notification, action: str, values: Mapping[str, object]
) -> Notification:
    everywhere = SystemTx(tx.sql, tx.now)
    await notifications.change(everywhere, found.id, values)
    await alerts.ask_again(everywhere, [found.alert_id])
    of = await alerts.of_ids(everywhere, [found.alert_id])
    await events.tell(everywhere, [each.touched([found.id]) for each in of.values()])
    await audit.tell(tx, caller, action, Target(Noun.ALERT, found.alert_id, f"{found.kind} {found.number}"))
    return await notifications.find(tx, found.id)
