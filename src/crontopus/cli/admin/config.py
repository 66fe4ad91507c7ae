"""The settings of a server that runs."""

from typing import TYPE_CHECKING

import click

from crontopus.cli.call import connected
from crontopus.cli.output import Out
from crontopus.cli.serve import SETTINGS

if TYPE_CHECKING:
    from crontopus.client import Client


@click.command(short_help="The settings that the server runs with, and where each comes from.")
@connected
async def config(client: "Client", out: Out) -> None:
    """The settings that the server runs with, and where each comes from."""
    out.many((await client.admin_config()).items, SETTINGS)


COMMANDS = [config]
