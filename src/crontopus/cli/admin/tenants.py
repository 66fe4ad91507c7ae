"""Every tenant of the installation."""

from typing import TYPE_CHECKING

import click

from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.output import Column, Form, Listing, Out, gathered, say
from crontopus.cli.tenants import card
from crontopus.cli.values import converted
from crontopus.domain.errors import NotFound
from crontopus.wire.people import TenantPatch
from crontopus.wire.tenants import NewTenant, TenantInfo

if TYPE_CHECKING:
    from crontopus.client import Client

TENANTS = Listing(
    TenantInfo,
    (
        Column("tenant", lambda tenant, words: tenant.name),
        Column("state", lambda tenant, words: tenant.state),
        Column("members", lambda tenant, words: str(tenant.members)),
        Column("tier", lambda tenant, words: tenant.tier_name),
        Column("since", lambda tenant, words: words.about(tenant.created_at)),
        Column("id", lambda tenant, words: str(tenant.id)),
    ),
)
_which = click.argument("which", metavar="TENANT")


async def find(client: "Client", which: str) -> TenantInfo:
    """By id or by its exact name. Raises NotFound."""
    found = [one for one in await gathered(client.admin_tenants, 0) if which in (str(one.id), one.name)]
    if len(found) != 1:
        several = " (several have this name: name it by its id)" if found else ""
        raise NotFound(f"no tenant {which!r}{several}")
    return found[0]


@click.group("tenants", short_help="Every tenant: make, suspend, delete.")
def tenants() -> None:
    """Every tenant: make, suspend, delete. TENANT is its id or its exact name."""


@tenants.command("list")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0: all.")
@connected
async def list_tenants(client: "Client", out: Out, limit: int) -> None:
    """List all tenants, by name."""
    out.many(await gathered(client.admin_tenants, limit), TENANTS)


@tenants.command()
@_which
@connected
async def show(client: "Client", out: Out, which: str) -> None:
    """Show a tenant."""
    out.one(await client.admin_tenant((await find(client, which)).id), card)


@tenants.command()
@click.argument("name")
@click.option("--owner", required=True, metavar="ADDRESS", help="Whoever is invited to own it.")
@connected
async def create(client: "Client", out: Out, name: str, owner: str) -> None:
    """Make a tenant: prints the link for its owner, once, or mails it where the installation sends e-mail."""
    made = await client.add_tenant(converted({"name": name, "owner": owner}, NewTenant))
    if out.form is not Form.TABLE:
        return out.one(made, lambda made, words: ())
    if made.link is None:
        return say(f"the link goes to {owner} by e-mail, and opens once within seven days")
    say(f"Send this to {owner} and to nobody else. It is not shown again, and opens once within seven days.")
    out.line(made.link)


@tenants.command()
@_which
@click.argument("name")
@connected
async def rename(client: "Client", out: Out, which: str, name: str) -> None:
    """Rename a tenant."""
    tenant = await find(client, which)
    changed = await client.admin_edit_tenant(tenant.id, converted({"name": name}, TenantPatch))
    out.said(f"it is called {changed.name} now", changed)


@tenants.command()
@_which
@click.option("--why", required=True, metavar="TEXT", help="What its people are told.")
@connected
async def suspend(client: "Client", out: Out, which: str, why: str) -> None:
    """Suspend a tenant. Its check-ins are stored all the same."""
    changed = await client.suspend_tenant((await find(client, which)).id, why)
    out.said(f"{changed.name} is suspended", changed)


@tenants.command()
@_which
@connected
async def resume(client: "Client", out: Out, which: str) -> None:
    """Resume a tenant that is suspended."""
    changed = await client.resume_tenant((await find(client, which)).id)
    out.said(f"{changed.name} is {changed.state} again", changed)


@tenants.command()
@_which
@yes_option
@connected
async def delete(client: "Client", out: Out, which: str, yes: bool) -> None:
    """Delete a tenant. For 14 days it can be restored; then all of it is removed."""
    tenant = await find(client, which)
    confirm(f"Delete {tenant.name}, with all its jobs, runs and {tenant.members} members?", yes)
    gone = await client.admin_delete_tenant(tenant.id)
    out.said(f"{gone.name} is deleted; `crontopus admin tenants restore` brings it back", gone)


@tenants.command()
@_which
@connected
async def restore(client: "Client", out: Out, which: str) -> None:
    """Have a deleted tenant back."""
    changed = await client.admin_restore_tenant((await find(client, which)).id)
    out.said(f"{changed.name} is {changed.state} again", changed)


COMMANDS = [tenants]
