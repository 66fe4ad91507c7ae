"""Reports that come late or out of order end where those in time end; an edit or a pause does only what is said."""

from datetime import datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from crontopus.domain.schedule import Cron, Every, Schedule
from crontopus.domain.watch import (
    Cause,
    Edited,
    Elapsed,
    Expectation,
    Kind,
    Paused,
    Reason,
    Resumed,
    Status,
    advance,
)
from tests.domain.watch_plans import Happens, plans, play, rules
from tests.domain.watched import MIDNIGHT, Job, rid, tried

TICK = timedelta(milliseconds=1)
ENDS = st.sampled_from([Kind.SUCCESS, Kind.SUCCESS, Kind.FAIL])


class Told(Struct, frozen=True):
    """One report of the run `number`: when it happened, and how late it comes."""

    at: datetime
    kind: Kind
    number: int
    lag: timedelta = timedelta()


def minutes(least: int, most: int) -> st.SearchStrategy[timedelta]:
    return st.integers(least, most).map(lambda number: timedelta(minutes=number))


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """Runs of six hours, each with its start, its end and their delays; ends may be lost, and come by hand later."""
    told = []
    for number in range(draw(st.integers(0, 6))):
        begin = MIDNIGHT + draw(minutes(1, 360)) + number * TICK
        end = begin + draw(minutes(0, 100))
        late = draw(st.just(timedelta()) | minutes(0, 300))
        later = draw(st.just(timedelta()) | minutes(0, 300))
        told += [Told(begin, Kind.START, number, late), Told(end, draw(ENDS), number, later)]
    return told


@tried(150)
@given(
    st.sampled_from([(Cron("0 * * * *"),), (Cron("*/20 * * * *"),), (Every(timedelta(hours=1)),), ()]),
    st.sampled_from([timedelta(), timedelta(minutes=10), timedelta(hours=2)]),
    st.booleans(),
    histories(),
    st.lists(ENDS, min_size=2, max_size=2),
)
def test_late_delivery_ends_in_the_same_status_as_in_time(
    schedules: tuple[Schedule, ...], grace: timedelta, named: bool, history: list[Told], last: list[Kind]
) -> None:
    """With thresholds of 1, once two more runs came in time and every run has ended."""
    rule = Expectation(schedules=schedules, grace=grace)
    in_time = [replace(told, lag=timedelta()) for told in history]
    if not named:
        history = _in_order(history)
    jobs = [_lived(rule, told, last, named) for told in (in_time, history)]
    assert jobs[0].status is jobs[1].status


def _in_order(history: list[Told]) -> list[Told]:
    """The same reports, none overtaking another."""
    arrived = MIDNIGHT
    ordered = []
    for told in sorted(history, key=lambda told: told.at):
        arrived = max(arrived, told.at + told.lag)
        ordered.append(replace(told, lag=arrived - told.at))
    return ordered


def _lived(rule: Expectation, history: list[Told], last: list[Kind], named: bool) -> Job:
    job = Job(rule)
    for told in sorted(history, key=lambda told: (told.at + told.lag, told.at)):
        by = rid(told.number + 1) if named else None
        job.says(told.kind, told.at + told.lag, told.at, rid=by, by_url=False)
    begin = MIDNIGHT + timedelta(hours=13)
    for number, kind in enumerate(last):
        job.starts(begin, rid=rid(100 + number) if named else None)
        job.says(kind, begin + timedelta(minutes=1), rid=rid(100 + number) if named else None)
        begin += timedelta(hours=1)
    return job


@tried(150)
@given(rules(), plans(), rules(), st.booleans())
def test_an_edit_makes_no_flip_and_loses_no_slot_but_by_a_new_schedule(
    rule: Expectation, plan: list[Happens], other: Expectation, same_schedule: bool
) -> None:
    job = play(Job(rule), plan)
    if same_schedule:
        other = replace(other, schedules=job.rule.schedules, timezone=job.rule.timezone, first_by=job.rule.first_by)
    now = job.now + timedelta(minutes=30)
    before = advance(job.watch, Elapsed(), job.rule, tuple(job.gaps), now)
    step = job.does(Edited(other), now)
    assert step.flips == before.flips
    if same_schedule:
        assert step.watch.decided_at == before.watch.decided_at
        assert step.watch.missing == before.watch.missing


