"""Who looked at a tenant as one of its members."""

from functools import partial
from typing import TYPE_CHECKING

import click

from crontopus.cli.admin.tenants import find
from crontopus.cli.call import connected
from crontopus.cli.output import Out, gathered, say
from crontopus.cli.tenants import IMPERSONATIONS

if TYPE_CHECKING:
    from crontopus.client import Client


@click.group("impersonations", short_help="Who looked at a tenant as one of its members.")
def impersonations() -> None:
    """Who looked at a tenant as one of its members.

    It begins in the console, at a tenant's page: it is of a session, and needs a password that was just given.
    """


@impersonations.command("list")
@click.option("--tenant", metavar="TENANT", help="Only of this one, by its id or its exact name.")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
@connected
async def list_impersonations(client: "Client", out: Out, tenant: str | None, limit: int) -> None:
    """List them, newest first."""
    which = None if tenant is None else (await find(client, tenant)).id
    out.many(await gathered(partial(client.admin_impersonations, which), limit), IMPERSONATIONS)


@impersonations.command()
@click.argument("which", metavar="ID")
@connected
async def end(client: "Client", _: Out, which: str) -> None:
    """End one at once."""
    await client.end_impersonation(which)
    say("it is over")


COMMANDS = [impersonations]
