"""Whether this process can do its work: store what comes, judge in time, and has room on the disk."""

import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import anyio
from msgspec import Struct

from crontopus.domain.errors import CrontopusError
from crontopus.engine.absence import Monotonic
from crontopus.storage import alerts, channels, settings
from crontopus.storage.database import Database
from crontopus.storage.ledger import Ledger

EVERY = timedelta(seconds=1)
"""The database is written to no more often than this, however often somebody asks."""
PATIENCE_SECONDS = 5.0
LAG = timedelta(seconds=60)
DISK_SHARE = 0.05


class Check(Struct, frozen=True):
    """`detail` names no path and no secret. `behind`: how far; None where that is no question, or not known."""

    name: str
    ok: bool
    detail: str
    behind: timedelta | None = None


class Lag(Struct, frozen=True):
    """How far behind something was, at `ticks` of the clock that nobody can set."""

    behind: timedelta
    ticks: float


class Health:
    """`lags`: of each thing that the database is asked for, as it was found last; until then it counts as well."""

    def __init__(self, db: Database, ledger: Ledger, data: Path, monotonic: Monotonic) -> None:
        self._db = db
        self._ledger = ledger
        self._data = data
        self._monotonic = monotonic
        self._at: datetime | None = None
        self._checks: tuple[Check, ...] = ()
        self._one = anyio.Lock()
        self._looks = {
            "database": self._database,
            "sweep": self._sweep,
            "alerts": self._alerts,
            "outbox": self._outbox,
        }
        self.lags: Mapping[str, Lag] = dict.fromkeys(self._looks, Lag(timedelta(), monotonic()))

    async def step(self) -> bool:
        """A step of a loop: however little is asked from outside, it is known."""
        await self.checks()
        return False

    async def checks(self) -> tuple[Check, ...]:
        """Whoever asks while another is answered gets the same answer."""
        async with self._one:
            if self._at is None or abs(self._db.clock() - self._at) >= EVERY:
                self._checks = (*await self._of_the_database(), self._disk())
                self._at = self._db.clock()
        return self._checks

    async def _of_the_database(self) -> list[Check]:
        """All at once, so that who asks has an answer within `PATIENCE_SECONDS`."""
        checks: dict[str, Check] = {}

        async def look(name: str) -> None:
            try:
                with anyio.fail_after(PATIENCE_SECONDS):
                    since = await self._looks[name]()
            except TimeoutError:
                checks[name] = Check(name, False, f"no answer within {PATIENCE_SECONDS:.0f} s")
            except CrontopusError as error:
                checks[name] = Check(name, False, str(error))
            else:
                checks[name] = self._found(name, since)

        async with anyio.create_task_group() as tree:
            for name in self._looks:
                tree.start_soon(look, name)
        return [checks[name] for name in self._looks]

    def _found(self, name: str, since: datetime | None) -> Check:
        """`since`: when what is owed first was due, or will be."""
        behind = timedelta() if since is None else max(self._db.clock() - since, timedelta())
        self.lags = {**self.lags, name: Lag(behind, self._monotonic())}
        told = "can be written" if name == "database" else f"{behind.total_seconds():.1f} s behind"
        return Check(name, behind < LAG, told, behind)

    async def _database(self) -> None:
        async with self._db.write_all() as tx:
            await settings.put(tx, "probed_at", tx.now.isoformat())

    async def _sweep(self) -> datetime | None:
        return await self._ledger.next_due()

    async def _alerts(self) -> datetime | None:
        async with self._db.read_all() as tx:
            return await alerts.overdue_since(tx)

    async def _outbox(self) -> datetime | None:
        """Where a message is being sent, those behind it wait for the other side, and not for us."""
        async with self._db.read_all() as tx:
            return await channels.left_since(tx)

    def _disk(self) -> Check:
        folder = self._data.absolute()
        usage = shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists()))
        share = usage.free / usage.total
        return Check("disk", share >= DISK_SHARE, f"{share:.0%} free")
