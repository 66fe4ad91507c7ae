"""Which run a report belongs to, and whether it was told before."""

from datetime import datetime, timedelta
from enum import Enum, auto

from crontopus.domain.watch.contract import Kind, Mark, Reported, Run, RunState
from crontopus.domain.watch.expected import SOON, minus, within_half_gap
from crontopus.domain.watch.turn import Turn

MINUTE = timedelta(minutes=1)
OVERTAKEN = timedelta(seconds=10)
_OUTCOMES = {Kind.SUCCESS: RunState.SUCCEEDED, Kind.FAIL: RunState.FAILED, Kind.SKIPPED: RunState.SKIPPED}


class Belongs(Enum):
    """How a report stands to the newest run under its id."""

    NEW = auto()
    """There is none."""
    OWN = auto()
    """It tells something new of that run."""
    SAME = auto()
    """It was told before."""
    OTHER = auto()
    """It contradicts what was told before."""
    OLDER = auto()
    """It tells something new of an attempt that another has followed: no watch remembers those, the history does."""
    REUSED = auto()
    """The id was used again, for a new run."""


def own_run(turn: Turn, said: Reported) -> Run | None:
    """The newest run under the report's id; of one without an id, the open anonymous run."""
    known = next((known.run for known in turn.watch.open if known.run.rid == said.rid), None)
    return known if known is not None or said.rid is None else said.prior


def belongs(turn: Turn, own: Run | None, said: Reported, at: datetime) -> Belongs:
    """How `said` stands to `own`, the newest run under its id."""
    if own is None:
        return Belongs.NEW
    if said.rid is None:
        return _anonymous(turn, own, said, at)
    if said.attempt > own.attempt:
        return Belongs.OWN
    if said.attempt < own.attempt:
        return Belongs.SAME if said.told else Belongs.OLDER
    return _start(turn, own, said, at) if said.kind is Kind.START else _end(turn, own, said)


def outcome(kind: Kind) -> RunState:
    """The state of a run that ended so."""
    return _OUTCOMES[kind]


def _anonymous(turn: Turn, own: Run, said: Reported, at: datetime) -> Belongs:
    """Nothing is taken for a repetition but a start that follows the open run's within the minute."""
    begun_at = own.started_at or at
    if said.kind is not Kind.START:
        return Belongs.OWN if at >= begun_at else Belongs.NEW
    return Belongs.SAME if abs(at - begun_at) <= within_half_gap(turn.rule, at, MINUTE) else Belongs.NEW


def _start(turn: Turn, own: Run, said: Reported, at: datetime) -> Belongs:
    """After the end of its run, a start is one that was overtaken on the way, or of a new run."""
    if own.end_received_at is None:
        return Belongs.SAME if _repeats(turn, own, said, own.started_at, own.start_received_at) else Belongs.REUSED
    begun = own.start_received_at
    if begun is not None and not said.by_url and _same_instant(turn, own, said, own.started_at):
        return Belongs.SAME
    passed = turn.now - own.end_received_at if said.by_url else at - (own.finished_at or at)
    if passed > OVERTAKEN:
        return Belongs.REUSED
    if begun is None:
        return Belongs.OWN
    return Belongs.SAME if passed >= timedelta() else Belongs.REUSED


def _end(turn: Turn, own: Run, said: Reported) -> Belongs:
    if own.end_received_at is None:
        return Belongs.OWN
    if not _repeats(turn, own, said, own.finished_at, own.end_received_at):
        return Belongs.REUSED
    told = (own.state, own.exit_code, own.signal)
    return Belongs.SAME if told == (outcome(said.kind), said.exit_code, said.signal) else Belongs.OTHER


def _repeats(turn: Turn, own: Run, said: Reported, at: datetime | None, received_at: datetime | None) -> bool:
    """By URL a message is repeated when it comes soon again, by JSON when it happened at the same instant."""
    if not said.by_url or received_at is None:
        return _same_instant(turn, own, said, at)
    return turn.now - received_at <= within_half_gap(turn.rule, turn.now, SOON)


def _same_instant(turn: Turn, own: Run, said: Reported, at: datetime | None) -> bool:
    """What a wrong clock dated is set right anew each time it is sent, so it comes out a little different."""
    if at is None or at in (said.occurred_at, minus(said.occurred_at, said.skew)):
        return at is not None
    return Mark.CLOCK in own.marks and abs(said.occurred_at - at) <= within_half_gap(turn.rule, at, SOON)
