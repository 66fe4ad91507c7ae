"""Durations as people write and read them: `90`, `1h30m`, `1 h 30 min`, `2d`, `1w`."""

import re
from datetime import timedelta
from math import isfinite

from crontopus.domain.errors import Fault, Invalid

UNITS = {
    timedelta(milliseconds=1): "ms",
    timedelta(seconds=1): "s sec secs second seconds",
    timedelta(minutes=1): "m min mins minute minutes",
    timedelta(hours=1): "h hr hrs hour hours",
    timedelta(days=1): "d day days",
    timedelta(weeks=1): "w week weeks",
}
NAMED = {name: unit for unit, names in UNITS.items() for name in names.split()}
SHOWN = {name: NAMED[name] for name in ("d", "h", "min", "s")}
PART = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]+)?[\s,]*", re.ASCII)
LONGEST_TEXT = 100
MOST = timedelta(days=400)


def parse(
    written: float | str, *, least: timedelta = timedelta(0), most: timedelta = MOST, pointer: str = ""
) -> timedelta:
    """What `written` means: a number of seconds, or text, where a number without a unit is seconds, too.

    Rounded to the millisecond. Raises Invalid, its fault at `pointer`, if it cannot be read or is out of bounds.
    """
    seconds = _read(written) if isinstance(written, str) else float(written)
    if seconds is None or not isfinite(seconds):
        raise _invalid("Write a duration as seconds, or as '90 s', '15 min', '1h30m', '2d' or '1w'.", pointer)
    if not least.total_seconds() <= seconds <= most.total_seconds():
        raise _invalid(f"Choose a duration from {brief(least)} to {brief(most)}.", pointer)
    return timedelta(milliseconds=round(seconds * 1000))


def brief(duration: timedelta) -> str:
    """For people: the two greatest units, such as `1 h 30 min` or `1.5 s`; what is smaller is cut off."""
    if duration < timedelta(0):
        return "−" + brief(-duration)
    if duration < timedelta(minutes=1):
        count = duration // timedelta(milliseconds=1)
        return f"{count / 1000:g} s" if count >= 1000 or not count else f"{count} ms"
    parts = []
    for name, unit in SHOWN.items():
        count, duration = divmod(duration, unit)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])


def _read(text: str) -> float | None:
    """Seconds; None where the text is not a duration."""
    text = text.strip().lower()
    if not text or len(text) > LONGEST_TEXT:
        return None
    if re.fullmatch(r"\d{1,15}(\.\d{1,9})?", text, re.ASCII):
        return float(text)
    total, position = 0.0, 0
    while position < len(text):
        part = PART.match(text, position)
        unit = NAMED.get(part[2] or "") if part else None
        if part is None or unit is None:
            return None
        total += float(part[1]) * unit.total_seconds()
        position = part.end()
    return total


def _invalid(detail: str, pointer: str) -> Invalid:
    return Invalid(detail, (Fault(pointer, detail),))
