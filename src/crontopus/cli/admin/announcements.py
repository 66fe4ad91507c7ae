"""What people are told by those who run the installation."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from crontopus.cli.admin.tenants import find
from crontopus.cli.call import connected
from crontopus.cli.output import Column, Listing, Out, say
from crontopus.cli.table import Cell
from crontopus.cli.values import WHEN, converted
from crontopus.domain.announcements import Weight
from crontopus.wire.announcements import Announcement, AnnouncementPatch, NewAnnouncement

if TYPE_CHECKING:
    from crontopus.client import Client

ANNOUNCEMENTS = Listing(
    Announcement,
    (
        Column("id", lambda one, words: str(one.id)),
        Column("is", lambda one, words: Cell("shown", "green") if one.active else Cell("not shown", "")),
        Column("severity", lambda one, words: one.severity),
        Column("since", lambda one, words: words.about(one.since)),
        Column("until", lambda one, words: words.about(one.until)),
        Column("to", lambda one, words: f"{len(one.tenants)} tenants" if one.tenants else "everybody"),
        Column("text", lambda one, words: one.text),
    ),
)
_which = click.argument("which", metavar="ID")
_severity = click.option("--severity", type=click.Choice([one.value for one in Weight]), help="How much it matters.")
_since = click.option("--since", type=WHEN, help="When it begins to be shown; now, where it is not said.")
_until = click.option("--until", type=WHEN, help="When it ends; where it is not said, once it is deleted.")
_tenants = click.option("--tenant", "tenants", multiple=True, help="Only to the people of this one; more than once.")


@click.group("announcements", short_help="What people are told on every page.")
def announcements() -> None:
    """What people are told on every page of the console."""


@announcements.command("list")
@connected
async def list_announcements(client: "Client", out: Out) -> None:
    """List them, newest first, also those that are over."""
    out.many((await client.admin_announcements()).items, ANNOUNCEMENTS)


@announcements.command()
@click.argument("text")
@_severity
@_since
@_until
@_tenants
@connected
async def create(client: "Client", out: Out, tenants: tuple[str, ...], **options: Any) -> None:
    """Tell everybody TEXT, or the people of some tenants."""
    made = await client.announce(converted(await _given(client, tenants, options), NewAnnouncement))
    out.said(f"{made.id} is {'shown' if made.active else 'shown later'}", made)


@announcements.command()
@_which
@click.option("--text", help="What it says from now on; it is shown again to those who had put it away.")
@_severity
@_since
@_until
@_tenants
@connected
async def edit(client: "Client", out: Out, which: str, tenants: tuple[str, ...], **options: Any) -> None:
    """Change one. What is not named stays."""
    changed = await client.edit_announcement(
        which, converted(await _given(client, tenants, options), AnnouncementPatch)
    )
    out.said(f"{changed.id} is changed", changed)


@announcements.command()
@_which
@connected
async def delete(client: "Client", _: Out, which: str) -> None:
    """Delete one: nobody sees it any more."""
    await client.delete_announcement(which)
    say("it is gone")


async def _given(
    client: "Client", tenants: tuple[str, ...], options: dict[str, str | datetime | None]
) -> dict[str, str | datetime | list[UUID]]:
    said: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    return said | ({"tenants": [(await find(client, one)).id for one in tenants]} if tenants else {})


COMMANDS = [announcements]
