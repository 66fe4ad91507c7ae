"""What a job is expected to do: slots, periods, the first sign, edits."""

from datetime import timedelta
from typing import Any

import pytest

from crontopus.domain.schedule import Cron, Every, OnCalendar
from crontopus.domain.watch import Edited, Expectation, Kind, Mark, Overlap, Reason, Resolved, RunState, Status, fresh
from crontopus.domain.watch.silence import COUNTED, KEPT
from tests.domain.watched import EVERY_HOUR, HOURLY, Job, at, rid, rule

TEN_MINUTES = timedelta(minutes=10)


def test_a_new_job_is_new_until_the_first_end_and_then_up() -> None:
    job = Job()
    assert job.status is Status.NEW
    job.starts("01:00")
    assert (job.status, job.watch.running) == (Status.NEW, 1)
    job.succeeds("01:05")
    assert (job.status, job.watch.running) == (Status.UP, 0)


def test_a_job_that_is_up_is_late_when_an_expected_slot_has_passed_and_down_after_the_grace() -> None:
    job = Job()
    job.succeeds("01:00")
    assert job.watch.next_expected_at == at("02:00")
    assert job.watch.due_at == at("02:10")
    assert job.passes("02:00").shown is Status.UP
    assert job.passes("02:00:01").shown is Status.LATE
    assert job.passes("02:10").shown is Status.LATE
    assert job.passes("02:10:00.001").shown is Status.DOWN
    assert job.told == [("missed", True, "02:10")]
    assert job.slots(RunState.MISSED) == ["02:00"]


def test_a_check_in_at_the_deadline_itself_is_in_time() -> None:
    job = Job()
    job.succeeds("01:00")
    assert job.run(job.succeeds("02:10")).expected_at == at("02:00")
    assert job.flips == []


@pytest.mark.parametrize(
    ("report", "slot"),
    [
        ("01:00", "01:00"),
        ("01:58", "01:00"),  # late, and still its own
        ("02:00", "02:00"),
    ],
)
def test_a_run_takes_the_newest_open_slot_not_later_than_its_first_report(report: str, slot: str) -> None:
    job = Job(rule(grace=timedelta(hours=1)))
    assert job.run(job.succeeds(report)).expected_at == at(slot)


@pytest.mark.parametrize(("report", "slot"), [("01:49:59", None), ("01:50", "02:00"), ("01:59", "02:00")])
def test_shortly_before_the_next_slot_a_run_takes_that_one(report: str, slot: str | None) -> None:
    job = Job()
    job.succeeds("01:00")
    assert job.run(job.succeeds(report)).expected_at == (at(slot) if slot else None)
    assert job.watch.due_at == at("03:10" if slot else "02:10")


def test_shortly_means_half_the_gap_where_slots_are_close() -> None:
    job = Job(rule(Cron("*/10 * * * *")))
    job.succeeds("00:10")
    assert job.run(job.succeeds("00:14:59")).expected_at is None
    assert job.run(job.succeeds("00:15")).expected_at == at("00:20")


def test_the_first_report_of_a_job_may_take_its_next_slot_early_too() -> None:
    job = Job(born="00:30")
    assert job.run(job.succeeds("00:55")).expected_at == at("01:00")
    assert job.watch.next_expected_at == at("02:00")


def test_a_log_takes_no_slot_and_changes_nothing() -> None:
    job = Job()
    receipt = job.starts("01:00", rid=rid(1))
    before = job.watch
    assert job.says(Kind.LOG, "01:01", rid=rid(1)).run == receipt.run
    assert job.says(Kind.LOG, "01:02").run is None
    assert job.says(Kind.LOG, "01:03", rid=rid(2)).run is None
    assert job.watch == before


def test_skipped_takes_a_slot_and_is_no_end() -> None:
    job = Job()
    run = job.run(job.says(Kind.SKIPPED, "01:00:05"))
    assert (run.state, run.expected_at) == (RunState.SKIPPED, at("01:00"))
    assert (job.status, job.watch.next_expected_at) == (Status.NEW, at("02:00"))


