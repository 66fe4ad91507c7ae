"""A schedule in words, for people. Where words would mislead, the expression is quoted."""

from calendar import day_name, month_name
from collections.abc import Collection, Iterable
from datetime import timedelta

from crontopus.domain.wall import Days, Wall

ALL_DATES = frozenset(range(1, 32))
ALL_MONTHS = frozenset(range(1, 13))
ALL_WEEKDAYS = frozenset(range(7))
ALL_HOURS = tuple(range(24))
ALL_SIXTY = tuple(range(60))
MOST_TIMES = 4
UNITS = [("week", 7 * 24 * 3600), ("day", 24 * 3600), ("hour", 3600), ("minute", 60), ("second", 1)]


def of_period(period: timedelta) -> str:
    """`every 15 minutes`, counted from the last run."""
    seconds = period.total_seconds()
    name, size = next(((name, size) for name, size in UNITS if seconds % size == 0), ("second", 1))
    return _each(f"{seconds / size:g}", name)


def of_wall(wall: Wall) -> str | None:
    """`every day at 02:00`, `Mondays at 06:30`; None where there are no plain words for it."""
    times, days = _times(wall), _days(wall.days)
    if times is None or days is None:
        return None
    if days == "every day" and not times.startswith("at "):
        return times
    return f"{days} {times}" if times.startswith("at ") else f"{times}, {days}"


def ignores_zone(wall: Wall) -> bool:
    """Whether the time of day in some zone does not matter for it, or hardly."""
    return wall.hours == ALL_HOURS and _days(wall.days) == "every day"


def _times(wall: Wall) -> str | None:
    hours, minutes = wall.hours, wall.minutes
    if wall.seconds != (0,):
        step = _step(wall.seconds, 60)
        return _each(str(step), "second") if step and hours == ALL_HOURS and minutes == ALL_SIXTY else None
    if hours == ALL_HOURS:
        return _within_hours(minutes)
    if len(minutes) == 1 and (step := _step(hours, 24)) and step < 12:
        return _each(str(step), "hour") + _at_minute(minutes)
    if len(hours) * len(minutes) <= MOST_TIMES:
        return "at " + _list(f"{hour:02}:{minute:02}" for hour in hours for minute in minutes)
    if not _is_run(hours):
        return None
    often = "every hour" if len(minutes) == 1 else (_step(minutes, 60) and _within_hours(minutes))
    return f"{often} from {hours[0]:02}:{minutes[0]:02} to {hours[-1]:02}:{minutes[-1]:02}" if often else None


def _within_hours(minutes: tuple[int, ...]) -> str | None:
    if step := _step(minutes, 60):
        return _each(str(step), "minute")
    return "every hour" + _at_minute(minutes) if len(minutes) <= MOST_TIMES else None


def _at_minute(minutes: tuple[int, ...]) -> str:
    if minutes == (0,):
        return ""
    return f" at minute{'s' if len(minutes) > 1 else ''} {_list(map(str, minutes))}"


def _days(days: Days) -> str | None:
    if days.years is not None and len(days.years) > 1:
        return None
    if days.nth and (days.weekdays or days.dates != ALL_DATES):
        return None
    weekday, date = _weekdays(days), _dates(days)
    everyday = weekday == date == ""
    months = _months(days.months)
    when = ("" if months == "the month" else " in " + months) + (f" in {min(days.years)}" if days.years else "")
    if everyday:
        return "every day" + when
    if not date:
        return f"{weekday}{when}"
    date = f"on {date} of {months}" + (f" in {min(days.years)}" if days.years else "")
    if not weekday:
        return date
    return f"{date} and on {weekday}{when}" if days.either else None


def _weekdays(days: Days) -> str:
    """`Mondays and Thursdays`, `Monday to Friday`; empty: any."""
    if days.weekdays in (ALL_WEEKDAYS, frozenset()) or _is_first_week(days):
        return ""
    some = sorted(days.weekdays)
    if len(some) > 2 and _is_run(some):
        return f"{day_name[some[0]]} to {day_name[some[-1]]}"
    return _list(day_name[day] + "s" for day in some)


def _dates(days: Days) -> str:
    """`the 1st and last day`, `the 2nd Tuesday`; empty: any."""
    if days.nth:
        return _list(f"the {_nth(nth)}{day_name[day]}" for day, nth in sorted(days.nth))
    if _is_first_week(days):
        return f"the first {day_name[min(days.weekdays)]}"
    if days.dates == ALL_DATES:
        return ""
    counted = sorted(date for date in days.dates if date > 0)
    if len(counted) > 2 and _is_run(counted):
        names = [f"the {_ordinal(counted[0])} to the {_ordinal(counted[-1])}"]
    else:
        names = [f"the {_ordinal(date)}" for date in counted]
    names += [_from_the_end(date) for date in sorted(days.dates) if date < 0]
    return _list(names + ["the last workday"] * days.last_workday)


def _is_first_week(days: Days) -> bool:
    return len(days.weekdays) == 1 and not days.either and days.dates == frozenset(range(1, 8))


def _from_the_end(date: int) -> str:
    return "the last day" if date == -1 else f"the {_ordinal(-date)} to last day"


def _nth(nth: int) -> str:
    return "last " if nth < 0 else f"{_ordinal(nth)} "


def _months(months: frozenset[int]) -> str:
    if months == ALL_MONTHS:
        return "the month"
    some = sorted(months)
    if len(some) > 2 and _is_run(some):
        return f"{month_name[some[0]]} to {month_name[some[-1]]}"
    return _list(month_name[month] for month in some)


def _step(values: tuple[int, ...], whole: int) -> int | None:
    """The step by which `values` divide `whole` from 0 on; None where they do not."""
    step = whole // len(values)
    return step if len(values) > 1 and values == tuple(range(0, whole, step)) and whole % step == 0 else None


def _is_run(values: Collection[int]) -> bool:
    return max(values) - min(values) == len(values) - 1


def _each(count: str, unit: str) -> str:
    return f"every {unit}" if count == "1" else f"every {count} {unit}s"


def _ordinal(number: int) -> str:
    if 10 < number % 100 < 14:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _list(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
