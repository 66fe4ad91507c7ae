"""A status in one sentence, a run in one word, a fault as a chain of moments."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from crontopus.console.chain import chain
from crontopus.console.why import Teller, brief, outcome
from crontopus.console.words import Reader
from crontopus.domain.watch import Mark, Reason, RunState, Status
from crontopus.wire.jobs import Job, RunBrief, Watch
from crontopus.wire.runs import Run
from tests.console.samples import NOW, WATCH, job, run

READER = Reader(NOW, ZoneInfo("UTC"))
DOWN: dict[str, Any] = {"status": Status.DOWN, "down_since": NOW - timedelta(hours=12, minutes=18)}


def told(shown: Job, *runs: Run, watch: Watch = WATCH) -> str:
    sentence = Teller(shown, runs, watch, READER).sentence()
    return " ".join(filter(None, (sentence.lead, sentence.cause, sentence.more))).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("reason", "newest", "cause"),
    [
        (Reason.FAILED, {"state": RunState.FAILED, "exit_code": 1}, "the last run failed with exit status 1"),
        (Reason.FAILED, {"state": RunState.FAILED, "signal": 9}, "the last run was killed by signal 9"),
        (Reason.FAILED, {"state": RunState.FAILED, "exit_code": None}, "the last run said itself that it failed"),
        (Reason.FAILED, {"state": RunState.ABANDONED}, "the run of 01:32 never said how it ended"),
        (Reason.MISSED, {"state": RunState.MISSED}, "nothing arrived for 01:32, nor in the 10 m of grace"),
        (
            Reason.MISSED,
            {"state": RunState.MISSED, "count": 3, "last_expected_at": NOW},
            "nothing arrived for 3 runs in a row, from 01:32 to 13:32",
        ),
        (Reason.OVERRAN, {"state": RunState.OVERRAN}, "the run of 01:32 is still open after 12 h; it may take 6 h"),
        (Reason.OVERRAN, {"marks": [Mark.OVERRAN]}, "the run of 01:32 took 10 m; it may take 6 h"),
        (
            Reason.TOO_SHORT,
            {"marks": [Mark.TOO_SHORT], "duration": 0.4},
            "it said success after 0.4 s, and below 20 s that counts as a failure",
        ),
    ],
)
def test_a_job_that_is_down_says_since_when_and_because_of_what(
    reason: Reason, newest: dict[str, Any], cause: str
) -> None:
    shown = job(**DOWN, reason=reason, max_runtime=21600.0, min_runtime=20.0)
    said = told(shown, run(**newest))
    assert said.startswith(f"since 01:14, for 12 h 18 m, because {cause} One ")


def test_thresholds_and_the_last_success_are_told() -> None:
    shown = job(**DOWN, reason=Reason.MISSED, miss_after=2)
    said = told(shown, run(state=RunState.MISSED), run())
    assert said.endswith("Two misses in a row are enough here. The last success was at 01:42, 11 h 50 m ago.")
    assert told(job(**DOWN, reason=Reason.FAILED)).endswith("It has never succeeded.")
    failing = run(state=RunState.FAILED)
    assert told(job(**DOWN, reason=Reason.FAILED), failing).endswith("no success among the runs that are kept.")


def test_a_late_job_says_when_it_will_be_down() -> None:
    shown = job(status=Status.LATE, next_expected_at=NOW - timedelta(minutes=2), due_at=NOW + timedelta(minutes=8))
    assert told(shown).startswith("since 13:30: nothing arrived yet It will be down at 13:40.")


def test_the_calm_statuses_say_what_comes() -> None:
    new = job(status=Status.NEW)
    assert told(new) == "Never reported. First expected at 14:00. If it does not come by 14:10, we say so."
    quiet = job(status=Status.NEW, schedule=None, next_expected_at=None, due_at=None)
    assert told(quiet) == "Never reported. Nothing is expected: only what is reported counts."
    assert "first run is open" in told(job(status=Status.NEW, running=1))
    assert told(job(), run()) == "The last success was at 01:42, 11 h 50 m ago. Next at 14:00."
    assert told(job(status=Status.PAUSED, paused_until=NOW + timedelta(days=7))).startswith("until 30 Nov 13:32.")
    assert told(job(status=Status.PAUSED, manual_resume=True)).startswith("until somebody resumes it.")


def test_failures_below_the_threshold_are_counted() -> None:
    failing = replace(WATCH, failures_in_a_row=2)
    assert told(job(fail_after=3), watch=failing) == "The last 2 runs failed; 3 in a row make it down."
    missing = replace(WATCH, misses_in_a_row=1)
    assert told(job(miss_after=2), watch=missing) == "1 miss until now; 2 in a row make it down."


def test_every_status_and_reason_has_a_sentence_even_without_runs() -> None:
    for status in Status:
        for reason in (None, *Reason):
            assert told(job(status=status, reason=reason))
            brief(job(status=status, reason=reason), READER)


def test_a_list_needs_few_words() -> None:
    last = RunBrief(
        id=run().id,
        state=RunState.FAILED,
        expected_at=None,
        started_at=NOW,
        finished_at=NOW,
        duration=0.4,
        exit_code=1,
        signal=None,
    )
    assert brief(job(**DOWN, reason=Reason.FAILED, last_run=last), READER) == "failed, exit 1"
    assert brief(job(**DOWN, reason=Reason.TOO_SHORT, last_run=last), READER) == "too short, 0.4\u00a0s"
    assert brief(job(), READER) == ""
    late = job(status=Status.LATE, next_expected_at=NOW - timedelta(seconds=150), due_at=NOW)
    assert brief(late, READER) == "2\u00a0m, down at 13:32"


def test_a_mark_may_make_a_success_a_bad_one() -> None:
    assert outcome(run()) == "succeeded"
    assert outcome(run(marks=[Mark.TOO_SHORT])) == "short"
    assert outcome(run(marks=[Mark.OVERRAN])) == "overran"
    assert outcome(run(marks=[Mark.LATE])) == "succeeded"


def test_the_chain_goes_from_what_was_expected_to_what_comes() -> None:
    failed = run(state=RunState.FAILED, exit_code=1, lag=4.0)
    links = chain(job(**DOWN, reason=Reason.FAILED), failed, NOW)
    assert [(link.name, link.kind) for link in links] == [
        ("Expected", "did"),
        ("Started", "did"),
        ("Failed", "bad"),
        ("Next run", "next"),
    ]
    assert [link.note for link in links] == ["", "4\u00a0s after", "exit 1", ""]


def test_the_chain_of_a_late_job_ends_with_what_threatens() -> None:
    late = job(status=Status.LATE, next_expected_at=NOW - timedelta(minutes=2), due_at=NOW + timedelta(minutes=8))
    assert [link.name for link in chain(late, None, NOW)] == ["Last sign", "Expected", "Down"]