def test_older_slots_that_are_open_are_passed_over_with_the_one_taken() -> None:
    job = Job(rule(grace=timedelta(hours=3)))
    job.succeeds("01:00")
    assert job.run(job.succeeds("04:30")).expected_at == at("04:00")
    job.passes("07:30")
    assert job.flips == []
    assert job.passes("08:00:01").slots(RunState.MISSED) == ["05:00"]


def test_a_run_whose_end_arrives_before_its_start_takes_its_slot_by_the_start() -> None:
    job = Job()
    job.succeeds("01:00")
    end = job.succeeds("03:05", of="03:05", rid=rid(1), by_url=False)
    assert job.run(end).expected_at == at("03:00")
    job = Job()
    job.succeeds("01:00")
    end = job.succeeds("02:08", rid=rid(1), by_url=False)
    job.starts("02:09", of="01:55", rid=rid(1), by_url=False)
    assert job.run(end).expected_at == at("02:00")
    job = Job(rule(grace=timedelta(hours=2)))
    job.succeeds("01:00")
    end = job.succeeds("03:05", rid=rid(1), by_url=False)
    assert job.watch.next_expected_at == at("04:00")
    job.starts("03:06", of="02:01", rid=rid(1), by_url=False)
    assert job.run(end).expected_at == at("02:00")
    assert job.watch.next_expected_at == at("03:00")


def test_a_start_that_arrives_after_the_next_slot_was_given_up_moves_nothing() -> None:
    job = Job()
    end = job.succeeds("00:50", rid=rid(1), by_url=False)
    job.passes("02:11")
    job.starts("02:20", of="00:45", rid=rid(1), by_url=False)
    assert (job.run(end).expected_at, job.run(end).started_at) == (at("01:00"), at("00:45"))
    assert job.slots(RunState.MISSED) == ["02:00"]
    assert job.watch.next_expected_at == at("03:00")


@pytest.mark.parametrize("said", [{"started_at": "01:01"}, {"duration": timedelta(hours=1, minutes=4)}])
def test_an_end_may_say_itself_when_the_run_began(said: dict[str, Any]) -> None:
    job = Job(rule(grace=timedelta(hours=2)))
    run = job.run(job.succeeds("02:05", by_url=False, **said))
    assert (run.expected_at, run.started_at, run.duration) == (at("01:00"), at("01:01"), timedelta(hours=1, minutes=4))


def test_a_missed_slot_counts_as_open_for_a_report_that_happened_in_its_window() -> None:
    job = Job()
    job.succeeds("01:00")
    job.passes("02:30")
    assert job.reasons == [Reason.MISSED]
    receipt = job.succeeds("02:31", of="02:04", by_url=False)
    assert job.run(receipt).expected_at == at("02:00")
    assert job.told == [("missed", True, "02:10"), ("missed", False, "02:31")]
    assert job.slots(RunState.MISSED) == []
    assert job.watch.misses == 0


@pytest.mark.parametrize(
    ("happened", "left"),
    [
        ("02:05", ["03:00-05:00"]),
        ("03:55", ["02:00-03:00", "05:00"]),  # early for 04:00
        ("04:05", ["02:00-03:00", "05:00"]),
        ("05:10", ["02:00-04:00"]),
        ("05:11", ["02:00-05:00"]),
    ],
)
def test_a_late_report_disproves_its_own_miss_and_no_other(happened: str, left: list[str]) -> None:
    job = Job()
    job.succeeds("01:00")
    job.passes("05:30")
    assert job.slots(RunState.MISSED) == ["02:00-05:00"]
    job.starts("05:31", of=happened, rid=rid(1), by_url=False)
    assert job.slots(RunState.MISSED) == left
    assert job.reasons == [Reason.MISSED]


