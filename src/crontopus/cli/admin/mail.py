"""How e-mail fares."""

from typing import TYPE_CHECKING

import click

from crontopus.cli.call import connected
from crontopus.cli.output import Column, Form, Listing, Out, say
from crontopus.wire.mail import Letter

if TYPE_CHECKING:
    from crontopus.client import Client

LETTERS = Listing(
    Letter,
    (
        Column("made", lambda one, words: words.about(one.made_at)),
        Column("about", lambda one, words: one.kind.replace("_", " ")),
        Column("to", lambda one, words: one.recipient),
        Column("tries", lambda one, words: f"{one.tries:,}"),
        Column("next", lambda one, words: words.about(one.next_at) if one.next_at else "given up"),
        Column("why", lambda one, words: one.why),
    ),
)


@click.group("mail", short_help="E-mail: how it is sent, and how it fares.")
def mail() -> None:
    """E-mail that the server sends, by its settings `smtp_url` and `mail_from`."""


@mail.command()
@connected
async def show(client: "Client", out: Out) -> None:
    """Show how it is sent, and the letters that could not be delivered."""
    state = await client.admin_mail()
    if out.form is not Form.TABLE:
        return out.one(state, lambda state, words: ())
    if not state.server:
        return say("none is sent: give the settings smtp_url and mail_from, and start the server anew")
    say(f"by {state.server} (encryption: {state.security}), from {state.sender}; {state.waiting:,} waiting")
    if state.letters:
        out.many(state.letters, LETTERS)


@mail.command("try")
@click.argument("address")
@connected
async def send(client: "Client", out: Out, address: str) -> None:
    """Mail a letter to ADDRESS now, to see that letters arrive."""
    await client.try_mail(address)
    say(f"the mail server took a letter to {address}: look whether it arrives")


COMMANDS = [mail]
