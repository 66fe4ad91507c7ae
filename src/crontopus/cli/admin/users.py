"""Everybody who has an account on the installation."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.output import Column, Form, Listing, Out, gathered, say
from crontopus.cli.table import Cell
from crontopus.cli.words import Words
from crontopus.domain.access import SystemRole
from crontopus.domain.errors import NotFound
from crontopus.wire.installation import User, UserPatch

if TYPE_CHECKING:
    from crontopus.client import Client

NONE = "none"
USERS = Listing(
    User,
    (
        Column("person", lambda user, words: user.email),
        Column("name", lambda user, words: user.name),
        Column("runs", lambda user, words: str(user.system_role or "")),
        Column("second factor", lambda user, words: "yes" if user.second_factor else "no"),
        Column("seen", lambda user, words: words.about(user.seen_at)),
        Column("state", lambda user, words: "disabled" if user.disabled_at else ""),
    ),
)
_who = click.argument("who", metavar="PERSON")


def _card(user: User, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "person", user.email
    yield "name", user.name
    yield "id", str(user.id)
    yield "runs the installation as", str(user.system_role or "")
    yield "disabled", words.about(user.disabled_at)
    yield "second factor", "yes" if user.second_factor else "no"
    yield "sessions", str(user.sessions)
    yield "seen", words.about(user.seen_at)
    yield "since", words.about(user.created_at)
    for one in user.tenants or ():
        yield "belongs to", f"{one.name} as {one.role}"


async def _find(client: "Client", who: str) -> User:
    """By e-mail address or id. Raises NotFound."""
    if "@" not in who:
        return await client.admin_user(who)
    page = await client.admin_users(q=who.lower())
    found = next((one for one in page.items if one.email == who.lower()), None)
    if found is None:
        raise NotFound(f"nobody here has the address {who}")
    return found


@click.group("users", short_help="Everybody who has an account: look, disable, reset.")
def users() -> None:
    """Everybody who has an account: look, disable, reset. PERSON is an e-mail address or an id."""


@users.command("list")
@click.option("--q", metavar="TEXT", help="Only those whose address or name holds this.")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0: all.")
@connected
async def list_users(client: "Client", out: Out, q: str | None, limit: int) -> None:
    """List everybody, by address."""
    out.many(await gathered(partial(client.admin_users, q=q), limit), USERS)


@users.command()
@_who
@connected
async def show(client: "Client", out: Out, who: str) -> None:
    """Show somebody, and where they belong."""
    out.one(await client.admin_user((await _find(client, who)).id), _card)


@users.command()
@_who
@click.option(
    "--system-role",
    type=click.Choice([*(role.value for role in SystemRole), NONE]),
    required=True,
    help="What they run it as.",
)
@connected
async def edit(client: "Client", out: Out, who: str, system_role: str) -> None:
    """Let somebody run the installation, or no longer."""
    role = None if system_role == NONE else SystemRole(system_role)
    changed = await client.edit_user((await _find(client, who)).id, UserPatch(system_role=role))
    out.said(f"{changed.email} is {changed.system_role or 'no operator'} now", changed)


@users.command()
@_who
@yes_option
@connected
async def disable(client: "Client", out: Out, who: str, yes: bool) -> None:
    """Let somebody in no longer. Their sessions and own tokens end at once."""
    user = await _find(client, who)
    confirm(f"Disable {user.email}?", yes)
    out.said(f"{user.email} is disabled", await client.disable_user(user.id))


@users.command()
@_who
@connected
async def enable(client: "Client", out: Out, who: str) -> None:
    """Let somebody in again."""
    user = await client.enable_user((await _find(client, who)).id)
    out.said(f"{user.email} may come in again", user)


@users.command("end-sessions")
@_who
@connected
async def end_sessions(client: "Client", out: Out, who: str) -> None:
    """End all sessions and own tokens of somebody."""
    user = await client.end_sessions_of_user((await _find(client, who)).id)
    out.said(f"{user.email} is signed out everywhere", user)


@users.command("reset-factors")
@_who
@yes_option
@connected
async def reset_factors(client: "Client", out: Out, who: str, yes: bool) -> None:
    """Take all second factors of somebody who has lost them. Make sure that it is them who asks."""
    user = await _find(client, who)
    confirm(f"Take all second factors of {user.email}? Their password alone lets them in then.", yes)
    out.said(f"{user.email} has no second factor any more", await client.reset_factors_of_user(user.id))


@users.command("password-link")
@_who
@yes_option
@connected
async def password_link(client: "Client", out: Out, who: str, yes: bool) -> None:
    """Make a link with which somebody chooses a new password: prints it, once. Make sure that it is them who asks."""
    user = await _find(client, who)
    confirm(f"Make a link that opens the account of {user.email}?", yes)
    made = await client.link_for_password(user.id)
    if out.form is not Form.TABLE:
        return out.one(made, lambda made, words: ())
    say(f"Give this to {made.email} and to nobody else. It is not shown again, and opens once within an hour.")
    out.line(made.link)


COMMANDS = [users]