def test_older_slots_missed_since_it_happened_are_disproved_with_the_one_taken() -> None:
    job = Job(rule(grace=timedelta(hours=2)))
    job.succeeds("01:00")
    job.passes("05:30")
    assert job.slots(RunState.MISSED) == ["02:00-03:00"]
    job.starts("05:31", of="03:30", rid=rid(1), by_url=False)
    assert (job.slots(RunState.MISSED), job.reasons) == ([], [])
    assert job.watch.next_expected_at == at("04:00")
    job = Job(rule(grace=timedelta(hours=2)))
    job.succeeds("01:00")
    job.passes("04:05")
    assert job.slots(RunState.MISSED) == ["02:00"]
    job.starts("04:06", of="03:30", rid=rid(1), by_url=False)  # 03:00 is open still
    assert (job.slots(RunState.MISSED), job.reasons) == ([], [])


def test_misses_in_a_row_are_one_row_with_count() -> None:
    job = Job()
    job.succeeds("01:00")
    job.passes("02:11").passes("03:11")
    job.passes("06:30")
    (missed,) = [run for run in job.runs.values() if run.state is RunState.MISSED]
    assert (missed.number, missed.count) == (2, 5)
    assert (missed.expected_at, missed.last_expected_at) == (at("02:00"), at("06:00"))
    job.succeeds("07:00")
    job.passes("08:11")
    assert job.slots(RunState.MISSED) == ["02:00-06:00", "08:00"]


def test_while_missed_stands_further_slots_set_no_due_at() -> None:
    job = Job()
    job.succeeds("01:00")
    assert job.passes("02:11").watch.due_at is None
    job.starts("04:00")
    assert job.watch.due_at == at("06:10")  # the bound of the open run
    job.succeeds("04:05")
    assert job.watch.due_at == at("05:10")


def test_a_long_silence_is_counted_to_a_limit_and_not_beyond() -> None:
    job = Job(rule(Cron("* * * * *")))
    job.succeeds("00:01")
    job.passes("300:00")
    (missed,) = [run for run in job.runs.values() if run.state is RunState.MISSED]
    assert missed.count == COUNTED
    assert missed.last_expected_at == at("299:49")


def test_only_the_newest_rows_of_misses_are_remembered() -> None:
    job = Job()
    for number in range(KEPT + 5):
        job.succeeds(at("01:00") + timedelta(hours=2 * number))
    assert len(job.slots(RunState.MISSED)) == KEPT + 4
    assert len(job.watch.missing) == KEPT


def test_misses_that_no_report_can_disprove_any_more_are_forgotten() -> None:
    job = Job()
    job.succeeds("01:00")
    job.succeeds("03:00")
    assert len(job.watch.missing) == 1
    job.succeeds(at("03:00") + timedelta(days=8))
    assert [row.first for row in job.watch.missing] == [at("04:00")]
    job.succeeds(at("04:00") + timedelta(days=16))
    assert [row.first for row in job.watch.missing] == [at("04:00") + timedelta(days=8)]


def test_every_counts_from_the_newest_sign() -> None:
    job = Job(rule(*EVERY_HOUR))
    job.starts("01:00")
    assert job.watch.next_expected_at == at("02:00")
    job.succeeds("01:30")
    assert job.watch.next_expected_at == at("02:30")
    job.says(Kind.SKIPPED, "02:00")
    assert job.watch.due_at == at("03:10")
    assert job.passes("05:10:01").slots(RunState.MISSED) == ["03:00-05:00"]


@pytest.mark.parametrize(
    ("happened", "left"),
    [
        ("01:30", ["03:00"]),  # between 02:00 - 1 h and 02:00 + grace
        ("02:10", ["04:00"]),  # 02:00 and, since the count begins anew, 03:00
        ("03:05", ["02:00"]),
    ],
)
def test_a_report_between_slot_minus_period_and_slot_plus_grace_disproves_that_miss(
    happened: str, left: list[str]
) -> None:
    job = Job(rule(*EVERY_HOUR))
    job.succeeds("01:00")
    job.passes("03:11" if happened != "02:10" else "04:11")
    job.succeeds("04:12", of=happened, by_url=False)
    assert job.slots(RunState.MISSED)[0].startswith(left[0])


