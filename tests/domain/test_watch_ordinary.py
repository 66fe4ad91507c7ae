"""The short way of the ordinary case: taken where it may be, never with another answer (`Job.does` compares both)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontopus.domain.schedule import Cron, Every
from crontopus.domain.watch import Elapsed, Expectation, Gap, Kind, Reported, ordinary
from tests.domain.watch_plans import Happens, plans, play, rules
from tests.domain.watched import MIDNIGHT, Job, at, rid, tried

PLAIN = st.builds(Reported, kind=st.just(Kind.SUCCESS), occurred_at=st.just(MIDNIGHT), truncated=st.booleans())


@tried(400)
@given(rules(), plans(20, st.one_of(PLAIN, PLAIN, PLAIN, st.builds(Elapsed))))
def test_successes_in_any_order_with_silence_and_gaps(rule: Expectation, plan: list[Happens]) -> None:
    play(Job(rule), plan)


@pytest.mark.parametrize("schedules", [(), (Every(timedelta(hours=1)),), (Cron("0 * * * *"),)])
def test_a_success_of_a_healthy_job_goes_the_short_way(schedules: tuple[Cron | Every, ...]) -> None:
    job = Job(Expectation(schedules=schedules))
    for clock in ("01:00:05", "02:00:05", "02:59:55", "04:05"):
        said = Reported(kind=Kind.SUCCESS, occurred_at=at(clock))
        assert ordinary.success(job.watch, said, job.rule, (), at(clock)) is not None
        job.succeeds(clock)


@pytest.mark.parametrize("schedules", [(Every(timedelta(hours=1)),), (Cron("0 * * * *"),)])
@pytest.mark.parametrize("miss_after", [1, 2])
def test_the_first_silence_of_a_healthy_job_goes_the_short_way(
    schedules: tuple[Cron | Every, ...], miss_after: int
) -> None:
    job = Job(Expectation(schedules=schedules, miss_after=miss_after))
    job.succeeds("01:00:05")
    now = at("02:30")
    assert ordinary.silence(job.watch, job.rule, (), now) is not None
    assert ordinary.silence(job.watch, job.rule, (Gap(at("01:30"), at("01:59")),), now) is None, (
        "it may excuse the slot"
    )
    assert ordinary.silence(job.watch, job.rule, (), at("05:00")) is None, "several slots are to be judged"
    job.passes("02:30")
    assert ordinary.silence(job.watch, job.rule, (), at("03:30")) is None, "it was silent before"


def _started() -> Job:
    job = Job()
    job.starts("01:00")
    return job


def _missed() -> Job:
    return Job().passes("05:00")


@pytest.mark.parametrize("job", [_started(), _missed()], ids=["a run is open", "slots are missing"])
def test_where_anything_stands_open_the_long_way_is_taken(job: Job) -> None:
    now = at("06:00")
    assert ordinary.success(job.watch, Reported(kind=Kind.SUCCESS, occurred_at=now), job.rule, (), now) is None


@pytest.mark.parametrize(
    "said",
    [
        Reported(kind=Kind.FAIL, occurred_at=at("01:00:05")),
        Reported(kind=Kind.SUCCESS, occurred_at=at("01:00:05"), rid=rid(1)),
        Reported(kind=Kind.SUCCESS, occurred_at=at("01:00:00")),
        Reported(kind=Kind.SUCCESS, occurred_at=at("01:00:05"), duration=timedelta(seconds=3)),
    ],
)
def test_whatever_says_more_than_success_just_now_goes_the_long_way(said: Reported) -> None:
    job = Job()
    assert ordinary.success(job.watch, said, job.rule, (), at("01:00:05")) is None


def test_a_gap_that_may_excuse_a_slot_takes_the_long_way() -> None:
    job = Job()
    job.succeeds("01:00:05")
    now = at("02:00:05")
    said = Reported(kind=Kind.SUCCESS, occurred_at=now)
    assert ordinary.success(job.watch, said, job.rule, (Gap(at("01:30"), at("01:59")),), now) is None
    assert ordinary.success(job.watch, said, job.rule, (Gap(at("00:10"), at("00:20")),), now) is not None
