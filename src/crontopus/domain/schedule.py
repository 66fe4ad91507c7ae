"""When a job is expected: schedules, and the slots they make under each scheduler's DST rules.

A cron line follows the rules of the clock given. A calendar event is systemd's own language and follows systemd's
rules, also where the clock says `cron`; one that names a zone keeps it.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from crontopus.domain import sentence, surprise, wall, zone
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.slots import Line, Rule
from crontopus.domain.slots import Slots as Slots
from crontopus.domain.surprise import Surprise as Surprise

SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(days=400)
MOST_SCHEDULES = 20
LONGEST_EXPRESSION = 1000
UTC = ZoneInfo("UTC")


class Clock(StrEnum):
    """Whose rules hold where DST skips or repeats a wall-clock time."""

    CRON = "cron"
    SYSTEMD = "systemd"
    WINDOWS = "windows"
    UTC = "utc"


class Every(Struct, frozen=True, tag="every"):
    """Counts from the newest sign of life, not from the wall clock. 1 s to 400 d."""

    period: timedelta


class Cron(Struct, frozen=True, tag="cron"):
    """A cron line: 5 or 6 fields, names, ranges, steps, `L`, `#`, or a macro such as `@hourly`; not `@reboot`."""

    expression: str


class OnCalendar(Struct, frozen=True, tag="on_calendar"):
    """A calendar event of systemd.time(7)."""

    expression: str


Schedule = Every | Cron | OnCalendar


def check(schedules: tuple[Schedule, ...], timezone: str, clock: Clock) -> None:
    """Raise Invalid, with a fault for each place, unless `slots` and `period` can answer for these.

    Faults point to `/timezone`, and to `/schedule` where there is one schedule, else to `/schedule/0` and so on.
    """
    faults = []
    home = zone.find(timezone)
    if home is None:
        faults.append(Fault("/timezone", _no_such_zone(timezone)))
    if len(schedules) > MOST_SCHEDULES:
        faults.append(Fault("/schedule", f"A job has at most {MOST_SCHEDULES} schedules; remove some."))
    elif len(schedules) > 1 and any(isinstance(schedule, Every) for schedule in schedules):
        faults.append(
            Fault("/schedule", "An 'every' stands alone: it counts from the last run. Remove it, or the others.")
        )
    else:
        for number, schedule in enumerate(schedules):
            pointer = f"/schedule/{number}" if len(schedules) > 1 else "/schedule"
            faults += [Fault(pointer, detail) for detail in _faults(schedule, home or UTC, clock)]
    if faults:
        raise Invalid(" ".join(fault.detail for fault in faults), tuple(faults))


def notation(schedules: tuple[Schedule, ...]) -> str:
    """As a machine compares them: each in the notation of its kind, `|` between several."""
    return " | ".join(
        f"every {one.period.total_seconds():g}s" if isinstance(one, Every) else one.expression for one in schedules
    )


def period(schedules: tuple[Schedule, ...]) -> timedelta | None:
    """The period of an `Every`, which stands alone; None where there is none."""
    return schedules[0].period if schedules and isinstance(schedules[0], Every) else None


@lru_cache(maxsize=4096)
def slots(schedules: tuple[Schedule, ...], timezone: str, clock: Clock) -> Slots:
    """The slots of every cron line and calendar event among `schedules`, which `check` has found good."""
    home = zone.find(timezone) or UTC
    return Slots(tuple(line(schedule, home, clock) for schedule in schedules if not isinstance(schedule, Every)))


def describe(schedules: tuple[Schedule, ...], timezone: str, clock: Clock) -> str:
    """In words for people: `Every day at 02:00 (Europe/Berlin)`. For schedules that `check` has found good."""
    if not schedules:
        return "At no time of its own: only what is reported counts"
    home = zone.find(timezone) or UTC
    told = [_words(schedule, home, clock) for schedule in schedules]
    if len({place for _, place in told}) == 1:
        return _opened("; ".join(words for words, _ in told) + told[0][1])
    return _opened("; ".join(words + place for words, place in told))


def surprises(
    schedules: tuple[Schedule, ...], timezone: str, clock: Clock, now: datetime
) -> tuple[surprise.Surprise, ...]:
    """What changes of the clocks do to the schedule within 400 days after `now`, in order."""
    lines = slots(schedules, timezone, clock).lines
    return tuple(sorted((found for one in lines for found in surprise.of_line(one, now)), key=lambda found: found.at))


@lru_cache(maxsize=4096)
def line(schedule: Cron | OnCalendar, home: ZoneInfo, clock: Clock) -> Line:
    """What `schedule` names on the wall, where and by which rule. Raises wall.Unreadable."""
    if isinstance(schedule, OnCalendar):
        expression, own = _split_zone(schedule.expression)
        place = own or (UTC if clock is Clock.UTC else home)
        return Line(wall.of_calendar(expression), place, Rule.LEAVE_OUT)
    times = wall.of_cron(schedule.expression)
    return Line(times, UTC if clock is Clock.UTC else home, _rule_of_cron(times, clock))


def _rule_of_cron(times: wall.Wall, clock: Clock) -> Rule:
    """Microsoft specifies nothing (KB325413); a repetition counts real time, and what is skipped is not expected."""
    if clock is Clock.SYSTEMD:
        return Rule.LEAVE_OUT
    if times.stars:
        return Rule.AS_TIME_GOES_BY
    return Rule.LEAVE_OUT if clock is Clock.WINDOWS else Rule.CATCH_UP


def _split_zone(expression: str) -> tuple[str, ZoneInfo | None]:
    head, _, last = expression.strip().rpartition(" ")
    own = zone.find(last) if head and not last[0].isdigit() else None
    return (head, own) if own else (expression, None)


def _words(schedule: Schedule, home: ZoneInfo, clock: Clock) -> tuple[str, str]:
    """The words, and the zone they hold in (empty: it hardly matters)."""
    if isinstance(schedule, Every):
        return sentence.of_period(schedule.period), ""
    found = line(schedule, home, clock)
    words = sentence.of_wall(found.wall)
    if words is None:
        kind = "cron line" if isinstance(schedule, Cron) else "calendar event"
        words = f"by the {kind} '{schedule.expression}'"
    return words, "" if sentence.ignores_zone(found.wall) else f" ({found.zone.key})"


def _opened(text: str) -> str:
    return text[:1].upper() + text[1:]


def _faults(schedule: Schedule, home: ZoneInfo, clock: Clock) -> list[str]:
    if isinstance(schedule, Every):
        if SHORTEST <= schedule.period <= LONGEST:
            return []
        return ["An 'every' is from 1 second to 400 days."]
    expression = schedule.expression
    if len(expression) > LONGEST_EXPRESSION:
        return [f"A schedule has at most {LONGEST_EXPRESSION} characters; this one has {len(expression)}."]
    if not (expression.isascii() and expression.isprintable()):
        return ["A schedule is one line of plain ASCII text; remove line breaks and other characters."]
    try:
        found = line(schedule, home, clock)
    except wall.Unreadable as error:
        return [f"'{_short(expression)}' cannot be read: {error}."]
    if found.wall.after(wall.BEGINNING) is None:
        return [f"'{_short(expression)}' never comes; choose days and times that exist."]
    return []


def _no_such_zone(timezone: str) -> str:
    return f"There is no time zone '{_short(timezone)}'; write a name such as 'Europe/Berlin' or 'UTC'."


def _short(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:60])
    return printable + "…" if len(text) > 60 else printable
