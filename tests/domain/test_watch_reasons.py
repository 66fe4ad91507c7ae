"""Why a watch is down: thresholds, what ends a reason, pauses, and our own absence."""

from datetime import timedelta

import pytest

from crontopus.domain.schedule import OnCalendar
from crontopus.domain.watch import (
    Cause,
    Edited,
    Expectation,
    Kind,
    Paused,
    Reason,
    Reported,
    Resolved,
    Resumed,
    RunState,
    Status,
)
from tests.domain.watched import EVERY_HOUR, Job, at, rid, rule


def test_a_job_that_was_missed_and_then_fails_is_down_for_two_reasons_the_gravest_first() -> None:
    job = Job()
    job.succeeds("01:00")
    job.fails("02:30")
    assert job.told == [("missed", True, "02:10"), ("failed", True, "02:30")]
    assert (job.reasons, job.watch.reason) == ([Reason.FAILED, Reason.MISSED], Reason.FAILED)
    job.succeeds("03:00")
    assert (job.reasons, job.watch.reason) == ([], None)


def test_below_its_threshold_a_failure_leaves_the_watch_up_and_is_counted() -> None:
    job = Job(rule(fail_after=3))
    job.fails("01:00")
    job.starts("02:00")
    job.starts("03:00")  # abandons
    assert (job.status, job.watch.failures) == (Status.UP, 2)
    job.succeeds("03:05")
    assert job.watch.failures == 0


def test_the_reason_that_enters_is_that_of_the_run_which_reached_the_threshold() -> None:
    job = Job(rule(fail_after=2, min_runtime=timedelta(minutes=1)))
    job.fails("01:00")
    job.starts("02:00")
    job.succeeds("02:00:30")
    assert job.reasons == [Reason.TOO_SHORT]
    job.fails("03:00")
    assert job.reasons == [Reason.FAILED, Reason.TOO_SHORT]


def test_misses_in_a_row_are_ended_by_any_report_that_takes_a_slot() -> None:
    job = Job(rule(miss_after=2))
    job.succeeds("01:00")
    job.passes("02:30")
    assert (job.status, job.watch.misses) == (Status.UP, 1)
    job.starts("03:00")
    assert job.watch.misses == 0
    job.succeeds("03:01")
    assert job.passes("05:30").told == [("missed", True, "05:10")]


def test_a_report_that_takes_no_slot_does_not_end_misses_in_a_row() -> None:
    job = Job(rule(miss_after=2))
    job.succeeds("01:00")
    job.succeeds("02:30")
    assert job.passes("03:11").told == [("missed", True, "03:10")]


@pytest.mark.parametrize("breaks", ["failure", "miss"])
def test_reasons_leave_at_so_many_successes_in_a_row(breaks: str) -> None:
    job = Job(rule(recover_after=2))
    job.fails("01:00")
    job.succeeds("02:00")
    if breaks == "failure":
        job.fails("03:00")
    else:
        job.passes("03:11")
    assert job.watch.successes == 0
    job.succeeds("04:00")
    assert Reason.FAILED in job.reasons
    job.succeeds("05:00")
    assert job.status is Status.UP


def test_a_success_ends_only_reasons_that_arose_before_it_happened() -> None:
    job = Job()
    job.succeeds("01:00")
    job.passes("03:30")
    job.succeeds("03:31", of="02:30", by_url=False)
    assert job.reasons == [Reason.MISSED]
    job = Job()
    job.succeeds("01:00")
    job.passes("02:40")
    job.succeeds("02:41", of="02:30", by_url=False)
    assert job.status is Status.UP


@pytest.mark.parametrize(
    ("disproved", "stays"), [("02:00", True), ("03:00", False), ("04:00", True)], ids=["first", "middle", "last"]
)
def test_missed_stands_while_enough_slots_in_a_row_are_missing_still(disproved: str, stays: bool) -> None:
    job = Job(rule(miss_after=2))
    job.succeeds("01:00")
    job.passes("04:30")
    job.starts("04:31", of=disproved, rid=rid(1), by_url=False)
    assert (job.reasons == [Reason.MISSED]) is stays


