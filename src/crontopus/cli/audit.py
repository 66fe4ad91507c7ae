"""`crontopus audit`: what was done, by whom, and whether the log still says so."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import msgspec

from crontopus.cli.call import connected
from crontopus.cli.output import Column, Form, Listing, Out, at_terminal, gathered
from crontopus.cli.values import WHEN
from crontopus.domain.errors import Conflict
from crontopus.wire.audit import AuditEntry

if TYPE_CHECKING:
    from httpx import Response

    from crontopus.client import Client


def _changed(entry: AuditEntry) -> str:
    return ", ".join(f"{field}: {_value(old)} → {_value(new)}" for field, (old, new) in entry.changes.items())


def _value(value: Any) -> str:
    """Lists and objects as JSON, as in the exports."""
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return "–" if value is None else str(value)


ENTRIES = Listing(
    AuditEntry,
    (
        Column("", lambda entry, words: str(entry.position)),
        Column("at", lambda entry, words: words.instant(entry.at)),
        Column("who", lambda entry, words: entry.actor),
        Column("did", lambda entry, words: entry.action),
        Column("to", lambda entry, words: entry.target),
        Column("changed", lambda entry, words: _changed(entry)),
    ),
)


_FILTERS: tuple[Callable[[Any], Any], ...] = (
    click.option("--actor", metavar="WHO", help="Only of this person, by e-mail address, or `token NAME`."),
    click.option("--action", metavar="ACTION", help="Only of this kind: job.edit."),
    click.option("--target", type=click.UUID, metavar="ID", help="Only what was done to this, by its id."),
    click.option("--since", type=WHEN, help="Only from this instant on."),
    click.option("--until", type=WHEN, help="Only before this instant."),
)
most = click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
exported = click.option(
    "--format",
    "kind",
    type=click.Choice(["ndjson", "csv"]),
    help="JSON or CSV; else CSV with -o csv, and JSON without.",
)


def filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    """Takes which entries, as `AuditFilter`."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def kind_of(kind: str | None, out: Out) -> str:
    """In which an export comes: as it is asked for, else as results are printed."""
    return kind or ("csv" if out.form is Form.CSV else "ndjson")


async def printed(response: "Response") -> None:
    """As it comes."""
    async for text in response.aiter_text():
        click.echo(at_terminal(text), nl=False)


@click.group(short_help="The audit log: who did what.")
def audit() -> None:
    """The audit log: who did what."""


@audit.command("list")
@filtered
@most
@connected
async def list_entries(client: "Client", out: Out, limit: int, **wanted: Any) -> None:
    """List what was done, newest first."""
    out.many(await gathered(partial(client.audit, **wanted), limit), ENTRIES)


@audit.command()
@filtered
@exported
@connected
async def export(client: "Client", out: Out, kind: str | None, **wanted: Any) -> None:
    """Print the whole log, or what is asked for of it, an entry a line, however long it is."""
    async with client.export_audit(kind_of(kind, out), **wanted) as response:
        await printed(response)


@audit.command()
@connected
async def verify(client: "Client", out: Out) -> None:
    """Check that the log says what was written. Exit code 5 where it does not."""
    found = await client.verify_audit()
    if found.broken is not None:
        raise Conflict(f"entry {found.broken} of the audit log does not hold: {found.why}")
    out.said(f"{found.entries} entries, and each says what was written", found)
