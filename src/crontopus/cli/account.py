"""Who calls, and when nobody watched."""

from collections.abc import Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from crontopus.cli.call import Command, connected
from crontopus.cli.output import Column, Listing, Out, gathered, say
from crontopus.cli.table import Cell
from crontopus.cli.tenants import IMPERSONATIONS
from crontopus.cli.words import Words
from crontopus.domain.digest import Every
from crontopus.wire.accounts import Me
from crontopus.wire.announcements import Announced
from crontopus.wire.factors import Factors
from crontopus.wire.people import Digest
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


ANNOUNCED = Listing(
    Announced,
    (
        Column("since", lambda one, words: words.about(one.since)),
        Column("severity", lambda one, words: one.severity),
        Column("text", lambda one, words: one.text),
        Column("id", lambda one, words: str(one.id)),
    ),
)


def _card(me: Me, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "e-mail", me.email or ""
    yield "token", str(me.token or "")
    yield "tenant", me.tenant
    yield "role", str(me.role or "")
    yield "only in", " ".join(me.namespaces or ())
    yield "may", " ".join(me.scopes)


def _alone(command: Command) -> Command:
    """`command`, but where one of the group's own commands follows."""

    @wraps(command)
    def only(**options: Any) -> None:
        if click.get_current_context().invoked_subcommand is None:
            command(**options)

    return only


@click.group(invoke_without_command=True, short_help="Show who the server takes you for, and what you may do.")
@_alone
@connected
async def me(client: "Client", out: Out) -> None:
    """Show who the server takes you for, and what you may do."""
    out.one(await client.me(), _card)


def _factors(held: Factors, words: Words) -> Iterator[tuple[str, str | Cell]]:
    app = held.authenticator
    yield "authenticator app", "none" if app is None else f"since {words.about(app.created_at)}"
    yield "passkeys", ", ".join(one.name for one in held.passkeys) or "none"
    yield "recovery codes", f"{held.recovery_codes} left"
    if held.needed:
        yield "needed", "set one up in the console, under You, Security"


@me.command()
@connected
async def factors(client: "Client", out: Out) -> None:
    """Show your second factors. They are set up in a browser."""
    out.one(await client.factors(), _factors)


def _digest(asked: Digest, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "digest", f"every {asked.every}" if asked.every else "none"
    if asked.next_at is not None:
        yield "next", words.about(asked.next_at)


@me.command()
@click.argument("every", type=click.Choice(["day", "week", "off"]), required=False)
@connected
async def digest(client: "Client", out: Out, every: str | None) -> None:
    """Show or choose how often you are written to about what became of the jobs."""
    if every is None:
        asked = await client.own_digest()
    else:
        asked = await client.ask_for_digest(None if every == "off" else Every(every))
    out.one(asked, _digest)


@me.command()
@connected
async def announcements(client: "Client", out: Out) -> None:
    """List what those who run the installation tell you now."""
    out.many((await client.announcements()).items, ANNOUNCED)


@me.command()
@click.argument("which", metavar="ID")
@connected
async def dismiss(client: "Client", _: Out, which: str) -> None:
    """Put an announcement away."""
    await client.dismiss_announcement(which)
    say("you do not see it any more")


@me.command("impersonations")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
@connected
async def own_impersonations(client: "Client", out: Out, limit: int) -> None:
    """List who of those that run the installation looked at a tenant as you."""
    out.many(await gathered(client.own_impersonations, limit), IMPERSONATIONS)


@click.command(short_help="Times in which nobody watched.")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
@connected
async def gaps(client: "Client", out: Out, limit: int) -> None:
    """Times in which nobody watched, newest first, and the jobs that were silent then."""
    out.many(await gathered(client.gaps, limit), GAPS)
