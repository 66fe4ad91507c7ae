"""A watched job for tests: its watch, what was stored of its runs, and all that must hold after every step."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import settings

from crontopus.domain.schedule import Cron, Every, Schedule
from crontopus.domain.watch import (
    Edited,
    Elapsed,
    Event,
    Expectation,
    Flip,
    Gap,
    Kind,
    Reason,
    Receipt,
    Reported,
    Run,
    RunState,
    Status,
    Step,
    Watch,
    advance,
    fresh,
    shown_status,
)
from crontopus.domain.watch.advancing import at_length
from crontopus.domain.watch.lives import MOST_OPEN
from crontopus.domain.watch.silence import KEPT

MIDNIGHT = datetime(2026, 5, 1, tzinfo=UTC)
HOURLY = (Cron("0 * * * *"),)
EVERY_HOUR = (Every(timedelta(hours=1)),)
LONG = bool(os.environ.get("CRONTOPUS_TEST_LONG"))


def tried(examples: int) -> settings:
    """So many examples, ten times as many with CRONTOPUS_TEST_LONG=1; the same ones each time without it."""
    return settings(max_examples=examples * (10 if LONG else 1), deadline=None, derandomize=not LONG, database=None)


def at(clock: str) -> datetime:
    """`at("01:30:05")`, counted from midnight; hours may go beyond 24."""
    parts = [float(part) for part in clock.split(":")]
    hours, minutes, seconds = [*parts, 0, 0][:3]
    return MIDNIGHT + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def rid(number: int) -> UUID:
    return UUID(int=number)


def rule(*schedules: Schedule, **fields: Any) -> Expectation:
    return Expectation(schedules=schedules or HOURLY, **fields)


class Job:
    """A job made at midnight (unless said otherwise), every instant given as a clock time or a datetime."""

    def __init__(self, rule: Expectation | None = None, born: str | datetime = "00:00") -> None:
        self.rule = rule or Expectation(schedules=HOURLY)
        self.gaps: list[Gap] = []
        self.now = _instant(born)
        self.watch = fresh(self.rule, self.now)
        self.runs: dict[int, Run] = {}
        self.flips: list[Flip] = []
        self.history: set[tuple[int | None, Kind, int]] = set()

    def gap(self, since: str | datetime, until: str | datetime) -> None:
        self.gaps.append(Gap(_instant(since), _instant(until)))

    def does(self, event: Event, now: str | datetime) -> Step:
        self.now = _instant(now)
        step = advance(self.watch, event, self.rule, tuple(self.gaps), self.now)
        assert step == at_length(self.watch, event, self.rule, tuple(self.gaps), self.now)
        if isinstance(event, Edited):
            self.rule = event.rule
        self.watch = step.watch
        for number in step.gone:
            self.runs.pop(number, None)
        self.runs |= {run.number: run for run in step.runs}
        self.flips += step.flips
        self._holds(step)
        return step

    def passes(self, now: str | datetime) -> "Job":
        """Time passes until `now`, and the sweep looks."""
        self.does(Elapsed(), now)
        return self

    def says(self, kind: Kind, now: str | datetime, of: str | datetime | None = None, **fields: Any) -> Receipt:
        """A report that arrives at `now`; it happened then, or at `of`."""
        by = fields.get("rid")
        known = [run for run in self.runs.values() if by is not None and run.rid == by]
        prior = fields["prior"] = max(known, key=lambda run: run.number, default=None)
        attempt = fields.get("attempt", 1)
        fields["told"] = prior is not None and (prior.number, kind, attempt) in self.history
        for name in ("started_at",):
            if isinstance(fields.get(name), str):
                fields[name] = at(fields[name])
        event = Reported(kind=kind, occurred_at=_instant(of if of is not None else now), **fields)
        receipt = self.does(event, now).receipt
        assert receipt is not None
        if receipt.stored:
            self.history.add((receipt.run, kind, attempt))
        return receipt

    def starts(self, now: str | datetime, of: str | datetime | None = None, **fields: Any) -> Receipt:
        return self.says(Kind.START, now, of, **fields)

    def succeeds(self, now: str | datetime, of: str | datetime | None = None, **fields: Any) -> Receipt:
        return self.says(Kind.SUCCESS, now, of, **fields)

    def fails(self, now: str | datetime, of: str | datetime | None = None, **fields: Any) -> Receipt:
        return self.says(Kind.FAIL, now, of, **fields)

    def run(self, receipt: Receipt) -> Run:
        assert receipt.run is not None
        return self.runs[receipt.run]

    @property
    def status(self) -> Status:
        return self.watch.status

    @property
    def shown(self) -> Status:
        return shown_status(self.watch, self.now)

    @property
    def reasons(self) -> list[Reason]:
        return list(self.watch.reasons)

    @property
    def told(self) -> list[tuple[str, bool, str]]:
        """The flips as (reason, entered, clock time)."""
        return [(flip.reason.value, flip.entered, clock(flip.at)) for flip in self.flips]

    def slots(self, *states: RunState) -> list[str]:
        """The expected times of all runs (in these states), each slot of a row that stands for several."""
        runs = [run for run in self.runs.values() if not states or run.state in states]
        return [_slots(run) for run in runs if run.expected_at is not None]

    def _holds(self, step: Step) -> None:
        watch = step.watch
        assert msgspec.json.decode(msgspec.json.encode(watch), type=Watch) == watch
        assert watch.due_at is None or watch.due_at >= self.now
        assert (watch.status is Status.DOWN) == (bool(watch.reasons) and watch.paused_at is None)
        assert watch.status is not Status.PAUSED or not watch.reasons
        assert watch.status is not Status.LATE
        assert watch.reason == (min(watch.reasons, key=list(Reason).index) if watch.reasons else None)
        assert watch.running <= MOST_OPEN
        assert len(watch.missing) <= KEPT
        for known in watch.open:
            assert self.runs[known.run.number] == known.run
            assert known.run.state in (RunState.RUNNING, RunState.OVERRAN)
        for row in watch.missing:
            assert self.runs[row.number] == row.as_run()
            assert row.first <= row.last
        for earlier, later in zip(watch.missing, watch.missing[1:], strict=False):
            assert earlier.last < later.first
        assert all(number <= watch.last_number for number in self.runs)
        times = [flip.at for flip in self.flips]
        assert times == sorted(times)
        for reason in Reason:
            of_reason = [flip.entered for flip in self.flips if flip.reason is reason]
            assert of_reason == [number % 2 == 0 for number in range(len(of_reason))]
            assert (reason in watch.reasons) == bool(of_reason and of_reason[-1])


def clock(instant: datetime) -> str:
    seconds = int((instant - MIDNIGHT).total_seconds())
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}"
    return f"{text}:{seconds % 60:02}" if seconds % 60 else text


def _slots(run: Run) -> str:
    assert run.expected_at is not None
    last = f"-{clock(run.last_expected_at)}" if run.last_expected_at else ""
    return f"{clock(run.expected_at)}{last}"


def _instant(when: str | datetime) -> datetime:
    return at(when) if isinstance(when, str) else when
