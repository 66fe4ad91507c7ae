"""The laws of the watch, each tried on runs that a model makes: who is healthy stays up, who is dead goes down."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import Struct

from crontopus.domain.schedule import Clock, Cron, Every, OnCalendar, Schedule, slots
from crontopus.domain.watch import Expectation, Kind, Overlap, Reason, RunState, Status
from crontopus.domain.watch.expected import bound
from tests.domain.watched import Job, rid, tried

NIGHTS = [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)]
CALENDARS: list[tuple[Schedule, ...]] = [
    (Cron("30 2 * * *"),),
    (Cron("0 * * * *"),),
    (Cron("*/20 * * * *"),),
    (Cron("30 2 * * *"), Cron("5 */6 * * *")),
    (OnCalendar("*-*-* 02,14:15"),),
]
PERIODS: list[tuple[Schedule, ...]] = [(Every(timedelta(minutes=5)),), (Every(timedelta(hours=1)),)]
GRACES = [timedelta(0), timedelta(minutes=10), timedelta(hours=3)]
PARTS = st.floats(0, 1)
DAY = timedelta(days=1)
EARLY = timedelta(minutes=10)
TICK = timedelta(milliseconds=1)


class Said(Struct, frozen=True):
    """One report of the run `number`, and when it happened."""

    at: datetime
    kind: Kind
    number: int


def calendars() -> st.SearchStrategy[Expectation]:
    return st.builds(
        Expectation,
        schedules=st.sampled_from(CALENDARS),
        timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
        clock=st.sampled_from([Clock.CRON, Clock.SYSTEMD]),
        grace=st.sampled_from(GRACES),
        overlap=st.sampled_from(Overlap),
    )


def slots_of(rule: Expectation, born: datetime, many: int) -> list[datetime]:
    calendar = slots(rule.schedules, rule.timezone, rule.clock)
    return list(calendar.between(born, born + 400 * DAY, many + 1))


def whole(duration: timedelta) -> timedelta:
    return timedelta(milliseconds=duration // TICK)


def tell(job: Job, said: list[Said], named: bool) -> None:
    """The reports arrive as they happen, by URL."""
    for one in said:
        job.says(one.kind, one.at, rid=rid(one.number + 1) if named else None)


@pytest.mark.parametrize("named", [True, False])
@tried(60)
@given(calendars(), st.sampled_from(NIGHTS), st.lists(st.tuples(PARTS, PARTS, PARTS, st.booleans()), max_size=30))
def test_a_healthy_job_never_goes_down(
    named: bool, rule: Expectation, born: datetime, runs: list[tuple[float, float, float, bool]]
) -> None:
    """Early or late within what is allowed, through DST nights, and as long as the gap to the next run."""
    job = Job(rule, born)
    tell(job, list(_healthy(rule, born, runs, overlapping=named and rule.overlap is Overlap.ALLOW)), named)
    assert job.flips == []
    assert {run.state for run in job.runs.values()} <= {RunState.RUNNING, RunState.SUCCEEDED}


def _healthy(
    rule: Expectation, born: datetime, runs: list[tuple[float, float, float, bool]], overlapping: bool
) -> Iterator[Said]:
    expected = slots_of(rule, born, len(runs) + 1)
    begins = []
    for (before, slot), (early, late, _, is_early) in zip(pairwise([born, *expected]), runs, strict=False):
        nearly = min(EARLY, (slot - before) / 2) if before is not born else timedelta(0)
        begins.append(slot - whole(nearly * early) if is_early else slot + whole(rule.grace * late))
    said = []
    gaps = [min(DAY, later - slot) for slot, later in pairwise(expected)]
    following = [*sorted(begins)[1:], None]
    for number, (begin, after, gap, (_, _, long, _)) in enumerate(
        zip(sorted(begins), following, gaps, runs, strict=False)
    ):
        length = whole(gap * long)
        if not overlapping and after is not None:
            length = min(length, after - begin - TICK)
        if length < timedelta(0):
            continue
        said += [Said(begin, Kind.START, number), Said(begin + length, Kind.SUCCESS, number)]
    yield from sorted(said, key=lambda one: (one.at, one.number))


@tried(60)
@given(calendars(), st.sampled_from(NIGHTS), st.lists(st.tuples(PARTS, PARTS, st.booleans()), max_size=30))
def test_an_early_run_keeps_its_slot_and_a_late_one_is_never_robbed_of_its_own(
    rule: Expectation, born: datetime, runs: list[tuple[float, float, bool]]
) -> None:
    job = Job(rule, born)
    for (before, slot, after), (early, late, is_early) in zip(_around(rule, born, len(runs)), runs, strict=False):
        window = min(rule.grace, after - slot - min(EARLY, (after - slot) / 2) - TICK)
        near = min(EARLY, (slot - before) / 2)
        receipt = job.succeeds(slot - whole(near * early) if is_early else slot + whole(window * late))
        assert job.run(receipt).expected_at == slot
    assert job.flips == []


def _around(rule: Expectation, born: datetime, many: int) -> list[tuple[datetime, datetime, datetime]]:
    """Each slot between its neighbours."""
    earlier = slots(rule.schedules, rule.timezone, rule.clock).upto(born)
    assert earlier is not None
    expected = [earlier, *slots_of(rule, born, many + 2)]
    return list(zip(expected, expected[1:], expected[2:], strict=False))


@tried(60)
@given(st.sampled_from(PERIODS), st.sampled_from(GRACES), st.booleans(), st.lists(st.tuples(PARTS, PARTS), max_size=30))
def test_a_healthy_job_that_counts_from_its_signs_never_goes_down(
    schedules: tuple[Schedule, ...], grace: timedelta, named: bool, runs: list[tuple[float, float]]
) -> None:
    job = Job(Expectation(schedules=schedules, grace=grace), NIGHTS[0])
    every = schedules[0].period if isinstance(schedules[0], Every) else timedelta(0)
    begin = NIGHTS[0] + every
    for number, (jitter, long) in enumerate(runs):
        after = begin + every + whole(grace * jitter)
        tell(job, [Said(begin, Kind.START, number)], named)
        tell(job, [Said(begin + whole(every * long), Kind.SUCCESS, number)], named)
        begin = max(after, begin + whole(every * long))
    assert job.flips == []


@tried(100)
@given(
    st.sampled_from([*CALENDARS, *PERIODS, ()]),
    st.sampled_from(GRACES),
    st.sampled_from(Overlap),
    st.integers(1, 3),
    st.booleans(),
    st.none() | st.sampled_from([timedelta(minutes=1), timedelta(hours=30)]),
    st.integers(0, 3),
)
def test_a_job_whose_runs_are_killed_goes_down_in_bounded_time(
    schedules: tuple[Schedule, ...],
    grace: timedelta,
    overlap: Overlap,
    fail_after: int,
    named: bool,
    max_runtime: timedelta | None,
    healthy: int,
) -> None:
    """At the latest with the bound of the first killed run, or once as many were given up as are too many."""
    rule = Expectation(
        schedules=schedules, grace=grace, overlap=overlap, fail_after=fail_after, max_runtime=max_runtime
    )
    job, begin = Job(rule, NIGHTS[2]), NIGHTS[2]
    begins = _begins(rule, NIGHTS[2], healthy + fail_after + 1)
    for number, begin in enumerate(begins[:healthy]):
        tell(job, [Said(begin, Kind.START, number), Said(begin + TICK, Kind.SUCCESS, number)], named)
    assert job.flips == []
    killed = begins[healthy:]
    for number, begin in enumerate(killed):
        tell(job, [Said(begin, Kind.START, healthy + number)], named)
    job.passes(max(bound(rule, killed[0]), begin) + TICK)
    assert job.status is Status.DOWN


def _begins(rule: Expectation, born: datetime, many: int) -> list[datetime]:
    if not rule.schedules or isinstance(rule.schedules[0], Every):
        period = rule.schedules[0].period if rule.schedules and isinstance(rule.schedules[0], Every) else EARLY
        return [born + period * number for number in range(1, many + 1)]
    return slots_of(rule, born, many - 1)


@tried(80)
@given(
    st.sampled_from([*CALENDARS, *PERIODS]), st.sampled_from(GRACES), st.sampled_from(Overlap), st.integers(0, 6), PARTS
)
def test_a_dead_job_is_down_by_its_next_slot_or_by_the_bound_of_the_run_it_left_open(
    schedules: tuple[Schedule, ...], grace: timedelta, overlap: Overlap, reports: int, part: float
) -> None:
    rule = Expectation(schedules=schedules, grace=grace, overlap=overlap)
    job = Job(rule, NIGHTS[2])
    begins = _begins(rule, NIGHTS[2], reports + 5)
    for number, begin in enumerate(begins[:reports]):
        kind = Kind.START if number % 2 == 0 else Kind.SUCCESS
        tell(job, [Said(begin + whole(min(grace, EARLY / 3) * part), kind, 0)], named=False)
    assume(not job.reasons)
    bounds = [known.bound_at for known in job.watch.open] if overlap is Overlap.FORBID else []
    job.passes(max([_next_slot(rule, begins, reports, job.now) + grace, *bounds]) + TICK)
    assert job.status is Status.DOWN


def _next_slot(rule: Expectation, begins: list[datetime], reports: int, last: datetime) -> datetime:
    """The slot after the last report; of a job that never reported, the one it is judged by."""
    hour = timedelta(hours=1)
    if isinstance(rule.schedules[0], Every):
        return last + (rule.schedules[0].period if reports else max(hour, rule.schedules[0].period))
    return begins[reports] if reports else next(slot for slot in begins if slot >= last + hour)


@tried(80)
@given(st.permutations(["a", "b1", "b2", "b3"]), st.sampled_from([Kind.SUCCESS, Kind.FAIL]), st.booleans())
def test_an_overdue_run_and_the_successes_of_others_in_every_order(order: list[str], end: Kind, forgot: bool) -> None:
    """`overran` stands while the run is open, and until the newest end is a success."""
    job = Job(Expectation(max_runtime=timedelta(minutes=30)), NIGHTS[2])
    now = NIGHTS[2]
    job.starts(now, rid=rid(1))
    job.passes(now := now + timedelta(hours=1))
    assert job.reasons == [Reason.OVERRAN]
    closed, good = False, False
    for number, name in enumerate(order):
        now += timedelta(minutes=20)
        if name == "a":
            if forgot:
                continue
            job.says(end, now, rid=rid(1))
            closed, good = True, end is Kind.SUCCESS
        else:
            job.starts(now, rid=rid(number + 2))
            job.succeeds(now + timedelta(minutes=1), rid=rid(number + 2))
            good = True
        assert (Reason.OVERRAN in job.reasons) == (not (closed and good))
        assert (Reason.FAILED in job.reasons) == (closed and not good)


@tried(80)
@given(st.permutations(["start a", "start b", "end a", "end b"]), st.integers(1, 3), st.sampled_from([*CALENDARS, ()]))
def test_two_overlapping_runs_with_ids_do_not_flip(
    order: list[str], times: int, schedules: tuple[Schedule, ...]
) -> None:
    job, now = Job(Expectation(schedules=schedules), NIGHTS[2]), NIGHTS[2] + timedelta(hours=1)
    for turn in range(times):
        for name in order:
            now += timedelta(seconds=1)
            kind = Kind.START if name.startswith("start") else Kind.SUCCESS
            job.says(kind, now, rid=rid(10 * turn + ord(name[-1])))
    assert job.flips == []
    assert {run.state for run in job.runs.values()} == {RunState.SUCCEEDED}