@tried(150)
@given(rules(), plans(), st.none() | st.just(timedelta(hours=2)))
def test_a_pause_takes_every_reason_away_and_its_end_makes_no_flip(
    rule: Expectation, plan: list[Happens], until: timedelta | None
) -> None:
    job = play(Job(rule), plan)
    assume(job.status is not Status.PAUSED)
    now = job.now + timedelta(minutes=30)
    before = advance(job.watch, Elapsed(), job.rule, tuple(job.gaps), now)
    step = job.does(Paused(None if until is None else now + until), now)
    ours = step.flips[len(before.flips) :]
    assert step.flips[: len(before.flips)] == before.flips
    if before.watch.paused_at is None:
        assert [(flip.reason, flip.entered, flip.cause) for flip in ours] == [
            (reason, False, Cause.PAUSED) for reason in before.watch.reasons
        ]
    taken_early = step.watch.decided_at
    now += timedelta(hours=2, milliseconds=1)
    step = job.does(Resumed(), now)
    assert step.flips == ()
    assert step.watch.status is not Status.PAUSED
    if taken_early is not None and taken_early > now:
        assert step.watch.decided_at == taken_early


@tried(100)
@given(
    st.sampled_from([Cron("0 * * * *"), Cron("*/20 * * * *"), Cron("15 */3 * * *"), Every(timedelta(hours=1))]),
    st.sampled_from([timedelta(), timedelta(minutes=10), timedelta(hours=2)]),
    st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), max_size=8),
    st.booleans(),
)
def test_a_gap_makes_no_false_miss_if_a_report_came_since_the_gap_before(
    schedule: Schedule, grace: timedelta, spans: list[tuple[int, float, float, float]], named: bool
) -> None:
    """Each gap swallows what is told in it; between two gaps at least one run is heard."""
    job = Job(Expectation(schedules=(schedule,), grace=grace))
    step = schedule.period if isinstance(schedule, Every) else timedelta(hours=3 if "*/3" in str(schedule) else 1)
    step = timedelta(minutes=20) if "*/20" in str(schedule) else step
    offset = timedelta(minutes=15) if "*/3" in str(schedule) else timedelta()
    run = 0

    def comes(part: float) -> None:
        nonlocal run
        run += 1
        begin = MIDNIGHT + offset + step * run + (grace * part if step > grace else timedelta())
        if begin > job.now and all(not gap.since <= begin <= gap.until for gap in job.gaps):
            job.succeeds(begin, rid=rid(run) if named else None)

    comes(0)
    comes(0)
    for lost, begin, end, jitter in spans:
        comes(jitter if not isinstance(schedule, Every) else 0)
        since = job.now + step * begin
        until = since + step * (lost + end) + TICK
        job.gap(since, until)
        while MIDNIGHT + offset + step * (run + 1) <= until:
            run += 1
        job.passes(until)
        comes(0)
    job.passes(job.now + step)
    assert Reason.MISSED not in job.reasons
    assert job.flips == []


@tried(80)
@given(
    st.sampled_from([Cron("0 * * * *"), Cron("*/20 * * * *"), Cron("30 2 * * *"), Every(timedelta(hours=1))]),
    st.sampled_from([timedelta(), timedelta(minutes=10), timedelta(hours=3)]),
    st.integers(1, 90),
    st.integers(1, 90),
)
def test_gaps_never_make_silence(schedule: Schedule, grace: timedelta, away: int, watching: int) -> None:
    """However often nobody watched, a dead job is told of."""
    job = Job(Expectation(schedules=(schedule,), grace=grace))
    job.succeeds(now := MIDNIGHT + timedelta(hours=2, minutes=30))
    while now < MIDNIGHT + timedelta(hours=72):
        until = now + timedelta(minutes=away)
        job.gap(now, until)
        now = until + timedelta(minutes=watching)
        job.passes(now)
    assert job.reasons == [Reason.MISSED]
