"""`crontopus admin`: what the operator does with the data itself, where nobody can sign in any more."""

import asyncio
from pathlib import Path
from typing import Any

import click

from crontopus.cli.output import say
from crontopus.cli.serve import loaded, settings_options, started
from crontopus.cli.setup import read_password
from crontopus.cli.values import converted
from crontopus.wire.accounts import Recovery


@click.group(short_help="For the operator: with the data itself, without signing in.")
def admin() -> None:
    """For the operator: with the data itself, without signing in."""


@admin.command("rotate-key")
@settings_options
def rotate_key(**options: Any) -> None:
    """Put a new secret key in front of those in the data folder's secret.key.

    The next start of the server seals everything with it; what the older ones sealed stays readable as long as they
    stand in the file.
    """

    def work() -> Path:
        from crontopus import appliance

        return appliance.rotate_key(loaded(options).config)

    file = started(work)
    say(f"{file} begins with a new key. Back it up, and start the server anew")


@admin.command("reset-password")
@settings_options
@click.option("--email", required=True, metavar="ADDRESS", help="Whose.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else it is asked for.")
@click.option("--superadmin", is_flag=True, help="And let them run the installation.")
def reset_password(email: str, password_stdin: bool, superadmin: bool, **options: Any) -> None:
    """Give a person a new password, and end all their sessions and own tokens.

    Works on the data folder itself while no server runs on it, or on a PostgreSQL database. The audit logs of their
    tenants tell of it.
    """
    fields = {"email": email, "password": read_password(password_stdin, new=True), "superadmin": superadmin}
    form = converted(fields, Recovery)

    def work() -> list[str]:
        from crontopus import appliance

        return asyncio.run(appliance.recover(loaded(options).config, form))

    tenants = started(work)
    belongs = f"signs in to {', '.join(tenants)}" if tenants else "is a member of no tenant, and must be invited"
    say(f"{email} has a new password, and {belongs}")
