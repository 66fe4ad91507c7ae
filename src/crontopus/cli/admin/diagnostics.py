"""What helps others to see what is wrong here."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crontopus.cli.call import connected
from crontopus.cli.output import Out, say
from crontopus.cli.serve import loaded, settings_options, started
from crontopus.domain.errors import Conflict, Invalid

if TYPE_CHECKING:
    from crontopus.client import Client


_into = click.option(
    "--into", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write: a zip."
)


@click.command()
@_into
@connected
async def diagnostics(client: "Client", _: Out, into: Path) -> None:
    """Write what helps others to see what is wrong here, as one zip.

    Versions, settings, health, how full each table is, the newest lines of the log. No names, addresses, tokens, ping
    URLs or secrets are in it.
    """
    async with client.diagnostics() as response:
        _write(into, await response.aread())


@click.command()
@settings_options
@_into
def diagnose(into: Path, **options: Any) -> None:
    """Write the same from the data itself, where no server runs on it."""

    def work() -> bytes:
        from crontopus import appliance

        settings = loaded(options)
        return asyncio.run(appliance.diagnose(settings.config, settings.origins))

    made = started(work)
    started(lambda: _write(into, made))


def _write(into: Path, made: bytes) -> None:
    """Raises Conflict, Invalid."""
    try:
        with os.fdopen(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made)
    except FileExistsError:
        raise Conflict(f"{into} is there already: name a new file") from None
    except OSError as error:
        raise Invalid(f"{into} cannot be written: {error.strerror}") from error
    say(f"{into} has {len(made):,} bytes. Look through it before you hand it on.")


COMMANDS = [diagnostics, diagnose]
