"""Time zones: finding one by its name, and the stretches of time between two changes of its offset."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+/-]{0,63}", re.ASCII)
NOT_PLACES = ("posix/", "right/", "posixrules", "localtime", "Factory")  # what the machine means by these is its own
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


class Stretch(Struct, frozen=True):
    """From `since` to just before `until` (UTC) a zone keeps `offset`; before `since` it kept `before`.

    `since` is either a change of the offset or the turn of a year, where `before` equals `offset`.
    """

    since: datetime
    until: datetime
    offset: timedelta
    before: timedelta


@lru_cache(maxsize=1024)
def find(name: str) -> ZoneInfo | None:
    """The zone of that IANA name; None where there is none."""
    if not NAME.fullmatch(name) or name.startswith(NOT_PLACES):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return None


@lru_cache(maxsize=4096)
def stretches(zone: ZoneInfo, year: int) -> tuple[Stretch, ...]:
    """The stretches of one year (UTC), without a hole."""
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    edges = [start, *_changes(zone, start, end), end]
    return tuple(
        Stretch(since, until, _offset(zone, since), _offset(zone, since - SECOND)) for since, until in pairwise(edges)
    )


def _changes(zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    found = []
    day = start
    while day < end:
        if _offset(zone, day) != _offset(zone, day + DAY):
            found.append(_change(zone, day, day + DAY))
        day += DAY
    return [change for change in found if start < change < end]


def _change(zone: ZoneInfo, old: datetime, new: datetime) -> datetime:
    """The second at which the offset changes, known to lie after `old` and not after `new`."""
    while new - old > SECOND:
        middle = old + (new - old) // 2 // SECOND * SECOND
        if _offset(zone, middle) == _offset(zone, old):
            old = middle
        else:
            new = middle
    return new


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    offset = instant.astimezone(zone).utcoffset()
    return offset if offset is not None else timedelta(0)
