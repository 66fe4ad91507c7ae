"""When a job is expected: schedules, and the slots they make under each scheduler's DST rules."""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct


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
