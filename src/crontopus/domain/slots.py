"""The slots of a schedule: wall-clock times turned to instants by the rules of whoever keeps the clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from heapq import merge
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from msgspec import Struct

from crontopus.domain.wall import LAST_YEAR, LOOK_BACK, Wall
from crontopus.domain.zone import Stretch, stretches

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
TRIES = 32  # stretches of time in which to look for the next slot: ten years of last Sundays in March at 02:30
CATCHES_UP = timedelta(hours=3)  # Debian's cron takes a greater jump for a clock that was set
_NOWHERE = (datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class Rule(Enum):
    """What becomes of a wall-clock time that DST skips or repeats."""

    AS_TIME_GOES_BY = "skipped: never; repeated: both"  # Debian's cron, of a line with a star
    CATCH_UP = "skipped: once the clocks have moved on; repeated: the first"  # Debian's cron, of fixed times
    LEAVE_OUT = "skipped: never; repeated: the first"  # systemd


class Line(Struct, frozen=True):
    """One cron line or calendar event, in its zone, under its rule."""

    wall: Wall
    zone: ZoneInfo
    rule: Rule

    def after(self, instant: datetime) -> datetime | None:
        """The first slot strictly later than `instant`; None: never again, or always in skipped time."""
        stretch: Stretch | None = _stretch(self.zone, instant)
        wall = _floor(instant + stretch.offset) + SECOND if stretch else None
        for _ in range(TRIES):
            if stretch is None:
                break
            first = self.first(stretch)
            found = self.wall.after(first if wall is None or wall < first else wall)
            if found is None:
                break
            slot = found.replace(tzinfo=UTC) - stretch.offset
            if slot < stretch.until:
                return max(slot, stretch.since)
            stretch, wall = _stretch(self.zone, max(stretch.until, slot - 2 * DAY)), None
        return None

    def upto(self, instant: datetime) -> datetime | None:
        """The last slot not later than `instant`; None: none within 400 days."""
        oldest = instant - LOOK_BACK
        stretch = _stretch(self.zone, instant)
        wall = _floor(instant + stretch.offset) if stretch else None
        while stretch is not None and stretch.until > oldest:
            last = _floor(stretch.until + stretch.offset) - SECOND
            found = self.wall.before(last if wall is None else wall)
            if found is None:
                return None
            if found >= self.first(stretch):
                return max(found.replace(tzinfo=UTC) - stretch.offset, stretch.since)
            stretch, wall = _stretch(self.zone, stretch.since - SECOND), None
        return None

    def since(self, instant: datetime) -> Iterator[datetime]:
        """Every slot strictly later than `instant`, in order."""
        slot = self.after(instant)
        while slot is not None:
            yield slot
            slot = self.after(slot)

    def first(self, stretch: Stretch) -> datetime:
        """The wall-clock time from which on `stretch` has slots of its own: not those repeated from before it.

        Where the clocks were turned forward, it may begin with the skipped time, whose slots fall on `since`.
        """
        return _floor(stretch.since + self._lead(stretch))

    def _lead(self, stretch: Stretch) -> timedelta:
        if self.rule is Rule.AS_TIME_GOES_BY:
            return stretch.offset
        if self.rule is Rule.LEAVE_OUT:
            return max(stretch.offset, stretch.before)
        return stretch.before if abs(stretch.offset - stretch.before) <= CATCHES_UP else stretch.offset


class Slots:
    """When runs are expected: the slots of several lines together, in order and without repetition.

    Every instant is aware and UTC. No slot is ever answered that is not on the asked side of the question.
    A watch asks again and again about the time around now, so the neighbours found last are remembered.
    """

    __slots__ = ("_before", "_last", "lines")

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self.lines = lines
        self._last = self._before = _NOWHERE

    def after(self, instant: datetime) -> datetime | None:
        """The first slot strictly later than `instant`; None: never again."""
        return self._around(instant)[1]

    def upto(self, instant: datetime) -> datetime | None:
        """The newest slot not later than `instant`; None: none within 400 days."""
        return self._around(instant)[0]

    def _around(self, instant: datetime) -> tuple[datetime | None, datetime | None]:
        """The slot not later than `instant` and the one after it."""
        for known in (self._last, self._before):
            if known[0] <= instant < known[1]:
                return known
        older = max(filter(None, (line.upto(instant) for line in self.lines)), default=None)
        newer = min(filter(None, (line.after(instant) for line in self.lines)), default=None)
        if older is not None and newer is not None and newer - older <= LOOK_BACK:
            self._before, self._last = self._last, (older, newer)
        return older, newer

    def since(self, instant: datetime) -> Iterator[datetime]:
        """Every slot strictly later than `instant`, in order, without end where the schedule has none."""
        newest = instant
        for slot in merge(*(line.since(instant) for line in self.lines)):
            if slot > newest:
                newest = slot
                yield slot

    def between(self, first: datetime, last: datetime, limit: int = 10_000) -> Iterator[datetime]:
        """The slots later than `first` and not later than `last`, at most `limit`."""
        return islice(takewhile(lambda slot: slot <= last, self.since(first)), limit)

    def count(self, first: datetime, last: datetime, limit: int = 10_000) -> int:
        """How many slots are later than `first` and not later than `last`; `limit` means: that many or more."""
        return sum(1 for _ in self.between(first, last, limit))


def _stretch(zone: ZoneInfo, instant: datetime) -> Stretch | None:
    """The stretch that holds `instant`; None beyond the years for which slots are told."""
    if instant.year > LAST_YEAR:
        return None
    return next(stretch for stretch in stretches(zone, instant.year) if instant < stretch.until)


def _floor(instant: datetime) -> datetime:
    """The whole second of `instant`, as a naive wall-clock time."""
    return instant.replace(microsecond=0, tzinfo=None)
