"""`crontopus admin`: for those who run the installation."""

import click

from crontopus.cli.admin import (
    announcements,
    audit,
    backups,
    config,
    data,
    diagnostics,
    health,
    impersonations,
    mail,
    tenants,
    tiers,
    usage,
    users,
)


@click.group(short_help="For those who run the installation.")
def admin() -> None:
    """For those who run the installation.

    The commands that take --data work on the data itself, without signing in; all others ask the server, as you.
    """


for module in (
    data,
    health,
    mail,
    tenants,
    tiers,
    usage,
    users,
    impersonations,
    announcements,
    audit,
    backups,
    config,
    diagnostics,
):
    for command in module.COMMANDS:
        admin.add_command(command)
