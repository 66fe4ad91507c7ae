"""`crontopus login`, `logout` and `context`: which server is meant, and as whom."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from itertools import count
from urllib.parse import urlsplit

import click
from msgspec import Struct

from crontopus.cli import settings
from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import client_of, shown
from crontopus.cli.output import Column, Listing, Out, progress, say
from crontopus.cli.setup import read_password
from crontopus.cli.table import Cell
from crontopus.cli.words import Words
from crontopus.domain.errors import CrontopusError, DeviceHurries, DeviceWaits, NotFound, Unauthenticated
from crontopus.domain.tokens import hint_of
from crontopus.wire.accounts import NewOwnToken, Session, SignIn

_TRIES = 5
"""As many as the server allows in one sign-in."""


class Named(Struct, frozen=True):
    """A context as it is listed; its token stays in the file."""

    name: str
    url: str
    current: bool
    tenant: str
    who: str


CONTEXTS = Listing(
    Named,
    (
        Column("", lambda context, words: Cell("*" if context.current else "", "green")),
        Column("context", lambda context, words: context.name),
        Column("address", lambda context, words: context.url),
        Column("tenant", lambda context, words: context.tenant),
        Column("who", lambda context, words: context.who),
    ),
)


@click.command(short_help="Sign in to a server and remember it as a context.")
@click.argument("url")
@click.option("--email", metavar="ADDRESS", help="Sign in here, with the password of this address.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else it is asked for.")
@click.option("--token", metavar="TOKEN", help="Sign in with a token.")
@click.option("--with-token", "--token-stdin", "token_stdin", is_flag=True, help="Read a token from standard input.")
@click.option("--name", metavar="NAME", help="What the context is called; else as the server's address.")
def login(
    url: str, email: str | None, password_stdin: bool, token: str | None, token_stdin: bool, name: str | None
) -> None:
    """Sign in to the server at URL, and remember it as the current context.

    It prints an address and a code, and waits until you have allowed this machine in a browser, here or elsewhere. With
    --email it asks for the password instead, which is not kept; whoever has a second factor is asked for a code, too,
    and with --password-stdin it is the second line. Either way it makes a token with which you come as yourself.
    """
    if [token is not None, token_stdin, password_stdin].count(True) > 1:
        raise click.UsageError("choose one of --token, --with-token and --password-stdin")
    given = _given_token(token, token_stdin)
    if given is None and (email or password_stdin):
        address = email or str(click.prompt("E-mail", err=True))
        form = SignIn(email=address, password=read_password(password_stdin, new=False))
        given = asyncio.run(_new_token(url, form))
    if given is None:
        given = asyncio.run(_allowed_elsewhere(url))
    made = asyncio.run(_context(url, given))
    known = settings.load_contexts()
    name = _kept(known, made, name)
    settings.save_contexts(known.with_context(name, made))
    say(f"signed in to {made.tenant or url} as {_who(made)}; the context is called {name}")


def _given_token(token: str | None, from_stdin: bool) -> str | None:
    """Raises Unauthenticated for an empty one."""
    given = sys.stdin.readline().strip() if from_stdin else token
    if given is not None and not given.strip():
        raise Unauthenticated("give the token on standard input" if from_stdin else "--token is empty: give a token")
    return given


async def _context(url: str, token: str) -> settings.Context:
    """With whose it is, as the server says."""
    async with client_of(url, token) as client:
        me = await client.me()
    return settings.Context(url, token, me.tenant, str(me.tenant_id or ""), me.email or "")


def _kept(known: settings.Contexts, made: settings.Context, name: str | None) -> str:
    """What the new context is called. The one of somebody else is replaced only where that name is asked for."""
    if name is None:
        host = urlsplit(made.url).netloc
        names = (host if number == 1 else f"{host}-{number}" for number in count(1))
        return next(free for free in names if _is_theirs(known.contexts.get(free), made))
    before = known.contexts.get(name)
    if before is not None and not _is_theirs(before, made):
        say(f"it replaces the context {name} of {_whose(before)}; the token of that works on")
    return name


def _is_theirs(before: settings.Context | None, made: settings.Context) -> bool:
    """Whether nobody else loses anything where `made` takes the place of `before`."""
    if before is None:
        return True
    if urlsplit(before.url).netloc != urlsplit(made.url).netloc:
        return False
    if not (before.tenant_id or before.email):
        return asyncio.run(_is_told_theirs(before, made))
    return (before.tenant_id, before.email) == (made.tenant_id, made.email)


async def _is_told_theirs(before: settings.Context, made: settings.Context) -> bool:
    """By the server, for a context that was kept without whose it is."""
    try:
        found = await _context(before.url, before.token)
    except Unauthenticated:
        return True  # A dead token is nobody's.
    except CrontopusError:
        return False
    return (found.tenant_id, found.email) == (made.tenant_id, made.email)


def _who(context: settings.Context) -> str:
    """The person, or the beginning of a program's token. "" where it is not known."""
    if context.email:
        return context.email
    return f"token {hint_of(context.token)}" if context.tenant_id else ""


