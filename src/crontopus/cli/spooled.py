"""`crontopus spool`: reports that could not be delivered, and wait on this machine."""

from contextlib import ExitStack, closing
from itertools import count

import click

from crontopus.cli.delivery import Server
from crontopus.cli.destination import server_of
from crontopus.cli.output import progress, say
from crontopus.cli.report import Address
from crontopus.cli.reporter import Flushed, Servers, flush
from crontopus.cli.spool import Spool, open_spool
from crontopus.domain.errors import CrontopusError, Unavailable


@click.group(short_help="Reports that wait for a server that was away.")
def spool() -> None:
    """Reports that wait for a server that was away."""


@spool.command("flush")
def flush_spool() -> None:
    """Deliver what waits, oldest first."""
    sent = count(1)

    def proceed() -> bool:
        progress(f"delivering report {next(sent)} …")
        return True

    with ExitStack() as connections:

        def find(address: Address) -> Server:
            return connections.enter_context(closing(server_of(address)))

        flushed = flush(_opened(), Servers(find), proceed)
    if next(sent) > 1:
        progress("")
    _tell(flushed)


def _opened() -> Spool:
    try:
        return open_spool()
    except OSError as error:
        raise CrontopusError(f"{error.filename} cannot be used: {error.strerror}") from error


def _tell(flushed: Flushed) -> None:
    """Raises where reports were refused or still wait."""
    say(f"{flushed.delivered} delivered, {len(flushed.refusals)} refused, {flushed.waiting} waiting")
    if flushed.waiting:
        raise Unavailable("; ".join(flushed.reasons) or "another program is delivering what waits")
    if flushed.refusals:
        raise CrontopusError("; ".join(dict.fromkeys(flushed.refusals)))
