"""`crontopus channels`: the ways by which a tenant is told of its alerts."""

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click
import msgspec

from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.named import named
from crontopus.cli.output import Column, Listing, Out, first
from crontopus.cli.table import Cell
from crontopus.cli.values import LABEL, converted
from crontopus.cli.words import Words, duration
from crontopus.domain.errors import CrontopusError, Invalid
from crontopus.wire.alerts import Channel, ChannelPatch, ChannelPreview, ChannelTest, NewChannel, PreviewChannel

if TYPE_CHECKING:
    from crontopus.client import Client

DELIVERED = "Delivered"
_OUTCOMES = {DELIVERED: "delivered", "TryAgain": "not now", "GiveUp": "refused"}
_which = click.argument("which", metavar="CHANNEL")
_set = click.option(
    "--set",
    "settings",
    type=LABEL,
    multiple=True,
    help="A setting of its kind, such as to=oncall@example.org; a list or an object as in JSON; repeat for several.",
)
_unset = click.option("--unset", multiple=True, metavar="KEY", help="Take this setting away; repeat for several.")
_set_stdin = click.option(
    "--set-stdin", metavar="KEY", help="Read this setting from standard input, as text whatever it is."
)
_template = click.option(
    "--template",
    "templates",
    type=LABEL,
    multiple=True,
    help='Words of its own, such as title="{{ state }}: {{ job_name }}"; text and, of a webhook, body and content_type '
    "likewise; empty: ours.",
)
_fallback = click.option("--fallback", metavar="CHANNEL", help="The channel that tells what this one cannot.")
_enabled = click.option("--enabled/--disabled", default=None, help="Whether it is in use.")


def _state(one: Channel, words: Words) -> Cell:
    if not one.enabled:
        return Cell("off")
    if not one.usable:
        return Cell("not usable: this server cannot send so", "yellow")
    if one.broken_at is not None:
        return Cell(f"broken since {words.instant(one.broken_at)}", "red")
    if one.closed_until is not None and words.now < one.closed_until:
        return Cell(f"resting until {words.instant(one.closed_until)}", "red")
    if one.failures:
        return Cell("failing", "red")
    if one.monthly is not None and one.sent_this_month >= one.monthly:
        return Cell("used up for this month", "red")
    if one.fault:
        return Cell("works, but not its templates", "yellow")
    return Cell("works", "green") if one.delivered_at else Cell("not tried yet")


CHANNELS = Listing(
    Channel,
    (
        Column("channel", lambda one, words: one.name),
        Column("kind", lambda one, words: one.kind),
        Column("state", _state),
        Column("delivered", lambda one, words: words.about(one.delivered_at)),
        Column("id", lambda one, words: str(one.id)),
    ),
)


