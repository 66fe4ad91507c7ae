"""Instants as people type and choose them: on their own clock, or so long from now. Pure."""

from datetime import datetime, timedelta, tzinfo

from crontopus.console.forms import Form
from crontopus.domain.errors import Fault, Invalid

UNTIL = "until"
"""The choice of an end that stands in a field of its own."""
_YEARS = (1970, 9000)
"""Beyond these some zone has no name for the instant."""
SPANS = {
    "1h": ("1 hour", timedelta(hours=1)),
    "4h": ("4 hours", timedelta(hours=4)),
    "1d": ("1 day", timedelta(days=1)),
    "7d": ("1 week", timedelta(days=7)),
}


def moment(text: str, zone: tzinfo, pointer: str) -> datetime | None:
    """As the wall clock of whoever types it shows it; None where nothing stands. Raises Invalid."""
    if not text:
        return None
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        detail = "Give a day and a time, such as 2026-11-28T17:05."
        raise Invalid(detail, (Fault(pointer, detail),)) from None
    if not _YEARS[0] < typed.year < _YEARS[1]:
        raise Invalid("", (Fault(pointer, "Choose a time of this age."),))
    return typed if typed.tzinfo else typed.replace(tzinfo=zone)


def needed(text: str, zone: tzinfo, pointer: str) -> datetime:
    """The same, of a field that may not stay empty. Raises Invalid."""
    found = moment(text, zone, pointer)
    if found is None:
        detail = "Say when."
        raise Invalid(detail, (Fault(pointer, detail),))
    return found


def typed(instant: datetime, zone: tzinfo) -> str:
    """As it can be typed again, to the minute."""
    return instant.astimezone(zone).isoformat(timespec="minutes")[:16]


def end(form: Form, since: datetime, zone: tzinfo) -> datetime | None:
    """What was chosen in `for`: so long after `since`, or what stands in `until`; None for whatever is neither.

    Raises Invalid.
    """
    if form["for"] == UNTIL:
        return needed(form["until"], zone, "/until")
    chosen = SPANS.get(form["for"])
    return since + chosen[1] if chosen else None
