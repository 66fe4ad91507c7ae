"""A status in one sentence: what, since when, and because of which fact. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from crontopus.console.words import Reader, at, clock, count, day, duration, ordinal, short_duration
from crontopus.domain.watch import Mark, Reason, RunState, Status
from crontopus.wire.jobs import Job, RunBrief, Watch
from crontopus.wire.runs import Run


class Sentence(Struct, frozen=True):
    """After the status' own word: `lead`, then `cause` in bold, then `more`. Each may be empty."""

    lead: str
    cause: str = ""
    more: str = ""


class Teller(Struct, frozen=True):
    """Says why a job is as it is. `runs` are the newest first; `watch` is the gravest of the job, if one is known."""

    job: Job
    runs: Sequence[Run]
    watch: Watch | None
    reader: Reader

    def sentence(self) -> Sentence:
        match self.job.status:
            case Status.DOWN:
                return self._down()
            case Status.LATE:
                return self._late()
            case Status.PAUSED:
                return self._paused()
            case Status.NEW:
                return self._new()
            case Status.UP:
                return self._up()

    def _down(self) -> Sentence:
        since = self.job.down_since
        lead = f"since {self._clock(since)}, for {self._long(since)}, because" if since else ""
        return Sentence(lead or "because", self._cause(), self._consequence())

    def _cause(self) -> str:
        match self.job.reason:
            case Reason.FAILED:
                return self._failed()
            case Reason.OVERRAN:
                return self._overran()
            case Reason.TOO_SHORT:
                return self._too_short()
            case _:
                return self._missed()

    def _failed(self) -> str:
        run = self._newest(RunState.FAILED, RunState.ABANDONED)
        if run is None:
            return "the last run failed"
        if run.state is RunState.ABANDONED:
            return f"the run of {self._clock(begin(run))} never said how it ended"
        if run.signal is not None:
            return f"the last run was killed by signal {run.signal}"
        if run.exit_code is not None:
            return f"the last run failed with exit status {run.exit_code}"
        return "the last run said itself that it failed"

    def _missed(self) -> str:
        run = self._newest(RunState.MISSED)
        grace = f", nor in the {duration(self.job.grace)} of grace" if self.job.grace else ""
        if run is None or run.expected_at is None:
            return f"nothing arrived when it was expected{grace}"
        if run.count > 1 and run.last_expected_at:
            first, last = self._clock(run.expected_at), self._clock(run.last_expected_at)
            return f"nothing arrived for {count(run.count, 'run')} in a row, from {first} to {last}"
        return f"nothing arrived for {self._clock(run.expected_at)}{grace}"

    def _overran(self) -> str:
        run = self._newest(RunState.OVERRAN) or next((run for run in self.runs if Mark.OVERRAN in run.marks), None)
        if run is None:
            return "a run took longer than it may"
        bound = f"; it may take {duration(self.job.max_runtime)}" if self.job.max_runtime else ""
        if run.state is RunState.OVERRAN:
            return (
                f"the run of {self._clock(begin(run))} is still open after {duration(age(run, self.reader.now))}{bound}"
            )
        return f"the run of {self._clock(begin(run))} took {duration(run.duration)}{bound}"

    def _too_short(self) -> str:
        run = next((run for run in self.runs if Mark.TOO_SHORT in run.marks), None)
        took = f" after {duration(run.duration)}" if run else ""
        return f"it said success{took}, and below {duration(self.job.min_runtime)} that counts as a failure"

    def _consequence(self) -> str:
        missed = self.job.reason is Reason.MISSED
        needed, what = (self.job.miss_after, "miss") if missed else (self.job.fail_after, "failure")
        plural = f"{what}es" if missed else f"{what}s"
        row = f"{what} is" if needed == 1 else f"{plural} in a row are"
        return f"{ordinal(needed)} {row} enough here. {self._last_success()}"

    def _last_success(self) -> str:
        run = self._newest(RunState.SUCCEEDED)
        if run is None or run.finished_at is None:
            forgotten = self.reader.now - self.job.created_at > timedelta(days=30) and self.runs
            return "There is no success among the runs that are kept." if forgotten else "It has never succeeded."
        return f"The last success was {self._at(run.finished_at)}, {self._ago(run.finished_at)}."

    def _late(self) -> Sentence:
        expected, due = self.job.next_expected_at, self.job.due_at
        since = f"since {self._clock(expected)}:" if expected else ":"
        then = f"It will be down {self._at(due)}." if due else ""
        return Sentence(since, "nothing arrived yet", f"{then} {self._last_success()}".strip())

    def _paused(self) -> Sentence:
        until = self.job.paused_until
        if until:
            return Sentence(f"until {self._clock(until)}.", more="Check-ins are kept, and nobody is alarmed.")
        end = "until somebody resumes it." if self.job.manual_resume else "until it is resumed, or its next run ends."
        return Sentence(end, more="Check-ins are kept, and nobody is alarmed.")

    def _new(self) -> Sentence:
        expected, due = self.job.next_expected_at, self.job.due_at
        if self.job.running:
            return Sentence("Its first run is open.", more="The job is up as soon as it ends well.")
        first = (
            f"First expected {self._at(expected)}."
            if expected
            else "Nothing is expected: only what is reported counts."
        )
        return Sentence(
            "Never reported.", more=f"{first} If it does not come by {self._clock(due)}, we say so." if due else first
        )

    def _up(self) -> Sentence:
        if self.watch and self.watch.failures_in_a_row:
            failed = self.watch.failures_in_a_row
            lead = "The last run failed" if failed == 1 else f"The last {failed} runs failed"
            return Sentence(f"{lead}; {self.job.fail_after} in a row make it down.")
        if self.watch and self.watch.misses_in_a_row:
            missed = count(self.watch.misses_in_a_row, "miss", "misses")
            return Sentence(f"{missed} until now; {self.job.miss_after} in a row make it down.")
        expected = self.job.next_expected_at
        return Sentence(f"{self._last_success()} {f'Next {self._at(expected)}.' if expected else ''}".strip())

    def _newest(self, *states: RunState) -> Run | None:
        return next((run for run in self.runs if run.state in states), None)

    def _clock(self, instant: datetime | None) -> str:
        return clock(instant, self.reader) if instant else "an unknown time"

    def _at(self, instant: datetime) -> str:
        return at(instant, self.reader)

    def _ago(self, instant: datetime) -> str:
        return f"{self._long(instant)} ago"

    def _long(self, instant: datetime) -> str:
        return duration((self.reader.now - instant).total_seconds())


