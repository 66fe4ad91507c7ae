"""What holds whatever happens: no event raises, the time of the sweep does not matter, twice is once."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from crontopus.domain.watch import Edited, Elapsed, Expectation, Paused, Resumed
from tests.domain.watch_plans import Happens, plans, play, rules
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
@given(rules(), plans(), plans(max_size=1))
def test_twice_is_once(rule: Expectation, plan: list[Happens], last: list[Happens]) -> None:
    job = play(Job(rule), plan)
    for happens in last:
        if isinstance(happens.event, Edited | Paused | Resumed | Elapsed):
            job.does(happens.event, job.now + happens.after)
            step = job.does(happens.event, job.now)
            assert (step.flips, step.runs, step.gone) == ((), (), ())
    before = job.watch
    job.passes(job.now)
    assert job.watch == before
