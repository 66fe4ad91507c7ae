"""`crontopus providers`: by whom the people of a tenant sign in (OpenID Connect)."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.output import Column, Listing, Out
from crontopus.cli.table import Cell
from crontopus.cli.values import converted
from crontopus.cli.words import Words
from crontopus.domain.access import Role
from crontopus.domain.errors import CrontopusError, Invalid, NotFound
from crontopus.wire.providers import (
    NewProvider,
    Provider,
    ProviderCheck,
    ProviderOffer,
    ProviderPatch,
    ShownGroupRole,
)

if TYPE_CHECKING:
    from crontopus.client import Client

NOBODY = "none"
PROVIDERS = Listing(
    Provider,
    (
        Column("provider", lambda one, words: one.name),
        Column("issuer", lambda one, words: one.issuer),
        Column("domains", lambda one, words: " ".join(one.domains)),
        Column("state", lambda one, words: _state(one)),
        Column("id", lambda one, words: str(one.id)),
    ),
)
OFFERS = Listing(
    ProviderOffer,
    (
        Column("provider", lambda one, words: one.name),
        Column("tenant", lambda one, words: one.tenant),
        Column("id", lambda one, words: str(one.id)),
    ),
)
_which = click.argument("which", metavar="PROVIDER")


class InGroup(click.ParamType[dict[str, Any]]):
    """`group=role`, or `group=role:namespace,namespace`."""

    name = "group=role"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        group, _, told = str(value).rpartition("=")
        role, _, places = told.partition(":")
        if not group or role not in list(Role):
            self.fail(f"write group=role, where a role is one of {', '.join(Role)}", param, ctx)
        return {"group": group, "role": role, "namespaces": places.split(",") if places else []}


_DETAILS: tuple[Callable[[Any], Any], ...] = (
    click.option("--domain", "domains", multiple=True, help="E-mail domain whose people come in; repeat for several."),
    click.option(
        "--group", "roles", type=InGroup(), multiple=True, help="Role of a group: ops=editor:prod; repeat for several."
    ),
    click.option("--groups-claim", help="Claim that holds the groups; else `groups`."),
    click.option(
        "--scope", "scopes", multiple=True, help="Scope to ask for; else openid, email and profile; repeat for several."
    ),
    click.option(
        "--default-role",
        type=click.Choice([*(role.value for role in Role), NOBODY]),
        help="Role of new people who are in no group named; none: only members come in.",
    ),
    click.option("--enforced/--not-enforced", default=None, help="Whether members must come by it."),
    click.option("--enabled/--disabled", default=None, help="Whether it is in use."),
)
_secret = click.option(
    "--secret-file", type=click.File("r"), help="File with the client secret; `-` reads it from standard input."
)


def _detailed(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_DETAILS):
        command = option(command)
    return command


def _given(secret_file: Any, **details: Any) -> dict[str, Any]:
    """What was said, as the API takes it; what was not is absent."""
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in details.items()}
    given = {name: value for name, value in given.items() if value not in (None, [])}
    if given.get("default_role") == NOBODY:
        given["default_role"] = None
    if secret_file is not None:
        given["client_secret"] = secret_file.read(10_000).strip()
    return given


def _state(one: Provider) -> str:
    return "off" if not one.enabled else "enforced" if one.enforced else "in use"


def _card(one: Provider, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "provider", one.name
    yield "id", str(one.id)
    yield "state", _state(one)
    yield "issuer", one.issuer
    yield "client id", one.client_id
    yield "domains", " ".join(one.domains)
    yield "scopes", " ".join(one.scopes)
    yield "groups claim", one.groups_claim
    for role in one.roles:
        yield "group", _role(role)
    yield "new people", str(one.default_role or "only members come in")
    yield "redirect URI", one.redirect_uri
    yield "link", one.link
    yield "since", words.about(one.created_at)


def _role(one: ShownGroupRole) -> str:
    return f"{one.group}={one.role}" + ("" if one.namespaces is None else f":{','.join(one.namespaces)}")


def _checked(one: ProviderCheck, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "state", Cell(one.problem, "red") if one.problem else "it answers as it should"
    yield "sign-in at", one.authorization_endpoint or ""
    yield "tokens from", one.token_endpoint or ""
    yield "user info from", one.userinfo_endpoint or ""
    yield "keys from", one.jwks_uri or ""
    yield "keys", str(one.keys)


async def _find(client: "Client", which: str) -> Provider:
    """By id or name. Raises NotFound."""
    known = (await client.providers()).items
    found = [one for one in known if which in (str(one.id), one.name)]
    if len(found) != 1:
        several = "several providers are" if found else "no provider is"
        raise NotFound(f"{several} called {which!r}: see `crontopus providers list`")
    return await client.provider(found[0].id)


@click.group(short_help="Sign-in providers: by whom people come in.")
def providers() -> None:
    """Sign-in providers: by whom people come in. PROVIDER is its name or id.

    Only owners add and change them: a provider can say of anybody that it is them.
    """


@providers.command("list")
@connected
async def list_providers(client: "Client", out: Out) -> None:
    """List the sign-in providers of this tenant."""
    out.many((await client.providers()).items, PROVIDERS)


@providers.command()
@_which
@connected
async def show(client: "Client", out: Out, which: str) -> None:
    """Show a sign-in provider, with the address that it must know."""
    out.one(await _find(client, which), _card)


@providers.command()
@click.argument("name")
@click.option("--issuer", required=True, help="Its address, exactly as its discovery document names it.")
@click.option("--client-id", required=True, help="What it knows Crontopus as.")
@_secret
@_detailed
@connected
async def add(client: "Client", out: Out, secret_file: Any, **details: Any) -> None:
    """Let people of this tenant sign in by an OpenID provider. NAME stands on the button."""
    given = _given(secret_file, **details)
    if "client_secret" not in given:
        raise Invalid("give the client secret: --secret-file FILE, or --secret-file - to read it from standard input")
    made = await client.add_provider(converted(given, NewProvider))
    out.said(f"{made.name} is there; its redirect URI is {made.redirect_uri}, its page {made.link}", made)


@providers.command()
@_which
@click.option("--name", help="What it is called from now on.")
@click.option("--issuer", help="Its address, exactly as its discovery document names it.")
@click.option("--client-id", help="What it knows Crontopus as.")
@_secret
@_detailed
@connected
async def edit(client: "Client", out: Out, which: str, secret_file: Any, **details: Any) -> None:
    """Change a sign-in provider. What is not named stays."""
    found = await _find(client, which)
    changed = await client.edit_provider(found.id, converted(_given(secret_file, **details), ProviderPatch))
    out.said(f"{changed.name} is changed, and {_state(changed)}", changed)


@providers.command()
@_which
@yes_option
@connected
async def remove(client: "Client", out: Out, which: str, yes: bool) -> None:
    """Remove a sign-in provider. Whoever came by it is signed out."""
    found = await _find(client, which)
    confirm(f"Remove {found.name}, and sign out whoever came by it?", yes)
    await client.remove_provider(found.id)
    out.said(f"{found.name} is removed", found)


@providers.command()
@_which
@connected
async def check(client: "Client", out: Out, which: str) -> None:
    """Ask a sign-in provider what it says of itself, now. Exit code 1 where nobody can come in by it."""
    found = await _find(client, which)
    checked = await client.check_provider(found.id)
    out.one(checked, _checked)
    if checked.problem:
        raise CrontopusError(f"nobody comes in by {found.name} now: {checked.problem}")


@providers.command()
@click.argument("id", required=False)
@connected
async def offered(client: "Client", out: Out, id: str | None) -> None:
    """List what the page of sign-in offers to strangers; with an ID, what its link shows."""
    found = [await client.offered_provider(id)] if id else (await client.offered_providers()).items
    out.many(found, OFFERS)
