"""Hours in which a route tells: weekdays and times on the wall of a zone, through every change of its clocks."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

_DAY = timedelta(days=1)
_WEEK_AND_MORE = 8 * _DAY
_ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
_AROUND = 9
"""Days on either side in which a weekly period that is near begins."""


class Span(Struct, frozen=True):
    """On these weekdays (0 is Monday), from `start` until before `end`, minutes after midnight on the wall.

    An `end` that is not later than `start` is on the day after.
    """

    days: frozenset[int]
    start: int
    end: int


class Hours(Struct, frozen=True):
    zone: str
    spans: tuple[Span, ...]

    def period(self, instant: datetime) -> tuple[datetime, datetime] | None:
        """Of the stretch of open time around `instant`: when it began, and when it ends. None: it is closed then.

        What never closes has been open from the beginning of time, to its end.
        """
        return next((each for each in self._near(instant) if each[0] <= instant < each[1]), None)

    def opens_after(self, instant: datetime) -> datetime | None:
        """When it opens next; None: never."""
        return next((since for since, _ in self._near(instant) if since > instant), None)

    def _near(self, instant: datetime) -> tuple[tuple[datetime, datetime], ...]:
        return _periods(self, instant.astimezone(ZoneInfo(self.zone)).date())


@lru_cache(maxsize=256)
def _periods(hours: Hours, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """Around `day`, in order; what touches is one."""
    found: list[tuple[datetime, datetime]] = []
    for since, until in sorted(_spans(hours, day)):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        elif since < until:
            found.append((since, until))
    return tuple(_ALWAYS if until - since > _WEEK_AND_MORE else (since, until) for since, until in found)


def _spans(hours: Hours, day: date) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(hours.zone)
    for each in (day + offset * _DAY for offset in range(-_AROUND, _AROUND + 1)):
        for span in hours.spans:
            if each.weekday() in span.days:
                end = span.end if span.end > span.start else span.end + 24 * 60
                yield _instant(each, span.start, zone), _instant(each, end, zone)


def _instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """A time that the clocks skip is the one an hour on; of one that they repeat it is the first."""
    days, rest = divmod(minutes, 24 * 60)
    wall = datetime.combine(day + days * _DAY, time(rest // 60, rest % 60), zone)
    return wall.astimezone(UTC)
