"""Schedules on the wire, and what the preview tells of them before anything is saved."""

from typing import Annotated

from msgspec import Meta

from crontopus.domain.schedule import Clock
from crontopus.wire.common import Duration, Input, Instant, Output, Seconds


class Schedule(Input, frozen=True):
    """Exactly one of the three.

    `every`: seconds or `1h30m`; `cron`: 5 or 6 fields or a macro; `on_calendar`: systemd.time(7).
    """

    every: Duration | None = None
    cron: Annotated[str, Meta(max_length=1000)] | None = None
    on_calendar: Annotated[str, Meta(max_length=1000)] | None = None


Schedules = Schedule | list[Schedule] | None
"""One schedule, several (their slots are united), or null: only what is reported counts."""


class PreviewRequest(Input, frozen=True):
    """A schedule as it stands in a form, not saved."""

    schedule: Schedules = None
    timezone: str = "UTC"
    clock: Clock = Clock.CRON
    grace: Duration | None = None
    count: Annotated[int, Meta(ge=1, le=100)] = 10


class ClockSurprise(Output, frozen=True):
    """What a change of the zone's offset does to this schedule within the next 400 days."""

    at: Instant
    kind: str
    detail: str


class NextRun(Output, frozen=True):
    """`at` in UTC, `local` as the job's zone writes it (RFC 3339 with offset).

    `deadline` is `at` plus grace; null where a run that does not come is no miss yet, because the job or its schedule
    is newer than an hour before.
    """

    at: Instant
    local: str
    deadline: Instant | None


class Preview(Output, frozen=True):
    """The next runs, the schedule in words, and its surprises. `period`: of an `every`, else null."""

    in_words: str
    timezone: str
    period: Seconds | None
    next: list[NextRun]
    surprises: list[ClockSurprise]


class CrontabRequest(Input, frozen=True):
    """A crontab to explain. `system`: the form of /etc/crontab and cron.d, which has a user column."""

    text: Annotated[str, Meta(max_length=1_000_000)]
    system: bool = False
    timezone: str = "UTC"


class CrontabLine(Output, frozen=True):
    """One line that runs something. `fault`: why it cannot become a job, and what to do."""

    line: int
    text: str
    schedule: str | None
    user: str | None
    command: str | None
    slug: str | None
    in_words: str | None
    next: list[Instant]
    fault: str | None


class Crontab(Output, frozen=True):
    items: list[CrontabLine]
