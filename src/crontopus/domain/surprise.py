"""What a change of the clocks does to a schedule: times that do not exist, and times that come twice."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice, takewhile

from msgspec import Struct

from crontopus.domain.slots import Line, Rule
from crontopus.domain.zone import Stretch, stretches

AHEAD = timedelta(days=400)
MOST_NAMED = 3
MOST_SLOTS = 100
SECOND = timedelta(seconds=1)


class ClockChange(StrEnum):
    SKIPPED = "skipped"
    REPEATED = "repeated"


class Surprise(Struct, frozen=True):
    """At `at` (UTC) the clocks change; `detail` says what that does.

    `slots` (UTC) are the runs expected in the skipped or repeated time all the same, the first 100 of them.
    """

    at: datetime
    kind: ClockChange
    slots: tuple[datetime, ...]
    detail: str


def of_line(line: Line, now: datetime) -> Iterator[Surprise]:
    """The surprises from `now` until 400 days later, in order.

    None is told of a line that runs each hour and keeps its pace in real time: nobody would notice.
    """
    for year in range(now.year, (now + AHEAD).year + 1):
        for stretch in stretches(line.zone, year):
            if now < stretch.since <= now + AHEAD and stretch.offset != stretch.before:
                yield from _of_change(line, stretch)


def _of_change(line: Line, stretch: Stretch) -> Iterator[Surprise]:
    old, new = (_wall(stretch.since + offset) for offset in (stretch.before, stretch.offset))
    kind = ClockChange.SKIPPED if old < new else ClockChange.REPEATED
    named = list(islice(line.wall.between(min(old, new), max(old, new)), MOST_NAMED + 1))
    if not named or _keeps_pace(line, kind):
        return
    yield Surprise(stretch.since, kind, tuple(_slots(line, stretch, kind)), _detail(line, kind, named, new))


def _slots(line: Line, stretch: Stretch, kind: ClockChange) -> Iterator[datetime]:
    if kind is ClockChange.SKIPPED:
        skipped_count = line.first(stretch) < _wall(stretch.since + stretch.offset)
        return iter([stretch.since] if skipped_count else [])
    repeated = stretch.before - stretch.offset
    found = line.since(stretch.since - repeated - SECOND)
    return islice(takewhile(lambda slot: slot < stretch.since + repeated, found), MOST_SLOTS)


def _keeps_pace(line: Line, kind: ClockChange) -> bool:
    each_hour = len(line.wall.hours) == 24
    if kind is ClockChange.SKIPPED:
        return each_hour and line.rule is not Rule.CATCH_UP
    return each_hour and line.rule is Rule.AS_TIME_GOES_BY


def _detail(line: Line, kind: ClockChange, named: list[datetime], new: datetime) -> str:
    one = len(named) == 1
    times = ", ".join(_clock(wall) for wall in named[:MOST_NAMED]) + (" …" if len(named) > MOST_NAMED else "")
    day = f"{named[0].day} {named[0]:%B %Y} ({line.zone.key})"
    if kind is ClockChange.SKIPPED:
        missing = f"{times} {'does' if one else 'do'} not exist on {day}"
        return f"{missing}; {_after_gap(line, one, new)}."
    return f"{times} {'occurs' if one else 'occur'} twice on {day}; {_in_fold(line, one)}."


def _after_gap(line: Line, one: bool, new: datetime) -> str:
    if line.rule is Rule.CATCH_UP:
        return f"it runs at {_clock(new)} instead" if one else f"one run at {_clock(new)} stands for them"
    return "no run is expected then"


def _in_fold(line: Line, one: bool) -> str:
    if line.rule is Rule.AS_TIME_GOES_BY:
        return "it runs both times" if one else "they run both times"
    return "it runs once, the first time" if one else "they run once, the first time"


def _clock(wall: datetime) -> str:
    return f"{wall:%H:%M:%S}" if wall.second else f"{wall:%H:%M}"


def _wall(instant: datetime) -> datetime:
    return instant.replace(tzinfo=None)
