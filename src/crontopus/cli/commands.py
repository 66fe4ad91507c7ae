"""The root of the command line: every command by name, each module imported only when its command is called."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from crontopus import __version__


class Place(NamedTuple):
    """Where a command stands, and its summary, so that the root's help imports none of them."""

    module: str
    attribute: str
    summary: str


PLACES: Mapping[str, Place] = {
    "serve": Place("serve", "serve", "Run the server."),
    "setup": Place("setup", "setup", "Set up a new installation: its first person, tenant and token."),
    "admin": Place("admin", "admin", "For those who run the installation."),
    "config": Place("serve", "config", "Show the server's effective settings and where each comes from."),
    "run": Place("passed", "run", "Run a command under watch and report how it went."),
    "ping": Place("passed", "ping", "Report one check-in of a job."),
    "spool": Place("spooled", "spool", "Reports that wait for a server that was away."),
    "login": Place("contexts", "login", "Sign in to a server and remember it as a context."),
    "logout": Place("contexts", "logout", "Revoke the token of a context and forget the context."),
    "context": Place("contexts", "context", "Choose between servers."),
    "me": Place("account", "me", "Show who the server takes you for, and what you may do."),
    "jobs": Place("jobs", "jobs", "Jobs: what is watched, and how it stands."),
    "runs": Place("runs", "runs", "Runs: what jobs did, and what they printed."),
    "alerts": Place("alerts", "alerts", "Alerts: what is wrong, and who knows."),
    "notifications": Place("notifications", "notifications", "Messages about alerts, and what became of each."),
    "channels": Place("channels", "channels", "Channels: the ways by which people are told."),
    "routes": Place("alert_routes", "routes", "Routes: whom alerts are told to, and when."),
    "silences": Place("silences", "silences", "Silences: alerts that nobody is told of until a time."),
    "maintenance-windows": Place(
        "maintenance_windows", "maintenance_windows", "Maintenance windows: times in which nobody is told."
    ),
    "namespaces": Place("namespaces", "namespaces", "Namespaces: folders of jobs, each with its ping key."),
    "members": Place("members", "members", "Members: who may do what here."),
    "tenants": Place("tenants", "tenants", "Tenants: which one this is, its name, its export and its end."),
    "providers": Place("providers", "providers", "Sign-in providers: by whom people come in."),
    "tokens": Place("tokens", "tokens", "Tokens for scripts, check-ins and metrics."),
    "audit": Place("audit", "audit", "The audit log: who did what."),
    "events": Place("events", "events", "Follow what changes, live."),
    "gaps": Place("account", "gaps", "Times in which nobody watched."),
    "completion": Place("completion", "completion", "Print a script that completes commands in your shell."),
}
ALIASES = {"whoami": "me"}
WIDTH = 13
"""Of names in the root's help: a summary fits beside them, and below the name of the few that are longer."""


class LazyGroup(click.Group):
    """Looks its commands up in `PLACES`, and turns errors of the domain into sentences and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = PLACES.get(ALIASES.get(cmd_name, cmd_name))
        return place and getattr(import_module(f"crontopus.cli.{place.module}"), place.attribute)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=[*PLACES, *ALIASES], ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in PLACES.items()], col_max=WIDTH)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            code = _reported(error)
            if code is None:
                raise
            ctx.exit(code)


def _reported(error: Exception) -> int | None:
    """The exit code of an error that is somebody's to mend, once it was said; None for any other."""
    from crontopus.cli.errors import report
    from crontopus.domain.errors import CrontopusError

    return report(error) if isinstance(error, CrontopusError) else None


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="crontopus", message="%(prog)s %(version)s")
def root() -> None:
    """Crontopus watches scheduled jobs: every run reports, and silence raises an alert.

    Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 not allowed, 5 conflict, 69 server unreachable.
    """
