"""`crontopus tokens`: what scripts, check-ins and metrics sign in with."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.completion import JOB
from crontopus.cli.output import Column, Form, Listing, Out, gathered, say
from crontopus.cli.values import DURATION, WHEN, converted
from crontopus.domain.access import in_short
from crontopus.domain.errors import Conflict, NotFound
from crontopus.wire.accounts import CreatedToken, NewToken, Token

if TYPE_CHECKING:
    from crontopus.client import Client

KINDS = {"service": "s", "check-ins": "c", "metrics": "m"}
_NAMES = {"u": "person", **{letter: name for name, letter in KINDS.items()}}


TOKENS = Listing(
    Token,
    (
        Column("name", lambda token, words: token.name),
        Column("kind", lambda token, words: _NAMES.get(token.kind, token.kind)),
        Column("begins with", lambda token, words: token.hint),
        Column("may", lambda token, words: in_short(token.scopes)),
        Column("for", lambda token, words: token.job or " ".join(token.namespaces) or "all"),
        Column("used", lambda token, words: words.about(token.last_used_at)),
        Column("ends", lambda token, words: words.about(token.expires_at)),
    ),
)


@click.group(short_help="Tokens for scripts, check-ins and metrics.")
def tokens() -> None:
    """Tokens for scripts, check-ins and metrics."""


@tokens.command("list")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0: all.")
@connected
async def list_tokens(client: "Client", out: Out, limit: int) -> None:
    """List tokens; never the secrets themselves."""
    out.many(await gathered(client.tokens, limit), TOKENS)


@tokens.command()
@connected
async def mine(client: "Client", out: Out) -> None:
    """List the tokens with which you come as yourself; `crontopus login` makes them."""
    out.many((await client.own_tokens()).items, TOKENS)


@tokens.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(list(KINDS)), default="service", show_default=True, help="What it is for.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="jobs:read and the like; else all it may.")
@click.option("--namespace", "namespaces", multiple=True, metavar="SLUG", help="Only there; repeat for several.")
@click.option("--job", type=JOB, help="Only check-ins of this job.")
@click.option(
    "--address", "addresses", multiple=True, metavar="NETWORK", help="Only from there: 10.0.0.0/8; repeatable."
)
@click.option("--expires", "expires_at", type=WHEN, help="An instant, or 90d from now. Else never.")
@connected
async def create(
    client: "Client",
    out: Out,
    name: str,
    kind: str,
    scopes: tuple[str, ...],
    namespaces: tuple[str, ...],
    job: str | None,
    addresses: tuple[str, ...],
    expires_at: datetime | None,
) -> None:
    """Make a token and print it, once."""
    fields = {"name": name, "kind": KINDS[kind], "scopes": list(scopes), "namespaces": list(namespaces)}
    fields["addresses"] = list(addresses)
    created = await client.add_token(converted({**fields, "job": job, "expires_at": expires_at}, NewToken))
    _show_once(out, created)


@tokens.command()
@click.argument("which", metavar="TOKEN")
@click.option("--overlap", type=DURATION, default="0", help="So long the old one works on: 1h. Else it stops at once.")
@connected
async def rotate(client: "Client", out: Out, which: str, overlap: float) -> None:
    """Replace a token, named by its id, its name or its beginning, and print the new one, once."""
    found = await _find(client, which)
    _show_once(out, await client.rotate_token(found.id, overlap))


def _show_once(out: Out, created: CreatedToken) -> None:
    if out.form is not Form.TABLE:
        return out.one(created, lambda token, words: ())
    say("Keep it now: it is not shown again.")
    out.line(created.token)


@tokens.command()
@click.argument("which", metavar="TOKEN")
@yes_option
@connected
async def revoke(client: "Client", out: Out, which: str, yes: bool) -> None:
    """Revoke a token, named by its id, its name or its beginning. It stops at once."""
    found = await _find(client, which)
    confirm(f"Revoke the token {found.name!r} ({found.hint})?", yes)
    await client.revoke_token(found.id)
    say(f"revoked {found.name!r} ({found.hint})")


async def _find(client: "Client", words: str) -> Token:
    """Raises NotFound, and Conflict where several have that name."""
    found = [token for token in await gathered(client.tokens, 0) if _means(token, words)]
    if not found:
        raise NotFound(f"no token {words!r}")
    if len(found) > 1:
        ids = ", ".join(f"{token.id} ({token.hint}…)" for token in found)
        raise Conflict(f"{len(found)} tokens are called {words!r}: name one by its id: {ids}")
    return found[0]


def _means(token: Token, words: str) -> bool:
    return words in (str(token.id), token.name, token.hint)
