"""What was done anywhere on the installation."""

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from crontopus.cli.audit import ENTRIES, exported, filtered, kind_of, most, printed
from crontopus.cli.call import addressed, chosen_client, connected, run, shown
from crontopus.cli.output import Column, Listing, Out, gathered
from crontopus.cli.serve import loaded, started
from crontopus.domain.errors import Conflict
from crontopus.wire.audit import SystemAuditEntry, SystemAuditVerdict

if TYPE_CHECKING:
    from crontopus.client import Client

INSTALLATION = "the installation"


def _whose(one: SystemAuditEntry | SystemAuditVerdict) -> str:
    return one.tenant_name or (str(one.tenant) if one.tenant else INSTALLATION)


SYSTEM_ENTRIES = Listing(
    SystemAuditEntry,
    (
        Column("in", lambda entry, words: _whose(entry)),
        *(Column[SystemAuditEntry](column.title, column.cell) for column in ENTRIES.columns),
    ),
)
VERDICTS = Listing(
    SystemAuditVerdict,
    (
        Column("log of", lambda verdict, words: _whose(verdict)),
        Column("entries", lambda verdict, words: f"{verdict.entries:,}"),
        Column("holds", lambda verdict, words: "yes" if verdict.broken is None else f"not from {verdict.broken} on"),
        Column("why", lambda verdict, words: verdict.why),
    ),
)


@click.group("audit", short_help="What was done anywhere, and whether all logs still say so.")
def audit() -> None:
    """What was done anywhere, and whether all logs still say so."""


_of = click.option("--tenant", type=click.UUID, metavar="ID", help="Only of this tenant's log.")


@audit.command("list")
@_of
@filtered
@most
@connected
async def list_entries(client: "Client", out: Out, limit: int, **wanted: Any) -> None:
    """List what was done anywhere, newest first."""
    out.many(await gathered(partial(client.admin_audit, **wanted), limit), SYSTEM_ENTRIES)


@audit.command()
@_of
@filtered
@exported
@connected
async def export(client: "Client", out: Out, kind: str | None, **wanted: Any) -> None:
    """Print all logs, or what is asked for of them, an entry a line, however long they are."""
    async with client.export_admin_audit(kind_of(kind, out), **wanted) as response:
        await printed(response)


@audit.command()
@click.option("--data", metavar="FOLDER", help="Read this data folder itself, such as one restored.")
@click.option("--database-url", metavar="URL", help="Read this PostgreSQL database itself.")
@shown
@addressed
def verify(out: Out, data: str | None, database_url: str | None, **server: str | None) -> None:
    """Check that all logs say what was written. Exit code 5 where one does not.

    The server reads them; with --data or --database-url this command does. No server may run on that folder then.
    """
    if data is None and database_url is None:
        verdicts = run(_by_server(**server))
    else:
        verdicts = started(partial(_in_place, {"data": data, "database_url": database_url}))
    out.many(verdicts, VERDICTS)
    broken = [_whose(one) for one in verdicts if one.broken is not None]
    if broken:
        raise Conflict(f"the audit log does not hold: {', '.join(broken)}")


async def _by_server(url: str | None, token: str | None, context: str | None) -> list[SystemAuditVerdict]:
    async with chosen_client(url, token, context) as client:
        return (await client.verify_admin_audit()).items


def _in_place(options: dict[str, str | None]) -> list[SystemAuditVerdict]:
    from crontopus import appliance

    return run(appliance.verify_audit(loaded({"file": None, **options}).config))


COMMANDS = [audit]
