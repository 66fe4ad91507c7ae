"""`crontopus notifications`: messages about alerts, and what became of each."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from crontopus.cli import channels
from crontopus.cli.call import connected
from crontopus.cli.output import Column, Form, Listing, Out, gathered
from crontopus.cli.table import Cell
from crontopus.cli.words import Words, duration
from crontopus.domain.routing import MessageState
from crontopus.wire.alerts import Attempt, Notification, NotificationDetail

if TYPE_CHECKING:
    from crontopus.client import Client

_COLOURS = {MessageState.DELIVERED: "green", MessageState.WAITING: "yellow", MessageState.DEAD: "red"}
_which = click.argument("which", metavar="ID")


def _channel(one: Notification) -> str:
    return one.channel_name or f"{one.channel} (gone)"


def _state(one: Notification) -> Cell:
    doubt = one.arrived and one.state is not MessageState.DELIVERED
    return Cell(f"{one.state} (may have arrived)" if doubt else one.state.value, _COLOURS.get(one.state, ""))


_COLUMNS: tuple[Column[Notification], ...] = (
    Column("id", lambda one, words: str(one.id)),
    Column("channel", lambda one, words: _channel(one)),
    Column("says", lambda one, words: one.kind.value),
    Column("state", lambda one, words: _state(one)),
    Column("made", lambda one, words: words.about(one.made_at)),
    Column("tries", lambda one, words: str(one.tries)),
    Column("next try", lambda one, words: words.about(one.next_at)),
    Column("why", lambda one, words: one.why),
)
OF_ALERT = Listing(Notification, _COLUMNS)
NOTIFICATIONS = Listing(Notification, (_COLUMNS[0], Column("alert", lambda one, words: str(one.alert)), *_COLUMNS[1:]))
ATTEMPTS = Listing(
    Attempt,
    (
        Column("tried", lambda one, words: words.about(one.at)),
        Column("took", lambda one, words: duration(one.took)),
        Column("outcome", lambda one, words: one.outcome),
        Column("status", lambda one, words: "" if one.status is None else str(one.status)),
        Column("sent", lambda one, words: one.request),
        Column("answer", lambda one, words: one.response),
    ),
)


def _card(detail: NotificationDetail, words: Words) -> Iterator[tuple[str, str | Cell]]:
    one = detail.notification
    yield "id", str(one.id)
    yield "alert", str(one.alert)
    yield "channel", _channel(one)
    yield "says", one.kind.value
    yield "number", str(one.number)
    yield "state", _state(one)
    yield "why", one.why
    yield "made", words.instant(one.made_at)
    yield "tries", str(one.tries)
    yield "next try", words.instant(one.next_at) if one.next_at else ""
    yield "settled", words.instant(one.settled_at) if one.settled_at else ""


@click.group(short_help="Messages about alerts, and what became of each.")
def notifications() -> None:
    """Messages about alerts, and what became of each. ID is what `notifications list` shows."""


@notifications.command("list")
@click.option("--status", type=click.Choice([each.value for each in MessageState]), help="Only those in this state.")
@click.option("--channel", metavar="CHANNEL", help="Only those to this channel, named by name or id.")
@click.option("--alert", metavar="ALERT", default="", help="Only those about this alert.")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
@connected
async def list_notifications(
    client: "Client", out: Out, status: str | None, channel: str | None, alert: str, limit: int
) -> None:
    """List messages, newest first."""
    to = (await channels.find(client, channel)).id if channel is not None else ""
    wanted = partial(client.notifications, status=status or "", channel=to, alert=alert)
    out.many(await gathered(wanted, limit), NOTIFICATIONS)


@notifications.command()
@_which
@connected
async def show(client: "Client", out: Out, which: str) -> None:
    """Show a message, with each try and what was said on both sides."""
    found = await client.notification(which)
    out.one(found, _card)
    if out.form is Form.TABLE and found.attempts:
        out.line()
        out.many(found.attempts, ATTEMPTS)


@notifications.command()
@_which
@connected
async def retry(client: "Client", out: Out, which: str) -> None:
    """Send a message that could not be delivered once more, at once."""
    changed = await client.retry_notification(which)
    out.said(f"the message to {_channel(changed)} is sent again", changed)


@notifications.command()
@_which
@connected
async def discard(client: "Client", out: Out, which: str) -> None:
    """Put away a message that could not be delivered, or that still waits."""
    changed = await client.discard_notification(which)
    out.said(f"the message to {_channel(changed)} is not sent any more", changed)
