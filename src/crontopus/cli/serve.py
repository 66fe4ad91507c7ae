"""`crontopus serve` and `config`: the commands that know the server, and load it only when called."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crontopus.cli.call import shown
from crontopus.cli.errors import ERROR, report
from crontopus.cli.output import Column, Listing, Out
from crontopus.domain.errors import Conflict, CrontopusError, NotFound
from crontopus.wire.installation import Setting

if TYPE_CHECKING:
    from crontopus.config import Loaded

T = TypeVar("T")


def _written(value: Any) -> str:
    """As TOML would have it, without quotation marks."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


SETTINGS = Listing(
    Setting,
    (
        Column("setting", lambda setting, words: setting.name),
        Column("value", lambda setting, words: _written(setting.value)),
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
        settings = loaded(options)
        from crontopus import appliance

        asyncio.run(appliance.serve(settings.config, settings.origins))

    started(work)


@click.command(short_help="Show the server's effective settings and where each comes from.")
@settings_options
@shown
def config(out: Out, **options: Any) -> None:
    """Show the server's effective settings and where each comes from: flag, environment, file or default."""
    started(lambda: out.many(_settings(options), SETTINGS))


def started(work: Callable[[], T]) -> T:
    """Runs `work` of the server's. What goes wrong is said: exit code 5 for a conflict, 3 for not found, else 1."""
    try:
        return work()
    except (CrontopusError, ExceptionGroup) as error:
        mendable = _mendable(error)
        if mendable is None:
            raise
        code = report(mendable)
        click.get_current_context().exit(code if isinstance(mendable, Conflict | NotFound) else ERROR)


def _mendable(error: Exception) -> CrontopusError | None:
    """The error itself, or the only one within a group, as task groups raise them; None where it is a bug."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, CrontopusError) else None


def loaded(options: dict[str, Any]) -> "Loaded":
    from crontopus import config

    flags = {name: value for name, value in options.items() if name != "file"}
    return config.load(flags, options["file"])


def _settings(options: dict[str, Any]) -> list[Setting]:
    from crontopus.config import shown as effective

    settings = loaded(options)
    return effective(settings.config, settings.origins)