def brief(job: Job, reader: Reader) -> str:
    """The few words under the status in a list; empty where the status says all."""
    run = job.last_run
    match job.status:
        case Status.DOWN:
            return _brief_down(job, run, reader)
        case Status.LATE:
            late = short_duration((reader.now - job.next_expected_at).total_seconds()) if job.next_expected_at else ""
            return f"{late}, down at {clock(job.due_at, reader)}" if job.due_at else late
        case Status.PAUSED:
            return f"until {day(job.paused_until, reader)}" if job.paused_until else "by hand"
        case Status.NEW:
            return "first run is open" if job.running else "never reported"
        case Status.UP:
            return "last run unobserved" if run and run.state is RunState.UNOBSERVED else ""


def _brief_down(job: Job, run: RunBrief | None, reader: Reader) -> str:
    match job.reason:
        case Reason.MISSED:
            slot = run.expected_at if run and run.state is RunState.MISSED else None
            return f"missed {clock(slot, reader)}" if slot else "missed"
        case Reason.FAILED if run and run.signal is not None:
            return f"failed, signal {run.signal}"
        case Reason.FAILED if run and run.exit_code:
            return f"failed, exit {run.exit_code}"
        case Reason.OVERRAN if run and run.started_at and run.state is RunState.OVERRAN:
            bound = f" of {duration(job.max_runtime)}" if job.max_runtime else ""
            return f"overran, {duration((reader.now - run.started_at).total_seconds())}{bound}"
        case Reason.TOO_SHORT if run:
            return f"too short, {duration(run.duration)}"
        case reason:
            return (reason or Reason.FAILED).value.replace("_", " ")


def begin(run: Run) -> datetime | None:
    """What a run is named after: the time it was expected, else when it started, else when it ended."""
    return run.expected_at or run.started_at or run.finished_at


def age(run: Run, now: datetime) -> float | None:
    """For how many seconds an open run has been open."""
    return (now - run.started_at).total_seconds() if run.started_at else None


def outcome(run: Run | RunBrief) -> str:
    """The word of a run for icon and colour: its state, or the mark that makes a success a bad one."""
    marks = run.marks if isinstance(run, Run) else []
    if Mark.TOO_SHORT in marks:
        return "short"
    if Mark.OVERRAN in marks and run.state is RunState.SUCCEEDED:
        return "overran"
    return run.state.value