def _card(ways: dict[UUID, str], one: Channel, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "channel", one.name
    yield "id", str(one.id)
    yield "kind", one.kind
    yield "state", _state(one, words)
    yield "why", one.why
    for name, value in one.settings.items():
        yield name, value if isinstance(value, str) else msgspec.json.encode(value).decode()
    for name in one.hidden:
        yield name, "kept, and not shown"
    for name, text in one.templates.items():
        yield f"template {name}", text
    yield "fault", one.fault
    yield "this month", "" if one.monthly is None else f"{one.sent_this_month} of {one.monthly} messages"
    yield "fallback", ways.get(one.fallback, str(one.fallback)) if one.fallback else ""
    yield "delivered", words.instant(one.delivered_at) if one.delivered_at else ""
    yield "failures", f"{one.failures} in a row" if one.failures else ""
    yield "since", words.about(one.created_at)


def _previewed(one: ChannelPreview, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "of", f"the alert {one.alert}" if one.alert else "an alert that never was, as there is none yet"
    yield "title", one.title
    yield "text", one.text
    yield "type", one.content_type
    yield "body", one.body


def _tried(one: ChannelTest, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "outcome", Cell(_OUTCOMES.get(one.outcome, one.outcome), "green" if one.outcome == DELIVERED else "red")
    yield "why", one.why
    yield "status", "" if one.status is None else str(one.status)
    yield "took", duration(round(one.took, 3))
    yield "title", one.title
    yield "text", one.text


async def listed(client: "Client") -> list[Channel]:
    return (await client.channels()).items


async def find(client: "Client", which: str) -> Channel:
    """By name or id. Raises NotFound."""
    return named(which, await listed(client), "channel")


def names(known: Iterable[Channel]) -> dict[UUID, str]:
    return {one.id: one.name for one in known}


def _settings(typed: Iterable[tuple[str, str]], from_stdin: str | None) -> dict[str, Any]:
    """As the API takes them. Raises Invalid."""
    settings: dict[str, Any] = {}
    for key, text in typed:
        if key in settings or key == from_stdin:
            raise Invalid(f"the setting {key!r} is given twice")
        settings[key] = _value(text)
    return settings | ({from_stdin: _read(from_stdin)} if from_stdin else {})


def _value(text: str) -> Any:
    """A list or an object, where it is one in JSON; else the text, of which the server makes what the setting is."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text
    return value if isinstance(value, list | dict) else text


def _read(key: str) -> str:
    try:
        found = sys.stdin.read().strip()
    except UnicodeDecodeError:
        raise Invalid(f"what came on standard input for {key!r} is not text in UTF-8") from None
    if not found:
        raise Invalid(f"nothing came on standard input: --set-stdin {key} reads it there")
    return found


@click.group(short_help="Channels: the ways by which people are told.")
def channels() -> None:
    """Channels: the ways by which people are told. CHANNEL is its name or id."""


@channels.command("list")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0: all.")
@connected
async def list_channels(client: "Client", out: Out, limit: int) -> None:
    """List the channels of this tenant, by name."""
    out.many(first(await listed(client), limit), CHANNELS)


@channels.command()
@_which
@connected
async def show(client: "Client", out: Out, which: str) -> None:
    """Show a channel; never the settings that open something."""
    known = await listed(client)
    found = await client.channel(named(which, known, "channel").id)
    out.one(found, partial(_card, names(known)))


@channels.command()
@click.argument("name")
@click.option("--kind", required=True, metavar="KIND", help="What it sends by: email and the like.")
@_set
@_set_stdin
@_template
@_fallback
@_enabled
@connected
async def create(
    client: "Client",
    out: Out,
    name: str,
    kind: str,
    settings: tuple[tuple[str, str], ...],
    set_stdin: str | None,
    templates: tuple[tuple[str, str], ...],
    fallback: str | None,
    enabled: bool | None,
) -> None:
    """Make a channel. Nothing is told on it before a route names it."""
    fields: dict[str, Any] = {"name": name, "kind": kind, "settings": _settings(settings, set_stdin)}
    if templates:
        fields["templates"] = dict(templates)
    if fallback is not None:
        fields["fallback"] = (await find(client, fallback)).id
    if enabled is not None:
        fields["enabled"] = enabled
    made = await client.add_channel(converted(fields, NewChannel))
    out.said(f"{made.name} is there; nothing is told on it before a route names it", made)


@channels.command()
@_which
@click.option("--name", help="What it is called from now on.")
@_set
@_set_stdin
@_template
@_unset
@_fallback
@click.option("--no-fallback", is_flag=True, help="Nothing tells what it cannot.")
@_enabled
@connected
async def edit(
    client: "Client",
    out: Out,
    which: str,
    name: str | None,
    settings: tuple[tuple[str, str], ...],
    set_stdin: str | None,
    templates: tuple[tuple[str, str], ...],
    unset: tuple[str, ...],
    fallback: str | None,
    no_fallback: bool,
    enabled: bool | None,
) -> None:
    """Change a channel. What is not named stays, among its settings, too."""
    if fallback is not None and no_fallback:
        raise click.UsageError("choose one of --fallback and --no-fallback")
    known = await listed(client)
    changed_settings = dict.fromkeys(unset) | _settings(settings, set_stdin)
    given = {
        "name": name,
        "enabled": enabled,
        "settings": changed_settings or None,
        "templates": dict(templates) or None,
    }
    fields: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    if fallback is not None or no_fallback:
        fields["fallback"] = None if fallback is None else named(fallback, known, "channel").id
    if not fields:
        raise click.UsageError("say what to change")
    changed = await client.edit_channel(named(which, known, "channel").id, converted(fields, ChannelPatch))
    out.said(f"{changed.name} is changed: {_state(changed, out.words).text}", changed)


@channels.command()
@_which
@yes_option
@connected
async def remove(client: "Client", out: Out, which: str, yes: bool) -> None:
    """Remove a channel. What waits for it is not sent."""
    found = await find(client, which)
    confirm(f"Remove {found.name}, and send nothing that waits for it?", yes)
    await client.remove_channel(found.id)
    out.said(f"{found.name} is removed", found)


@channels.command()
@_which
@_template
@connected
async def preview(client: "Client", out: Out, which: str, templates: tuple[tuple[str, str], ...]) -> None:
    """Show what a channel would say of the newest alert, also with templates that are not saved. Nothing is sent."""
    found = await find(client, which)
    out.one(await client.preview_channel(found.id, PreviewChannel(templates=dict(templates))), _previewed)


@channels.command()
@_which
@connected
async def test(client: "Client", out: Out, which: str) -> None:
    """Send a message on a channel, once, to see whether it arrives. Exit code 1 where it is not taken."""
    found = await find(client, which)
    tested = await client.test_channel(found.id)
    out.one(tested, _tried)
    if tested.outcome != DELIVERED:
        raise CrontopusError(f"{found.name} did not take it: {tested.why}")
