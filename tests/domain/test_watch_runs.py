"""The life of a run: its bound, its end, who it is told to be, and what is heard of it late."""

from datetime import timedelta

import pytest

from crontopus.domain.schedule import Cron, Schedule
from crontopus.domain.watch import (
    Edited,
    Expectation,
    Kind,
    Mark,
    Overlap,
    Reason,
    Receipt,
    Run,
    RunState,
    Settled,
    Status,
)
from crontopus.domain.watch.lives import MOST_OPEN
from tests.domain.watched import EVERY_HOUR, MIDNIGHT, Job, at, rid, rule

HALF_AN_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("expectation", "bound"),
    [
        (rule(), "03:10"),  # the second slot after the start, plus grace
        (rule(Cron("*/10 * * * *")), "02:10"),  # at least an hour
        (rule(Cron("30 2 * * *")), "25:10"),  # at most a day
        (rule(*EVERY_HOUR), "03:10"),  # two periods
        (Expectation(), "25:10"),  # no second slot
        (rule(max_runtime=HALF_AN_HOUR), "01:30"),  # grace is never used for run time
    ],
)
def test_the_bound_of_a_run(expectation: Expectation, bound: str) -> None:
    job = Job(expectation, born="00:45")
    job.starts("01:00", rid=rid(1))
    (known,) = job.watch.open
    assert known.bound_at == at(bound)


def test_a_run_is_in_time_at_its_bound_and_overran_just_after() -> None:
    job = Job(rule(max_runtime=HALF_AN_HOUR))
    number = job.starts("01:00").run
    assert job.passes("01:30").status is Status.NEW
    job.passes("01:31")
    assert job.told == [("overran", True, "01:30")]
    assert job.runs[number or 0].state is RunState.OVERRAN
    run = job.run(job.succeeds("01:40"))
    assert (run.state, run.marks, run.duration) == (
        RunState.SUCCEEDED,
        frozenset({Mark.OVERRAN}),
        timedelta(minutes=40),
    )
    assert job.told[1:] == [("overran", False, "01:40")]


def test_overran_stays_after_a_failure_until_the_newest_end_is_a_success() -> None:
    job = Job(rule(max_runtime=HALF_AN_HOUR))
    job.starts("01:00")
    job.fails("01:40")
    assert job.reasons == [Reason.FAILED, Reason.OVERRAN]
    job.succeeds("02:00")
    assert job.status is Status.UP


def test_a_late_end_within_the_bound_disproves_that_the_run_overran() -> None:
    job = Job(rule(max_runtime=HALF_AN_HOUR))
    job.starts("01:00", rid=rid(1))
    job.passes("01:40")
    run = job.run(job.succeeds("01:41", of="01:20", rid=rid(1), by_url=False))
    assert run.marks == frozenset()
    assert job.told == [("overran", True, "01:30"), ("overran", False, "01:41")]


def test_a_late_failure_within_the_bound_disproves_it_too_unless_another_run_overran() -> None:
    job = Job(rule(max_runtime=HALF_AN_HOUR))
    job.starts("01:00", rid=rid(1))
    job.starts("01:01", rid=rid(2))
    job.passes("01:40")
    job.fails("01:41", of="01:20", rid=rid(1), by_url=False)
    assert job.reasons == [Reason.FAILED, Reason.OVERRAN]
    job.fails("01:42", of="01:21", rid=rid(2), by_url=False)
    assert job.reasons == [Reason.FAILED]


def test_a_start_without_an_id_opens_the_anonymous_run_and_the_next_end_closes_it() -> None:
    job = Job()
    start = job.starts("01:00")
    run = job.run(job.fails("01:05", exit_code=3, signal=9))
    assert run.number == start.run
    assert (run.state, run.started_at, run.finished_at) == (RunState.FAILED, at("01:00"), at("01:05"))
    assert (run.exit_code, run.signal, run.duration) == (3, 9, timedelta(minutes=5))


def test_an_end_without_a_start_is_a_run_of_unknown_start() -> None:
    job = Job()
    run = job.run(job.succeeds("01:05"))
    assert (run.started_at, run.duration, run.expected_at) == (None, None, at("01:00"))


def test_a_start_abandons_the_anonymous_run_it_finds_open() -> None:
    job = Job()
    first = job.starts("01:00")
    job.starts("02:00")
    assert job.run(first).state is RunState.ABANDONED
    assert job.told == [("failed", True, "02:00")]
    job = Job()
    job.starts("01:00")
    job.starts("02:00", rid=rid(1))
    assert job.watch.running == 1
    assert job.reasons == [Reason.FAILED]


