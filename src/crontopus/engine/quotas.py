"""Room for one more: asked in the transaction that makes it, so that two at once do not pass a quota together."""

from crontopus.domain.tiers import Quota, require_room
from crontopus.storage import tiers
from crontopus.storage.database import Tx


async def require(tx: Tx, quota: Quota) -> None:
    """Raises QuotaReached. To be asked last before the thing is made: whoever else makes one waits from here on.

    What is there already stays, also where the quota was lowered below it.
    """
    limit = (await tiers.quotas_of(tx)).get(quota)
    if limit is None:
        return
    await tiers.in_turn(tx)
    require_room(quota, await tiers.used(tx, quota), limit)
