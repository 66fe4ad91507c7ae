"""The words of the watch: what a job promises, what can happen to it, and what is told of it."""

from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from uuid import UUID

from msgspec import Struct

from crontopus.domain import schedule
from crontopus.domain.schedule import Clock, Schedule
from crontopus.domain.slots import Slots


class Status(StrEnum):
    """What the watch says of its job. `LATE` is never stored: it is derived when read."""

    NEW = "new"
    UP = "up"
    LATE = "late"
    DOWN = "down"
    PAUSED = "paused"


class Reason(StrEnum):
    """Why a watch is down, gravest first."""

    FAILED = "failed"
    OVERRAN = "overran"
    MISSED = "missed"
    TOO_SHORT = "too_short"


class Overlap(StrEnum):
    ALLOW = "allow"
    FORBID = "forbid"


class RunState(StrEnum):
    RUNNING = "running"
    OVERRAN = "overran"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABANDONED = "abandoned"
    MISSED = "missed"
    UNOBSERVED = "unobserved"
    SKIPPED = "skipped"


class Mark(StrEnum):
    OVERRAN = "overran"
    TOO_SHORT = "too_short"
    LATE = "late"
    TRUNCATED = "truncated"
    CLOCK = "clock"
    CONFLICT = "conflict"
    ID_REUSED = "id_reused"


class Kind(StrEnum):
    """What a check-in says. An exit status has been translated to success or failure before it comes here."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"
    LOG = "log"
    SKIPPED = "skipped"


class Expectation(Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """What a job promises. Everything `advance` needs to know of the job's definition.

    Thousands of jobs share one, so what follows from it is worked out once and kept in its `dict`.
    """

    schedules: tuple[Schedule, ...] = ()
    timezone: str = "UTC"
    clock: Clock = Clock.CRON
    grace: timedelta = timedelta(minutes=10)
    max_runtime: timedelta | None = None
    min_runtime: timedelta | None = None
    fail_after: int = 1
    miss_after: int = 1
    recover_after: int = 1
    overlap: Overlap = Overlap.ALLOW
    first_by: datetime | None = None
    manual_resume: bool = False

    @cached_property
    def period(self) -> timedelta | None:
        """Of an `every`; None where there is none."""
        return schedule.period(self.schedules)

    @cached_property
    def calendar(self) -> Slots | None:
        """The slots of cron lines and calendar events; None where there are none."""
        if not self.schedules or self.period is not None:
            return None
        return schedule.slots(self.schedules, self.timezone, self.clock)


class Gap(Struct, frozen=True):
    """Nobody watched from `since` to `until` (UTC)."""

    since: datetime
    until: datetime


Gaps = tuple[Gap, ...]


class Run(Struct, frozen=True, kw_only=True, array_like=True):
    """One execution, as the watch knows it. `number` counts the runs of one watch, from 1.

    A missed run stands for `count` slots in a row, from `expected_at` to `last_expected_at`.
    """

    number: int
    state: RunState
    rid: UUID | None = None
    expected_at: datetime | None = None
    last_expected_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: timedelta | None = None
    exit_code: int | None = None
    signal: int | None = None
    attempt: int = 1
    marks: frozenset[Mark] = frozenset()
    count: int = 1
    start_received_at: datetime | None = None
    end_received_at: datetime | None = None


class Reported(Struct, frozen=True, kw_only=True):
    """A check-in. `prior` is the newest stored run with this `rid` (None where there is none, or no rid).

    `occurred_at` is when it happened, at most a little in the future, and `skew` by how much that was moved, since the
    clock it was read from is wrong; `by_url` chooses the rule of repetition.
    `told`: a check-in of this kind and attempt is stored with `prior` (asked only where a later attempt has followed).
    """

    kind: Kind
    occurred_at: datetime
    skew: timedelta = timedelta()
    rid: UUID | None = None
    started_at: datetime | None = None
    duration: timedelta | None = None
    exit_code: int | None = None
    signal: int | None = None
    attempt: int = 1
    truncated: bool = False
    by_url: bool = True
    prior: Run | None = None
    told: bool = False


class Elapsed(Struct, frozen=True):
    """Time passed and nothing else happened."""


class Edited(Struct, frozen=True):
    """The job's definition changed; `rule` is the new one. `advance` is called with the old one."""

    rule: Expectation


class Paused(Struct, frozen=True):
    until: datetime | None = None


class Resumed(Struct, frozen=True):
    pass


class Settled(Struct, frozen=True):
    """A person closed the open run `number`, as succeeded or failed."""

    number: int
    succeeded: bool


class Resolved(Struct, frozen=True):
    """A person resolved the alert of `reason` by hand."""

    reason: Reason


Event = Reported | Elapsed | Edited | Paused | Resumed | Settled | Resolved


class Cause(StrEnum):
    """What made a flip, where it was not the course of runs itself."""

    RUN = "run"
    PAUSED = "paused"
    BY_HAND = "by_hand"


class Flip(Struct, frozen=True):
    """A reason entered or left the watch at `at`."""

    reason: Reason
    entered: bool
    at: datetime
    cause: Cause = Cause.RUN
    run: int | None = None


class Receipt(Struct, frozen=True):
    """What became of a check-in: the run it belongs to, and whether it is new (False: a repetition, stored once)."""

    run: int | None
    stored: bool
    marks: frozenset[Mark] = frozenset()
