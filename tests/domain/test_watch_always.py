"""What holds whatever happens: no event raises, the time of the sweep does not matter, twice is once."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from crontopus.domain.schedule import Every
from crontopus.domain.watch import (
    Edited,
    Elapsed,
    Event,
    Expectation,
    Gap,
    Kind,
    Overlap,
    Paused,
    Reported,
    Resumed,
    advance,
)
from crontopus.domain.watch.expected import SOON, within_half_gap
from tests.domain.watch_plans import SCHEDULES, Happens, plans, play, reports, rules
from tests.domain.watched import Job, at, rid, tried

EXTREMES = st.sampled_from([timedelta(), timedelta(milliseconds=1), timedelta(days=366_000), timedelta.max])
INSTANTS = st.sampled_from([at("00:00"), datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])


@tried(150)
@given(rules(), plans(25))
def test_no_sequence_of_events_raises_or_breaks_what_always_holds(rule: Expectation, plan: list[Happens]) -> None:
    job = play(Job(rule), plan)
    job.passes(job.now + timedelta(days=40))


@tried(150)
@given(
    st.builds(
        Expectation,
        schedules=st.sampled_from([*SCHEDULES, (Every(timedelta.max),)]),
        grace=EXTREMES,
        max_runtime=st.none() | EXTREMES,
        min_runtime=st.none() | EXTREMES,
        overlap=st.sampled_from(Overlap),
        first_by=st.none() | INSTANTS,
    ),
    st.sampled_from([at("00:00"), datetime(2999, 12, 31, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)]),
    plans(6, st.one_of(reports(), st.builds(Paused, INSTANTS), st.builds(Elapsed))),
    st.builds(
        Reported,
        kind=st.sampled_from(Kind),
        occurred_at=INSTANTS,
        skew=EXTREMES,
        rid=st.none() | st.just(rid(1)),
        started_at=st.none() | INSTANTS,
        duration=st.none() | EXTREMES,
        by_url=st.booleans(),
    ),
)
def test_no_values_raise_at_the_ends_of_the_calendar(
    rule: Expectation, born: datetime, plan: list[Happens], said: Reported
) -> None:
    job = Job(rule, born)
    if born.year < 9999:
        play(job, plan)
    job.gaps.append(Gap(*sorted([said.occurred_at, job.now])))
    for kind in (said.kind, Kind.SUCCESS):
        names = ("skew", "rid", "started_at", "duration", "by_url")
        fields = {name: getattr(said, name) for name in names}
        job.says(kind, job.now, said.occurred_at, **fields)
    job.passes(datetime.max.replace(tzinfo=UTC))


@tried(150)
@given(rules(), plans(), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_any_timing_of_the_sweep_gives_the_same_watch_and_flips(
    rule: Expectation, plan: list[Happens], sweeps: list[float]
) -> None:
    plan = [*plan, Happens(timedelta(hours=30), Elapsed())]
    seldom, often = play(Job(rule), plan), play(Job(rule), plan, sweeps)
    assert often.watch == seldom.watch
    assert often.flips == seldom.flips
    assert often.runs == seldom.runs


@tried(100)
@given(rules(), plans(), st.sampled_from([Edited(Expectation()), Paused(), Resumed(), Elapsed()]))
def test_what_a_person_does_twice_is_done_once(rule: Expectation, plan: list[Happens], event: Event) -> None:
    job = play(Job(rule), plan)
    job.does(event, job.now)
    step = job.does(event, job.now)
    assert (step.flips, step.runs, step.gone) == ((), (), ())


@tried(150)
@given(rules(), plans(), reports(), st.integers(-300, 100_000), st.integers(0, 8))
def test_a_report_sent_twice_is_stored_once(
    rule: Expectation, plan: list[Happens], said: Reported, lag: int, pause: int
) -> None:
    """By JSON at any time, where its clock is not ahead by half a gap; by URL when it is soon sent again."""
    assume(said.rid is not None and said.kind is not Kind.LOG)
    job = play(Job(rule), plan)
    happened = job.now - timedelta(seconds=lag)
    assume(happened - job.now <= within_half_gap(job.rule, job.now, SOON))
    fields = {name: getattr(said, name) for name in ("rid", "exit_code", "by_url", "started_at", "duration")}
    first = job.says(said.kind, job.now, happened, attempt=3, **fields)
    again = job.now + (timedelta(seconds=pause) if said.by_url else timedelta(minutes=pause * 20))
    before = advance(job.watch, Elapsed(), job.rule, tuple(job.gaps), again)
    second = job.says(said.kind, again, happened, attempt=3, **fields)
    assert (first.run, second.stored) == (second.run, False)
    assert job.watch == before.watch
    job.starts(again, rid=said.rid, attempt=4, by_url=False)
    before = advance(job.watch, Elapsed(), job.rule, tuple(job.gaps), again)
    third = job.says(said.kind, again, happened, attempt=3, **fields)
    assert (first.run, third.stored) == (third.run, False)
    assert job.watch == before.watch
