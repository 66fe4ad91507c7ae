"""`crontopus serve` and `config`: the commands that know the server, and load it only when called."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec import Struct

from crontopus.cli.call import shown
from crontopus.cli.errors import CONFLICT, ERROR, report
from crontopus.cli.output import Column, Listing, Out
from crontopus.domain.errors import Conflict, CrontopusError

if TYPE_CHECKING:
    from crontopus.config import Loaded

T = TypeVar("T")


class Setting(Struct, frozen=True):
    """One setting in force, and where it comes from."""

    name: str
    value: str
    origin: str


SETTINGS = Listing(
    Setting,
    (
        Column("setting", lambda setting, words: setting.name),
        Column("value", lambda setting, words: setting.value),
        Column("from", lambda setting, words: setting.origin),
    ),
)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags of the server's settings; the command gets `config` and the flags by their setting's name."""
    for option in (
        click.option("--config", "file", type=click.Path(path_type=Path), help="TOML file of settings."),
        click.option("--public-url", metavar="URL", help="The address under which others reach it."),
        click.option("--database-url", metavar="URL", help="postgresql://user:password@host/name; else SQLite."),
        click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0: any free one."),
        click.option("--host", metavar="ADDRESS", help="Address to listen on."),
        click.option("--data", metavar="FOLDER", help="Folder of its data."),
    ):
        command = option(command)
    return command


@click.command(short_help="Run the server.")
@settings_options
def serve(**options: Any) -> None:
    """Run the server until it is told to stop."""

    def work() -> None:
        from crontopus import appliance

        asyncio.run(appliance.serve(loaded(options).config))

    started(work)


@click.command(short_help="Show the server's effective settings and where each comes from.")
@settings_options
@shown
def config(out: Out, **options: Any) -> None:
    """Show the server's effective settings and where each comes from: flag, environment, file or default."""
    started(lambda: out.many(_settings(loaded(options)), SETTINGS))


def started(work: Callable[[], T]) -> T:
    """Runs `work` of the server's. What goes wrong is said in a sentence: exit code 5 for a conflict, else 1."""
    try:
        return work()
    except CrontopusError as error:
        report(error)
        click.get_current_context().exit(CONFLICT if isinstance(error, Conflict) else ERROR)


def loaded(options: dict[str, Any]) -> "Loaded":
    from crontopus import config

    given = {name: value for name, value in options.items() if name != "file" and value is not None}
    return config.load(given, options["file"])


def _settings(loaded: "Loaded") -> list[Setting]: ...
