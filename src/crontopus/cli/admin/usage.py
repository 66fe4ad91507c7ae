"""What all tenants use."""

from functools import partial
from typing import TYPE_CHECKING, get_args

import click

from crontopus.cli.call import connected
from crontopus.cli.output import Column, Listing, Out, gathered
from crontopus.wire.tiers import Sort, TenantRank

if TYPE_CHECKING:
    from crontopus.client import Client

RANKS = Listing(
    TenantRank,
    (
        Column("tenant", lambda one, words: one.name),
        Column("tier", lambda one, words: one.tier_name),
        Column("jobs", lambda one, words: f"{one.jobs:,}"),
        Column("pings", lambda one, words: f"{one.pings:,}"),
        Column("most in a minute", lambda one, words: f"{one.peak_pings:,}"),
        Column("failures", lambda one, words: f"{one.failures:,}"),
        Column("growth", lambda one, words: f"{one.growth_bytes:,}"),
        Column("stored", lambda one, words: f"{one.stored_bytes:,}"),
        Column("not kept", lambda one, words: f"{one.dropped_bytes:,}"),
    ),
)


@click.command("usage")
@click.option("--sort", type=click.Choice(get_args(Sort)), default="pings", help="Those with most of it first.")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0: all.")
@connected
async def usage(client: "Client", out: Out, sort: Sort, limit: int) -> None:
    """List what each tenant uses: bytes and pings of the last seven days, and what is stored of it."""
    out.many(await gathered(partial(client.admin_usage, sort=sort), limit), RANKS)


COMMANDS = [usage]