def test_a_start_abandons_an_open_run_of_its_own_id() -> None:
    job = Job()
    first, second = job.starts("01:00", rid=rid(1)), job.starts("02:00", rid=rid(1))
    assert job.run(first).state is RunState.ABANDONED
    assert job.run(second).marks == frozenset({Mark.ID_REUSED})
    assert second.marks == frozenset({Mark.ID_REUSED})
    assert job.reasons == [Reason.FAILED]


def test_under_forbid_a_start_abandons_every_older_open_run() -> None:
    job = Job(rule(overlap=Overlap.FORBID))
    first = job.starts("01:00", rid=rid(1))
    job.starts("02:00", rid=rid(2))
    assert job.run(first).state is RunState.ABANDONED
    job.starts("02:05", of="01:30", rid=rid(3), by_url=False)  # older than the open one
    assert job.watch.running == 2


def test_a_run_that_overran_and_is_then_abandoned_holds_overran_until_a_success() -> None:
    job = Job(rule(max_runtime=HALF_AN_HOUR))
    first = job.starts("01:00")
    job.starts("02:00")
    assert job.run(first).marks == frozenset({Mark.OVERRAN})
    assert job.reasons == [Reason.FAILED, Reason.OVERRAN]
    job.succeeds("02:05")
    assert job.status is Status.UP


def test_runs_with_ids_may_overlap() -> None:
    job = Job()
    job.starts("01:00", rid=rid(1))
    job.starts("01:01", rid=rid(2))
    assert job.watch.running == 2
    job.succeeds("01:03", rid=rid(1))
    job.succeeds("01:04", rid=rid(2))
    assert (job.flips, job.status) == ([], Status.UP)


def test_an_anonymous_start_older_than_the_open_one_is_history_only() -> None:
    job = Job(Expectation())
    job.starts("02:00")
    older = job.starts("02:05", of="01:00", by_url=False)
    assert job.run(older).state is RunState.ABANDONED
    assert (job.watch.running, job.flips) == (1, [])


def test_an_anonymous_end_that_happened_before_the_open_run_began_is_not_its_end() -> None:
    job = Job()
    start = job.starts("02:00")
    assert job.succeeds("02:05", of="01:30", by_url=False).run != start.run
    assert job.watch.running == 1


@pytest.mark.parametrize(
    ("schedules", "again", "same"),
    [((), "01:01", True), ((), "01:01:01", False), ((Cron("* * * * *"),), "01:00:31", False)],
)
def test_an_anonymous_start_that_repeats_within_a_minute_is_taken_for_the_same(
    schedules: tuple[Schedule, ...], again: str, same: bool
) -> None:
    job = Job(Expectation(schedules=schedules))
    first, second = job.starts("01:00"), job.starts(again)
    assert second.stored is not same
    assert (second.run == first.run) is same


def test_an_anonymous_end_is_never_taken_for_a_repetition() -> None:
    job = Job()
    assert job.succeeds("01:00").stored
    assert job.succeeds("01:00").stored


@pytest.mark.parametrize("kind", [Kind.SUCCESS, Kind.FAIL, Kind.SKIPPED])
def test_by_url_an_end_sent_again_within_ten_minutes_is_stored_once(kind: Kind) -> None:
    job = Job()
    first, again = job.says(kind, "01:00", rid=rid(1)), job.says(kind, "01:10", rid=rid(1))
    assert (again.run, again.stored) == (first.run, False)
    later = job.says(kind, "01:10:01", rid=rid(1))
    assert (later.run, later.stored, later.marks) == (2, True, frozenset({Mark.ID_REUSED}))


def test_by_url_repetitions_come_within_half_the_gap_between_slots() -> None:
    job = Job(rule(Cron("*/10 * * * *")))
    job.succeeds("01:00", rid=rid(1))
    assert not job.succeeds("01:05", rid=rid(1)).stored
    assert job.succeeds("01:05:01", rid=rid(1)).stored


def test_an_end_after_another_start_of_its_id_is_no_repetition() -> None:
    job = Job()
    job.starts("01:00", rid=rid(1))
    job.succeeds("01:01", rid=rid(1))
    second = job.starts("01:02", rid=rid(1))
    assert second.marks == frozenset({Mark.ID_REUSED})
    assert job.succeeds("01:03", rid=rid(1)) == Receipt(second.run, True)