def test_a_row_that_another_follows_begins_anew_when_its_last_miss_is_disproved() -> None:
    job = Job(rule(miss_after=3))
    job.succeeds("01:00")
    job.passes("02:30")
    job.gap("03:05", "03:06")
    job.passes("05:30")
    assert (job.slots(RunState.MISSED), job.slots(RunState.UNOBSERVED)) == (["02:00", "04:00-05:00"], ["03:00"])
    assert job.reasons == [Reason.MISSED]
    job.starts("05:31", of="02:00", rid=rid(1), by_url=False)
    assert job.slots(RunState.MISSED) == ["04:00-05:00"]
    assert job.reasons == []
    assert job.watch.misses == 2


def test_a_person_who_resolves_a_reason_is_told_anew_of_the_next() -> None:
    job = Job(rule(fail_after=2))
    job.fails("01:00")
    job.fails("02:00")
    step = job.does(Resolved(Reason.FAILED), "02:30")
    assert [(flip.entered, flip.cause) for flip in step.flips] == [(False, Cause.BY_HAND)]
    job.fails("03:00")
    assert job.reasons == [Reason.FAILED]


def test_overran_resolved_by_hand_does_not_wait_for_the_run_that_caused_it() -> None:
    job = Job(Expectation(max_runtime=timedelta(hours=1)))
    job.starts("01:00", rid=rid(1))
    job.passes("02:30")
    job.does(Resolved(Reason.OVERRAN), "02:31")
    assert (job.status, job.watch.running) == (Status.NEW, 1)
    job.starts("03:00", rid=rid(2))
    job.passes("04:01")
    assert job.reasons == [Reason.OVERRAN]
    job.succeeds("04:02", rid=rid(2))
    assert job.status is Status.UP


def test_a_pause_takes_every_reason_away_and_counts_begin_anew() -> None:
    job = Job()
    job.succeeds("01:00")
    job.fails("02:30")
    step = job.does(Paused(), "02:40")
    assert {(flip.reason, flip.entered, flip.cause) for flip in step.flips} == {
        (Reason.FAILED, False, Cause.PAUSED),
        (Reason.MISSED, False, Cause.PAUSED),
    }
    assert (job.status, job.watch.due_at, job.watch.next_expected_at) == (Status.PAUSED, None, None)
    assert (job.watch.failures, job.watch.misses, job.watch.successes) == (0, 0, 0)


def test_while_paused_check_ins_are_stored_and_bounds_rest() -> None:
    job = Job(rule(max_runtime=timedelta(hours=1), manual_resume=True))
    job.starts("01:00")
    job.does(Paused(), "01:10")
    assert job.passes("09:00").flips == []
    run = job.run(job.fails("09:30"))
    assert (run.state, job.status) == (RunState.FAILED, Status.PAUSED)
    job.does(Resumed(), "10:00")
    assert (job.status, job.watch.failures) == (Status.UP, 0)
    assert job.watch.due_at == at("11:10")


def test_the_end_of_a_run_begun_after_the_pause_ends_it() -> None:
    job = Job()
    job.succeeds("01:00")
    job.starts("02:00", rid=rid(1))
    job.does(Paused(), "02:01")
    job.succeeds("02:05", rid=rid(1))
    job.says(Kind.SKIPPED, "02:06")
    assert job.status is Status.PAUSED
    job.starts("03:00", rid=rid(2))
    assert job.status is Status.PAUSED
    job.fails("03:01", rid=rid(2))
    assert (job.reasons, job.watch.due_at) == ([Reason.FAILED], at("04:10"))


def test_the_end_of_a_run_of_unknown_start_ends_a_pause_unless_it_happened_before() -> None:
    job = Job()
    job.does(Paused(), "02:00")
    job.succeeds("02:30", of="01:30", by_url=False)
    assert job.status is Status.PAUSED
    end = job.does(Reported(kind=Kind.SUCCESS, occurred_at=at("02:40")), "02:40")
    assert end.watch.status is Status.UP


@pytest.mark.parametrize(("event", "manual"), [(Paused(at("05:00")), False), (Paused(), True)])
def test_a_timed_pause_and_one_to_be_ended_by_hand_outlast_a_run(event: Paused, manual: bool) -> None:
    job = Job(rule(manual_resume=manual))
    job.does(event, "02:00")
    job.succeeds("03:00")
    assert job.status is Status.PAUSED


