"""One turn of the state machine: the watch as it changes, and all that is told of it on the way."""

from datetime import datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from crontopus.domain.watch.contract import Cause, Expectation, Flip, Gaps, Reason, Receipt, Run
from crontopus.domain.watch.flapping import crossed
from crontopus.domain.watch.state import Standing, Step, Watch

_GRAVEST_FIRST = list(Reason)


class Turn(Struct):
    """What one call of `advance` works on. The only thing here that changes; it never leaves this package."""

    watch: Watch
    rule: Expectation
    gaps: Gaps
    now: datetime
    flips: list[Flip] = field(default_factory=list)
    runs: dict[int, Run] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)

    def change(self, **fields: Any) -> None:
        self.watch = replace(self.watch, **fields)

    def tell(self, run: Run) -> None:
        """Say how a run stands now."""
        self.runs[run.number] = run

    def forget(self, number: int) -> None:
        """Say that a run never was."""
        self.runs.pop(number, None)
        self.gone.append(number)

    def next_number(self) -> int:
        self.change(last_number=self.watch.last_number + 1)
        return self.watch.last_number

    def stands(self, reason: Reason) -> bool:
        return bool(self.watch.standing) and any(standing.reason is reason for standing in self.watch.standing)

    def enter(self, reason: Reason, at: datetime, arose_at: datetime, run: int) -> None:
        """A cause of `reason` arose; where the reason does not stand yet, that is a flip."""
        began_at = next((s.began_at for s in self.watch.standing if s.reason is reason), None)
        if not self.watch.standing:
            self._cross()
        if began_at is None:
            self._flip(reason, True, at, Cause.RUN, run)
        now_standing = Standing(reason, began_at or arose_at, arose_at)
        others = [standing for standing in self.watch.standing if standing.reason is not reason]
        self.change(standing=tuple(sorted((*others, now_standing), key=_gravity)))

    def leave(self, reason: Reason, at: datetime, cause: Cause = Cause.RUN, run: int | None = None) -> None:
        """`reason`, which stands, holds no longer."""
        self.change(standing=tuple(standing for standing in self.watch.standing if standing.reason is not reason))
        if reason is Reason.OVERRAN:
            self.change(overran_before=False)
        if cause is Cause.RUN and not self.watch.standing:
            self._cross()
        self._flip(reason, False, at, cause, run)

    def step(self, receipt: Receipt | None) -> Step:
        runs = tuple(self.runs[number] for number in sorted(self.runs))
        return Step(self.watch, tuple(self.flips), runs, tuple(self.gone), receipt)

    def _cross(self) -> None:
        self.change(crossings=crossed(self.watch.crossings, self.watch.last_number))

    def _flip(self, reason: Reason, entered: bool, at: datetime, cause: Cause, run: int | None) -> None:
        self.change(flipped_at=at)
        self.flips.append(Flip(reason, entered, at, cause, run))


def _gravity(standing: Standing) -> int:
    return _GRAVEST_FIRST.index(standing.reason)
