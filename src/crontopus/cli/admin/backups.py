"""Backups that the server makes of itself."""

from typing import TYPE_CHECKING

import click

from crontopus.cli.call import connected
from crontopus.cli.output import Column, Listing, Out
from crontopus.cli.table import Cell
from crontopus.wire.backups import MadeBackup

if TYPE_CHECKING:
    from crontopus.client import Client


def _state(one: MadeBackup) -> Cell:
    if one.ok is None:
        return Cell("being made", "yellow")
    return Cell("whole", "green") if one.ok else Cell("failed", "red")


BACKUPS = Listing(
    MadeBackup,
    (
        Column("asked", lambda one, words: words.about(one.asked_at)),
        Column("by", lambda one, words: one.asked_by),
        Column("is", lambda one, words: _state(one)),
        Column("bytes", lambda one, words: f"{one.size_bytes:,}" if one.ok else ""),
        Column("file", lambda one, words: one.file or one.why),
    ),
)


@click.group("backups", short_help="Backups that the server makes of itself.")
def backups() -> None:
    """Backups that the server makes of itself, on the schedule of its settings `backup_…`."""


@backups.command("list")
@connected
async def list_backups(client: "Client", out: Out) -> None:
    """List them, newest first; each was read back as soon as it was made."""
    out.many((await client.admin_backups()).items, BACKUPS)


@backups.command()
@connected
async def run(client: "Client", out: Out) -> None:
    """Ask for one. It is made in the background within seconds."""
    out.said("a backup is being made; see `crontopus admin backups list`", await client.make_backup())


COMMANDS = [backups]
