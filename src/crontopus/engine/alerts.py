"""What people make of alerts: acknowledge, put off, resolve, write down. Each is told in the alert's own log and in the
tenant's."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from crontopus.domain import alerts as changes
from crontopus.domain.access import Principal
from crontopus.domain.alerts import Alert, AlertClass, Happening, SubjectKind
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, Fault, Invalid
from crontopus.domain.watch import Reason, Resolved
from crontopus.engine import audit, watching
from crontopus.storage import alerts as stored
from crontopus.storage import dependencies, events, jobs
from crontopus.storage.alerts import Event, Stored
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.identity import new_id

LONGEST_SNOOZE_DAYS = 366
_OF_WATCH = {AlertClass(reason.value): reason for reason in Reason}


async def acknowledge(tx: Tx, caller: Principal, alert: UUID) -> Stored:
    """Somebody knows: it tells nobody any more. Raises NotFound, and Conflict where it is over."""
    return await _turned(
        tx, caller, alert, Happening.ACKNOWLEDGED, "alert.acknowledge", lambda one: changes.acknowledged(one, tx.now)
    )


async def unacknowledge(tx: Tx, caller: Principal, alert: UUID) -> Stored:
    """It tells again, from its first step on. Raises NotFound, Conflict."""

    def back(one: Alert) -> Alert:
        if one.acknowledged_at is None:
            raise Conflict("nobody has acknowledged this alert")
        return changes.unacknowledged(one, tx.now)

    return await _turned(tx, caller, alert, Happening.UNACKNOWLEDGED, "alert.unacknowledge", back)


async def snooze(tx: Tx, caller: Principal, alert: UUID, until: datetime) -> Stored:
    """Acknowledged until then. Raises NotFound, Conflict, and Invalid where that is over or too far away."""
    if not tx.now < until or (until - tx.now).days > LONGEST_SNOOZE_DAYS:
        detail = "choose a time that is still to come, within a year"
        raise Invalid(detail, (Fault("/until", detail),))
    return await _turned(
        tx,
        caller,
        alert,
        Happening.SNOOZED,
        "alert.snooze",
        lambda one: changes.snoozed(one, until, tx.now),
        why=until.isoformat(timespec="seconds"),
    )


async def note(tx: Tx, caller: Principal, alert: UUID, text: str) -> None:
    """Raises NotFound."""
    found = await stored.find(tx, caller.reach, alert)
    await _log(tx, caller, found, Happening.NOTED, text)


async def resolve(tx: Tx, caller: Principal, alert: UUID) -> Stored:
    """By hand: the reason leaves the watch as well, so that the next failure or miss is a new one. Raises NotFound, and
    Conflict where it is over.
    """
    of = await stored.find(tx, caller.reach, alert)
    reason = _OF_WATCH.get(of.alert.kind) if of.subject is SubjectKind.JOB else None
    if reason is not None:
        await jobs.lock(tx, caller.reach, str(of.subject_id))  # before the turn, as by who edits it
    await stored.take_turn(tx)
    found = await _open(tx, caller, alert)
    if reason is not None:
        await watching.apply(tx, found.subject_id, Resolved(reason))
    over = replace(found, alert=changes.resolved(found.alert, tx.now, changes.Ending.BY_HAND), next_at=tx.now)
    await stored.save(SystemTx(tx.sql, tx.now), [], [over])
    await stored.ask_subjects_again(
        tx, {found.subject_id} | await dependencies.descendants(tx, [found.subject_id]), [alert]
    )
    await _log(tx, caller, over, Happening.RESOLVED, changes.Ending.BY_HAND)
    await _tell(tx, caller, over, "alert.resolve")
    return over


async def _turned(
    tx: Tx,
    caller: Principal,
    alert: UUID,
    what: Happening,
    action: str,
    change: Callable[[Alert], Alert],
    why: str = "",
) -> Stored:
    found = await _open(tx, caller, alert)
    turned = change(found.alert)
    who = "" if turned.acknowledged_at is None else caller.name
    kept = replace(found, alert=turned, acknowledged_by=who, next_at=tx.now)
    await stored.save(SystemTx(tx.sql, tx.now), [], [kept])
    await _log(tx, caller, kept, what, why)
    await _tell(tx, caller, kept, action)
    return kept


async def _open(tx: Tx, caller: Principal, alert: UUID) -> Stored:
    found = await stored.find(tx, caller.reach, alert, lock=True)
    if found.alert.is_over:
        raise Conflict("this alert is over")
    return found


async def _log(tx: Tx, caller: Principal, of: Stored, what: Happening, why: str) -> None:
    event = Event(
        id=new_id(tx.now), tenant_id=tx.tenant, alert_id=of.alert.id, at=tx.now, what=what, who=caller.name, why=why
    )
    await stored.log(tx, [event])
    await events.tell(SystemTx(tx.sql, tx.now), [of.touched()])


async def _tell(tx: Tx, caller: Principal, of: Stored, action: str) -> None:
    await audit.tell(tx, caller, action, Target(Noun.ALERT, of.alert.id, f"{of.alert.kind} of {of.subject_id}"))
