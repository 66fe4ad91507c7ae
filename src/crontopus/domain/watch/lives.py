"""The life of a run: opened, past its bound, ended, abandoned; and what each end says of the job."""

from datetime import datetime

from msgspec.structs import replace

from crontopus.domain.watch.contract import Mark, Overlap, Reason, Reported, Run, RunState
from crontopus.domain.watch.expected import DAY, bound, minus, placed, slot_after
from crontopus.domain.watch.state import Busy, Open
from crontopus.domain.watch.turn import Turn

MOST_OPEN = 100
"""So many runs of one job can be open; above, the oldest is abandoned."""
MOST_BUSY = 8
LETS_GO_AFTER = DAY
LETS_GO_SUCCESSES = 3


def begin(turn: Turn, run: Run) -> None:
    """Watch over a run that has begun."""
    since = run.started_at or turn.now
    bound_at = placed(bound(turn.rule, since), turn.rule, turn.now)
    turn.change(open=(*turn.watch.open, Open(run, bound_at)))
    turn.tell(run)
    if turn.watch.running > MOST_OPEN:
        abandon(turn, turn.watch.open[0], since)


def find_open(turn: Turn, number: int) -> Open | None:
    for known in turn.watch.open:
        if known.run.number == number:
            return known
    return None


def update(turn: Turn, known: Open, run: Run) -> None:
    """More has become known of an open run."""
    _put(turn, replace(known, run=run))
    turn.tell(run)


def overrun(turn: Turn, known: Open) -> None:
    """The bound of an open run has passed. If it was open in a gap, its end may have been lost."""
    if _may_be_lost(turn, known, known.bound_at):
        _close(turn, known, known.bound_at)
        turn.tell(replace(known.run, state=RunState.UNOBSERVED))
        return
    update(turn, known, replace(known.run, state=RunState.OVERRAN))
    turn.enter(Reason.OVERRAN, known.bound_at, known.bound_at, known.run.number)


def abandon(turn: Turn, known: Open, at: datetime) -> None:
    """A newer start says that this run was killed; that counts as a failure, unless it was let go before."""
    _close(turn, known, at)
    if _may_be_lost(turn, known, at):
        turn.tell(replace(known.run, state=RunState.UNOBSERVED))
        return
    was_long = {Mark.OVERRAN} if known.run.state is RunState.OVERRAN else set()
    turn.tell(replace(known.run, state=RunState.ABANDONED, marks=known.run.marks | was_long))
    if known.released:
        return
    _ended(turn, known.run, at, Reason.FAILED)


def end(turn: Turn, run: Run, at: datetime, counts: bool) -> None:
    """A run ended `at`, as `run` says; with `counts` False it is kept as history only."""
    known = find_open(turn, run.number)
    if known is not None:
        _close(turn, known, at)
    turn.tell(run)
    if counts and run.state in (RunState.SUCCEEDED, RunState.FAILED):
        _ended(turn, run, at, _failure(run))
    elif known is not None:
        _let_overran_go(turn)


def ended(turn: Turn, run: Run, said: Reported, at: datetime, state: RunState) -> Run:
    """`run` as its end leaves it."""
    duration = said.duration
    started_at = run.started_at or said.started_at or (minus(at, duration) if duration is not None else None)
    if started_at is not None:
        started_at = min(started_at, at)
        duration = duration if duration is not None else at - started_at
    run = replace(
        run,
        state=state,
        started_at=started_at,
        finished_at=at,
        duration=duration,
        exit_code=said.exit_code,
        signal=said.signal,
        attempt=said.attempt,
        end_received_at=turn.now,
    )
    return remeasured(turn, run)


def remeasured(turn: Turn, run: Run) -> Run:
    """An ended run, with the marks that its times make."""
    marks = set(run.marks - {Mark.OVERRAN, Mark.TOO_SHORT})
    known = find_open(turn, run.number)
    least = turn.rule.min_runtime
    if run.state is RunState.SUCCEEDED and least is not None and run.duration is not None and run.duration < least:
        marks.add(Mark.TOO_SHORT)
    if run.finished_at is not None and run.started_at is not None:
        limit = known.bound_at if known is not None else bound(turn.rule, run.started_at)
        if run.finished_at > limit:
            marks.add(Mark.OVERRAN)
    return replace(run, marks=frozenset(marks))


