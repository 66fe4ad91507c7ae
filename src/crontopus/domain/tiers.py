"""Tiers: what a tenant may have of each thing, and what follows when it has that much.

A quota never costs a check-in: over a quota of pings or of output it is stored and judged as always, and only what it
printed is not kept.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from crontopus.domain.errors import Fault, Invalid, QuotaReached

SOFT_PERCENT = 80
"""From here on whoever looks after the tenant is told."""
_MOST = 10**15


class Quota(StrEnum):
    """What can be limited."""

    JOBS = "jobs"
    AGENTS = "agents"
    MEMBERS = "members"
    CHANNELS = "channels"
    PINGS = "pings_per_minute"
    OUTPUT = "output_bytes_per_day"
    RETENTION = "retention_days"
    TOKENS = "tokens"
    REQUESTS = "requests_per_minute"
    STREAMS = "streams"


Quotas = Mapping[Quota, int]
"""What is not named is not limited."""


class Level(StrEnum):
    """How much of a quota is used: some, nearly all, all."""

    FREE = "free"
    NEAR = "near"
    REACHED = "reached"


class Tier(Struct, frozen=True):
    """`tenants`: how many are in it."""

    id: UUID
    name: str
    quotas: Quotas
    tenants: int = 0


UNLIMITED = UUID(int=1)
"""The tier of every tenant that nobody has given another. It limits nothing, and is always there."""
UNLIMITED_NAME = "Unlimited"

COUNTED = {
    Quota.JOBS: "jobs",
    Quota.MEMBERS: "members, with those who are invited",
    Quota.TOKENS: "tokens",
    Quota.STREAMS: "live streams",
    Quota.CHANNELS: "channels",
}
"""What can be refused, in words."""

UNCOUNTED = frozenset({Quota.RETENTION, Quota.REQUESTS})
"""Of which nothing is used up."""

OVER = {
    Quota.PINGS: "the organisation was over its quota of pings a minute",
    Quota.OUTPUT: "the organisation was over its quota of output a day",
}
"""Why output was not kept, in words."""


def level(used: int, limit: int | None) -> Level:
    if limit is None:
        return Level.FREE
    if used >= limit:
        return Level.REACHED
    return Level.NEAR if used * 100 >= limit * SOFT_PERCENT else Level.FREE


def reached(quota: Quota, used: int, limit: int) -> QuotaReached:
    """What is said to whoever wants one more."""
    return QuotaReached(
        f"this organisation has {used:,} {COUNTED[quota]}, and its quota is {limit:,}: remove some first, or ask "
        "whoever runs this installation for another tier"
    )


def require_room(quota: Quota, used: int, limit: int) -> None:
    """Room for one more. Raises QuotaReached."""
    if used >= limit:
        raise reached(quota, used, limit)


def overspent(quotas: Quotas, pings: int, output_bytes: int) -> Quota | None:
    """The quota for which the output of a check-in is not kept; None: it is.

    `pings` of its minute and `output_bytes` of its day, its own among them.
    """
    most = quotas.get(Quota.PINGS)
    if most is not None and pings > most:
        return Quota.PINGS
    most = quotas.get(Quota.OUTPUT)
    return Quota.OUTPUT if most is not None and output_bytes > most else None


def kept_for(quotas: Quotas, otherwise: timedelta) -> timedelta:
    """How long runs are kept: the shorter of the tier's and the installation's."""
    days = quotas.get(Quota.RETENTION)
    return otherwise if days is None else min(otherwise, timedelta(days=days))


def changed(old: Quotas, by: Mapping[Quota, int | None]) -> Quotas:
    """JSON Merge Patch: null is no limit. Raises Invalid, naming each place."""
    new = {**old, **by}
    found = {quota: limit for quota in Quota if (limit := new.get(quota)) is not None}
    faults = [
        Fault(f"/quotas/{quota}", f"a whole number from {_least(quota)} to {_MOST:,}, or null for no limit")
        for quota, limit in found.items()
        if not _least(quota) <= limit <= _MOST
    ]
    if faults:
        raise Invalid("a quota is out of bounds", tuple(faults))
    return found


def _least(quota: Quota) -> int:
    """A run that is over is kept for a day at least: somebody has to see it. And somebody has to lift the quota."""
    return 1 if quota in (Quota.RETENTION, Quota.REQUESTS) else 0
