"""Channels: the ways by which a tenant is told of its alerts."""

from functools import partial
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from crontopus.api import telling
from crontopus.api.arguments import Caller, Http, Parts
from crontopus.api.once import IdempotencyKey, once
from crontopus.api.principal import FOR_ANYONE, needs
from crontopus.api.reading import ANYONE_MOST_BYTES, Body
from crontopus.domain.access import Scope
from crontopus.engine import channels as engine
from crontopus.engine.links import Purpose, Signed
from crontopus.storage import channels, tenants
from crontopus.storage.database import Tx
from crontopus.wire.alerts import (
    Channel,
    ChannelPatch,
    ChannelPreview,
    ChannelTest,
    NewChannel,
    PreviewChannel,
    UnsubscribeCode,
    Unsubscribed,
)
from crontopus.wire.common import Page

ChannelId = Annotated[UUID, PathParameter(description="The channel's id.")]


@get("/channels", operation_id="channels", opt=needs(Scope.ALERTS_READ))
async def listed(caller: Caller, parts: Parts) -> Page[Channel]:
    """List the channels of the tenant, by name."""
    caller.require_all_jobs()
    async with parts.db.read(caller.tenant) as tx:
        found = await channels.listed(tx)
    return Page(items=[telling.channel(one, parts.sealer, tx.now, mails=parts.post.mail.is_on) for one in found])


@get("/channels/{channel:uuid}", operation_id="channel", opt=needs(Scope.ALERTS_READ))
async def show(caller: Caller, parts: Parts, channel: ChannelId) -> Channel:
    """Show a channel."""
    caller.require_all_jobs()
    async with parts.db.read(caller.tenant) as tx:
        found = await channels.find(tx, channel)
    return telling.channel(found, parts.sealer, tx.now, mails=parts.post.mail.is_on)


@post("/channels", operation_id="add_channel", opt=needs(Scope.ALERTS_WRITE), dependencies={"new": Body(NewChannel)})
async def add(
    request: Http,
    caller: Caller,
    parts: Parts,
    new: NamedDependency[NewChannel],
    idempotency_key: IdempotencyKey = None,
) -> Response[Channel]:
    """Make a channel. Nothing is told on it before a route names it."""

    caller.require_all_jobs()
    await engine.require_sound(parts.db, new.kind, new.templates)

    async def made(tx: Tx) -> Channel:
        found = await engine.create(tx, caller, parts.sealer, new)
        return telling.channel(found, parts.sealer, tx.now, mails=parts.post.mail.is_on)

    async with parts.db.write(caller.tenant) as tx:
        return await once(tx, parts.sealer, request, idempotency_key, partial(made, tx))


@patch(
    "/channels/{channel:uuid}",
    operation_id="edit_channel",
    opt=needs(Scope.ALERTS_WRITE),
    dependencies={"changes": Body(ChannelPatch)},
)
async def edit(caller: Caller, parts: Parts, channel: ChannelId, changes: NamedDependency[ChannelPatch]) -> Channel:
    """Change a channel.

    JSON Merge Patch: what is absent stays, among the settings, too: one that is hidden stays where it is not given.
    """
    if isinstance(changes.templates, dict):
        await engine.require_sound_with(parts.db, caller, channel, changes.templates)
    async with parts.db.write(caller.tenant) as tx:
        found = await engine.edit(tx, caller, parts.sealer, channel, changes)
        return telling.channel(found, parts.sealer, tx.now, mails=parts.post.mail.is_on)


@delete("/channels/{channel:uuid}", operation_id="remove_channel", opt=needs(Scope.ALERTS_WRITE))
async def remove(caller: Caller, parts: Parts, channel: ChannelId) -> None:
    """Remove a channel.

    What waits for it is not sent. 409 where a route tells on it.
    """
    async with parts.db.write(caller.tenant) as tx:
        await engine.remove(tx, caller, channel)


@post("/channels/{channel:uuid}/test", operation_id="test_channel", opt=needs(Scope.ALERTS_WRITE), status_code=200)
async def test(caller: Caller, parts: Parts, channel: ChannelId) -> ChannelTest:
    """Send a message on a channel, to see whether it arrives. It is tried once."""
    return telling.tested(await engine.test(parts.db, parts.sender, caller, parts.public_url, channel))


@post(
    "/channels/{channel:uuid}/preview",
    operation_id="preview_channel",
    opt=needs(Scope.ALERTS_WRITE),
    dependencies={"wanted": Body(PreviewChannel)},
    status_code=200,
)
async def preview(
    caller: Caller, parts: Parts, channel: ChannelId, wanted: NamedDependency[PreviewChannel]
) -> ChannelPreview:
    """See what a channel would say of the newest alert, also with templates that are not saved. Nothing is sent."""
    return telling.preview(await engine.preview(parts.db, caller, parts.links, channel, wanted.templates))


@post(
    "/unsubscribe/open",
    operation_id="open_unsubscribe",
    opt=FOR_ANYONE,
    dependencies={"form": Body(UnsubscribeCode)},
    status_code=200,
    request_max_body_size=ANYONE_MOST_BYTES,
)
async def opened(parts: Parts, form: NamedDependency[UnsubscribeCode]) -> Unsubscribed:
    """Say what a link in a message would switch off. 404 for one that is no link of this server."""
    signed = parts.links.opened(form.code, Purpose.UNSUBSCRIBE, parts.db.clock())
    async with parts.db.read(signed.tenant) as tx:
        return await _told(tx, signed)


@post(
    "/unsubscribe",
    operation_id="unsubscribe",
    opt=FOR_ANYONE,
    dependencies={"form": Body(UnsubscribeCode)},
    status_code=200,
    request_max_body_size=ANYONE_MOST_BYTES,
)
async def unsubscribe(parts: Parts, form: NamedDependency[UnsubscribeCode]) -> Unsubscribed:
    """Switch a channel off by the link in a message. It stays, and whoever may can switch it on again."""
    signed = parts.links.opened(form.code, Purpose.UNSUBSCRIBE, parts.db.clock())
    async with parts.db.write(signed.tenant) as tx:
        await engine.switch_off(tx, signed.row)
        return await _told(tx, signed)


async def _told(tx: Tx, signed: Signed) -> Unsubscribed:
    found = await channels.find(tx, signed.row)
    return Unsubscribed(channel=found.name, tenant=(await tenants.own(tx)).name, enabled=found.enabled)


ROUTES = [listed, show, add, edit, remove, test, preview, opened, unsubscribe]
