"""`crontopus routes`: whom the alerts of a tenant are told to, and when."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from crontopus.cli import channels
from crontopus.cli import hours as of_week
from crontopus.cli.alerts import held
from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.completion import JOB
from crontopus.cli.named import named
from crontopus.cli.output import Column, Form, Listing, Out, first
from crontopus.cli.table import Cell
from crontopus.cli.values import DURATION, WHEN, converted
from crontopus.cli.words import duration
from crontopus.domain.alerts import AlertClass, Severity
from crontopus.domain.duration import parse
from crontopus.domain.errors import Invalid
from crontopus.domain.routing import Also, Verdict
from crontopus.wire.alerts import Channel, Explain, ExplainedLine, NewRoute, Route, RoutePatch, RouteStep, ShownStep

if TYPE_CHECKING:
    from crontopus.client import Client

INDENT = "  "
_COLOURS = {Verdict.DUE: "green", Verdict.LATER: "blue", Verdict.OFF: "red"}
_which = click.argument("which", metavar="ROUTE")


class StepValue(click.ParamType[tuple[float, str]]):
    """`CHANNEL,CHANNEL`, or `15m:CHANNEL,CHANNEL`: after so many seconds, and the channels as they were typed."""

    name = "[after:]channels"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, str]:
        before, colon, rest = str(value).partition(":")
        after, ways = 0.0, str(value)
        if colon:
            with suppress(Invalid):  # Then the colon is in the name of a channel.
                after, ways = parse(before).total_seconds(), rest
        if not all(each.strip() for each in ways.split(",")):
            self.fail(f"{value!r} names no channel: write CHANNEL,CHANNEL or 15m:CHANNEL,CHANNEL", param, ctx)
        return after, ways


_DETAILS: tuple[Callable[[Any], Any], ...] = (
    click.option("--below", metavar="ROUTE", help="The route below which it stands, named by name or id."),
    click.option("--place", type=click.IntRange(0, 10_000), help="Its order among those beside it."),
    click.option("--match", "matcher", metavar="QUERY", help="Which alerts: 'ns:prod severity:critical -tag:test'."),
    click.option(
        "--tell",
        "steps",
        type=StepValue(),
        multiple=True,
        help="Channels by name or id, 'Ops,Pager', at once, or after a while: '15m:Boss'; repeat for several steps.",
    ),
    click.option("--repeat", type=DURATION, help="How often it is told again: 4h."),
    click.option(
        "--continue/--no-continue", "proceeds", default=None, help="Whether the routes after it are tried as well."
    ),
    click.option(
        "--group-by", multiple=True, metavar="FIELD", help="Told together: ns, job, class, label:KEY …; repeatable."
    ),
    of_week.hours_options("When it tells: 'mon-fri 08:00-18:00', or each day: '08:00-18:00'; repeat for several."),
    click.option("--group-wait", type=DURATION, help="How long a group waits for more before it is told."),
    click.option("--group-interval", type=DURATION, help="How long after it was told a group waits for more."),
    click.option(
        "--also",
        type=click.Choice([each.value for each in Also]),
        multiple=True,
        help="What it tells besides beginning, reminders and end; repeat for several.",
    ),
)
_WITHOUT = {
    "repeat": "It is told once.",
    "tell": "The steps of its parent hold.",
    "group-by": "Each is told alone.",
    "hours": "It tells at any time.",
    "also": "It tells of beginning, reminders and end alone.",
}


def _detailed(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_DETAILS):
        command = option(command)
    return command


def _without(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, help in reversed(_WITHOUT.items()):
        command = click.option(f"--no-{name}", is_flag=True, help=help)(command)
    return command


async def _given(
    client: "Client", known: Sequence[Route], below: str | None, options: dict[str, Any]
) -> dict[str, Any]:
    """What was said, as the API takes it; what was not is absent."""
    timezone = options.pop("timezone")
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    given = {name: value for name, value in given.items() if value not in (None, [])}
    if "hours" in given:
        given["hours"] = of_week.weekly(given["hours"], timezone)
    elif timezone is not None:
        raise click.UsageError("--timezone goes with --hours")
    if "proceeds" in given:
        given["continue"] = given.pop("proceeds")
    if "steps" in given:
        ways = await channels.listed(client)
        given["steps"] = [RouteStep(channels=_ways(typed, ways), after=after) for after, typed in given["steps"]]
    if below is not None:
        given["parent"] = named(below, known, "route").id
    return given


def _ways(typed: str, known: Sequence[Channel]) -> list[UUID]:
    """A name may hold commas; where it does and is meant, it stands alone. Raises NotFound."""
    alone = any(typed == one.name for one in known)
    return [named(each.strip(), known, "channel").id for each in ([typed] if alone else typed.split(","))]


def _in_order(routes: Sequence[Route], parent: UUID | None = None, depth: int = 0) -> Iterator[tuple[Route, int]]:
    """Each with how deep it stands, and below it, in their order, those that stand there."""
    for one in routes:
        if one.parent == parent:
            yield one, depth
            yield from _in_order(routes, one.id, depth + 1)


def _tree(depths: Mapping[UUID, int], ways: Mapping[UUID, str]) -> Listing[Route]:
    return Listing(
        Route,
        (
            Column("route", lambda one, words: INDENT * depths[one.id] + one.name),
            Column("matches", lambda one, words: one.matcher or "everything"),
            Column("tells", lambda one, words: _steps(one, ways)),
            Column("again", lambda one, words: "no" if one.repeat is None else f"every {duration(one.repeat)}"),
            Column("besides", lambda one, words: _besides(one)),
            Column("id", lambda one, words: str(one.id)),
        ),
    )


def _steps(one: Route, ways: Mapping[UUID, str]) -> str:
    if not one.steps:
        return "nobody" if one.parent is None else "as above"
    return "; ".join(_step(step, ways) for step in one.steps)


def _step(step: ShownStep, ways: Mapping[UUID, str]) -> str:
    told = ", ".join(ways.get(each, f"{each} (gone)") for each in step.channels) or "nobody"
    return f"after {duration(step.after)}: {told}" if step.after else told


def _besides(one: Route) -> str:
    """In the words of the options."""
    parts = ["continues"] if one.proceeds else []
    parts += [f"grouped by {', '.join(one.group_by)}"] if one.group_by else []
    parts += [f"also {', '.join(one.also)}"] if one.also else []
    return "; ".join([*parts, *([f"only {of_week.in_words(one.hours)}"] if one.hours else [])])


def _explained(ways: Mapping[UUID, str]) -> Listing[ExplainedLine]:
    def channel(one: ExplainedLine) -> str:
        name = one.channel_name or f"{one.channel} (gone)"
        return f"{name}, in place of {ways.get(one.fallback_of, one.fallback_of)}" if one.fallback_of else name

    return Listing(
        ExplainedLine,
        (
            Column("route", lambda one, words: one.route_name),
            Column("step", lambda one, words: str(one.step + 1)),
            Column("channel", lambda one, words: channel(one)),
            Column("verdict", lambda one, words: Cell(one.verdict.value, _COLOURS.get(one.verdict, ""))),
            Column("at", lambda one, words: words.instant(one.at)),
        ),
    )


async def _routes(client: "Client") -> list[Route]:
    return (await client.routes()).items


@click.group(short_help="Routes: whom alerts are told to, and when.")
def routes() -> None:
    """Routes: whom alerts are told to, and when. ROUTE is its name or id.

    They are a tree: an alert goes down it to the first route that matches, and on where that one continues.
    """


@routes.command("list")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0: all.")
@connected
async def list_routes(client: "Client", out: Out, limit: int) -> None:
    """List the routes of this tenant as the tree that they are."""
    placed = list(_in_order(await _routes(client)))
    ways = channels.names(await channels.listed(client))
    out.many(first([one for one, _ in placed], limit), _tree({one.id: depth for one, depth in placed}, ways))


@routes.command()
@click.argument("name")
@_detailed
@connected
async def create(client: "Client", out: Out, name: str, below: str | None, **options: Any) -> None:
    """Make a route below another, or below the root. Without --tell the steps of its parent hold."""
    given = await _given(client, await _routes(client) if below else (), below, options)
    made = await client.add_route(converted({"name": name, **given}, NewRoute))
    out.said(f"{made.name} is there: {made.id}", made)


@routes.command()
@_which
@click.option("--name", help="What it is called from now on.")
@_detailed
@_without
@connected
async def edit(
    client: "Client",
    out: Out,
    which: str,
    below: str | None,
    no_repeat: bool,
    no_tell: bool,
    no_group_by: bool,
    no_hours: bool,
    no_also: bool,
    **options: Any,
) -> None:
    """Change a route. What is not named stays; --tell, --group-by, --hours and --also replace all that there were."""
    known = await _routes(client)
    given = await _given(client, known, below, options)
    emptied = {"repeat": no_repeat, "steps": no_tell, "group_by": no_group_by, "hours": no_hours, "also": no_also}
    for field in (field for field, wanted in emptied.items() if wanted):
        if field in given:
            option = {"steps": "tell"}.get(field, field).replace("_", "-")
            raise click.UsageError(f"choose one of --{option} and --no-{option}")
        given[field] = None if field in ("repeat", "hours") else []
    if not given:
        raise click.UsageError("say what to change")
    changed = await client.edit_route(named(which, known, "route").id, converted(given, RoutePatch))
    out.said(f"{changed.name} is changed", changed)


@routes.command()
@_which
@yes_option
@connected
async def remove(client: "Client", out: Out, which: str, yes: bool) -> None:
    """Remove a route. What it took goes where the rest of the tree sends it."""
    found = named(which, await _routes(client), "route")
    confirm(f"Remove {found.name}?", yes)
    await client.remove_route(found.id)
    out.said(f"{found.name} is removed", found)


@routes.command()
@click.argument("job", type=JOB)
@click.option(
    "--class",
    "cls",
    type=click.Choice([each.value for each in AlertClass]),
    default=AlertClass.FAILED.value,
    show_default=True,
    help="What would be wrong with it.",
)
@click.option("--severity", type=click.Choice([each.value for each in Severity]), help="How grave; else the job's own.")
@click.option("--at", type=WHEN, help="An instant, or 2h from now; else now.")
@connected
async def explain(client: "Client", out: Out, job: str, cls: str, severity: str | None, at: datetime | None) -> None:
    """Say who would be told if JOB got into trouble, and when. Nobody is told."""
    asked = converted({"job": job, "class": cls, "severity": severity, "at": at}, Explain)
    found = await client.explain_routes(asked)
    if out.form in (Form.JSON, Form.YAML):
        return out.raw(found)
    if found.holders:
        out.line(f"nobody would be told: it would be held by {held(found.holders, out.words)}")
    elif not found.lines:
        out.line("nobody would be told")
    out.many(found.lines, _explained(channels.names(await channels.listed(client))))
