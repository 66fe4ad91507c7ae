"""The server backs up itself: on its schedule, and when somebody asks. One of several processes does, in a thread that
stands back for everything else."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog
from msgspec import Struct

from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, CrontopusError
from crontopus.domain.ids import NOWHERE
from crontopus.engine import audit, backups
from crontopus.engine.backups import Place
from crontopus.engine.threads import background
from crontopus.storage import backups as stored
from crontopus.storage.backups import Backup
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.identity import new_id

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=10)
AGAIN = timedelta(hours=1)
"""After one that failed, unless the next is due sooner."""
SCHEDULE = "the schedule"


class Plan(Struct, frozen=True):
    """`into`: None where the server makes no backups of itself."""

    into: Path | None
    every: timedelta
    keep: int
    passphrase: str


class BackingUp:
    """`process` is this one, which holds what it makes by a lease."""

    def __init__(self, db: Database, place: Place, plan: Plan, process: UUID) -> None:
        self._db = db
        self._place = place
        self.plan = plan
        self._process = process
        self._thread = background(1, "backup")

    async def step(self) -> bool:
        """Make one that is due or asked for. False where there is none."""
        if self.plan.into is None:
            return False
        async with self._db.read_all() as tx:
            if not await stored.waiting(tx) and not await self._is_due(tx):
                return False
        async with self._db.write_all() as tx:
            await stored.lock(tx)
            if not await stored.waiting(tx) and await self._is_due(tx):
                await stored.add(tx, Backup(id=new_id(tx.now), asked_by=SCHEDULE, asked_at=tx.now))
            # Whoever else held a lease on a SQLite file has ended: only one process opens it.
            claimed = await stored.claim(tx, self._process, alone=self._db.is_sqlite)
        if claimed is not None:
            await self._make(claimed, self.plan.into)
        return False

    async def next_at(self, tx: SystemTx) -> datetime | None:
        """When the schedule makes the next; None: never."""
        if self.plan.into is None:
            return None
        newest = next(iter(await stored.listed(tx, 1)), None)
        if newest is None:
            return tx.now
        pause = self.plan.every if newest.sha256 or not newest.finished_at else min(AGAIN, self.plan.every)
        return newest.asked_at + pause

    async def _is_due(self, tx: SystemTx) -> bool:
        due = await self.next_at(tx)
        return due is not None and due <= tx.now

    async def _make(self, claimed: Backup, into: Path) -> None:
        work = partial(backups.make, self._place, into, self._db.clock(), self.plan.passphrase, self.plan.keep)
        file, size, digest, why = "", 0, None, ""
        try:
            made, _ = await asyncio.get_running_loop().run_in_executor(self._thread, work)
            file, size, digest = str(made), made.stat().st_size, bytes.fromhex(backups.digest(made))
        except CrontopusError as error:
            why = str(error)
            log.error("a backup failed", reason=why)
        async with self._db.write_all() as tx:
            await stored.finish(tx, claimed.id, file, size, digest, why)


async def ask(tx: SystemTx, caller: Principal, plan: Plan) -> Backup:
    """Raises Conflict where there is no folder for it, or one is under way."""
    if plan.into is None:
        raise Conflict("no folder is set for backups: give the setting backup_into, and start the server anew")
    await stored.lock(tx)
    if await stored.waiting(tx):
        raise Conflict("a backup is under way already: wait for it")
    asked = Backup(id=new_id(tx.now), asked_by=caller.name, asked_at=tx.now)
    await stored.add(tx, asked)
    await audit.tell(tx.of(NOWHERE), caller, "backup.ask", Target(Noun.INSTALLATION, asked.id, "backup"))
    return asked