def _failure(run: Run) -> Reason | None:
    if run.state is RunState.FAILED:
        return Reason.FAILED
    return Reason.TOO_SHORT if Mark.TOO_SHORT in run.marks else None


def _put(turn: Turn, changed: Open) -> None:
    number = changed.run.number
    turn.change(open=tuple(changed if known.run.number == number else known for known in turn.watch.open))


def _may_be_lost(turn: Turn, known: Open, at: datetime) -> bool:
    """Whether nobody watched while the run was open and within its bound."""
    if known.run.state is RunState.OVERRAN:
        return False
    last = min(at, known.bound_at)
    return any(gap.since < last and gap.until > known.begun_at for gap in turn.gaps)


def _close(turn: Turn, known: Open, at: datetime) -> None:
    """The run is no longer open. An end within the bound disproves that it overran."""
    turn.change(open=tuple(other for other in turn.watch.open if other is not known))
    _remember_busy(turn, known, at)
    if known.holds and turn.stands(Reason.OVERRAN):
        if at > known.bound_at:
            turn.change(overran_before=True)
        elif not turn.watch.overran_before and not _any_holds(turn):
            turn.leave(Reason.OVERRAN, turn.now, run=known.run.number)


def _remember_busy(turn: Turn, known: Open, at: datetime) -> None:
    """Slots that came while the run was open are skipped when their grace ends."""
    watch, until = turn.watch, min(at, known.bound_at)
    if turn.rule.overlap is not Overlap.FORBID:
        return
    slot = slot_after(turn.rule, watch.decided_at or watch.born_at)
    if slot is not None and slot <= until:
        turn.change(busy=(*watch.busy, Busy(known.begun_at, until))[-MOST_BUSY:])


def _any_holds(turn: Turn) -> bool:
    return any(known.holds for known in turn.watch.open)


def _ended(turn: Turn, run: Run, at: datetime, failure: Reason | None) -> None:
    """What an end says of the job; one that is older than the newest end says nothing."""
    newest = turn.watch.newest_end_at
    if newest is None or at >= newest:
        turn.change(newest_end_at=at, newest_end_good=failure is None)
        if turn.watch.paused_at is not None:
            return
        if failure is None:
            _succeeded(turn, run, at)
        else:
            _failed(turn, run, at, failure)
    _let_overran_go(turn)


def _failed(turn: Turn, run: Run, at: datetime, reason: Reason) -> None:
    failures = turn.watch.failures + 1
    turn.change(failures=failures, successes=0)
    if failures >= turn.rule.fail_after:
        turn.enter(reason, turn.now, at, run.number)


def _succeeded(turn: Turn, run: Run, at: datetime) -> None:
    successes = turn.watch.successes + 1
    turn.change(failures=0, successes=successes)
    if turn.watch.open:
        turn.change(open=tuple(_outlived(known, run.started_at or at, at) for known in turn.watch.open))
    if successes >= turn.rule.recover_after:
        for standing in turn.watch.standing:
            if standing.reason is not Reason.OVERRAN and standing.arose_at <= at:
                turn.leave(standing.reason, turn.now, run=run.number)


def _outlived(known: Open, begun_at: datetime, at: datetime) -> Open:
    """A run past its bound that nobody ends is let go once later runs have succeeded for long enough."""
    if not known.holds or begun_at < known.bound_at:
        return known
    succeeded = known.succeeded + 1
    released = succeeded >= LETS_GO_SUCCESSES and at - known.bound_at >= LETS_GO_AFTER
    return replace(known, succeeded=succeeded, released=released)


def _let_overran_go(turn: Turn) -> None:
    if turn.stands(Reason.OVERRAN) and turn.watch.newest_end_good and not _any_holds(turn):
        turn.leave(Reason.OVERRAN, turn.now)