def _whose(context: settings.Context) -> str:
    place = f"{context.tenant} at {context.url}" if context.tenant else context.url
    return f"{_who(context)} in {place}" if _who(context) else place


async def _allowed_elsewhere(url: str) -> str:
    """The token, once somebody has allowed this machine. Raises DeviceDenied, DeviceTooLate."""
    async with client_of(url) as client:
        codes = await client.ask_for_device(socket.gethostname()[:100])
        say(f"Open {codes.verification_uri_complete}")
        say(f"or {codes.verification_uri} and type the code {codes.user_code}, and allow this machine there.")
        pause = float(codes.interval)
        while True:
            progress("waiting …")
            await asyncio.sleep(pause)
            try:
                token = (await client.fetch_device_token(codes.device_code)).token
            except DeviceWaits:
                continue
            except DeviceHurries:
                pause += codes.interval
                continue
            progress("")
            return token


async def _new_token(url: str, form: SignIn) -> str:
    """Signs in for as long as it takes to make a token."""
    async with client_of(url) as client:
        session = await client.sign_in(form)
    if session.pending:
        session = await _finished(url, session)
    async with client_of(url, session=session.session) as client:
        try:
            return (await client.add_own_token(NewOwnToken(name=f"command line on {socket.gethostname()}"))).token
        finally:
            await client.sign_out()


async def _finished(url: str, session: Session) -> Session:
    """By a code of the second factor. Raises Unauthenticated once it was wrong too often."""
    async with client_of(url, session=session.session) as client:
        for _ in range(_TRIES - 1 if sys.stdin.isatty() else 0):
            try:
                return await client.finish_sign_in(_code())
            except Unauthenticated as error:
                say(str(error))
        return await client.finish_sign_in(_code())


def _code() -> str:
    """Asked for, or the next line where nobody can be asked: behind the password. Raises Unauthenticated without it."""
    if not sys.stdin.isatty():
        code = sys.stdin.readline().strip()
        if not code:
            raise Unauthenticated("a second factor is needed: give its code on the second line, below the password")
        return code
    return str(click.prompt("Code of your authenticator app, or a recovery code", err=True))


@click.command(short_help="Revoke the token of a context and forget the context.")
@click.argument("name", required=False)
@yes_option
def logout(name: str | None, yes: bool) -> None:
    """Revoke the token of a context, the current one without NAME, and forget the context."""
    name = name or settings.load_contexts().current
    found = _named(name)
    confirm(f"Revoke the token of {name} and forget it?", yes)
    asyncio.run(_revoke(found.url, found.token))
    _forget(name)
    say(f"signed out of {name}")


async def _revoke(url: str, token: str) -> None:
    """Nothing to do where the token is dead already."""
    async with client_of(url, token) as client:
        try:
            me = await client.me()
        except Unauthenticated:
            return
        if me.token is not None and me.email is None:
            await client.revoke_token(me.token)
        elif me.token is not None:
            await client.revoke_own_token(me.token)


@click.group(short_help="Choose between servers.")
def context() -> None:
    """Choose between servers. A context is an address and a token; `login` makes one."""


@context.command("list")
@shown
def list_contexts(out: Out) -> None:
    """List contexts; the current one has a star."""
    known = settings.load_contexts()
    out.many([_listed(name, known) for name in sorted(known.contexts)], CONTEXTS)


@context.command()
@click.argument("name", required=False)
@shown
def show(out: Out, name: str | None) -> None:
    """Show one context, the current one without NAME; never its token."""
    known = settings.load_contexts()
    name = name or known.current
    _named(name)
    out.one(_listed(name, known), _card)


@context.command()
@click.argument("name")
def use(name: str) -> None:
    """Make a context the current one."""
    found = _named(name)
    settings.save_contexts(settings.load_contexts().with_context(name, found))
    say(f"commands now go to {found.url}")


@context.command()
@click.argument("name")
@yes_option
def delete(name: str, yes: bool) -> None:
    """Forget a context. Its token goes on working: `logout` revokes it."""
    _named(name)
    confirm(f"Forget {name}?", yes)
    _forget(name)
    say(f"forgot {name}")


def _named(name: str) -> settings.Context:
    """Raises NotFound."""
    found = settings.load_contexts().contexts.get(name)
    if found is None:
        raise NotFound(f"no context {name!r}: see `crontopus context list`" if name else "there is no current context")
    return found


def _listed(name: str, known: settings.Contexts) -> Named:
    context = known.contexts[name]
    return Named(name, context.url, name == known.current, context.tenant, _who(context))


def _card(context: Named, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "context", context.name
    yield "address", context.url
    yield "tenant", context.tenant
    yield "who", context.who


def _forget(name: str) -> None:
    known = settings.load_contexts()
    rest = {other: context for other, context in known.contexts.items() if other != name}
    settings.save_contexts(settings.Contexts("" if known.current == name else known.current, rest))
