"""What a check-in changes."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from crontopus.domain.watch.contract import Kind, Mark, Overlap, Reason, Receipt, Reported, Run, RunState
from crontopus.domain.watch.expected import minus
from crontopus.domain.watch.identity import Belongs, belongs, outcome, own_run
from crontopus.domain.watch.lives import abandon, begin, end, ended, find_open, remeasured, update
from crontopus.domain.watch.pausing import ends_pause, resume
from crontopus.domain.watch.state import Open
from crontopus.domain.watch.taking import Place, sign, take, take_again
from crontopus.domain.watch.turn import Turn

WEEK = timedelta(days=7)


def report(turn: Turn, said: Reported) -> Receipt:
    """Apply a check-in, after every deadline before now."""
    at = min(said.occurred_at, turn.now)
    own = own_run(turn, said)
    if said.kind is Kind.LOG:
        return Receipt(own.number if own else None, True, _marks(turn, said))
    fate = belongs(turn, own, said, at)
    if own is None or fate in (Belongs.NEW, Belongs.REUSED):
        return _new(turn, said, at, fate)
    if fate is Belongs.SAME:
        return Receipt(own.number, False)
    if fate is Belongs.OLDER:
        return Receipt(own.number, True, _marks(turn, said))
    if fate is Belongs.OTHER:
        return _conflict(turn, own, said)
    return _known(turn, own, said, at)


def _marks(turn: Turn, said: Reported) -> frozenset[Mark]:
    marks = set()
    if said.skew or said.occurred_at > turn.now:
        marks.add(Mark.CLOCK)
    if said.truncated:
        marks.add(Mark.TRUNCATED)
    return frozenset(marks)


def _is_history(turn: Turn, at: datetime) -> bool:
    return at < minus(turn.now, WEEK)


def _conflict(turn: Turn, own: Run, said: Reported) -> Receipt:
    turn.tell(replace(own, marks=own.marks | {Mark.CONFLICT}))
    return Receipt(own.number, True, _marks(turn, said) | {Mark.CONFLICT})


def _new(turn: Turn, said: Reported, at: datetime, fate: Belongs) -> Receipt:
    """A report of a run that was not known."""
    marks = _marks(turn, said) | ({Mark.ID_REUSED} if fate is Belongs.REUSED else set())
    number = turn.next_number()
    run = Run(number=number, state=RunState.RUNNING, rid=said.rid, attempt=said.attempt, marks=marks)
    if said.kind is Kind.START:
        _start(turn, replace(run, started_at=at, start_received_at=turn.now), at)
    else:
        _end(turn, run, said, at)
    return Receipt(number, True, marks)


def _known(turn: Turn, own: Run, said: Reported, at: datetime) -> Receipt:
    """A report of a run that was known."""
    marks = _marks(turn, said)
    own = replace(own, marks=own.marks | marks)
    if said.kind is not Kind.START:
        _end(turn, own, said, at)
    elif said.attempt > own.attempt:
        _another_attempt(turn, own, said, at)
    else:
        _overtaken(turn, own, said, at)
    return Receipt(own.number, True, marks)


def _start(turn: Turn, run: Run, at: datetime) -> None:
    """A run begins; those it finds open that it proves to be dead are given up."""
    if _is_history(turn, at) or _is_overtaken(turn, run, at):
        turn.tell(replace(run, state=RunState.ABANDONED))
        return
    for known in turn.watch.open:
        if known.begun_at <= at and _proves_dead(turn, run, known):
            abandon(turn, known, at)
    begin(turn, _placed(run, take(turn, at, run.number)))
    _seen(turn, at)


def _is_overtaken(turn: Turn, run: Run, at: datetime) -> bool:
    """A newer run of this id, or of none, is open: what became of this one is known to nobody."""
    return any(known.run.rid == run.rid and known.begun_at > at for known in turn.watch.open)


def _proves_dead(turn: Turn, run: Run, known: Open) -> bool:
    return known.run.rid is None or known.run.rid == run.rid or turn.rule.overlap is Overlap.FORBID


def _another_attempt(turn: Turn, own: Run, said: Reported, at: datetime) -> None:
    """The runner tries again: the run is open still, or once more. Its times are those of its last attempt."""
    run = replace(own, attempt=said.attempt, started_at=at, start_received_at=turn.now)
    known = find_open(turn, run.number)
    if known is not None:
        update(turn, known, run)
    else:
        run = replace(run, finished_at=None, duration=None, end_received_at=None, exit_code=None, signal=None)
        if _is_history(turn, at):
            turn.tell(replace(run, state=RunState.ABANDONED))
            return
        begin(turn, replace(run, state=RunState.RUNNING))
    sign(turn, at)
    _seen(turn, at)


def _overtaken(turn: Turn, own: Run, said: Reported, at: datetime) -> None:
    """A start that arrived after its end. By URL it does not tell how long the run took."""
    finished_at = own.finished_at or at
    started_at = own.started_at or min(at, finished_at)
    run = replace(own, started_at=started_at, start_received_at=turn.now)
    if not said.by_url and run.duration is None:
        run = replace(run, duration=finished_at - started_at)
    place = None if _is_history(turn, started_at) else take_again(turn, started_at, run.number)
    turn.tell(remeasured(turn, run if place is None else _placed(run, place)))


def _end(turn: Turn, own: Run, said: Reported, at: datetime) -> None:
    """A run ends. One whose start was never seen takes its slot by when it began, where the report says so."""
    history = _is_history(turn, at)
    run = ended(turn, own, said, at, outcome(said.kind))
    if not history and said.kind is not Kind.SKIPPED and ends_pause(turn, run.started_at or at):
        resume(turn, turn.now)
    if own.start_received_at is None and own.end_received_at is None and not history:
        begun_at = run.started_at or at
        run = _placed(run, Place() if _is_history(turn, begun_at) else take(turn, begun_at, run.number))
        if begun_at != at:
            sign(turn, at)
    elif not history:
        sign(turn, at)
    end(turn, run, at, counts=not history)
    if not history:
        _seen(turn, at)


def _placed(run: Run, place: Place) -> Run:
    marks = run.marks | {Mark.LATE} if place.late else run.marks
    return replace(run, expected_at=place.slot or run.expected_at, marks=marks)


def _seen(turn: Turn, at: datetime) -> None:
    """A sign of life; and what no report can disprove any more is let go."""
    seen_at = turn.watch.seen_at
    turn.change(seen_at=at if seen_at is None else max(at, seen_at), excused_by=None)
    missing = turn.watch.missing
    if missing and not turn.watch.silent and not turn.stands(Reason.MISSED):
        turn.change(missing=tuple(row for row in missing if not _is_history(turn, row.judged_at)))
