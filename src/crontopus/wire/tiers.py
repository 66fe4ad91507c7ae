"""Tiers, and what tenants use, on the wire."""

from datetime import date
from typing import Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from crontopus.domain.standing import State
from crontopus.domain.tiers import Level, Quota
from crontopus.wire.common import Input, Name, Output

Sort = Literal["name", "pings", "failures", "storage", "growth"]


class Tier(Output, frozen=True):
    """What a tenant may have. `quotas`: a number of each, null where there is no limit. `tenants`: how many are in it.

    The tier `Unlimited` limits nothing, is always there and cannot be changed.
    """

    id: UUID
    name: str
    quotas: dict[Quota, int | None]
    tenants: int


class NewTier(Input, frozen=True):
    """What `quotas` does not name is not limited."""

    name: Name
    quotas: dict[Quota, int | None] = {}


class TierPatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays, also in `quotas`; null there is no limit."""

    name: Name | UnsetType = UNSET
    quotas: dict[Quota, int | None] | UnsetType = UNSET


class TierChoice(Input, frozen=True):
    """The tier that a tenant comes into."""

    tier: UUID


class QuotaUse(Output, frozen=True):
    """`used` of `limit` (null: not limited). Of pings a minute it is the most that came in a minute today; null where
    nothing is counted: `retention_days`, `requests_per_minute`. `level`: `free`, `near` from 80 %, `reached`.
    """

    quota: Quota
    used: int | None
    limit: int | None
    level: Level


class UsageDay(Output, frozen=True):
    """What came on a day, by UTC. `pings`: all that came; `check_ins`: those that were new. `output_bytes` of what they
    printed were kept, `dropped_bytes` were not, for a quota. `peak_pings`: the most in one minute.
    """

    day: date
    pings: int
    check_ins: int
    failures: int
    output_bytes: int
    dropped_bytes: int
    peak_pings: int


class TenantUsage(Output, frozen=True):
    """What the tenant uses. It is written every few seconds. `days`: newest first, those on which something came.
    `stored_bytes`: what is there of its output, compressed.
    """

    tier: str
    quotas: list[QuotaUse]
    stored_check_ins: int
    stored_bytes: int
    days: list[UsageDay]


class TenantRank(Output, frozen=True):
    """What a tenant uses, among all. `pings` to `peak_pings` are of the last seven days; `growth_bytes`: what of their
    output was stored in these, compressed, and `stored_bytes`: what is there of it.
    """

    id: UUID
    name: str
    state: State
    tier: UUID
    tier_name: str
    jobs: int
    members: int
    pings: int
    check_ins: int
    failures: int
    output_bytes: int
    dropped_bytes: int
    peak_pings: int
    growth_bytes: int
    stored_bytes: int
    stored_check_ins: int
