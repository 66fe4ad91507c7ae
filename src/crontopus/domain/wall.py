"""What a cron line or a calendar event names: times on a clock on the wall, which knows no zone and no DST."""

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from cronsim import CronSim, CronSimError
from msgspec import Struct
from oncalendar import BaseIterator, OnCalendarError

from crontopus.domain import crontab_fields

LOOK_BACK = timedelta(days=400)
BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001 - on the wall
LAST_YEAR = 2199  # where systemd and its reader end, too
RAREST = 50  # years within which any day that ever comes has come, but where years are named
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class Unreadable(Exception):
    """An expression that names nothing; the text says what is wrong with it and ends without a full stop."""


class Days(Struct, frozen=True):
    """Which days match. Weekdays: 0 is Monday. `dates` and `nth` count from the end where they are negative."""

    years: frozenset[int] | None
    months: frozenset[int]
    dates: frozenset[int]
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]] = frozenset()
    last_workday: bool = False
    either: bool = False  # a date or a weekday is enough, as in cron where both are given

    def match(self, day: date) -> bool:
        """Whether `day` matches, of a month that does."""
        if self.either:
            return self._date(day) or self._weekday(day)
        return self._date(day) and self._weekday(day)

    def _date(self, day: date) -> bool:
        if day.day in self.dates:
            return True
        left = monthrange(day.year, day.month)[1] - day.day
        return -1 - left in self.dates or (self.last_workday and _is_last_workday(day, left))

    def _weekday(self, day: date) -> bool:
        weekday = day.weekday()
        if weekday in self.weekdays or not self.nth:
            return weekday in self.weekdays
        left = monthrange(day.year, day.month)[1] - day.day
        return (weekday, (day.day + 6) // 7) in self.nth or (weekday, -1 - left // 7) in self.nth

    def after(self, day: date) -> date | None:
        """The first matching day not before `day`."""
        last_year = LAST_YEAR if self.years is not None else min(LAST_YEAR, day.year + RAREST)
        while day.year <= last_year:
            if self.years is not None and day.year not in self.years:
                day = date(day.year + 1, 1, 1)
            elif day.month not in self.months:
                day = (day.replace(day=1) + 32 * DAY).replace(day=1)
            elif self.match(day):
                return day
            else:
                day += DAY
        return None

    def before(self, day: date, first: date) -> date | None:
        """The last matching day not after `day`, and not before `first`."""
        while day >= first:
            if (self.years is not None and day.year not in self.years) or day.month not in self.months:
                day = day.replace(day=1) - DAY
            elif self.match(day):
                return day
            else:
                day -= DAY
        return None


class Wall(Struct, frozen=True):
    """Days, and the hours, minutes and seconds (sorted) of each. All datetimes here are naive and whole seconds.

    `stars`: minute or hour was written with a leading star, which Debian's cron takes for "as time goes by".
    """

    days: Days
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    stars: bool = False

    def after(self, wall: datetime) -> datetime | None:
        """The first time not before `wall`; None: never again."""
        day = self.days.after(wall.date())
        if day == wall.date():
            found = self._from(wall.hour, wall.minute, wall.second)
            if found is not None:
                return _at(day, *found)
            day = self.days.after(day + DAY)
        if day is None:
            return None
        return _at(day, self.hours[0], self.minutes[0], self.seconds[0])

    def before(self, wall: datetime) -> datetime | None:
        """The last time not after `wall`; None: none within 400 days."""
        first = (wall - LOOK_BACK).date()
        day = self.days.before(wall.date(), first)
        if day == wall.date():
            found = self._upto(wall.hour, wall.minute, wall.second)
            if found is not None:
                return _at(day, *found)
            day = self.days.before(day - DAY, first)
        if day is None:
            return None
        return _at(day, self.hours[-1], self.minutes[-1], self.seconds[-1])

    def between(self, first: datetime, end: datetime) -> Iterator[datetime]:
        """Every time from `first` until just before `end`."""
        found = self.after(first)
        while found is not None and found < end:
            yield found
            found = self.after(found + SECOND)

    def _from(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        hours, minutes, seconds = self.hours, self.minutes, self.seconds
        h = bisect_left(hours, hour)
        if h < len(hours) and hours[h] == hour:
            m = bisect_left(minutes, minute)
            if m < len(minutes) and minutes[m] == minute:
                s = bisect_left(seconds, second)
                if s < len(seconds):
                    return hour, minute, seconds[s]
                m += 1
            if m < len(minutes):
                return hour, minutes[m], seconds[0]
            h += 1
        return (hours[h], minutes[0], seconds[0]) if h < len(hours) else None

    def _upto(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        hours, minutes, seconds = self.hours, self.minutes, self.seconds
        h = bisect_right(hours, hour)
        if h and hours[h - 1] == hour:
            m = bisect_right(minutes, minute)
            if m and minutes[m - 1] == minute:
                s = bisect_right(seconds, second)
                if s:
                    return hour, minute, seconds[s - 1]
                m -= 1
            if m:
                return hour, minutes[m - 1], seconds[-1]
            h -= 1
        return (hours[h - 1], minutes[-1], seconds[-1]) if h else None


def _at(day: date, hour: int, minute: int, second: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001 - on the wall


def _is_last_workday(day: date, left: int) -> bool:
    weekday = day.weekday()
    return weekday < 5 and (left == 0 or (weekday == 4 and left <= 2))


def of_cron(expression: str) -> Wall:
    """A cron line as Debian's cron reads it, or with seconds first, or a macro. Raises Unreadable."""
    if expression.startswith("@"):
        expression = _macro(expression)
    try:
        parsed = CronSim(expression, BEGINNING)
    except CronSimError as error:
        raise Unreadable(_what_is_wrong(str(error), expression.split())) from None
    minute, hour = parsed.parts[1:3]
    return Wall(
        days=Days(
            years=None,
            months=frozenset(parsed.months),
            dates=frozenset(-1 if day == CronSim.LAST else day for day in parsed.days if day != CronSim.LAST_WEEKDAY),
            weekdays=frozenset((day - 1) % 7 for day in parsed.weekdays if isinstance(day, int)),
            nth=frozenset(
                ((day[0] - 1) % 7, -1 if day[1] == CronSim.LAST else day[1])
                for day in parsed.weekdays
                if isinstance(day, tuple)
            ),
            last_workday=CronSim.LAST_WEEKDAY in parsed.days,
            either=not parsed.day_and,
        ),
        hours=tuple(sorted(parsed.hours)),
        minutes=tuple(sorted(parsed.minutes)),
        seconds=tuple(sorted(parsed.seconds)),
        stars=minute.startswith("*") or hour.startswith("*") or len(expression.split()) == 6,
    )


_FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
"""As the parser calls them."""


def _macro(expression: str) -> str:
    word = expression.strip().lower()
    if word == "@reboot":
        raise Unreadable("@reboot happens at no time of its own; leave the schedule empty, so that only reports count")
    if word not in MACROS:
        raise Unreadable(f"there is no such macro; known are {', '.join(MACROS)}")
    return MACROS[word]


def _what_is_wrong(error: str, fields: list[str]) -> str:
    """In the words for a crontab, where it would be refused there, too."""
    if not error.startswith("Bad "):
        return (
            f"it has {len(fields)} fields; write minute, hour, day of month, month and day of week "
            "(seconds may stand first)"
        )
    named = dict(zip(_FIELDS, fields[-len(_FIELDS) :], strict=True))
    name = error.removeprefix("Bad ")
    fault = crontab_fields.fault_in(name.replace("-", " "), named[name]) if name in named else ""
    return fault[:1].lower() + fault[1:].rstrip(".") or f"its {name} field makes no sense or never comes"


def of_calendar(expression: str) -> Wall:
    """One calendar event of systemd.time(7), without a zone. Raises Unreadable."""
    if ",," in expression:  # each would cost a level of recursion
        raise Unreadable("it has two commas in a row")
    try:
        parsed = BaseIterator(expression, BEGINNING)
    except OnCalendarError as error:
        raise Unreadable(_what_is_wrong_in_calendar(str(error))) from None
    return Wall(
        days=Days(
            years=None if len(parsed.years) == LAST_YEAR - 1969 else frozenset(parsed.years),
            months=frozenset(parsed.months),
            dates=frozenset(parsed.days),
            weekdays=frozenset(parsed.weekdays),
        ),
        hours=tuple(sorted(parsed.hours)),
        minutes=tuple(sorted(parsed.minutes)),
        seconds=tuple(sorted(parsed.seconds)),
    )


def _what_is_wrong_in_calendar(error: str) -> str:
    if error.startswith("Bad "):
        return f"its {error.removeprefix('Bad ')} makes no sense"
    return "write it as in systemd.time(7), for example 'Mon..Fri 02:30' or '*-*-01 06:00'"
