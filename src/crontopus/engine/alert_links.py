"""What whoever has the link in a message makes of its alert, without signing in. Only as long as the alert, the channel
that the message came on, and an open tenant are there; and what somebody has done already is left as it is.
"""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from crontopus.domain.access import ALL, Principal
from crontopus.domain.errors import NotFound
from crontopus.engine import alerts, silences
from crontopus.engine.links import Signed
from crontopus.storage import alerts as stored
from crontopus.storage import channels, jobs, tenants
from crontopus.storage.alerts import Stored
from crontopus.storage.channels import Channel
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tenants import Tenant
from crontopus.wire.silences import NewSilence

QUIET = timedelta(hours=1)


class Linked(Struct, frozen=True):
    """What a link leads to. `changed`: it is so by this very press of a button."""

    found: Stored
    channel: Channel
    tenant: Tenant
    changed: bool = False


async def opened(tx: Tx, signed: Signed) -> Linked:
    """Changes nothing. Raises NotFound."""
    return await _linked(tx, signed, lock=False)


async def acknowledge(tx: Tx, signed: Signed) -> Linked:
    """Raises NotFound."""
    linked = await _linked(tx, signed, lock=True)
    alert = linked.found.alert
    if alert.is_over or (alert.is_acknowledged(tx.now) and alert.snoozed_until is None):
        return linked
    return _done(linked, await alerts.acknowledge(tx, _reader(linked), alert.id))


async def silence(tx: Tx, signed: Signed) -> Linked:
    """For an hour, with whatever else of its kind the job gets into; what is held for longer stays so. Raises
    NotFound.
    """
    linked = await _linked(tx, signed, lock=True)
    found, until = linked.found, tx.now + QUIET
    if found.alert.is_over or _is_quiet(found, until, tx.now):
        return linked
    made = await silences.create(tx, _reader(linked), NewSilence(until=until, matcher=await _matcher(tx, found)))
    (holder,) = made.quiet.holders(tx.now)
    held = replace(found, alert=replace(found.alert, held=True), held_since=tx.now, holders=(*found.holders, holder))
    return _done(linked, held)


def _is_quiet(found: Stored, until: datetime, now: datetime) -> bool:
    """At least until then."""
    held = any(one.holds(now) and (one.until is None or one.until >= until) for one in found.holders)
    snoozed = found.alert.snoozed_until
    return held or (found.alert.is_acknowledged(now) and (snoozed is None or snoozed >= until))


async def _matcher(tx: Tx, of: Stored) -> str:
    subject = (await jobs.subjects(SystemTx(tx.sql, tx.now), [of.subject_id])).get(of.subject_id)
    of_class = f"class:{of.alert.kind.value}"
    return f"job:{subject.namespace}/{subject.slug} {of_class}" if subject is not None else of_class


async def _linked(tx: Tx, signed: Signed, *, lock: bool) -> Linked:
    if lock:
        await stored.take_turn(tx)
    try:
        tenant = await tenants.own(tx)
        found = await stored.find(tx, ALL, signed.row, lock=lock)
        channel = await channels.find(tx, signed.channel)
    except NotFound:
        raise NotFound("what this link was for is gone: the alert, or the channel that it came on") from None
    if tenant.standing.refusal:
        raise NotFound("the organisation that this link is of is closed at present")
    return Linked(found, channel, tenant)


def _reader(linked: Linked) -> Principal:
    channel, tenant = linked.channel, linked.tenant
    return Principal(id=channel.id, tenant=tenant.id, tenant_name=tenant.name, scopes=frozenset(), by_link=channel.name)


def _done(linked: Linked, now: Stored) -> Linked:
    return Linked(now, linked.channel, linked.tenant, changed=True)
