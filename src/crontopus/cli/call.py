"""From a click command to the API and back: the one place where the command line opens a client and a loop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from crontopus.cli.output import Form, Out, say
from crontopus.domain.errors import CrontopusError, Invalid

if TYPE_CHECKING:
    from crontopus.client import Client

T = TypeVar("T")
Command = Callable[..., None]
MOST_PATIENCE_SECONDS = 60


def shown(work: Command) -> Command:
    """Adds `--output`; `work` gets an `Out` first."""

    @click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice([form.value for form in Form]),
        default=Form.TABLE.value,
        show_default=True,
        help="How results are printed.",
    )
    @wraps(work)
    def command(*, form: str, **arguments: Any) -> None:
        work(Out(Form(form)), **arguments)

    return command


def addressed(work: Command) -> Command:
    """Adds the options that say which server, and as whom; `work` gets `url`, `token` and `context` by name."""
    for option in (
        click.option("--token", metavar="TOKEN", help="Token to use. Better: CRONTOPUS_TOKEN, or a context."),
        click.option("--url", metavar="URL", help="Address of the server. Else CRONTOPUS_URL, or the context's."),
        click.option("--context", metavar="NAME", help="Context to use instead of the current one."),
    ):
        work = option(work)
    return work


def connected(work: Callable[..., Awaitable[None]]) -> Command:
    """Makes a coroutine function a command: it gets a `Client` and an `Out` first, then its own arguments."""

    @wraps(work)
    def command(out: Out, *, url: str | None, token: str | None, context: str | None, **arguments: Any) -> None:
        async def talk() -> None:
            async with chosen_client(url, token, context) as client:
                await work(client, out, **arguments)

        run(talk())

    return shown(addressed(command))


def run(talk: Coroutine[Any, Any, T]) -> T:
    """Runs one conversation to its end. Raises a CrontopusError also where the other side speaks something else."""
    try:
        return asyncio.run(talk)
    except msgspec.MsgspecError as error:
        raise CrontopusError(f"the answer is not one of this version of Crontopus: {error}") from error


def client_of(url: str, token: str = "", session: str = "", timeout_seconds: float = 30) -> "Client":
    """Raises Invalid where `url` is no address of a server."""
    import httpx

    from crontopus.client import Client

    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Invalid(f"{url!r} is not a URL: {error}") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise Invalid(f"{url!r} is not the address of a server: it should look like https://crontopus.example.com")
    return Client(url, token=token, session=session, timeout_seconds=timeout_seconds, patience=_patience)


async def _patience(seconds: int) -> bool:
    """Waits, and says so; where that takes longer than a minute, the error says how long."""
    if seconds > MOST_PATIENCE_SECONDS:
        return False
    say(f"Too many requests: trying again in {seconds} s.")
    await asyncio.sleep(seconds)
    return True


def chosen_client(url: str | None, token: str | None, context: str | None) -> "Client":
    """Of the server that flags, environment and contexts name."""
    from crontopus.cli.settings import resolve

    found = resolve(url=url, token=token, context=context)
    return client_of(found.url, found.token)