def test_by_json_a_check_in_that_happened_at_the_same_instant_is_stored_once() -> None:
    job = Job()
    job.starts("01:00", rid=rid(1), by_url=False)
    assert not job.starts("01:30", of="01:00", rid=rid(1), by_url=False).stored
    job.succeeds("01:40", of="01:35", rid=rid(1), by_url=False)
    assert not job.succeeds("20:00", of="01:35", rid=rid(1), by_url=False).stored
    assert not job.starts("20:00", of="01:00", rid=rid(1), by_url=False).stored
    assert job.succeeds("20:01", of="01:36", rid=rid(1), by_url=False).marks == frozenset({Mark.ID_REUSED})


def test_a_different_end_is_kept_with_the_mark_conflict_and_without_effect() -> None:
    job = Job()
    first = job.succeeds("01:00", rid=rid(1))
    other = job.fails("01:01", rid=rid(1))
    assert other == Receipt(first.run, True, frozenset({Mark.CONFLICT}))
    assert job.run(first).marks == frozenset({Mark.CONFLICT})
    assert (job.run(first).state, job.flips) == (RunState.SUCCEEDED, [])
    assert job.fails("01:02", exit_code=2, rid=rid(2)).stored
    assert job.fails("01:02", exit_code=3, rid=rid(2)).marks == frozenset({Mark.CONFLICT})


@pytest.mark.parametrize(("arrives", "belongs"), [("01:00:10", True), ("01:00:11", False)])
def test_by_url_a_start_up_to_ten_seconds_after_the_end_of_its_id_belongs_to_it(arrives: str, belongs: bool) -> None:
    job = Job()
    end, start = job.succeeds("01:00", rid=rid(1)), job.starts(arrives, rid=rid(1))
    assert (start.run == end.run) is belongs
    assert job.watch.running == (0 if belongs else 1)
    if belongs:
        assert job.run(end).duration is None  # nobody knows
        assert not job.starts("01:00:10", rid=rid(1)).stored


def test_by_json_a_start_that_happened_before_the_end_belongs_to_it() -> None:
    job = Job(rule(min_runtime=timedelta(minutes=5)))
    end = job.succeeds("01:05", rid=rid(1), by_url=False)
    job.starts("01:30", of="01:01", rid=rid(1), by_url=False)
    run = job.run(end)
    assert (run.started_at, run.duration, run.marks) == (at("01:01"), timedelta(minutes=4), frozenset({Mark.TOO_SHORT}))
    assert job.status is Status.UP  # the report is older than the newest end
    assert not job.starts("01:31", of="01:05:05", rid=rid(1), by_url=False).stored
    assert job.starts("01:31", of="01:02", rid=rid(1), by_url=False).marks == frozenset({Mark.ID_REUSED})


def test_the_end_of_the_last_attempt_is_the_end_of_the_run() -> None:
    job = Job()
    start = job.starts("01:00", rid=rid(1), by_url=False)
    job.fails("01:01", rid=rid(1), by_url=False)
    job.starts("01:02", rid=rid(1), attempt=2, by_url=False)
    assert (job.watch.running, job.run(start).state) == (1, RunState.RUNNING)
    assert not job.starts("01:03", of="01:02", rid=rid(1), attempt=2, by_url=False).stored
    older = job.fails("01:03", of="01:01", rid=rid(1), attempt=1, by_url=False)
    assert (older.run, older.stored) == (start.run, False)
    job.succeeds("01:04", rid=rid(1), attempt=2, by_url=False)
    run = job.run(start)
    assert (run.state, run.attempt, run.duration) == (RunState.SUCCEEDED, 2, timedelta(minutes=2))
    assert job.status is Status.UP


def test_an_end_that_comes_after_the_next_attempt_began_is_stored_once_and_changes_nothing() -> None:
    job = Job()
    start = job.starts("01:00", rid=rid(1), by_url=False)
    job.starts("01:02", rid=rid(1), attempt=2, by_url=False)
    before = job.watch
    first, again = (job.fails(now, of="01:01", rid=rid(1), by_url=False) for now in ("01:03", "01:04"))
    assert (first.run, first.stored, again.run, again.stored) == (start.run, True, start.run, False)
    assert job.watch == before