def test_a_late_sign_of_a_job_that_counts_from_signs_begins_the_count_anew() -> None:
    job = Job(rule(*EVERY_HOUR), born="04:00")
    job.succeeds("05:00")
    job.passes("06:45")
    job.succeeds("06:46", of="05:20", by_url=False)
    assert (job.status, job.slots(RunState.MISSED)) == (Status.UP, [])
    assert job.watch.next_expected_at == at("06:20")
    assert job.watch.due_at == at("06:56")  # never in the past
    job.succeeds("06:47", of="05:21", by_url=False)
    assert job.watch.due_at == at("06:56")  # and not placed again


@pytest.mark.parametrize(
    ("expectation", "slot", "due"),
    [
        (rule(), "02:00", "02:10"),  # the first slot at least an hour after 00:30
        (rule(Cron("*/5 * * * *")), "01:30", "01:40"),
        (rule(*EVERY_HOUR), "01:30", "01:40"),
        (rule(Every(timedelta(minutes=5))), "01:30", "01:40"),
        (rule(Every(timedelta(hours=3))), "03:30", "03:40"),
        (rule(first_by=at("00:45")), "00:45", "00:45"),
        (rule(first_by=at("05:20")), "05:00", "05:20"),
        (Expectation(first_by=at("05:20")), "05:20", "05:20"),
        (rule(*EVERY_HOUR, first_by=at("05:20")), "05:20", "05:20"),
        (rule(first_by=at("00:20")), "02:00", "02:10"),  # before it was made
    ],
)
def test_a_job_never_seen_is_missed_by_its_first_deadline(expectation: Expectation, slot: str, due: str) -> None:
    job = Job(expectation, born="00:30")
    assert job.watch.due_at == at(due)
    assert job.passes(due).status is Status.NEW
    assert job.passes(at(due) + timedelta(milliseconds=1)).reasons == [Reason.MISSED]
    assert job.slots(RunState.MISSED) == [slot]


def test_a_job_without_a_schedule_is_never_missed() -> None:
    job = Job(Expectation())
    assert job.watch.due_at is None
    assert fresh(Expectation(), at("00:00")).next_expected_at is None
    job.succeeds("01:00")
    assert job.passes("900:00").status is Status.UP


def test_a_late_report_disproves_the_miss_of_a_job_without_a_schedule() -> None:
    job = Job(Expectation(first_by=at("05:00")))
    job.passes("05:01")
    assert job.reasons == [Reason.MISSED]
    job.succeeds("05:02")
    assert job.status is Status.UP


def test_a_schedule_that_never_comes_again_expects_nothing() -> None:
    job = Job(rule(OnCalendar("2026-05-01 00:30")))
    assert (job.watch.due_at, job.watch.next_expected_at) == (None, None)
    job.starts("01:00")
    assert job.watch.due_at == at("25:10")
    job.starts("01:00:30")
    assert job.run(job.succeeds("01:01")).state is RunState.SUCCEEDED


def test_a_new_schedule_starts_afresh_with_its_next_slot() -> None:
    job = Job(rule(miss_after=3))
    job.succeeds("01:00")
    job.passes("03:30")
    assert job.watch.misses == 2
    job.does(Edited(rule(Cron("45 * * * *"), miss_after=3)), "03:40")
    assert (job.watch.misses, job.watch.next_expected_at, job.watch.due_at) == (0, at("03:45"), at("03:55"))
    job.passes("06:00")
    assert job.reasons == [Reason.MISSED]
    job.does(Edited(rule(miss_after=3)), "06:30")
    assert job.reasons == [Reason.MISSED]


def test_a_job_never_seen_has_an_hour_after_its_schedule_was_edited() -> None:
    job = Job()
    job.does(Edited(rule(Cron("*/5 * * * *"))), "00:50")
    assert job.watch.due_at == at("02:00")


