"""The five fields of a crontab line as Debian's cron reads them: stricter than what a job's schedule may say."""

import re
from itertools import pairwise

from msgspec import Struct

MACROS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})

_PART = re.compile(r"(?:\*|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class _Field(Struct, frozen=True):
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int | None:
        """The value of a number or a name; None where it is neither, or out of range."""
        lower = text.lower()
        value = self.names.index(lower) + self.low if lower in self.names else int(text) if text.isdecimal() else -1
        return value if self.low <= value <= self.high else None


FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS),
)


def faults(fields: tuple[str, ...]) -> tuple[str, ...]:
    """What cron refuses, or takes and never runs, in the five `fields`: a sentence for each."""
    found = (_fault(field, text) for field, text in zip(FIELDS, fields, strict=True))
    return tuple(fault for fault in found if fault)


def fault_in(name: str, text: str) -> str:
    """What cron refuses in the field of that name, which is `text`; "" where it refuses nothing."""
    return next(_fault(field, text) for field in FIELDS if field.name == name)


def _fault(field: _Field, text: str) -> str:
    return next((fault for part in text.split(",") if (fault := _fault_of(field, part))), "")


def _fault_of(field: _Field, part: str) -> str:
    found = _PART.fullmatch(part)
    if found is None:
        return f"The {field.name} '{part}' is not a star, a number or a range, with a step perhaps."
    ends = [end for end in (found["low"], found["high"]) if end is not None]
    values = [field.number(end) for end in ends]
    for end, value in zip(ends, values, strict=True):
        if value is None:
            return f"The {field.name} '{end}' is not from {field.low} to {field.high}{_or_name(field)}."
    if any(low > high for low, high in pairwise(value for value in values if value is not None)):
        return f"The {field.name} '{part}' ends before it begins."
    return _fault_of_step(field, part, found["step"], alone=len(ends) == 1)


def _fault_of_step(field: _Field, part: str, step: str | None, *, alone: bool) -> str:
    if step is None:
        return ""
    if alone:
        ranged = part.replace("/", f"-{field.high}/")
        return f"The {field.name} '{part}' has a step without a range: write '{ranged}'."
    return "" if int(step) else f"The {field.name} '{part}' has a step of 0."


def _or_name(field: _Field) -> str:
    return f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