def test_a_timed_pause_ends_by_itself_and_deadlines_count_from_its_end() -> None:
    job = Job()
    job.succeeds("01:00")
    job.does(Paused(at("04:30")), "01:30")
    assert job.watch.due_at == at("04:30")
    job.does(Paused(at("05:30")), "01:40")
    job.passes("05:31")
    assert (job.status, job.watch.due_at) == (Status.UP, at("06:10"))
    assert job.passes("06:11").told == [("missed", True, "06:10")]


def test_a_pause_until_a_time_that_has_passed_ends_soon() -> None:
    job = Job()
    job.does(Paused(at("00:30")), "01:00")
    assert job.watch.due_at == at("01:10")


def test_resuming_gives_new_where_nothing_ever_ended_and_bounds_count_from_now() -> None:
    job = Job(Expectation(max_runtime=timedelta(hours=1)))
    start = job.starts("01:00", rid=rid(1))
    job.passes("02:30")
    job.does(Paused(), "02:40")
    job.does(Resumed(), "05:00")
    assert (job.status, job.run(start).state, job.watch.due_at) == (Status.NEW, RunState.RUNNING, at("06:00"))
    job.does(Edited(Expectation(max_runtime=timedelta(hours=2))), "05:30")
    assert job.watch.due_at == at("07:00")


def test_a_slot_taken_early_stays_taken_through_a_pause() -> None:
    job = Job()
    job.succeeds("01:00")
    job.succeeds("01:55")
    job.does(Paused(), "01:56")
    job.does(Resumed(), "01:57")
    assert job.watch.next_expected_at == at("03:00")
    assert job.does(Resumed(), "01:58").watch.next_expected_at == at("03:00")


def test_slots_of_a_pause_are_not_expected() -> None:
    job = Job()
    job.succeeds("01:00")
    job.does(Paused(), "01:30")
    job.does(Resumed(), "03:05")
    assert job.passes("04:10").flips == []


def test_a_slot_whose_window_meets_a_gap_is_unobserved_if_nothing_comes_soon_after() -> None:
    job = Job()
    job.succeeds("01:00")
    job.gap("01:30", "02:20")
    job.passes("02:20")
    assert job.watch.due_at == at("02:30")
    assert job.passes("02:30").slots(RunState.UNOBSERVED) == []
    assert job.passes("02:31").slots(RunState.UNOBSERVED) == ["02:00"]
    assert (job.flips, job.watch.misses) == ([], 0)
    assert job.passes("03:11").told == [("missed", True, "03:10")]


def test_a_report_soon_after_a_gap_takes_its_slot() -> None:
    job = Job()
    job.succeeds("01:00")
    job.gap("01:30", "02:20")
    assert job.run(job.succeeds("02:29")).expected_at == at("02:00")
    assert job.passes("02:40").slots(RunState.UNOBSERVED) == []


def test_all_slots_that_one_gap_meets_are_excused_together_and_later_ones_are_missed() -> None:
    job = Job()
    job.succeeds("01:00")
    job.gap("01:30", "05:55")  # shortly before 06:00, which could have been taken early
    job.passes("06:06").passes("06:11")
    assert job.slots(RunState.UNOBSERVED) == ["02:00-06:00"]
    job.passes("09:30")
    assert job.slots(RunState.MISSED) == ["07:00-09:00"]


def test_until_the_next_report_no_second_gap_excuses() -> None:
    job = Job()
    job.succeeds("01:00")
    job.gap("01:55", "02:05")
    job.passes("02:30")
    job.gap("02:55", "03:05")
    assert job.passes("03:30").told == [("missed", True, "03:10")]
    job.succeeds("04:00")
    job.gap("04:55", "05:05")
    job.passes("05:30")
    assert job.slots(RunState.UNOBSERVED) == ["02:00", "05:00"]


def test_a_slot_waits_for_the_last_gap_that_meets_it() -> None:
    job = Job(rule(grace=timedelta(hours=2)))
    job.succeeds("01:00")
    job.gap("01:55", "02:05")
    job.gap("03:30", "04:20")
    job.passes("04:20")
    assert job.watch.due_at == at("04:30")
    assert job.passes("04:30:01").slots(RunState.UNOBSERVED) == ["02:00"]


