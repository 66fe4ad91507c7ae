"""Who calls, and when nobody watched."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from crontopus.cli.call import connected
from crontopus.cli.output import Column, Listing, Out, gathered
from crontopus.cli.table import Cell
from crontopus.cli.words import Words
from crontopus.wire.accounts import Me
from crontopus.wire.runs import Gap

if TYPE_CHECKING:
    from crontopus.client import Client

GAPS = Listing(
    Gap,
    (
        Column("since", lambda gap, words: words.instant(gap.since)),
        Column("until", lambda gap, words: words.instant(gap.until)),
        Column("cause", lambda gap, words: gap.cause),
        Column("silent", lambda gap, words: " ".join(f"{job.namespace}/{job.slug}" for job in gap.silent)),
    ),
)


def _card(me: Me, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "e-mail", me.email or ""
    yield "token", str(me.token or "")
    yield "tenant", me.tenant
    yield "role", str(me.role or "")
    yield "only in", " ".join(me.namespaces or ())
    yield "may", " ".join(me.scopes)


@click.command(short_help="Show who the server takes you for, and what you may do.")
@connected
async def me(client: "Client", out: Out) -> None:
    """Show who the server takes you for, and what you may do."""
    out.one(await client.me(), _card)


@click.command(short_help="Times in which nobody watched.")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
@connected
async def gaps(client: "Client", out: Out, limit: int) -> None:
    """Times in which nobody watched, newest first, and the jobs that were silent then."""
    out.many(await gathered(client.gaps, limit), GAPS)
