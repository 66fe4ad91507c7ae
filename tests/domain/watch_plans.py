"""Hypothesis strategies: expectations, and plans of what happens to a job in order of time."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from crontopus.domain.schedule import Cron, Every, OnCalendar
from crontopus.domain.watch import (
    Edited,
    Elapsed,
    Event,
    Expectation,
    Kind,
    Overlap,
    Paused,
    Reason,
    Reported,
    Resolved,
    Resumed,
    Settled,
)
from tests.domain.watched import HOURLY, MIDNIGHT, Job, at, rid

SCHEDULES = [
    (),
    HOURLY,
    (Every(timedelta(hours=1)),),
    (Every(timedelta(minutes=5)),),
    (Cron("*/20 * * * *"),),
    (Cron("30 2 * * *"), Cron("5 */6 * * *")),
    (OnCalendar("*-*-* 03,15:10"),),
]
HARD_SECONDS = st.one_of(
    st.integers(0, 120),
    st.integers(0, 4 * 3600),
    st.sampled_from([0, 1, 10, 60, 300, 600, 1800, 3600, 4200, 7200, 86400, 90000, 8 * 86400]),
)


class Happens(Struct, frozen=True):
    """One thing of a plan, `after` the one before it. `away`: nobody watched in between. `lag`: how late it arrives."""

    after: timedelta
    event: Event
    away: bool = False
    lag: timedelta = timedelta()


def seconds(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[timedelta]:
    return numbers.map(lambda number: timedelta(seconds=number))


def rules(**fixed: Any) -> st.SearchStrategy[Expectation]:
    fields: dict[str, st.SearchStrategy[Any]] = {
        "schedules": st.sampled_from(SCHEDULES),
        "timezone": st.sampled_from(["UTC", "Europe/Berlin"]),
        "grace": st.sampled_from([timedelta(), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=3)]),
        "max_runtime": st.none() | st.sampled_from([timedelta(minutes=2), timedelta(minutes=30), timedelta(hours=5)]),
        "min_runtime": st.none() | st.just(timedelta(seconds=20)),
        "fail_after": st.integers(1, 3),
        "miss_after": st.integers(1, 3),
        "recover_after": st.integers(1, 3),
        "overlap": st.sampled_from(Overlap),
        "first_by": st.none() | seconds(st.integers(0, 200_000)).map(lambda later: MIDNIGHT + later),
        "manual_resume": st.booleans(),
    }
    return st.builds(Expectation, **(fields | {name: st.just(value) for name, value in fixed.items()}))


def reports() -> st.SearchStrategy[Reported]:
    """`occurred_at` is replaced when the plan is played."""
    return st.builds(
        Reported,
        kind=st.sampled_from([Kind.START, Kind.START, Kind.SUCCESS, Kind.SUCCESS, Kind.FAIL, Kind.LOG, Kind.SKIPPED]),
        occurred_at=st.just(MIDNIGHT),
        rid=st.sampled_from([None, None, rid(1), rid(2), rid(3)]),
        started_at=st.none() | seconds(st.integers(0, 90_000)).map(lambda later: MIDNIGHT + later),
        duration=st.none() | seconds(st.integers(0, 5000)),
        exit_code=st.sampled_from([None, 0, 1]),
        attempt=st.sampled_from([1, 1, 1, 2]),
        truncated=st.booleans(),
        by_url=st.booleans(),
    )


def events() -> st.SearchStrategy[Event]:
    by_hand = [
        st.builds(Edited, rules()),
        st.builds(Paused, st.none() | seconds(st.integers(0, 200_000)).map(lambda later: MIDNIGHT + later)),
        st.builds(Resumed),
        st.builds(Settled, st.integers(1, 8), st.booleans()),
        st.builds(Resolved, st.sampled_from(Reason)),
        st.builds(Elapsed),
    ]
    return st.one_of(reports(), reports(), reports(), *by_hand)


def plans(max_size: int = 14, happening: st.SearchStrategy[Event] | None = None) -> st.SearchStrategy[list[Happens]]:
    lags = st.just(timedelta()) | seconds(HARD_SECONDS) | seconds(st.integers(-300, 0))
    one = st.builds(
        Happens,
        seconds(HARD_SECONDS),
        events() if happening is None else happening,
        st.sampled_from([False, False, False, True]),
        lags,
    )
    return st.lists(one, max_size=max_size)


def play(job: Job, plan: list[Happens], sweeps: list[float] | None = None) -> Job:
    """Let `plan` happen; the sweep looks `sweeps` (parts of the time between two events), never while away."""
    for happens in plan:
        now = job.now + happens.after
        if happens.away and happens.after:
            job.gap(job.now, now)
        elif sweeps:
            before = job.now
            for part in sorted(sweeps):
                job.passes(before + timedelta(milliseconds=happens.after / timedelta(milliseconds=1) * part // 1))
        event = happens.event
        if isinstance(event, Reported):
            _report(job, event, now, happens.lag)
        else:
            job.does(event, now)
    return job


def _report(job: Job, said: Reported, now: Any, lag: timedelta) -> None:
    fields = {name: getattr(said, name) for name in ("rid", "started_at", "duration", "exit_code", "attempt")}
    job.says(said.kind, now, now - lag, truncated=said.truncated, by_url=said.by_url, **fields)


__all__ = ["Happens", "at", "events", "plans", "play", "reports", "rules", "seconds"]
