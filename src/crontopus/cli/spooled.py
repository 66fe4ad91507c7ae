"""`crontopus spool`: reports that could not be delivered, and wait on this machine."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import click
from msgspec import Struct

from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import shown
from crontopus.cli.delivery import Server
from crontopus.cli.destination import server_of
from crontopus.cli.output import Column, Listing, Out, progress, say
from crontopus.cli.report import Address, unpacked
from crontopus.cli.reporter import Flushed, Servers, flush
from crontopus.cli.spool import Spool, open_spool
from crontopus.domain.errors import Conflict, CrontopusError, NotFound, Unavailable


class Waiting(Struct, frozen=True):
    """A report that waits. `job` is null where it goes to a ping URL, which is a secret.

    Of a file that cannot be read only `id`, `size_bytes` and `problem` are known.
    """

    id: str
    size_bytes: int
    made_at: datetime | None = None
    kind: str | None = None
    job: str | None = None
    server: str | None = None
    problem: str | None = None


WAITING = Listing(
    Waiting,
    (
        Column("id", lambda waiting, words: waiting.id),
        Column("made", lambda waiting, words: words.about(waiting.made_at)),
        Column("says", lambda waiting, words: waiting.kind or f"cannot be read: {waiting.problem}"),
        Column("job", lambda waiting, words: waiting.job or "–"),
        Column("server", lambda waiting, words: waiting.server or "–"),
        Column("bytes", lambda waiting, words: f"{waiting.size_bytes:,}"),
    ),
)


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


@spool.command("list")
@shown
def list_spool(out: Out) -> None:
    """List what waits, oldest first. Ping URLs are not shown: they are secrets."""
    opened = _opened()
    out.many([told for path in opened.waiting() if (told := _seen(path)) is not None], WAITING)


@spool.command()
@click.argument("report", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Whatever waits.")
@yes_option
def drop(report: Sequence[str], everything: bool, yes: bool) -> None:
    """Throw away reports that wait; REPORT is an id of `spool list`. Nobody will ever hear of them."""
    if bool(report) == everything:
        raise click.UsageError("give either REPORTs or --all")
    opened = _opened()
    there = {path.stem: path for path in opened.waiting()}
    if missing := next((id for id in report if id not in there), None):
        raise NotFound(f"no report {missing} waits; see `crontopus spool list`")
    chosen = list(there) if everything else list(dict.fromkeys(report))
    if chosen:
        confirm(f"Throw away {len(chosen)} of the {len(there)} reports that wait?", yes)
    held = [id for id in chosen if not _dropped(opened, there[id])]
    say(f"{len(chosen) - len(held)} thrown away")
    if held:
        raise Conflict(f"being delivered at this moment: {', '.join(held)}")


def _seen(path: Path) -> Waiting | None:
    """None where it was delivered meanwhile."""
    try:
        file = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return Waiting(path.stem, 0, problem=error.strerror)
    try:
        report = unpacked(file)
    except ValueError as error:
        return Waiting(path.stem, len(file), problem=str(error))
    server = urlsplit(report.address.url)
    return Waiting(
        id=path.stem,
        size_bytes=len(file),
        made_at=datetime.fromtimestamp(report.made // 1_000_000 / 1000, UTC),
        kind=report.kind,
        job=report.address.job or None,
        server=f"{server.scheme}://{server.netloc.rpartition('@')[2]}",
    )


def _dropped(opened: Spool, path: Path) -> bool:
    """False where another program is delivering it."""
    entry = opened.claim(path)
    if entry is not None:
        entry.remove()
    return entry is not None or not path.exists()


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
