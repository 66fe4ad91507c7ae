"""What the tenant uses of what it may have."""

from litestar import get

from crontopus.api import shown
from crontopus.api.arguments import Caller, Parts
from crontopus.api.principal import needs
from crontopus.domain.access import Scope
from crontopus.domain.tiers import Quota
from crontopus.storage import tenants, tiers, usage
from crontopus.wire.tiers import TenantUsage

DAYS = 30


@get("/tenants/current/usage", operation_id="usage", opt=needs(Scope.JOBS_READ))
async def show(caller: Caller, parts: Parts) -> TenantUsage:
    """Read what the tenant uses, and its quotas.

    For everybody who sees all of it: whoever is refused one job more can look why.
    """
    caller.require_all_jobs()
    async with parts.db.read(caller.tenant) as tx:
        tier = (await tenants.own(tx)).tier_name
        quotas = await tiers.quotas_of(tx)
        used = {quota: await tiers.used(tx, quota) for quota in Quota}
        days, holding = await usage.days(tx, DAYS), await usage.holding(tx)
        today = shown.today(days, tx.now)
    used |= {Quota.PINGS: today.peak, Quota.OUTPUT: today.output_bytes, Quota.STREAMS: parts.streams_of[caller.tenant]}
    return shown.usage(tier, quotas, used, days, holding)


ROUTES = [show]
