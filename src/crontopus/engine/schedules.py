"""Schedules between the wire and the domain, and what a schedule means before it is saved."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from zoneinfo import ZoneInfo

from crontopus.domain import duration, schedule
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.schedule import Clock, Cron, Every, OnCalendar, Schedule
from crontopus.storage.jobs import Watched
from crontopus.wire import schedules as wire

DEFAULT_GRACE = timedelta(minutes=10)
LONGEST_GRACE = timedelta(days=30)
YOUNG = timedelta(hours=1)
"""A slot that comes sooner after the job was made, or its schedule edited, is no miss (docs/jobs.md)."""


def read(given: wire.Schedules, timezone: str, clock: Clock, pointer: str = "/schedule") -> tuple[Schedule, ...]:
    """Raises Invalid with a fault for each place of `given` (which stands at `pointer`) or for the zone."""
    several = given if isinstance(given, list) else [] if given is None else [given]
    many = isinstance(given, list)
    read: list[Schedule] = []
    faults: list[Fault] = []
    for number, one in enumerate(several):
        try:
            read.append(_one(one, f"{pointer}/{number}" if many else pointer))
        except Invalid as error:
            faults += error.faults
    if faults:
        raise Invalid(" ".join(fault.detail for fault in faults), tuple(faults))
    schedules = tuple(read)
    try:
        schedule.check(schedules, timezone, clock)
    except Invalid as error:
        raise Invalid(str(error), tuple(_moved(fault, pointer) for fault in error.faults)) from error
    return schedules


def shown(schedules: tuple[Schedule, ...]) -> wire.Schedules:
    """As they stand on the wire: null, one, or a list."""
    told = [_told(one) for one in schedules]
    return told if len(told) > 1 else told[0] if told else None


def preview(request: wire.PreviewRequest, now: datetime) -> wire.Preview:
    """The next runs of a schedule that is not saved. Raises Invalid."""
    schedules = read(request.schedule, request.timezone, request.clock)
    grace = DEFAULT_GRACE
    if request.grace is not None:
        grace = duration.parse(request.grace, most=LONGEST_GRACE, pointer="/grace")
    counted_from = now + max(schedule.period(schedules) or YOUNG, YOUNG)
    return next_runs(schedules, request.timezone, request.clock, grace, request.count, now, now, counted_from)


def of_watched(found: Watched, count: int, now: datetime) -> wire.Preview:
    """The next runs of a job: the one still outstanding first, then those to come; an `every` counts on from it."""
    rule, expected = found.job.expectation, found.watch.next_expected_at
    outstanding = [expected] if expected is not None and expected <= now else []
    period = schedule.period(rule.schedules)
    since = now
    if period is not None and expected is not None:
        since = expected - period if not outstanding else expected + (now - expected) // period * period
    counted_from = now if expected is None else expected
    return next_runs(
        rule.schedules, rule.timezone, rule.clock, rule.grace, count, since, now, counted_from, outstanding
    )


def next_runs(
    schedules: tuple[Schedule, ...],
    timezone: str,
    clock: Clock,
    grace: timedelta,
    count: int,
    since: datetime,
    now: datetime,
    counted_from: datetime,
    outstanding: Sequence[datetime] = (),
) -> wire.Preview:
    """`since`: what is already behind it is over (for an `every`: from when its periods count).

    What comes before `counted_from` is no miss if it does not come.
    """
    period = schedule.period(schedules)
    coming: Iterator[datetime]
    if period is not None:
        coming = (since + period * number for number in range(1, count + 1))
    else:
        coming = schedule.slots(schedules, timezone, clock).since(since)
    instants = list(islice(chain(outstanding, coming), count))
    zone = ZoneInfo("UTC" if clock is Clock.UTC else timezone)
    return wire.Preview(
        in_words=schedule.describe(schedules, timezone, clock),
        timezone=timezone,
        period=None if period is None else period.total_seconds(),
        next=[
            wire.NextRun(
                at=at,
                local=at.astimezone(zone).isoformat(timespec="seconds"),
                deadline=at + grace if at >= counted_from else None,
            )
            for at in instants
        ],
        surprises=[
            wire.ClockSurprise(at=found.at, kind=str(found.kind), detail=found.detail)
            for found in schedule.surprises(schedules, timezone, clock, now)
        ],
    )


def _one(given: wire.Schedule, pointer: str) -> Schedule:
    said = [kind for kind in ("every", "cron", "on_calendar") if getattr(given, kind) is not None]
    if len(said) != 1:
        detail = "A schedule says exactly one of every, cron and on_calendar."
        raise Invalid(detail, (Fault(pointer, detail),))
    if given.every is not None:
        return Every(duration.parse(given.every, most=timedelta(days=10_000), pointer=f"{pointer}/every"))
    return Cron(given.cron) if given.cron is not None else OnCalendar(given.on_calendar or "")


def _told(one: Schedule) -> wire.Schedule:
    match one:
        case Every(period=period):
            return wire.Schedule(every=period.total_seconds())
        case Cron(expression=expression):
            return wire.Schedule(cron=expression)
        case OnCalendar(expression=expression):
            return wire.Schedule(on_calendar=expression)


def _moved(fault: Fault, pointer: str) -> Fault:
    """The domain's checks do not know where in a request the schedule stands."""
    return Fault(fault.pointer.replace("/schedule", pointer, 1), fault.detail)


def utc(instant: datetime, pointer: str) -> datetime:
    """In UTC with milliseconds. Raises Invalid for instants that no zone can tell."""
    try:
        moved = instant.astimezone(UTC)
    except OverflowError:
        raise Invalid("this instant is too far away", (Fault(pointer, "choose an instant of this age"),)) from None
    return moved.replace(microsecond=moved.microsecond // 1000 * 1000)
