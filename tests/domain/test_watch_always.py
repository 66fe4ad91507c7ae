"""What holds whatever happens: no event raises, the time of the sweep does not matter, twice is once."""

from datetime import timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from crontopus.domain.watch import Edited, Elapsed, Event, Expectation, Kind, Paused, Reported, Resumed, advance
from tests.domain.watch_plans import Happens, plans, play, reports, rules
from tests.domain.watched import Job, tried


@tried(150)
@given(rules(), plans(25))
def test_no_sequence_of_events_raises_or_breaks_what_always_holds(rule: Expectation, plan: list[Happens]) -> None:
    job = play(Job(rule), plan)
    job.passes(job.now + timedelta(days=40))


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
    """By JSON at any time, by URL when it is soon sent again."""
    assume(said.rid is not None and said.kind is not Kind.LOG)
    job = play(Job(rule), plan)
    happened = job.now - timedelta(seconds=lag)
    fields = {name: getattr(said, name) for name in ("rid", "exit_code", "by_url", "started_at", "duration")}
    first = job.says(said.kind, job.now, happened, attempt=3, **fields)
    again = job.now + (timedelta(seconds=pause) if said.by_url else timedelta(minutes=pause * 20))
    before = advance(job.watch, Elapsed(), job.rule, tuple(job.gaps), again)
    second = job.says(said.kind, again, happened, attempt=3, **fields)
    assert (first.run, second.stored) == (second.run, False)
    assert job.watch == before.watch
