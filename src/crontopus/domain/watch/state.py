"""What we believe of a job: the state that is stored between two events.

It is stored as arrays, by place: a field keeps its place for ever, and a new one comes last and has a default.
"""

from datetime import datetime

from msgspec import Struct

from crontopus.domain.watch.contract import Flip, Reason, Receipt, Run, RunState, Status


class Open(Struct, frozen=True, array_like=True):
    """A run that nobody has ended. Its state is `overran` once `bound_at` has passed.

    The bound counts from `since` (None: from the run's start). `succeeded` counts the runs begun since the bound that
    succeeded; once `released`, the run no longer holds the watch down.
    """

    run: Run
    bound_at: datetime
    since: datetime | None = None
    succeeded: int = 0
    released: bool = False

    @property
    def begun_at(self) -> datetime:
        return self.run.started_at or self.bound_at

    @property
    def holds(self) -> bool:
        return self.run.state is RunState.OVERRAN and not self.released


class Missing(Struct, frozen=True, array_like=True):
    """Slots in a row, `first` to `last`, that no report took: the run `number`, in state missed, unobserved or skipped.

    `judged_at` is when the last of them was given up. `follows`: no report came between these and the ones before.
    """

    number: int
    state: RunState
    first: datetime
    last: datetime
    judged_at: datetime
    count: int = 1
    follows: bool = False

    def as_run(self) -> Run:
        return Run(
            number=self.number,
            state=self.state,
            expected_at=self.first,
            last_expected_at=self.last if self.count > 1 else None,
            count=self.count,
        )


class Standing(Struct, frozen=True, array_like=True):
    """A reason that holds the watch down: when its first cause happened, and its newest."""

    reason: Reason
    began_at: datetime
    arose_at: datetime


class Taken(Struct, frozen=True, array_like=True):
    """The run that took the newest slot, and how far the slots were decided before it did."""

    run: int
    before: datetime | None


class Busy(Struct, frozen=True, array_like=True):
    """From `since` to `until` a run was open within its bound, under `overlap: forbid`."""

    since: datetime
    until: datetime


class Watch(Struct, frozen=True, kw_only=True, array_like=True):
    """What we believe of one job (on one agent, or none).

    `born_at`: when the job, its schedule or its last resumption came; nothing before counts. `decided_at`: the newest
    slot that is taken, passed over or given up; with a period, the newest sign (None: nothing yet since `born_at`).
    `due_at`: the nearest instant at which silence alone changes anything (None: it never will). `next_expected_at`:
    the next slot that is not decided. `failures`, `misses` and `successes` are counted in a row.
    """

    born_at: datetime
    seen_at: datetime | None = None
    due_at: datetime | None = None
    next_expected_at: datetime | None = None
    standing: tuple[Standing, ...] = ()
    failures: int = 0
    misses: int = 0
    successes: int = 0
    last_number: int = 0
    paused_at: datetime | None = None
    paused_until: datetime | None = None
    open: tuple[Open, ...] = ()

    newest_end_at: datetime | None = None
    newest_end_good: bool = False
    overran_before: bool = False
    """A run that truly overran has been closed since the reason entered."""
    flipped_at: datetime | None = None

    decided_at: datetime | None = None
    taken: Taken | None = None
    silent: bool = False
    """The newest decided slot was given up: no report has taken one since."""
    missing: tuple[Missing, ...] = ()
    busy: tuple[Busy, ...] = ()
    excused_by: datetime | None = None
    """The end of the gap that excuses missing slots since the last report."""
    not_before: datetime | None = None
    """No slot is given up earlier: an event would have placed its deadline in the past."""
    crossings: tuple[int, ...] = ()
    """The newest run at each of the last times at which it went down or came up again, by the course of its runs."""

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it is down, gravest first."""
        return tuple(standing.reason for standing in self.standing)

    @property
    def reason(self) -> Reason | None:
        return self.standing[0].reason if self.standing else None

    @property
    def status(self) -> Status:
        """Never `late`: see `shown_status`."""
        if self.paused_at is not None:
            return Status.PAUSED
        if self.standing:
            return Status.DOWN
        return Status.NEW if self.newest_end_at is None else Status.UP

    @property
    def running(self) -> int:
        return len(self.open)


class Step(Struct, frozen=True):
    """The outcome of `advance`: the new watch, the flips, and every run that came or changed, whole.

    `runs` are upserted by number, `gone` are numbers of missed runs that a late report disproved altogether.
    `receipt` answers a `Reported`, and is None for any other event.
    """

    watch: Watch
    flips: tuple[Flip, ...] = ()
    runs: tuple[Run, ...] = ()
    gone: tuple[int, ...] = ()
    receipt: Receipt | None = None


def shown_status(watch: Watch, now: datetime) -> Status:
    """The status for people: `late` where the watch is up and an expected slot has passed."""
    expected = watch.next_expected_at
    status = watch.status
    return Status.LATE if status is Status.UP and expected is not None and expected < now else status
