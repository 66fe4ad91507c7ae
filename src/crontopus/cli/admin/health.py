"""How the installation is."""

from typing import TYPE_CHECKING

import click

from crontopus.cli.call import connected
from crontopus.cli.output import Column, Listing, Out
from crontopus.cli.table import Cell
from crontopus.domain.errors import CrontopusError
from crontopus.wire.installation import Condition, Vital

if TYPE_CHECKING:
    from crontopus.client import Client

_COLOURS = {Condition.OK: "green", Condition.WARN: "yellow", Condition.BAD: "red"}
VITALS = Listing(
    Vital,
    (
        Column("", lambda vital, words: Cell(vital.condition, _COLOURS[vital.condition])),
        Column("part", lambda vital, words: f"{vital.area} {vital.name}"),
        Column("is", lambda vital, words: vital.told),
        Column("do", lambda vital, words: vital.advice),
    ),
)


@click.command(short_help="How the installation is: exit code 1 where something is bad.")
@connected
async def health(client: "Client", out: Out) -> None:
    """How the installation is, part by part. Exit code 1 where something is bad."""
    found = await client.admin_health()
    out.many(found.items, VITALS)
    if found.condition is Condition.BAD:
        raise CrontopusError("something is bad")


COMMANDS = [health]