def test_another_attempt_of_a_run_that_is_open_goes_on() -> None:
    job = Job()
    start = job.starts("01:00", rid=rid(1), by_url=False)
    job.starts("01:02", rid=rid(1), attempt=2, by_url=False)
    assert (job.watch.running, job.run(start).attempt) == (1, 2)


def test_the_end_of_a_run_given_up_is_heard_after_all() -> None:
    job = Job(rule(overlap=Overlap.FORBID))
    first = job.starts("01:00", rid=rid(1))
    job.starts("02:00", rid=rid(2))
    job.succeeds("02:05", rid=rid(1))
    assert job.run(first).state is RunState.SUCCEEDED
    assert job.status is Status.UP


def test_a_success_below_the_least_runtime_is_too_short_and_counts_as_a_failure() -> None:
    job = Job(rule(min_runtime=timedelta(seconds=20)))
    job.starts("01:00")
    run = job.run(job.succeeds("01:00:19"))
    assert run.marks == frozenset({Mark.TOO_SHORT})
    assert (job.reasons, job.watch.failures) == ([Reason.TOO_SHORT], 1)
    job.starts("02:00")
    job.succeeds("02:00:20")
    assert job.status is Status.UP


def test_marks_of_a_report_are_kept_with_its_run() -> None:
    job = Job()
    receipt = job.succeeds("01:00", of="01:04", truncated=True)
    assert receipt.marks == frozenset({Mark.CLOCK, Mark.TRUNCATED})
    assert job.run(receipt).marks == receipt.marks
    assert job.run(receipt).finished_at == at("01:00")


def test_a_report_dated_ahead_is_stored_once_too() -> None:
    job = Job()
    job.starts("01:00", of="01:04", rid=rid(1), by_url=False)
    assert not job.starts("01:01", of="01:04", rid=rid(1), by_url=False).stored


@pytest.mark.parametrize(("again", "same"), [("01:00:03", True), ("01:10", True), ("01:10:01", False)])
def test_what_a_wrong_clock_dated_is_known_again_where_it_comes_out_a_little_different(again: str, same: bool) -> None:
    job = Job()
    skew = timedelta(hours=-5)
    first = job.succeeds("02:00", of="01:00", skew=skew, rid=rid(1), by_url=False)
    assert first.marks == job.run(first).marks == frozenset({Mark.CLOCK})
    second = job.succeeds("02:00", of=again, skew=skew, rid=rid(1), by_url=False)
    assert second.stored is not same


def test_what_happened_more_than_a_week_ago_is_kept_as_history_only() -> None:
    job = Job()
    job.passes("169:00")
    before = job.watch
    start = job.starts("170:00", of="01:00", rid=rid(1), by_url=False)
    assert job.run(start).state is RunState.ABANDONED
    job.fails("170:00", of="01:30", rid=rid(1), by_url=False)
    assert (job.run(start).state, job.run(start).expected_at) == (RunState.FAILED, None)
    end = job.succeeds("170:00", of="01:59", rid=rid(2), by_url=False)
    job.starts("170:00", of="01:58", rid=rid(2), by_url=False)
    assert job.run(end).started_at == at("01:58")
    job.starts("170:00", of="01:59", rid=rid(2), attempt=2, by_url=False)
    assert (job.run(end).state, job.watch.running) == (RunState.ABANDONED, 0)
    assert (job.watch.seen_at, job.watch.misses - before.misses) == (None, 1)
    assert job.reasons == [Reason.MISSED]


def test_a_week_old_end_closes_its_run_and_says_nothing_of_the_job() -> None:
    job = Job(Expectation(max_runtime=timedelta(days=30)))
    start = job.starts("01:00", rid=rid(1))
    job.fails("200:00", of="02:00", rid=rid(1), by_url=False)
    assert job.run(start).state is RunState.FAILED
    assert (job.status, job.watch.running) == (Status.NEW, 0)
    run = job.run(job.succeeds("200:00", rid=rid(2), by_url=False, started_at="01:00"))
    assert (run.started_at, run.expected_at) == (at("01:00"), None)


def test_a_report_older_than_the_newest_end_says_nothing_of_the_job() -> None:
    job = Job()
    job.starts("01:00", rid=rid(1))
    job.succeeds("02:00", rid=rid(2))
    late = job.fails("02:05", of="01:30", rid=rid(1), by_url=False)
    assert job.run(late).state is RunState.FAILED
    assert (job.status, job.watch.failures) == (Status.UP, 0)


