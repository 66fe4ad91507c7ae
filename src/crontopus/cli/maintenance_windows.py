"""`crontopus maintenance-windows`: times known beforehand in which nobody is told of alerts."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from crontopus.cli import holding
from crontopus.cli import hours as of_week
from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.named import named
from crontopus.cli.output import Column, Listing, Out, first
from crontopus.cli.table import Cell
from crontopus.cli.values import DURATION, WHEN, converted
from crontopus.cli.words import Words, duration
from crontopus.wire.silences import NewWindow, Window, WindowPatch, WindowTimes

if TYPE_CHECKING:
    from crontopus.client import Client

_DETAILS: tuple[Callable[[Any], Any], ...] = (
    holding.match_option,
    click.option("--from", "since", type=WHEN, help="Once: when it begins, an instant or 2h from now; else now."),
    click.option("--to", "until", type=WHEN, help="Once: when it ends."),
    of_week.hours_options("Every week: 'sat,sun 22:00-06:00', or each day: '22:00-06:00'; repeat for several."),
    click.option("--cron", metavar="LINE", help="Again and again: when it begins, '0 2 * * 2#2'."),
    click.option("--for", "lasts", type=DURATION, help="How long it lasts from --cron or --from on: 3h."),
    click.option("--enabled/--disabled", default=None, help="Whether it holds anything."),
)
_which = click.argument("which", metavar="WINDOW")


def _detailed(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_DETAILS):
        command = option(command)
    return command


def _given(out: Out, options: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What was said, as the API takes it; what was not is absent. Raises UsageError."""
    plain = {name: options.pop(name) for name in ("matcher", "enabled")}
    fields = more | plain | {"times": _times(out.words.now, **options)}
    return {name: value for name, value in fields.items() if value is not None}


def _times(
    now: datetime,
    *,
    since: datetime | None,
    until: datetime | None,
    lasts: float | None,
    hours: Sequence[dict[str, Any]],
    timezone: str | None,
    cron: str | None,
) -> dict[str, Any] | None:
    """As the API takes them; None where none are named."""
    if [since is not None or until is not None, bool(hours), cron is not None].count(True) > 1:
        raise click.UsageError("choose one of --from and --to, --hours, and --cron")
    if hours:
        if lasts is not None:
            raise click.UsageError("--for goes with --cron or --from: --hours say themselves how long")
        return {"weekly": of_week.weekly(hours, timezone)}
    if cron is not None:
        if lasts is None:
            raise click.UsageError("say how long it lasts: --for 3h")
        return {"cron": {"cron": cron, "duration": lasts, "timezone": of_week.zone(timezone)}}
    if timezone is not None:
        raise click.UsageError("--timezone goes with --hours and --cron: an instant has an offset of its own")
    return _once(since or now, until, lasts) if since or until or lasts is not None else None


def _once(since: datetime, until: datetime | None, lasts: float | None) -> dict[str, Any]:
    end = holding.end(lasts, until, since, "--to")
    if end is None:
        raise click.UsageError("say when it ends: --to, or --for 3h")
    return {"once": {"from": since, "to": end}}


def _in_words(times: WindowTimes, words: Words) -> str:
    if times.once is not None:
        return holding.stretch(times.once.since, times.once.until, words)
    if times.weekly is not None:
        return of_week.in_words(times.weekly)
    assert times.cron is not None  # noqa: S101 # it is exactly one of the three
    return f"{duration(float(times.cron.duration))} from {times.cron.cron!r} on, {times.cron.timezone}"


def _state(one: Window) -> Cell:
    if not one.enabled:
        return Cell("off")
    if one.holds:
        return Cell("holds", "yellow")
    return Cell("waits" if one.upcoming else "over")


def _next(one: Window, words: Words) -> str:
    begins = (each.since for each in one.upcoming if each.since is not None and each.since > words.now)
    return words.about(next(begins, None))


WINDOWS = Listing(
    Window,
    (
        Column("window", lambda one, words: one.name),
        Column("matches", lambda one, words: one.matcher or "everything"),
        Column("when", lambda one, words: _in_words(one.times, words)),
        Column("state", lambda one, words: _state(one)),
        Column("next", _next),
        Column("id", lambda one, words: str(one.id)),
    ),
)


async def _find(client: "Client", which: str) -> Window:
    """By name or id. Raises NotFound."""
    return named(which, (await client.maintenance_windows()).items, "maintenance window")


async def _said(client: "Client", out: Out, one: Window, done: str) -> None:
    hidden = await client.preview_silence(one.matcher)
    out.said(f"{one.name} {done}: while it holds it {holding.counted(hidden)}", one)


@click.group(short_help="Maintenance windows: times in which nobody is told.")
def maintenance_windows() -> None:
    """Maintenance windows: times in which nobody is told. WINDOW is its name or id.

    Alerts open and are shown all the same, and what is still open at the end is told then.
    """


@maintenance_windows.command("list")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0: all.")
@connected
async def list_windows(client: "Client", out: Out, limit: int) -> None:
    """List maintenance windows, by name."""
    out.many(first((await client.maintenance_windows()).items, limit), WINDOWS)


@maintenance_windows.command()
@click.argument("name")
@_detailed
@connected
async def add(client: "Client", out: Out, name: str, **options: Any) -> None:
    """Plan maintenance: once, in hours of each week, or for a while from each time of a cron line.

    \b
    once:        --from 2027-01-09T22:00 --to 2027-01-10T06:00
    every week:  --hours "sat,sun 22:00-06:00" --timezone Europe/Berlin
    patch day:   --cron "0 2 * * 2#2" --for 3h --timezone Europe/Berlin
    """
    given = _given(out, options, name=name)
    if "times" not in given:
        raise click.UsageError("say when: --from and --to, --hours, or --cron and --for")
    await _said(client, out, await client.add_maintenance_window(converted(given, NewWindow)), "is planned")


@maintenance_windows.command()
@_which
@click.option("--name", help="What it is called from now on.")
@_detailed
@connected
async def edit(client: "Client", out: Out, which: str, name: str | None, **options: Any) -> None:
    """Change a maintenance window. What is not named stays; its times are replaced as a whole."""
    given = _given(out, options, name=name)
    if not given:
        raise click.UsageError("say what to change")
    found = await _find(client, which)
    changed = await client.edit_maintenance_window(found.id, converted(given, WindowPatch))
    await _said(client, out, changed, "is changed")


@maintenance_windows.command()
@_which
@yes_option
@connected
async def remove(client: "Client", out: Out, which: str, yes: bool) -> None:
    """Remove a maintenance window: what it holds is told, if nothing else holds it."""
    found = await _find(client, which)
    confirm(f"Remove {found.name}?", yes)
    await client.remove_maintenance_window(found.id)
    out.said(f"{found.name} is removed", found)


@maintenance_windows.command()
@click.argument("which", metavar="[WINDOW]", required=False)
@holding.match_option
@connected
async def preview(client: "Client", out: Out, which: str | None, matcher: str | None) -> None:
    """Show what a maintenance window hides and when it does next; or what one of --match would hide."""
    if (which is None) == (matcher is None):
        raise click.UsageError("give either a WINDOW or --match")
    if which is not None:
        found = await _find(client, which)
        matcher = found.matcher
        for one in found.upcoming:
            out.line(holding.stretch(one.since, one.until, out.words))
    holding.show_hidden(out, await client.preview_silence(matcher or ""))
