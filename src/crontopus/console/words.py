"""How the console says times, durations, sizes and numbers. Pure; the rules stand in the docstrings."""

from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import Struct

SPACE = "\u00a0"
NOTHING = "–"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
AMERICAN = "en-US"


class Reader(Struct, frozen=True):
    """For whom times are written: the moment at which it is read, the wall clock of `zone`, and the manner of
    `language`, which is `28 Nov` and `17:05`, but where that is American `Nov 28` and `5:05 PM`.
    """

    now: datetime
    zone: tzinfo
    language: str = "en"

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)

    def days_until(self, instant: datetime) -> int:
        """Midnights on the reader's wall clock from now, negative in the past."""
        difference: timedelta = self.local(instant).date() - self.local(self.now).date()
        return difference.days


def duration(seconds: float | None) -> str:
    """Two units at most, the second padded: `38 ms`, `0.4 s`, `14 m 02 s`, `11 h 02 m`, `1 d 11 h`; None is `–`."""
    if seconds is None:
        return NOTHING
    if seconds < 0:
        return "−" + duration(-seconds)
    if 0 < seconds < 0.1:
        return f"{max(1, round(seconds * 1000))}{SPACE}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + f"{SPACE}s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}{SPACE}s"
    if whole < _HOUR:
        return _two(whole, _MINUTE, "m", 1, "s")
    whole = round(seconds / _MINUTE) * _MINUTE
    if whole < _DAY:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    return _two(round(seconds / _HOUR) * _HOUR, _DAY, "d", _HOUR, "h")