def test_slots_that_wait_for_a_second_gap_are_not_given_up_with_those_of_the_first() -> None:
    job = Job(rule(grace=timedelta(minutes=30)))
    job.succeeds("01:00")
    job.gap("01:30", "03:05")
    job.gap("03:25", "03:31")
    job.passes("03:32")
    assert job.slots(RunState.UNOBSERVED) == ["02:00"]
    job.passes("03:42")
    assert job.slots(RunState.UNOBSERVED) == ["02:00-03:00"]


def test_a_report_shortly_after_a_long_gap_leaves_the_slots_it_missed_unobserved() -> None:
    job = Job()
    job.succeeds("01:00")
    job.gap("01:30", "04:08")
    assert job.run(job.succeeds("04:09")).expected_at == at("04:00")
    assert job.slots(RunState.UNOBSERVED) == ["02:00-03:00"]
    assert job.flips == []
    job.gap("04:30", "05:08")
    assert job.run(job.succeeds("05:09")).expected_at == at("05:00")
    job.gap("05:30", "06:08")
    assert job.run(job.succeeds("06:55")).expected_at == at("07:00")
    job.gap("07:30", "08:08")
    job.does(Paused(), "08:08")
    assert job.run(job.says(Kind.SKIPPED, "09:09")).expected_at == at("09:00")
    assert job.slots(RunState.UNOBSERVED) == ["02:00-03:00", "06:00"]


def test_a_spool_played_back_after_a_gap_disproves_what_was_unobserved() -> None:
    job = Job()
    job.succeeds("01:00")
    job.gap("01:30", "04:08")
    job.passes("04:40")
    assert job.slots(RunState.UNOBSERVED) == ["02:00-04:00"]
    for hour in ("02:00", "03:00", "04:00"):
        assert job.run(job.succeeds("04:41", of=hour, rid=rid(int(hour[:2])), by_url=False)).expected_at == at(hour)
    assert job.slots(RunState.UNOBSERVED) == []


def test_with_a_period_the_window_begins_a_period_before_and_the_next_slot_a_period_after_the_gap() -> None:
    job = Job(rule(*EVERY_HOUR))
    job.succeeds("01:00")
    job.gap("01:20", "01:40")
    job.passes("02:11")
    assert job.slots(RunState.UNOBSERVED) == ["02:00"]
    assert job.watch.due_at == at("02:50")
    assert job.passes("02:51").told == [("missed", True, "02:50")]


def test_while_missed_stands_the_slots_of_a_gap_are_told_apart() -> None:
    job = Job()
    job.succeeds("01:00")
    job.passes("02:30")
    job.gap("03:55", "05:30")
    job.passes("08:30")
    assert job.slots(RunState.MISSED) == ["02:00-03:00", "06:00-08:00"]
    assert job.slots(RunState.UNOBSERVED) == ["04:00-05:00"]


def test_a_run_open_during_a_gap_is_unobserved_at_its_bound() -> None:
    job = Job(Expectation(max_runtime=timedelta(hours=1)))
    start = job.starts("01:00", rid=rid(1))
    job.gap("01:20", "01:40")
    job.passes("02:01")
    assert job.run(start).state is RunState.UNOBSERVED
    assert (job.flips, job.watch.running) == ([], 0)
    job.succeeds("02:05", of="01:30", rid=rid(1), by_url=False)
    assert job.run(start).state is RunState.SUCCEEDED


def test_a_run_open_during_a_gap_is_unobserved_when_a_start_abandons_it() -> None:
    job = Job(Expectation())
    start = job.starts("01:00")
    job.gap("01:20", "01:40")
    job.starts("02:00")
    assert job.run(start).state is RunState.UNOBSERVED
    assert (job.flips, job.watch.failures) == ([], 0)


def test_a_run_past_its_bound_is_not_excused_by_a_gap() -> None:
    job = Job(Expectation(max_runtime=timedelta(hours=1)))
    job.starts("01:00")
    job.passes("02:10")
    job.gap("02:20", "02:40")
    job.starts("03:00")
    assert job.reasons == [Reason.FAILED, Reason.OVERRAN]


def test_a_gap_after_the_last_slot_of_a_schedule_excuses_that_one() -> None:
    job = Job(rule(OnCalendar("2026-05-01 01,02:00")))
    job.succeeds("01:00")
    job.gap("01:55", "02:05")
    job.passes("02:16")
    assert job.slots(RunState.UNOBSERVED) == ["02:00"]
    assert job.watch.due_at is None