def test_a_start_whose_bound_has_passed_is_given_a_little_time() -> None:
    job = Job(Expectation(max_runtime=HALF_AN_HOUR))
    job.starts("03:00", of="01:00", rid=rid(1), by_url=False)
    assert job.watch.due_at == at("03:10")
    assert job.passes("03:11").told == [("overran", True, "03:10")]


def test_a_new_bound_moves_those_of_open_runs_and_makes_no_flip() -> None:
    job = Job(Expectation(max_runtime=HALF_AN_HOUR))
    start = job.starts("01:00", rid=rid(1))
    job.does(Edited(Expectation(max_runtime=timedelta(hours=1))), "01:10")
    assert job.watch.due_at == at("02:00")
    job.does(Edited(Expectation(max_runtime=timedelta(minutes=5))), "01:20")
    assert job.watch.due_at == at("01:30")
    job.passes("01:31")
    job.does(Edited(Expectation(max_runtime=timedelta(minutes=10))), "01:40")
    assert job.watch.due_at is None
    job.does(Edited(Expectation(max_runtime=timedelta(hours=3))), "01:50")
    assert (job.run(start).state, job.watch.due_at) == (RunState.RUNNING, at("04:00"))
    job.does(Edited(Expectation(max_runtime=timedelta(hours=3), fail_after=2)), "01:55")
    assert job.told == [("overran", True, "01:30")]
    job.succeeds("02:00", rid=rid(1))
    assert job.status is Status.UP


@pytest.mark.parametrize(("succeeded", "state"), [(True, RunState.SUCCEEDED), (False, RunState.FAILED)])
def test_a_person_may_settle_a_run(succeeded: bool, state: RunState) -> None:
    job = Job(Expectation(max_runtime=HALF_AN_HOUR))
    start = job.starts("01:00", rid=rid(1))
    job.does(Settled(start.run or 0, succeeded), "02:00")
    run = job.run(start)
    assert (run.state, run.finished_at, run.marks) == (state, at("02:00"), frozenset({Mark.OVERRAN}))
    assert job.reasons == ([] if succeeded else [Reason.FAILED, Reason.OVERRAN])
    assert job.does(Settled(start.run or 0, succeeded), "02:01").runs == ()


def test_a_run_that_nobody_ends_lets_go_after_a_day_and_three_successes_begun_since_its_bound() -> None:
    job = Job(Expectation(max_runtime=timedelta(hours=1)))
    job.starts("01:00", rid=rid(1))  # its bound is 02:00
    job.starts("01:59", rid=rid(2))
    for number, end in enumerate(["02:10", "03:00", "25:59:59"]):
        job.succeeds(end, rid=rid(2 + number))
    assert job.reasons == [Reason.OVERRAN]
    job.succeeds("26:00", rid=rid(9))
    assert (job.status, job.watch.running) == (Status.UP, 1)
    job.starts("30:00", rid=rid(1))  # abandons it, which nobody needs to be told any more
    assert (job.status, job.watch.running) == (Status.UP, 1)


def test_so_many_runs_can_be_open_and_above_the_oldest_is_abandoned() -> None:
    job = Job(Expectation())
    for number in range(MOST_OPEN + 1):
        job.starts(MIDNIGHT + timedelta(seconds=number), rid=rid(number + 1))
    assert job.watch.running == MOST_OPEN
    assert job.runs[1].state is RunState.ABANDONED
    assert job.reasons == [Reason.FAILED]


def test_a_run_whose_start_was_told_after_its_first_attempt_has_one_slot() -> None:
    job = Job()
    first = job.fails("01:00", rid=rid(1), by_url=False)
    job.succeeds("02:00", rid=rid(1), attempt=2, by_url=False)
    assert job.run(first).expected_at == at("01:00")
    assert job.watch.next_expected_at == at("02:00")


def test_a_clock_that_was_set_back_makes_no_flip_older_than_the_last() -> None:
    job = Job(Expectation())
    job.fails("02:00")
    job.starts("01:59:58")
    job.succeeds("01:59:59")
    assert job.told == [("failed", True, "02:00"), ("failed", False, "02:00")]
    assert [run.state for run in job.runs.values()] == [RunState.FAILED, RunState.SUCCEEDED]


def test_a_run_says_only_what_is_known() -> None:
    assert Run(number=1, state=RunState.RUNNING).started_at is None