def _two(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    first, rest = divmod(seconds, large)
    second = f"{SPACE}{rest // small:02}{SPACE}{small_name}" if rest else ""
    return f"{first}{SPACE}{large_name}{second}"


def short_duration(seconds: float) -> str:
    """One unit, rounded down: what stands before `ago`."""
    for size, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{SPACE}{name}"
    return f"{int(seconds)}{SPACE}s"


def until(seconds: float) -> str:
    """How long something is still away: whole minutes, but in the last of them."""
    return duration(seconds if seconds < _MINUTE else seconds // _MINUTE * _MINUTE)


def when(instant: datetime, reader: Reader) -> str:
    """For lists: relative within a day, then the day and the clock time on the reader's wall.

    `12 h ago`, `in 28 m`, then `tomorrow 02:00`, `Sun 05:00` within a week, `1 Dec 07:00`, and the year when it is
    another one. A time of tomorrow is named as such even where it is near, unless it is within the hour.
    """
    ahead = (instant - reader.now).total_seconds()
    if -1 < ahead < 1:
        return "now"
    if -_DAY < ahead < 0:
        return f"{short_duration(-ahead)} ago"
    if 0 < ahead < _HOUR or (ahead > 0 and reader.days_until(instant) == 0):
        return f"in {until(ahead)}"
    return clock(instant, reader)


def clock(instant: datetime, reader: Reader, *, seconds: bool = False) -> str:
    """For sentences about causes: the clock time, with as much of the day as is needed to know which."""
    near, time = _near(instant, reader), _time(reader.local(instant), reader.language, seconds=seconds)
    return f"{near}{SPACE}{time}" if near else time


def at(instant: datetime, reader: Reader) -> str:
    """The same inside a sentence: `at 02:13`, `yesterday at 02:13`, `on Sun at 05:00`, `on 1 Dec at 07:00`."""
    near, time = _near(instant, reader), _time(reader.local(instant), reader.language)
    if not near:
        return f"at {time}"
    return f"{near} at {time}" if near in ("yesterday", "tomorrow") else f"on {near} at {time}"


def span(since: datetime, until: datetime, reader: Reader) -> str:
    """`yesterday 15:36 to 15:48`; the day of the end only where it is another, seconds only within one minute."""
    brief = since.replace(second=0, microsecond=0) == until.replace(second=0, microsecond=0)
    if reader.days_until(since) != reader.days_until(until):
        return f"{clock(since, reader)} to {clock(until, reader)}"
    end = _time(reader.local(until), reader.language, seconds=brief)
    return f"{clock(since, reader, seconds=brief)} to {end}"


def wall(local: str, language: str) -> str:
    """An RFC 3339 time as the wall clock of its own zone shows it: `Sun 28 Mar 03:00`."""
    at_home = datetime.fromisoformat(local)
    return f"{at_home:%a} {_date(at_home, language)}{SPACE}{_time(at_home, language)}"


def day(instant: datetime, reader: Reader) -> str:
    """The date alone: `30 Nov`, with the year when it is another one."""
    local = reader.local(instant)
    year = "" if local.year == reader.local(reader.now).year else str(local.year)
    return _date(local, reader.language, year)


def dated(instant: datetime, reader: Reader) -> str:
    """For tables that are read downwards: always weekday, date and clock time."""
    local = reader.local(instant)
    return f"{local:%a} {day(instant, reader)}{SPACE}{_time(local, reader.language)}"


def both_zones(instant: datetime, zone: tzinfo) -> str:
    """The whole instant, on the reader's wall clock and in UTC."""
    local = instant.astimezone(zone)
    here = f"{local:%Y-%m-%d %H:%M:%S} {offset(local)} {zone}"
    return here if str(zone) == "UTC" else f"{here} · {instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def offset(local: datetime) -> str:
    """`+01:00`, as RFC 3339 writes it."""
    text = f"{local:%z}"
    return f"{text[:3]}:{text[3:5]}"


def iso(instant: datetime) -> str:
    """For the `datetime` attribute: RFC 3339 in UTC, with milliseconds."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number(value: float) -> str:
    """A comma for thousands, at most one decimal where it is not whole."""
    return f"{value:,.1f}".removesuffix(".0")


def size(size_bytes: int) -> str:
    """Decimal units, one decimal at most: `380 B`, `16 kB`, `3.2 MB`."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size_bytes >= unit:
            return f"{number(size_bytes / unit)}{SPACE}{name}"
    return f"{size_bytes}{SPACE}B"


def count(amount: int, one: str, many: str = "") -> str:
    """`1 run`, `3 runs`; `many` where an s is not enough."""
    return f"{number(amount)} {one if amount == 1 else many or one + 's'}"


def ordinal(amount: int) -> str:
    """How many in a row, in a sentence: words up to three."""
    return {1: "One", 2: "Two", 3: "Three"}.get(amount, str(amount))


def _near(instant: datetime, reader: Reader) -> str:
    """As much of the day as is needed to know which: nothing for today."""
    days = reader.days_until(instant)
    if abs(days) <= 1:
        return {-1: "yesterday", 0: "", 1: "tomorrow"}[days]
    return f"{reader.local(instant):%a}" if abs(days) < 7 else day(instant, reader)


def _time(local: datetime, language: str, *, seconds: bool = False) -> str:
    if language == AMERICAN:
        return f"{local.hour % 12 or 12}:{local:{'%M:%S' if seconds else '%M'}}{SPACE}{local:%p}"
    return f"{local:{'%H:%M:%S' if seconds else '%H:%M'}}"


def _date(local: datetime, language: str, year: str = "") -> str:
    if language == AMERICAN:
        return f"{local:%b}{SPACE}{local.day}{f',{SPACE}{year}' if year else ''}"
    return f"{local.day}{SPACE}{local:%b}{f'{SPACE}{year}' if year else ''}"


_PROGRAMS = (("Firefox", "Firefox/"), ("Edge", "Edg/"), ("Chrome", "Chrome/"), ("Safari", "Version/"))
_SYSTEMS = (("Android", "Android"), ("iOS", "iPhone"), ("iOS", "iPad"), ("Windows", "Windows"), ("macOS", "Mac OS X"))


def program(user_agent: str | None) -> str:
    """A browser by name, version and system; anything else as it calls itself."""
    said = user_agent or ""
    found = next(((name, mark) for name, mark in _PROGRAMS if mark in said), None)
    if found is None:
        return said or "unknown"
    name, mark = found
    version = said.partition(mark)[2].partition(".")[0].partition(" ")[0]
    system = next((system for system, sign in (*_SYSTEMS, ("Linux", "Linux")) if sign in said), "")
    return f"{name} {version}{f' on {system}' if system else ''}"
