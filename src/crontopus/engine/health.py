"""Whether this process can do its work: store what comes, judge in time, and has room on the disk."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import anyio
from msgspec import Struct

from crontopus.domain.errors import CrontopusError
from crontopus.storage import alerts, channels, settings
from crontopus.storage.database import Database
from crontopus.storage.ledger import Ledger

EVERY = timedelta(seconds=1)
"""The database is written to no more often than this, however often somebody asks."""
PATIENCE_SECONDS = 5.0
LAG = timedelta(seconds=60)
DISK_SHARE = 0.05


class Check(Struct, frozen=True):
    """`detail` names no path and no secret."""

    name: str
    ok: bool
    detail: str


class Health:
    def __init__(self, db: Database, ledger: Ledger, data: Path) -> None:
        self._db = db
        self._ledger = ledger
        self._data = data
        self._at: datetime | None = None
        self._checks: tuple[Check, ...] = ()
        self._one = anyio.Lock()

    async def checks(self) -> tuple[Check, ...]:
        """Whoever asks while another is answered gets the same answer."""
        async with self._one:
            if self._at is None or abs(self._db.clock() - self._at) >= EVERY:
                self._checks = (*await self._of_the_database(), self._disk())
                self._at = self._db.clock()
        return self._checks

    async def _of_the_database(self) -> list[Check]:
        """Both at once, so that who asks has an answer within `PATIENCE_SECONDS`."""
        looks = {"database": self._database, "sweep": self._sweep, "alerts": self._alerts}
        checks: dict[str, Check] = {}

        async def look(name: str) -> None:
            try:
                with anyio.fail_after(PATIENCE_SECONDS):
                    ok, detail = await looks[name]()
            except TimeoutError:
                ok, detail = False, f"no answer within {PATIENCE_SECONDS:.0f} s"
            except CrontopusError as error:
                ok, detail = False, str(error)
            checks[name] = Check(name, ok, detail)

        async with anyio.create_task_group() as tree:
            for name in looks:
                tree.start_soon(look, name)
        return [checks[name] for name in looks]

    async def _database(self) -> tuple[bool, str]:
        async with self._db.write_all() as tx:
            await settings.put(tx, "probed_at", tx.now.isoformat())
        return True, "can be written"

    async def _sweep(self) -> tuple[bool, str]:
        due = await self._ledger.next_due()
        lag = timedelta() if due is None else max(self._db.clock() - due, timedelta())
        return lag < LAG, f"{lag.total_seconds():.1f} s behind"

    async def _alerts(self) -> tuple[bool, str]:
        """How long something is owed already, to alerts or to channels that could be sent on."""
        async with self._db.read_all() as tx:
            waits = [at for at in (await alerts.overdue_since(tx), await channels.next_due(tx)) if at is not None]
        lag = max([self._db.clock() - at for at in waits] + [timedelta()])
        return lag < LAG, f"{lag.total_seconds():.1f} s behind"

    def _disk(self) -> Check:
        folder = self._data.absolute()
        usage = shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists()))
        share = usage.free / usage.total
        return Check("disk", share >= DISK_SHARE, f"{share:.0%} free")
