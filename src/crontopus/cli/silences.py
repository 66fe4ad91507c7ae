"""`crontopus silences`: alerts that nobody is told of until a time."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from crontopus.cli import holding
from crontopus.cli.call import connected
from crontopus.cli.output import Column, Listing, Out, gathered, say
from crontopus.cli.values import WHEN, converted
from crontopus.wire.silences import NewSilence, Silence, SilencePatch

if TYPE_CHECKING:
    from crontopus.client import Client

_which = click.argument("which", metavar="ID")

SILENCES = Listing(
    Silence,
    (
        Column("id", lambda one, words: str(one.id)),
        Column("matches", lambda one, words: one.matcher or "everything"),
        Column("since", lambda one, words: words.about(one.since)),
        Column("until", lambda one, words: words.about(one.until)),
        Column("reason", lambda one, words: one.reason),
        Column("by", lambda one, words: one.made_by),
    ),
)


@click.group(short_help="Silences: alerts that nobody is told of until a time.")
def silences() -> None:
    """Silences: alerts that nobody is told of until a time. ID is what `silences list` shows.

    They open and are shown all the same, and what is still open at the end is told then.
    """


@silences.command("list")
@click.option("--over", is_flag=True, help="Those that are over; else those that are not.")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
@connected
async def list_silences(client: "Client", out: Out, over: bool, limit: int) -> None:
    """List silences, newest first."""
    out.many(await gathered(lambda **page: client.silences(over=over, **page), limit), SILENCES)


@silences.command()
@holding.match_option
@holding.end_options
@click.option("--since", type=WHEN, help="When it begins: an instant, or 2h from now; else now.")
@holding.reason_option
@click.option("--dry-run", is_flag=True, help="Show what it would hide, and silence nothing.")
@connected
async def add(
    client: "Client",
    out: Out,
    matcher: str | None,
    lasts: float | None,
    until: datetime | None,
    since: datetime | None,
    reason: str | None,
    dry_run: bool,
) -> None:
    """Silence the alerts that match, until a time.

    Without --match all of them. It says how many open alerts it hides, and how many jobs could have one.
    """
    ends = holding.end(lasts, until, since or out.words.now)
    hidden = await client.preview_silence(matcher or "")
    if dry_run:
        return holding.show_hidden(out, hidden)
    if ends is None:
        raise click.UsageError("say how long: --for 2h, or --until an instant")
    fields = {"matcher": matcher or "", "since": since, "until": ends, "reason": reason or ""}
    made = await client.add_silence(converted(fields, NewSilence))
    out.said(f"silenced until {out.words.instant(made.until)}: {made.id} {holding.counted(hidden)}", made)


@silences.command()
@_which
@holding.match_option
@holding.end_options
@holding.reason_option
@connected
async def edit(
    client: "Client",
    out: Out,
    which: str,
    matcher: str | None,
    lasts: float | None,
    until: datetime | None,
    reason: str | None,
) -> None:
    """Change a silence that is not over. What is not named stays; --for counts from now."""
    given = {"matcher": matcher, "until": holding.end(lasts, until, out.words.now), "reason": reason}
    fields = {name: value for name, value in given.items() if value is not None}
    if not fields:
        raise click.UsageError("say what to change")
    changed = await client.edit_silence(which, converted(fields, SilencePatch))
    hidden = await client.preview_silence(changed.matcher)
    out.said(f"silenced until {out.words.instant(changed.until)}: {changed.id} {holding.counted(hidden)}", changed)


@silences.command()
@_which
@connected
async def end(client: "Client", _: Out, which: str) -> None:
    """End a silence now: what it holds is told, if nothing else holds it."""
    await client.end_silence(which)
    say("the silence is over: what it held is told, if nothing else holds it")
