"""What the metrics of the process say of what is owed: asked when they are, and never a number that was true before."""

from collections.abc import Iterable, Mapping

import anyio
from prometheus_client import Gauge

from crontopus.domain.errors import CrontopusError
from crontopus.engine.health import PATIENCE_SECONDS, Check, Health
from crontopus.metrics import Metrics
from crontopus.storage import backlog
from crontopus.storage.backlog import Backlog
from crontopus.storage.database import Database

LAGGING = ("sweep", "alerts", "outbox")


class Backlogs:
    def __init__(self, db: Database, health: Health, metrics: Metrics) -> None:
        self._db = db
        self._health = health
        self._metrics = metrics

    async def measure(self) -> None:
        """Sets the gauges anew; one that cannot be told now has no value. Takes about `PATIENCE_SECONDS` at most."""
        found: Backlog | None = None

        async def count() -> None:
            nonlocal found
            found = await self.counted()

        async with anyio.create_task_group() as tree:
            tree.start_soon(count)
            checks = await self._health.checks()
        _tell(self._metrics.lag_seconds, _lags(checks))
        _tell(self._metrics.alerts_owed, {"flips": found.flips, "alerts": found.alerts} if found else {})
        _tell(self._metrics.messages, {"waiting": found.waiting, "dead": found.dead} if found else {})
        _tell(self._metrics.channels_in_trouble, {"closed": found.closed, "broken": found.broken} if found else {})

    async def counted(self) -> Backlog | None:
        """None where the database does not say so in time."""
        try:
            with anyio.fail_after(PATIENCE_SECONDS):
                async with self._db.read_all() as tx:
                    return await backlog.counted(tx)
        except (CrontopusError, TimeoutError):
            return None


def _lags(checks: Iterable[Check]) -> Mapping[str, float]:
    known = {check.name: check.behind for check in checks if check.name in LAGGING}
    return {name: behind.total_seconds() for name, behind in known.items() if behind is not None}


def _tell(gauge: Gauge, values: Mapping[str, float]) -> None:
    gauge.clear()
    for label, value in values.items():
        gauge.labels(label).set(value)
