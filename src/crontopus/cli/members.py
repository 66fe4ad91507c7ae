"""`crontopus members` and `tenants`: the people of a tenant, what each may do, and who is invited."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.output import Column, Form, Listing, Out, gathered, say
from crontopus.cli.table import Cell
from crontopus.cli.values import converted
from crontopus.cli.words import Words
from crontopus.domain.errors import NotFound
from crontopus.wire.people import Invitation, Mailed, Member, MemberPatch, NewInvitation

if TYPE_CHECKING:
    from crontopus.client import Client

ROLES = ("owner", "admin", "editor", "responder", "viewer", "auditor")
_role = click.option("--role", type=click.Choice(ROLES), help="What they may do.")
_namespaces = click.option("--namespace", "namespaces", multiple=True, metavar="SLUG", help="Only there; repeatable.")


def _reach(one: Member | Invitation) -> str:
    return "all" if one.namespaces is None else " ".join(one.namespaces) or "nothing"


MEMBERS = Listing(
    Member,
    (
        Column("person", lambda member, words: member.email),
        Column("name", lambda member, words: member.name),
        Column("role", lambda member, words: str(member.role)),
        Column("reaches", lambda member, words: _reach(member)),
        Column("second factor", lambda member, words: "yes" if member.second_factor else "no"),
        Column("since", lambda member, words: words.about(member.created_at)),
    ),
)


def _mailed(one: Invitation) -> Cell:
    if one.mailed is None:
        return Cell("no")
    colour = {Mailed.DELIVERED: "green", Mailed.WAITING: "yellow", Mailed.GIVEN_UP: "red"}[one.mailed]
    words = one.mailed.replace("_", " ")
    return Cell(f"{words}: {one.mail_why}" if one.mail_why else words, colour)


INVITATIONS = Listing(
    Invitation,
    (
        Column("address", lambda one, words: one.email),
        Column("role", lambda one, words: str(one.role)),
        Column("reaches", lambda one, words: _reach(one)),
        Column("invited by", lambda one, words: one.invited_by),
        Column("mailed", lambda one, words: _mailed(one)),
        Column("ends", lambda one, words: words.about(one.expires_at)),
    ),
)


def _card(member: Member, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "person", member.email
    yield "name", member.name
    yield "role", str(member.role)
    yield "reaches", _reach(member)
    yield "second factor", "yes" if member.second_factor else "no"
    yield "since", words.about(member.created_at)
    yield "id", str(member.id)


@click.group(short_help="Members: who may do what here.")
def members() -> None:
    """Members: who may do what here."""


@members.command("list")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0: all.")
@connected
async def list_members(client: "Client", out: Out, limit: int) -> None:
    """List the members, by address."""
    out.many(await gathered(client.members, limit), MEMBERS)


@members.command()
@click.argument("who", metavar="PERSON")
@connected
async def show(client: "Client", out: Out, who: str) -> None:
    """Show a member, named by e-mail address or id."""
    out.one(await client.member(await _id(client, who)), _card)


@members.command()
@click.argument("who", metavar="PERSON")
@_role
@_namespaces
@click.option("--everywhere", is_flag=True, help="No longer only in some namespaces.")
@connected
async def edit(
    client: "Client", out: Out, who: str, role: str | None, namespaces: tuple[str, ...], everywhere: bool
) -> None:
    """Change what a member may do. It holds from their next request on."""
    if not (role or namespaces or everywhere):
        raise click.UsageError("say what is to change: --role, --namespace or --everywhere")
    if namespaces and everywhere:
        raise click.UsageError("choose one of --namespace and --everywhere")
    fields: dict[str, Any] = {"role": role} if role else {}
    fields |= {"namespaces": list(namespaces) or None} if namespaces or everywhere else {}
    changed = await client.edit_member(await _id(client, who), converted(fields, MemberPatch))
    out.said(f"{changed.email} is {changed.role} now, and reaches {_reach(changed)}", changed)


@members.command()
@click.argument("who", metavar="PERSON")
@yes_option
@connected
async def remove(client: "Client", out: Out, who: str, yes: bool) -> None:
    """Remove a member. Their sessions here end at once; tokens that they made stay."""
    member = await client.member(await _id(client, who))
    confirm(f"Remove {member.email}, who is {member.role}?", yes)
    await client.remove_member(member.id)
    say(f"removed {member.email}")


@members.command()
@click.argument("email", metavar="ADDRESS")
@_role
@_namespaces
@connected
async def invite(client: "Client", out: Out, email: str, role: str | None, namespaces: tuple[str, ...]) -> None:
    """Invite somebody: prints the link to send them, once, or mails it where the installation sends e-mail. Without
    --role they may look on.
    """
    fields = {"email": email, "role": role or "viewer", "namespaces": list(namespaces)}
    made = await client.invite(converted(fields, NewInvitation))
    if out.form is not Form.TABLE:
        return out.one(made, lambda made, words: ())
    if made.link is None:
        return say(f"the link goes to {made.email} by e-mail, and opens once within seven days")
    say(f"Send this to {made.email} and to nobody else. It is not shown again, and opens once within seven days.")
    out.line(made.link)


@members.command()
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0: all.")
@connected
async def invitations(client: "Client", out: Out, limit: int) -> None:
    """List the invitations that nobody has accepted yet."""
    out.many(await gathered(client.invitations, limit), INVITATIONS)


@members.command()
@click.argument("email", metavar="ADDRESS")
@connected
async def uninvite(client: "Client", out: Out, email: str) -> None:
    """Take an invitation back. Its link opens nothing from then on."""
    found = [one for one in await gathered(client.invitations, 0) if email.lower() in (one.email, str(one.id))]
    if not found:
        raise NotFound(f"nobody of the address {email} is invited")
    await client.uninvite(found[0].id)
    say(f"the invitation of {found[0].email} is taken back")


async def _id(client: "Client", who: str) -> str:
    """Raises NotFound."""
    if "@" not in who:
        return who
    found = [one for one in await gathered(client.members, 0) if one.email == who.lower()]
    if not found:
        raise NotFound(f"{who} is no member here")
    return str(found[0].id)
