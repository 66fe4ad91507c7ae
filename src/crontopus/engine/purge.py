"""The end of tenants that were deleted long enough ago. What is begun is finished, by this process or by another."""

from datetime import timedelta

import anyio
import structlog

from crontopus.domain.audit import Deed, Noun, Target
from crontopus.domain.ids import NOWHERE
from crontopus.domain.standing import UNDO
from crontopus.engine.audit import ITSELF
from crontopus.storage import audit, purging
from crontopus.storage.database import Database

log = structlog.get_logger(__name__)

BATCH = 200
EVERY = timedelta(minutes=1)
_BREATH_SECONDS = 0.02
"""Between two batches, so that check-ins have their turn."""


class Purge:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def step(self) -> bool:
        """Remove one tenant whose time is over. True where there was one."""
        async with self._db.read_all() as tx:
            if not await purging.is_due(tx, tx.now - UNDO):
                return False
        async with self._db.write_all() as tx:
            tenant = await purging.claim(tx, tx.now - UNDO)
        if tenant is None:
            return False
        while True:
            async with self._db.write(tenant) as own:
                removed = await purging.some(own, BATCH)
            if not removed:
                break
            await anyio.sleep(_BREATH_SECONDS)
        async with self._db.write_all() as tx:
            if await purging.end(tx, tenant):
                deed = Deed("tenant.purge", Target(Noun.TENANT, tenant, str(tenant)))
                await audit.add(tx.of(NOWHERE), ITSELF, [deed])
                log.info("a deleted tenant was removed", tenant=str(tenant))
        return True
