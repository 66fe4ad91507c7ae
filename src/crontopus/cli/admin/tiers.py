"""Tiers: what tenants may have of each thing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from crontopus.cli.admin.tenants import find as find_tenant
from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.output import Column, Listing, Out
from crontopus.cli.table import Cell
from crontopus.cli.values import converted
from crontopus.cli.words import Words
from crontopus.domain.errors import NotFound
from crontopus.domain.tiers import Quota
from crontopus.wire.tiers import NewTier, Tier, TierPatch

if TYPE_CHECKING:
    from crontopus.client import Client

NONE = "none"
TIERS = Listing(
    Tier,
    (
        Column("tier", lambda tier, words: tier.name),
        Column("tenants", lambda tier, words: f"{tier.tenants:,}"),
        Column("quotas", lambda tier, words: ", ".join(f"{name}={limit}" for name, limit in _limits(tier)) or NONE),
        Column("id", lambda tier, words: str(tier.id)),
    ),
)
_which = click.argument("which", metavar="TIER")


class Limited(click.ParamType[tuple[str, int | None]]):
    """`jobs=100`, or `jobs=none` for no limit."""

    name = "quota=number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int | None]:
        quota, _, limit = str(value).partition("=")
        if quota not in list(Quota):
            self.fail(f"there is no quota {quota!r}; there are {', '.join(Quota)}", param, ctx)
        if limit != NONE and not (limit.isascii() and limit.isdigit()):
            self.fail(f"write {quota}=100, or {quota}={NONE} for no limit", param, ctx)
        return quota, None if limit == NONE else int(limit)


_quotas = click.option(
    "--quota", "quotas", type=Limited(), multiple=True, help="A limit, such as jobs=100; jobs=none: no limit. Again."
)


def _limits(tier: Tier) -> Iterator[tuple[str, int]]:
    return ((str(quota), limit) for quota, limit in tier.quotas.items() if limit is not None)


def _card(tier: Tier, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "tier", tier.name
    yield "id", str(tier.id)
    yield "tenants", f"{tier.tenants:,}"
    for quota, limit in tier.quotas.items():
        yield str(quota), "no limit" if limit is None else f"{limit:,}"


async def _find(client: "Client", which: str) -> Tier:
    """By id or name. Raises NotFound."""
    tiers = (await client.admin_tiers()).items
    found = next((one for one in tiers if which in (str(one.id), one.name)), None)
    if found is None:
        raise NotFound(f"no tier {which!r}; there are {', '.join(one.name for one in tiers)}")
    return await client.admin_tier(found.id)


@click.group("tiers", short_help="Tiers: what tenants may have.")
def tiers() -> None:
    """Tiers: what tenants may have. TIER is its name or id.

    Quotas: jobs, agents, members, channels, pings_per_minute, output_bytes_per_day, retention_days, tokens,
    requests_per_minute, streams.
    """


@tiers.command("list")
@connected
async def list_tiers(client: "Client", out: Out) -> None:
    """List all tiers, by name."""
    out.many((await client.admin_tiers()).items, TIERS)


@tiers.command()
@_which
@connected
async def show(client: "Client", out: Out, which: str) -> None:
    """Show a tier."""
    out.one(await _find(client, which), _card)


@tiers.command()
@click.argument("name")
@_quotas
@connected
async def create(client: "Client", out: Out, name: str, quotas: tuple[tuple[str, int | None], ...]) -> None:
    """Make a tier. What is not named is not limited."""
    made = await client.add_tier(converted({"name": name, "quotas": dict(quotas)}, NewTier))
    out.said(f"the tier {made.name} is there", made)


@tiers.command()
@_which
@click.option("--name", help="What it is called from now on.")
@_quotas
@connected
async def edit(
    client: "Client", out: Out, which: str, name: str | None, quotas: tuple[tuple[str, int | None], ...]
) -> None:
    """Change a tier. What is not named stays; what tenants have beyond a lowered quota stays, too."""
    changes: dict[str, Any] = {"quotas": dict(quotas), **({} if name is None else {"name": name})}
    changed = await client.edit_tier((await _find(client, which)).id, converted(changes, TierPatch))
    out.said(f"the tier {changed.name} is changed for {changed.tenants:,} tenants", changed)


@tiers.command()
@_which
@yes_option
@connected
async def delete(client: "Client", out: Out, which: str, yes: bool) -> None:
    """Delete a tier that no tenant is in."""
    tier = await _find(client, which)
    confirm(f"Delete the tier {tier.name}?", yes)
    await client.delete_tier(tier.id)
    out.said(f"the tier {tier.name} is gone", tier)


@tiers.command()
@_which
@click.argument("tenant")
@connected
async def give(client: "Client", out: Out, which: str, tenant: str) -> None:
    """Put TENANT, by its id or its exact name, into a tier."""
    changed = await client.give_tier((await find_tenant(client, tenant)).id, (await _find(client, which)).id)
    out.said(f"{changed.name} is in the tier {changed.tier_name} now", changed)


COMMANDS = [tiers]
