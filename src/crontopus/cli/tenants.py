"""`crontopus tenants`: which tenant this is, its name, its export, and its end."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.output import Column, Form, Listing, Out, gathered, progress, say
from crontopus.cli.table import Cell
from crontopus.cli.values import DURATION, converted
from crontopus.cli.words import Words, duration
from crontopus.domain.errors import Conflict, CrontopusError, Invalid
from crontopus.domain.tiers import Level
from crontopus.wire.impersonations import Impersonation
from crontopus.wire.people import Tenant, TenantPatch
from crontopus.wire.tenants import Export, TenantInfo
from crontopus.wire.tiers import QuotaUse, UsageDay

if TYPE_CHECKING:
    from crontopus.client import Client

LOOK_EVERY_SECONDS = 1.0
TENANTS = Listing(
    Tenant,
    (
        Column("", lambda tenant, words: Cell("*" if tenant.current else "", "green")),
        Column("tenant", lambda tenant, words: tenant.name),
        Column("id", lambda tenant, words: str(tenant.id)),
        Column("role", lambda tenant, words: str(tenant.role or "")),
        Column("state", lambda tenant, words: tenant.state),
    ),
)
IMPERSONATIONS = Listing(
    Impersonation,
    (
        Column("began", lambda one, words: words.about(one.began_at)),
        Column("who", lambda one, words: one.operator),
        Column("tenant", lambda one, words: one.tenant_name),
        Column("as", lambda one, words: one.member or f"the role {one.role}"),
        Column("why", lambda one, words: f"{one.why}; raised: {one.raised_why}" if one.raised_at else one.why),
        Column("", lambda one, words: Cell("lasts", "red") if one.active else Cell("over", "")),
        Column("id", lambda one, words: str(one.id)),
    ),
)
EXPORTS = Listing(
    Export,
    (
        Column("id", lambda export, words: str(export.id)),
        Column("asked", lambda export, words: words.about(export.asked_at)),
        Column("by", lambda export, words: export.asked_by),
        Column("bytes", lambda export, words: f"{export.size_bytes:,}" if export.sha256 else "being written"),
        Column("until", lambda export, words: words.about(export.expires_at)),
    ),
)


_LEVELS = {Level.FREE: Cell("", ""), Level.NEAR: Cell("nearly all", "yellow"), Level.REACHED: Cell("all", "red")}
QUOTAS = Listing(
    QuotaUse,
    (
        Column("quota", lambda use, words: use.quota),
        Column("used", lambda use, words: "–" if use.used is None else f"{use.used:,}"),
        Column("limit", lambda use, words: "none" if use.limit is None else f"{use.limit:,}"),
        Column("", lambda use, words: _LEVELS[use.level]),
    ),
)
DAYS = Listing(
    UsageDay,
    (
        Column("day", lambda day, words: day.day.isoformat()),
        Column("check-ins", lambda day, words: f"{day.check_ins:,}"),
        Column("failures", lambda day, words: f"{day.failures:,}"),
        Column("most in a minute", lambda day, words: f"{day.peak_pings:,}"),
        Column("output", lambda day, words: f"{day.output_bytes:,}"),
        Column("not kept", lambda day, words: f"{day.dropped_bytes:,}"),
    ),
)


def card(tenant: TenantInfo, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "tenant", tenant.name
    yield "id", str(tenant.id)
    yield "state", tenant.state
    yield "why", tenant.suspended_why
    yield "restorable until", words.about(tenant.restorable_until)
    yield "members", str(tenant.members)
    yield "tier", tenant.tier_name
    yield "second factor", "required of everybody" if tenant.require_second_factor else "everybody decides"
    yield "impersonation", "forbidden" if tenant.forbid_impersonation else "allowed, and told"
    yield "timezone", tenant.timezone
    yield "default grace", duration(tenant.default_grace)
    yield "since", words.about(tenant.created_at)


@click.group(short_help="Tenants: which one this is, its name, its export and its end.")
def tenants() -> None:
    """Tenants: which one this is, its name, its export and its end."""


@tenants.command("list")
@connected
async def list_tenants(client: "Client", out: Out) -> None:
    """List the tenants that one belongs to. A token belongs to one."""
    out.many((await client.tenants()).items, TENANTS)


@tenants.command()
@connected
async def show(client: "Client", out: Out) -> None:
    """Show this tenant."""
    out.one(await client.tenant(), card)


@tenants.command()
@connected
async def usage(client: "Client", out: Out) -> None:
    """Show what this tenant uses of what it may have, and what came of it today."""
    found = await client.usage()
    if out.form is not Form.TABLE:
        return out.one(found, lambda found, words: ())
    out.line(f"tier {found.tier}; {found.stored_check_ins:,} check-ins and {found.stored_bytes:,} bytes are kept")
    out.many(found.quotas, QUOTAS)
    out.line()
    out.many(found.days, DAYS)


@tenants.command()
@click.argument("name")
@connected
async def rename(client: "Client", out: Out, name: str) -> None:
    """Rename this tenant."""
    changed = await client.edit_tenant(converted({"name": name}, TenantPatch))
    out.said(f"it is called {changed.name} now", changed)


@tenants.command()
@click.option("--timezone", "--tz", "timezone", metavar="ZONE", help="Zone of namespaces without their own.")
@click.option("--default-grace", type=DURATION, help="Grace of jobs that a ping makes, likewise.")
@connected
async def defaults(client: "Client", out: Out, timezone: str | None, default_grace: Any) -> None:
    """Say what holds in this tenant where a namespace says nothing."""
    given = {"timezone": timezone, "default_grace": default_grace}
    wish = {name: value for name, value in given.items() if value is not None}
    if not wish:
        raise click.UsageError("say what to change")
    out.one(await client.edit_tenant(converted(wish, TenantPatch)), card)


@tenants.command("second-factor")
@click.argument("wish", type=click.Choice(("required", "optional")))
@connected
async def second_factor(client: "Client", out: Out, wish: str) -> None:
    """Say whether every member needs a second factor. Only an owner who has one can.

    Members without one then reach only their own account until they have set one up.
    """
    changed = await client.edit_tenant(TenantPatch(require_second_factor=wish == "required"))
    out.said(f"a second factor is {wish} in {changed.name} now", changed)


@tenants.command("impersonations")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
@connected
async def list_impersonations(client: "Client", out: Out, limit: int) -> None:
    """List who of those that run the installation looked at this tenant as one of its members."""
    out.many(await gathered(client.impersonations, limit), IMPERSONATIONS)


@tenants.command("impersonation")
@click.argument("wish", type=click.Choice(["allowed", "forbidden"]))
@connected
async def impersonation(client: "Client", out: Out, wish: str) -> None:
    """Allow or forbid those who run the installation to look at this tenant as one of its members. For owners."""
    changed = await client.edit_tenant(TenantPatch(forbid_impersonation=wish == "forbidden"))
    out.said(f"to look at {changed.name} as one of its members is {wish} now", changed)


@tenants.command()
@yes_option
@connected
async def delete(client: "Client", out: Out, yes: bool) -> None:
    """Delete this tenant. For 14 days an owner can restore it; then all of it is removed."""
    tenant = await client.tenant()
    confirm(f"Delete {tenant.name}, with all its jobs, runs and members?", yes)
    gone = await client.delete_tenant()
    out.said(f"{gone.name} is deleted; `crontopus tenants restore` brings it back", gone)


@tenants.command()
@connected
async def restore(client: "Client", out: Out) -> None:
    """Have this tenant back after it was deleted."""
    tenant = await client.restore_tenant()
    out.said(f"{tenant.name} is {tenant.state} again", tenant)


@tenants.command()
@connected
async def exports(client: "Client", out: Out) -> None:
    """List the exports of this tenant that can be downloaded, or are being written."""
    out.many((await client.exports()).items, EXPORTS)


@tenants.command()
@click.option("--into", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write: a zip.")
@connected
async def export(client: "Client", out: Out, into: Path) -> None:
    """Export all that this tenant has into a zip of NDJSON files, and wait for it.

    The manifest in it says what is in each file. Secrets are not: ping keys, tokens, passwords.
    """
    _require_new(into)
    asked = await client.export_tenant()
    finished = await _awaited(client, asked)
    draft = into.with_name(f".{into.name}.part")
    try:
        await _downloaded(client, finished, draft)
        draft.rename(into)
    except OSError as error:
        raise Invalid(f"{into} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    out.said(f"{into} has all of it, {finished.size_bytes:,} bytes", finished)


async def _awaited(client: "Client", asked: Export) -> Export:
    import asyncio

    begun = time.monotonic()
    while True:
        found = next((one for one in (await client.exports()).items if one.id == asked.id), None)
        if found is None:
            raise CrontopusError("the export is gone: ask for it again")
        if found.sha256:
            progress("")
            return found
        progress(f"{found.size_bytes:,} bytes written, {time.monotonic() - begun:.0f} s …")
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def _require_new(into: Path) -> None:
    if into.exists():
        raise Conflict(f"{into} is there already: name a new file")


def _opened(into: Path) -> BinaryIO:
    """Nobody else reads it."""
    return open(into, "wb", opener=lambda path, flags: os.open(path, flags, 0o600))


async def _downloaded(client: "Client", export: Export, into: Path) -> None:
    """Raises CrontopusError where what arrived is not what was written."""
    hashed = hashlib.sha256()
    with _opened(into) as file:
        async with client.download_export(export.id) as response:
            async for part in response.aiter_bytes():
                hashed.update(part)
                file.write(part)
    if hashed.hexdigest() != export.sha256:
        raise CrontopusError("the download was cut or damaged: ask for it again")
    say("the file is what the server wrote, by its SHA-256")
