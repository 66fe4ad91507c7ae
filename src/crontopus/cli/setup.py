"""`crontopus setup`: the first person, tenant and token of an installation, without a browser."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import click
from msgspec import Struct

from crontopus.cli.call import client_of
from crontopus.cli.output import Form, Out
from crontopus.cli.serve import loaded, settings_options, started
from crontopus.cli.table import Cell
from crontopus.cli.values import converted
from crontopus.cli.words import Words
from crontopus.domain.access import EVERYTHING
from crontopus.domain.errors import Conflict, NotAllowed
from crontopus.domain.ids import DEFAULT_NAMESPACE
from crontopus.wire.accounts import NewToken, SetUp

NAMESPACE = DEFAULT_NAMESPACE
LINK = "/setup?code="


class Ready(Struct, frozen=True):
    """What a script needs to go on: `token` is a service token, `ping_key` that of `namespace`."""

    url: str
    tenant: str
    namespace: str
    ping_key: str
    token: str


@click.command(short_help="Set up a new installation: its first person, tenant and token.")
@settings_options
@click.option("--email", required=True, metavar="ADDRESS", help="The first person, who may do everything.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else it is asked for.")
@click.option("--tenant", default="Main", show_default=True, metavar="NAME", help="Name of the first tenant.")
@click.option("--link", metavar="LINK", help="Set up a running server, by the link that it printed.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def setup(email: str, password_stdin: bool, tenant: str, link: str | None, as_json: bool, **options: Any) -> None:
    """Set up a new installation: its first person, tenant, namespace and service token.

    Works on the data folder (or database) itself, while no server runs on it; or with --link on a running server.
    """
    if link is not None and not link.strip():
        raise click.UsageError("--link is empty: give the link that the server printed, or leave --link out")
    url, _, code = (link or "").strip().partition(LINK)
    fields = {"code": code, "email": email, "password": read_password(password_stdin, new=True), "tenant": tenant}
    form = converted(fields, SetUp)
    ready = asyncio.run(_by_link(url, form)) if link else started(lambda: asyncio.run(_in_place(options, form)))
    Out(Form.JSON if as_json else Form.TABLE).one(ready, _card)


def read_password(from_stdin: bool, *, new: bool) -> str:
    """Raises UsageError where it can neither be read nor asked for."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: pass the password with --password-stdin")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=new, err=True))


async def _in_place(options: dict[str, Any], form: SetUp) -> Ready:
    from crontopus import appliance

    made = await appliance.set_up(loaded(options).config, form.email, form.password, form.tenant)
    return Ready(made.url, made.tenant, made.namespace, made.ping_key, made.token)


async def _by_link(url: str, form: SetUp) -> Ready:
    """Through the API. Raises Conflict where it is already set up, NotAllowed for a wrong code."""
    async with client_of(url) as client:
        state = await client.set_up_state(form.code)
        if not state.needed:
            raise Conflict(f"{url} is already set up")
        if not state.valid:
            raise NotAllowed("this link does not open it, or no longer: take the one that the server printed last")
        session = await client.set_up(form)
    async with client_of(url, session=session.session) as client:
        token = await client.add_token(NewToken(name="set-up", scopes=sorted(EVERYTHING)))
        namespace = await client.namespace(NAMESPACE)
        await client.sign_out()
    return Ready(url, form.tenant, namespace.slug, namespace.ping_key or "", token.token)


def _card(ready: Ready, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "address", ready.url
    yield "tenant", ready.tenant
    yield "namespace", ready.namespace
    yield "ping key", ready.ping_key
    yield "token", ready.token