def test_a_new_grace_moves_the_deadline_of_the_open_slot() -> None:
    job = Job()
    job.succeeds("01:00")
    job.does(Edited(rule(grace=timedelta(minutes=40))), "02:05")
    assert job.watch.due_at == at("02:40")
    job.does(Edited(rule(grace=timedelta(minutes=2))), "02:20")
    assert job.watch.due_at == at("02:22")  # soon, since 02:02 has passed
    job.does(Edited(rule(grace=timedelta(minutes=1))), "02:21")
    assert job.watch.due_at == at("02:22")  # and not placed again


def test_deadlines_before_an_edit_are_judged_by_the_old_expectation() -> None:
    job = Job()
    job.succeeds("01:00")
    job.does(Edited(rule(grace=timedelta(hours=1))), "02:11")
    assert job.told == [("missed", True, "02:10")]


def test_under_forbid_a_slot_that_comes_while_a_run_is_open_is_skipped() -> None:
    job = Job(rule(overlap=Overlap.FORBID, max_runtime=timedelta(hours=4)))
    job.starts("01:00")
    assert job.watch.next_expected_at == at("06:00")  # none tells anything before the bound
    job.passes("02:30")
    assert job.shown is Status.NEW
    job.succeeds("04:05")
    assert job.slots(RunState.SKIPPED) == ["02:00-03:00"]
    job.passes("04:30")
    assert job.slots(RunState.SKIPPED) == ["02:00-04:00"]
    assert job.flips == []
    assert job.passes("05:11").slots(RunState.MISSED) == ["05:00"]


def test_under_forbid_a_slot_after_the_bound_of_the_open_run_is_missed() -> None:
    job = Job(rule(overlap=Overlap.FORBID, max_runtime=timedelta(minutes=90)))
    job.starts("01:00")
    job.passes("04:30")
    assert (job.slots(RunState.SKIPPED), job.slots(RunState.MISSED)) == (["02:00"], ["03:00-04:00"])
    assert job.told == [("overran", True, "02:30"), ("missed", True, "03:10")]
    job.succeeds("05:00")
    job.starts("05:30")
    job.passes("06:20")
    assert job.slots(RunState.SKIPPED) == ["02:00", "06:00"]


def test_under_forbid_misses_end_where_a_run_began_and_skips_where_its_bound_is() -> None:
    job = Job(rule(overlap=Overlap.FORBID, max_runtime=timedelta(hours=2, minutes=30)))
    job.succeeds("01:00")
    job.passes("02:11")
    job.starts("05:31", of="04:30", rid=rid(1), by_url=False)
    job.passes("09:30")
    assert job.slots(RunState.MISSED) == ["02:00-05:00", "08:00-09:00"]
    assert job.slots(RunState.SKIPPED) == ["06:00-07:00"]


def test_a_run_that_begins_after_the_grace_of_its_slot_is_marked_late() -> None:
    job = Job()
    job.succeeds("01:00")
    run = job.run(job.succeeds("02:20"))
    assert (run.marks, run.expected_at) == (frozenset({Mark.LATE}), None)
    assert job.run(job.succeeds("03:05")).marks == frozenset()


def test_a_miss_resolved_by_hand_enters_anew_with_the_next() -> None:
    job = Job()
    job.succeeds("01:00")
    job.passes("03:30")
    job.does(Resolved(Reason.MISSED), "03:40")
    assert (job.status, job.watch.due_at) == (Status.UP, at("04:10"))
    job.passes("04:11")
    assert job.told == [("missed", True, "02:10"), ("missed", False, "03:40"), ("missed", True, "04:10")]
    assert job.does(Resolved(Reason.FAILED), "04:12").flips == ()


def test_the_watch_of_a_job_says_how_it_was_made() -> None:
    assert fresh(Expectation(schedules=HOURLY), at("00:00")).born_at == at("00:00")
