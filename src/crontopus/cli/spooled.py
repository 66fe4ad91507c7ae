"""`crontopus spool`: reports that could not be delivered, and wait on this machine."""

import click


@click.group(short_help="Reports that wait for a server that was away.")
def spool() -> None:
    """Reports that wait for a server that was away."""


@spool.command()
def flush() -> None:
    """Deliver what waits now."""
