"""What tenants use, counted in memory as check-ins are stored and written every few seconds; and what they may use.

A crash loses the count of these few seconds, and no check-in.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from crontopus.domain.tiers import Quota, Quotas, overspent
from crontopus.storage import tiers, usage
from crontopus.storage.database import Database
from crontopus.storage.usage import Day, Tally, day_of, minute_of

EVERY = timedelta(seconds=3)
"""So often what was counted is written, and what others have counted and decided is read."""

Tallies = dict[UUID, dict[int, Tally]]
"""Of each tenant, by minute."""
_NOTHING: Mapping[int, Tally] = {}


class Usage:
    """Of one process; `step` joins it with the others."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._counted: Tallies = {}
        self._written: Tallies = {}
        """What is being written: not in `_known` yet."""
        self._known: dict[UUID, Day] = {}
        """Of the tenants that have quotas, what came today, by all processes."""
        self.limited: dict[UUID, Quotas] = {}
        """The quotas of those that have some."""
        self.full: dict[UUID, int] = {}
        """Those that were seen since the last step to have no room for another job, and how many they have."""

    def requests_per_minute(self, tenant: UUID) -> int | None:
        """None: as many as it likes. Costs a look into a dictionary, and is right within seconds."""
        return self._quota(tenant, Quota.REQUESTS)

    def jobs(self, tenant: UUID) -> int | None:
        """How many it may have. As `requests_per_minute`."""
        return self._quota(tenant, Quota.JOBS)

    def streams(self, tenant: UUID) -> int | None:
        """As `requests_per_minute`."""
        return self._quota(tenant, Quota.STREAMS)

    def count(self, meter: "Meter") -> None:
        """What `meter` has measured is stored."""
        _join(self._counted, meter.tallies)

    def pings(self, tenant: UUID, minute: int) -> int:
        """How many came in that minute, as far as is known here."""
        known = self._known.get(tenant)
        found = known.minute_pings if known is not None and known.minute == minute else 0
        for tallies in self._own(tenant):
            found += tallies[minute].pings if minute in tallies else 0
        return found

    def output_bytes(self, tenant: UUID, minute: int) -> int:
        """What was kept of its output on the day of that minute, as far as is known here."""
        day, known = day_of(minute), self._known.get(tenant)
        found = known.output_bytes if known is not None and known.day == day else 0
        return found + sum(_output_on(tallies, minute) for tallies in self._own(tenant))

    async def step(self) -> bool:
        """Write what was counted, and read what holds. Never more to do at once."""
        self._written, self._counted = self._counted, {}
        try:
            await (self._write() if self._written else self._read())
        except BaseException:
            _join(self._written, self._counted)
            self._written, self._counted = {}, self._written
            raise
        return False

    async def _write(self) -> None:
        """In the order of ids: processes that write at once do not wait for each other in a circle."""
        async with self._db.write_all() as tx:
            for tenant in sorted(self._written):
                for minute in sorted(self._written[tenant]):
                    await usage.add(tx, tenant, minute, self._written[tenant][minute])
            limited = await tiers.limited(tx)
            known = await usage.today(tx, list(limited))
        self._know(limited, known)

    async def _read(self) -> None:
        async with self._db.read_all() as tx:
            limited = await tiers.limited(tx)
            known = await usage.today(tx, list(limited))
        self._know(limited, known)

    def _know(self, limited: dict[UUID, Quotas], known: dict[UUID, Day]) -> None:
        self.limited, self._known, self._written = limited, known, {}
        self.full.clear()

    def _own(self, tenant: UUID) -> tuple[Mapping[int, Tally], ...]:
        return self._counted.get(tenant, _NOTHING), self._written.get(tenant, _NOTHING)

    def _quota(self, tenant: UUID, quota: Quota) -> int | None:
        quotas = self.limited.get(tenant)
        return None if quotas is None else quotas.get(quota)


class Meter:
    """What the check-ins of one transaction use, beyond what is counted and, while that is written, `earlier`."""

    def __init__(self, usage: Usage, earlier: "Meter | None" = None) -> None:
        self.usage = usage
        self._earlier = earlier
        self.tallies: Tallies = {}

    def settle(self) -> None:
        """What came earlier is counted from now on, or was not stored."""
        self._earlier = None

    def ping(self, tenant: UUID, at: datetime) -> None:
        """One came, whether or not it is new."""
        self._tally(tenant, minute_of(at)).pings += 1

    def check_in(self, tenant: UUID, at: datetime, failed: bool) -> Tally:
        """It is new. What was printed is added by whoever knows what is kept of it."""
        tally = self._tally(tenant, minute_of(at))
        tally.check_ins += 1
        tally.failures += failed
        return tally

    def over(self, tenant: UUID, at: datetime, size: int) -> Quota | None:
        """The quota for which the newest check-in's output, of `size` bytes, is not kept; None: it is."""
        quotas = self.usage.limited.get(tenant)
        if quotas is None:
            return None
        minute = minute_of(at)
        pings, output = self.usage.pings(tenant, minute), self.usage.output_bytes(tenant, minute) + size
        for meter in (self, self._earlier):
            tallies: Mapping[int, Tally] = _NOTHING if meter is None else meter.tallies.get(tenant, _NOTHING)
            pings += tallies[minute].pings if minute in tallies else 0
            output += _output_on(tallies, minute)
        return overspent(quotas, pings, output)

    def _tally(self, tenant: UUID, minute: int) -> Tally:
        tallies = self.tallies.get(tenant)
        if tallies is None:
            tallies = self.tallies[tenant] = {}
        tally = tallies.get(minute)
        if tally is None:
            tally = tallies[minute] = Tally()
        return tally


def _output_on(tallies: Mapping[int, Tally], minute: int) -> int:
    """On the day of that minute."""
    day = minute // usage.MINUTES_A_DAY
    return sum(tally.output_bytes for each, tally in tallies.items() if each // usage.MINUTES_A_DAY == day)


def _join(into: Tallies, more: Tallies) -> None:
    for tenant, tallies in more.items():
        known = into.setdefault(tenant, {})
        for minute, tally in tallies.items():
            known.setdefault(minute, Tally()).add(tally)
