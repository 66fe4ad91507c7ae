"""Channels: by which ways alerts are told, whether these work, and the deeds that need one button."""

from importlib.util import find_spec
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.alert_words import channel_state
from crontopus.console.channel_kinds import NAMES, WAYS, Way
from crontopus.console.forms import Faults, Form, as_id, read_form, same_names
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.console.ways import goes_to, places, settings, stored, templates
from crontopus.domain.access import Scope
from crontopus.domain.errors import Conflict, Invalid, NotFound, QuotaReached
from crontopus.wire.alerts import Channel, ChannelPatch, ChannelPreview, ChannelTest, NewChannel, PreviewChannel

PAGE = "/channels"
_OWN = same_names("name", "kind", "fallback", "enabled")


@get(PAGE)
async def channels(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return await _list(client, view, Faults())


@get(f"{PAGE}/new")
async def new_page(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    """The form of one kind; which one stands in the address."""
    view.require(Scope.ALERTS_WRITE)
    kind = request.query_params.get("kind") or next(iter(WAYS))
    if kind not in WAYS:
        raise NotFound("There is no such kind of channel.")
    return await _form(client, view, kind, None, Form([]), Faults())


@post(f"{PAGE}/new", status_code=200)
async def add(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    view.require(Scope.ALERTS_WRITE)
    form = await read_form(request)
    kind = form["kind"]
    if kind not in WAYS:
        raise NotFound("There is no such kind of channel.")
    try:
        given = settings(WAYS[kind], form)
        words = templates(WAYS[kind], form)
        new = NewChannel(kind=kind, name=form["name"], settings=given, fallback=_fallback(form), templates=words)
        made = await client.add_channel(new)
    except (Invalid, Conflict, NotFound, QuotaReached) as error:
        return await _form(client, view, kind, None, form, Faults(error, _fields(WAYS[kind])), 400)
    return go(PAGE, f"{made.name} is there. Nothing is told on it before a route names it.")


@get(f"{PAGE}/{{channel:str}}")
async def show(channel: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.ALERTS_WRITE)
    found = await client.channel(channel)
    return await _form(client, view, found.kind, found, _stored(found), Faults())


@post(f"{PAGE}/{{channel:str}}", status_code=200)
async def edit(
    request: Visit, channel: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form, found = await read_form(request), await client.channel(channel)
    way = _way(found.kind)
    try:
        given = settings(way, form, found.hidden)
        words = templates(way, form)
        patch = ChannelPatch(name=form["name"], settings=given, fallback=_fallback(form), templates=words)
        changed = await client.edit_channel(channel, patch)
    except (Invalid, Conflict, NotFound) as error:
        return await _form(client, view, found.kind, found, form, Faults(error, _fields(way)), 400)
    return go(PAGE, f"{changed.name} is changed.")


@post(f"{PAGE}/{{channel:str}}/preview", status_code=200)
async def preview(
    request: Visit, channel: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[str]:
    """The form as it was sent, and beside it what the channel would say by the templates in it. Nothing is saved."""
    form, found = await read_form(request), await client.channel(channel)
    way = _way(found.kind)
    try:
        said = await client.preview_channel(channel, PreviewChannel(templates=templates(way, form)))
    except Invalid as error:
        return await _form(client, view, found.kind, found, form, Faults(error, _fields(way)), 400)
    return await _form(client, view, found.kind, found, form, Faults(), said=said)


@post(f"{PAGE}/{{channel:str}}/test", status_code=200)
async def test(channel: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    """Sends a message at once; what became of it stands above the list."""
    tried = await client.test_channel(channel)
    return await _list(client, view, Faults(), tested=(await client.channel(channel), tried))


@post(f"{PAGE}/{{channel:str}}/switch")
async def switch(channel: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    """Turns it round: off, or on again."""
    on = not (await client.channel(channel)).enabled
    changed = await client.edit_channel(channel, ChannelPatch(enabled=on))
    return go(PAGE, f"{changed.name} is on again." if on else f"{changed.name} is off: nothing is told on it.")


@post(f"{PAGE}/{{channel:str}}/remove", status_code=200)
async def remove(channel: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    found = await client.channel(channel)
    try:
        await client.remove_channel(channel)
    except Conflict as error:
        return await _list(client, view, Faults(error), status=400)
    return go(PAGE, f"{found.name} is removed.")


async def _list(
    client: Client,
    view: View,
    faults: Faults,
    tested: tuple[Channel, ChannelTest] | None = None,
    status: int = 200,
) -> Response[str]:
    found = (await client.channels()).items
    named = {channel for route in (await client.routes()).items for step in route.steps for channel in step.channels}
    return view.page(
        "channels.html",
        status,
        channels=found,
        states={one.id: channel_state(one, view.reader) for one in found},
        titles={kind: way.title for kind, way in WAYS.items()},
        goes_to=goes_to,
        names={one.id: one.name for one in found},
        named=named | {one.fallback for one in found},
        tested=tested,
        faults=faults,
    )


async def _form(
    client: Client,
    view: View,
    kind: str,
    channel: Channel | None,
    form: Form,
    faults: Faults,
    status: int = 200,
    said: ChannelPreview | None = None,
) -> Response[str]:
    others = [one for one in (await client.channels()).items if channel is None or one.id != channel.id]
    return view.page(
        "channel-form.html",
        status,
        kind=kind,
        kinds=[(key, way.title) for key, way in WAYS.items() if not way.package or find_spec(way.package)],
        way=_way(kind),
        channel=channel,
        others=[("", "None"), *((str(one.id), one.name) for one in others)],
        form=form,
        faults=faults,
        said=said,
        names=NAMES,
    )


def _way(kind: str) -> Way:
    """Of a kind that this console has no fields for, such as one that a newer server made, the settings stay."""
    return WAYS.get(kind, Way(kind, ()))


def _fields(way: Way) -> dict[str, str]:
    return places(way) | _OWN


def _stored(found: Channel) -> Form:
    own = [("name", found.name), ("fallback", str(found.fallback or ""))]
    return Form([*own, *stored(_way(found.kind), found)])


def _fallback(form: Form) -> UUID | None:
    return as_id(form["fallback"], "/fallback") if form["fallback"] else None


ROUTES: list[Any] = [channels, new_page, add, show, edit, preview, test, switch, remove]
