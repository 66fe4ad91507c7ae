"""A watch that goes down and comes up again and again."""

from crontopus.domain.watch import Elapsed, Paused, Reason, Resolved, advance, is_calm, is_flapping
from tests.domain.watched import Job, at, rule


def goes_up_and_down(job: Job, hours: range) -> Job:
    """At each hour it ends another way than the hour before."""
    for hour in hours:
        if hour % 2:
            job.fails(f"{hour:02}:00")
        else:
            job.succeeds(f"{hour:02}:00")
    return job


def is_calm_at(job: Job, now: str) -> bool:
    return is_calm(advance(job.watch, Elapsed(), job.rule, (), at(now)).watch)


def test_six_crossings_within_ten_runs_are_flapping_and_five_are_not() -> None:
    job = goes_up_and_down(Job(), range(1, 6))
    assert not is_flapping(job.watch)
    job.succeeds("06:00")
    assert is_flapping(job.watch)


def test_six_crossings_in_eleven_runs_are_not() -> None:
    job = goes_up_and_down(Job(), range(1, 6))
    for hour in range(6, 11):
        job.fails(f"{hour:02}:00")
    job.succeeds("11:00")
    assert (job.watch.crossings[0], job.watch.crossings[-1]) == (1, 11)
    assert not is_flapping(job.watch)


def test_it_is_calm_again_after_five_runs_without_a_crossing() -> None:
    job = goes_up_and_down(Job(), range(1, 7))
    for hour in range(7, 11):
        job.succeeds(f"{hour:02}:00")
    assert not is_calm(job.watch)
    job.succeeds("11:00")
    assert is_calm(job.watch)


def test_slots_that_are_missed_count_as_runs_though_they_are_one_row() -> None:
    job = goes_up_and_down(Job(), range(1, 8))
    assert job.reasons == [Reason.FAILED]
    assert not is_calm_at(job, "11:11")
    assert is_calm_at(job, "12:11")


def test_what_a_person_resolves_is_no_crossing_and_a_pause_begins_anew() -> None:
    job = Job(rule())
    job.fails("01:00")
    job.does(Resolved(Reason.FAILED), "01:10")
    job.fails("02:00")
    assert job.watch.crossings == (1, 2)
    paused = job.does(Paused(), "02:10")
    assert paused.watch.crossings == ()
