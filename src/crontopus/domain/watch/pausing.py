"""Pauses: nothing is expected, and nothing is held against the job."""

from datetime import datetime

from msgspec.structs import replace

from crontopus.domain.watch.contract import Cause, RunState
from crontopus.domain.watch.expected import bound, placed
from crontopus.domain.watch.state import Open
from crontopus.domain.watch.turn import Turn


def pause(turn: Turn, until: datetime | None) -> None:
    for reason in turn.watch.reasons:
        turn.leave(reason, turn.now, Cause.PAUSED)
    turn.change(
        paused_at=turn.watch.paused_at or turn.now,
        paused_until=None if until is None else placed(until, turn.rule, turn.now),
        failures=0,
        misses=0,
        successes=0,
        crossings=(),
    )


def resume(turn: Turn, at: datetime) -> None:
    """Deadlines count from `at`, of open runs too. A slot that was taken early stays taken."""
    decided = turn.watch.decided_at
    turn.change(
        paused_at=None,
        paused_until=None,
        born_at=at,
        decided_at=decided if decided is not None and decided > at else None,
        taken=None,
        silent=False,
        busy=(),
        excused_by=None,
        not_before=None,
    )
    for known in turn.watch.open:
        if known.run.state is RunState.OVERRAN:
            turn.tell(replace(known.run, state=RunState.RUNNING))
    turn.change(open=tuple(_anew(turn, known, at) for known in turn.watch.open))


def ends_pause(turn: Turn, begun_at: datetime) -> bool:
    """Whether the end of a run that began then (one of unknown start: that ended then) ends the pause."""
    watch = turn.watch
    if watch.paused_at is None or watch.paused_until is not None or turn.rule.manual_resume:
        return False
    return begun_at >= watch.paused_at


def _anew(turn: Turn, known: Open, at: datetime) -> Open:
    return Open(replace(known.run, state=RunState.RUNNING), bound(turn.rule, at), at)
