"""Channels of a tenant: made, changed, tried and removed by people. What opens something is sealed, and never shown."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import anyio.to_thread
import msgspec
from msgspec import UNSET, Struct

from crontopus.domain.access import Principal
from crontopus.domain.alerts import AlertClass, Severity
from crontopus.domain.audit import HIDDEN, Deed, Noun, Target, changes
from crontopus.domain.errors import Conflict, Fault, Invalid, NotFound
from crontopus.domain.routing import Kind
from crontopus.domain.tiers import Quota
from crontopus.engine import audit, monthly, quotas
from crontopus.engine.links import Links
from crontopus.engine.notices import Notices
from crontopus.engine.sending import Sender, Tried
from crontopus.notify import kinds, templates
from crontopus.notify.contract import Fact, Link, Notice, Own, Parcel
from crontopus.notify.samples import ordinary, trying
from crontopus.storage import alert_lists, alerts, channels, notifications, routes
from crontopus.storage import audit as stored_audit
from crontopus.storage.alert_lists import Wanted
from crontopus.storage.channels import Channel
from crontopus.storage.database import Database, SystemTx, Tx
from crontopus.storage.identity import new_id
from crontopus.storage.sealing import Sealer
from crontopus.wire.alerts import ChannelPatch, NewChannel


class Previewed(Struct, frozen=True):
    """What a channel of this kind would say. `alert`: the one it is said of; None: one that never was."""

    alert: UUID | None
    said: Own


async def create(tx: Tx, caller: Principal, sealer: Sealer, new: NewChannel) -> Channel:
    """Raises Invalid, NotFound, Conflict, QuotaReached."""
    caller.require_all_jobs()
    await alerts.take_turn(tx)
    settings = kinds.read(new.kind, new.settings)
    await _require_free(tx, new.name)
    await _require_fallback(tx, None, new.fallback)
    id = new_id(tx.now)
    made = Channel(
        id=id,
        tenant_id=tx.tenant,
        kind=new.kind,
        name=new.name.strip(),
        sealed=sealer.seal(msgspec.json.encode(settings), tx.tenant, id),
        fallback_id=new.fallback,
        enabled=new.enabled,
        templates=_merged({}, new.templates),
        created_at=tx.now,
        updated_at=tx.now,
    )
    await quotas.require(tx, Quota.CHANNELS)
    await channels.add(tx, made)
    after = {"name": made.name, "kind": made.kind, **_told(made.kind, new.settings)}
    await audit.tell(tx, caller, "channel.create", _target(made), after=after)
    return made


async def edit(tx: Tx, caller: Principal, sealer: Sealer, id: UUID, patch: ChannelPatch) -> Channel:
    """JSON Merge Patch. Raises Invalid, NotFound, Conflict."""
    caller.require_all_jobs()
    await alerts.take_turn(tx)
    old = await channels.lock(tx, id)
    values: dict[str, Any] = {}
    if isinstance(patch.name, str) and patch.name.strip() != old.name:
        await _require_free(tx, patch.name, but=old.name)
        values["name"] = patch.name.strip()
    if patch.fallback is not UNSET:
        await _require_fallback(tx, id, patch.fallback)
        values["fallback_id"] = patch.fallback
    if isinstance(patch.enabled, bool):
        values["enabled"] = patch.enabled
    if isinstance(patch.settings, dict):
        before = msgspec.json.decode(sealer.open(old.sealed, tx.tenant, id))
        _require_secrets_again(old.kind, before, patch.settings)
        settings = kinds.patched(old.kind, before, patch.settings)
        values |= {"sealed": sealer.seal(msgspec.json.encode(settings), tx.tenant, id)}
        values |= {"broken_at": None, "failures": 0, "closed_until": None, "why": ""}
    if isinstance(patch.templates, dict):
        values |= {"templates": _merged(old.templates, patch.templates), "fault": ""}
    await channels.change(tx, id, values)
    await alerts.ask_all_again(tx)
    if values.get("enabled") and not old.enabled:
        await alerts.ask_ends_again(tx, id)
    new = await channels.find(tx, id)
    before_told, after_told = _fields(old), _fields(new)
    if isinstance(patch.settings, dict):
        after_told |= _told(old.kind, patch.settings)
    await audit.tell(tx, caller, "channel.edit", _target(new), before_told, after_told)
    return new


async def remove(tx: Tx, caller: Principal, id: UUID) -> None:
    """What waits for it is not sent. Raises NotFound, and Conflict where a route tells on it."""
    caller.require_all_jobs()
    await alerts.take_turn(tx)
    found = await channels.lock(tx, id)
    users = [route.name for route in await routes.listed(tx) if any(id in step.channels for step in route.steps)]
    if users:
        raise Conflict(f"the route {users[0]!r} tells on this channel: change it first")
    await notifications.discard_of(tx, id)
    await channels.remove(tx, id)
    await alerts.ask_all_again(tx)
    await audit.tell(tx, caller, "channel.remove", _target(found), before=_fields(found))


async def switch_off(tx: Tx, id: UUID) -> Channel:
    """By a link in a message: whoever reads there wants no more. It stays, and can be switched on again. Raises
    NotFound.
    """
    await alerts.take_turn(tx)
    found = await channels.lock(tx, id)
    if found.enabled:
        await channels.change(tx, id, {"enabled": False})
        await alerts.ask_all_again(tx)
        told = changes({"enabled": True}, {"enabled": False})
        await stored_audit.add(tx, audit.BY_LINK, [Deed("channel.unsubscribe", _target(found), told)])
    return found


async def test(db: Database, sender: Sender, caller: Principal, public_url: str, id: UUID) -> Tried:
    """One message, tried once. It counts as any other. Raises NotFound, and Conflict where no more may go out."""
    caller.require_all_jobs()
    async with db.write(caller.tenant) as tx:
        channel = await channels.lock(tx, id)
        most = sender.monthly(channel)
        await _count(tx, channel, most)
        await audit.tell(tx, caller, "channel.test", _target(channel))
        notice = _trial(channel, caller.tenant_name, public_url, tx)
    tried = await sender.send(channel, Parcel((notice,), notice.at))
    if most is not None:
        async with db.write_all() as everywhere:
            await monthly.give_back(everywhere, id, [tried.outcome])
    return tried


async def _count(tx: Tx, channel: Channel, most: int | None) -> None:
    if monthly.left(channel, most, tx.now) <= 0:
        raise Conflict(monthly.used_up(most))
    if most is not None:
        await monthly.take(SystemTx(tx.sql, tx.now), channel, 1)


async def require_sound(db: Database, kind: str, given: Mapping[str, str | None]) -> None:
    """Before templates are kept, with no transaction open: it may take a moment. Raises Invalid."""
    words = _merged({}, given)
    if words:
        samples = trying(db.clock())
        await anyio.to_thread.run_sync(templates.require_sound, kind, kinds.templates(kind), words, samples)


async def require_sound_with(db: Database, caller: Principal, id: UUID, given: Mapping[str, str | None]) -> None:
    """Likewise, with those that the channel has. Raises Invalid, NotFound."""
    caller.require_all_jobs()
    async with db.read(caller.tenant) as tx:
        channel = await channels.find(tx, id)
    await require_sound(db, channel.kind, _merged(channel.templates, given))


async def preview(
    db: Database, caller: Principal, links: Links, id: UUID, given: Mapping[str, str | None]
) -> Previewed:
    """What it would say of the newest alert, with these templates in the place of its own. Raises Invalid, NotFound."""
    caller.require_all_jobs()
    async with db.read(caller.tenant) as tx:
        channel = await channels.find(tx, id)
        newest = await alert_lists.listed(tx, caller.reach, Wanted(), None, 1)
        notices = Notices(links.public_url, links.acting)
        sample = ordinary(tx.now, caller.tenant_name, links.public_url)
        notice = await notices.as_if(tx, newest[0]) if newest else sample
    words = _merged(channel.templates, given)
    await require_sound(db, channel.kind, words)
    said = await anyio.to_thread.run_sync(templates.said, words, notice)
    return Previewed(newest[0].alert.id if newest else None, kinds.shown(channel.kind, said))


def shown(sealer: Sealer, channel: Channel) -> tuple[Mapping[str, Any], list[str]]:
    """Its settings but for those that open something, and the names of these."""
    settings = msgspec.json.decode(sealer.open(channel.sealed, channel.tenant_id, channel.id))
    secrets = kinds.secrets(channel.kind)
    hidden = sorted(name for name in secrets if settings.get(name))
    return {name: value for name, value in settings.items() if name not in secrets | {kinds.API}}, hidden


def _trial(channel: Channel, tenant: str, public_url: str, tx: Tx) -> Notice:
    return Notice(
        id=new_id(tx.now),
        alert=new_id(tx.now),
        opening=1,
        kind=Kind.OPEN,
        cls=AlertClass.FAILED,
        severity=Severity.INFO,
        state="TEST",
        title=f"The channel {channel.name} of {tenant}",
        summary="Somebody wanted to see whether messages arrive here. This one did. Nothing is wrong.",
        at=tx.now,
        since=tx.now - timedelta(minutes=1),
        tenant=tenant,
        facts=(Fact("severity", Severity.INFO.value),),
        links=(Link("The console", public_url),),
    )


def _merged(before: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    """What is given anew takes the place; null, or nothing, takes it away."""
    return {name: text for name, text in {**before, **given}.items() if text}


def _require_secrets_again(kind: str, before: Mapping[str, Any], patch: Mapping[str, Any]) -> None:
    """Whoever may change where a channel leads does not learn by it what opens the place where it has led."""
    moved = {name for name in kinds.addresses(kind) & patch.keys() if patch[name] != before.get(name)}
    kept = sorted(name for name in kinds.secrets(kind) - patch.keys() if before.get(name))
    if moved and kept:
        detail = "give it again: it would go to another address"
        raise Invalid(detail, tuple(Fault(f"/settings/{name}", detail) for name in kept))


async def _require_free(tx: Tx, name: str, but: str = "") -> None:
    taken = {one.name.casefold() for one in await channels.listed(tx) if one.name != but}
    if name.strip().casefold() in taken:
        detail = "another channel has this name"
        raise Conflict(detail, (Fault("/name", detail),))


async def _require_fallback(tx: Tx, id: UUID | None, fallback: UUID | None) -> None:
    """A channel of the tenant, and no way back to this one."""
    known = {one.id: one for one in await channels.listed(tx)}
    seen, at = set[UUID](), fallback
    while at is not None and at not in seen:
        if at not in known:
            raise NotFound("no such channel", (Fault("/fallback", "no such channel"),))
        if at == id:
            detail = "its fallback would lead back to itself"
            raise Invalid(detail, (Fault("/fallback", detail),))
        seen.add(at)
        at = known[at].fallback_id


def _target(channel: Channel) -> Target:
    return Target(Noun.CHANNEL, channel.id, channel.name)


def _fields(channel: Channel) -> dict[str, Any]:
    told = {"name": channel.name, "enabled": channel.enabled, "fallback": channel.fallback_id}
    return {**told, "templates": dict(channel.templates)} if channel.templates else told


def _told(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the audit log has them."""
    return {name: HIDDEN if name in kinds.secrets(kind) else value for name, value in settings.items()}
