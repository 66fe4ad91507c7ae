"""The state machine itself: first what silence has changed, then the event, then when silence will change anything."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from msgspec.structs import replace

from crontopus.domain.watch import ordinary
from crontopus.domain.watch.contract import (
    Cause,
    Edited,
    Elapsed,
    Event,
    Expectation,
    Gaps,
    Mark,
    Paused,
    Reason,
    Receipt,
    Reported,
    Resolved,
    Resumed,
    RunState,
    Settled,
)
from crontopus.domain.watch.expected import LATEST, bound, grid, placed, soon
from crontopus.domain.watch.lives import end, find_open, overrun
from crontopus.domain.watch.pausing import pause, resume
from crontopus.domain.watch.reporting import report
from crontopus.domain.watch.silence import Due, covering, give_up, next_due
from crontopus.domain.watch.state import Open, Step, Watch
from crontopus.domain.watch.turn import Turn


def fresh(rule: Expectation, now: datetime) -> Watch:
    """The watch of a job made at `now`."""
    turn = Turn(Watch(born_at=now), rule, (), now)
    _look_ahead(turn)
    return turn.watch


def advance(watch: Watch, event: Event, rule: Expectation, gaps: Gaps, now: datetime) -> Step:
    """Apply `event` at `now`, after every deadline before it: the result does not depend on when it was asked before.

    `rule` is the expectation in force until now, and `gaps` the times when nobody watched, in order. Total: no values
    of these types make it raise, as long as `schedule.check` has found the schedules good.
    """
    step = None
    if isinstance(event, Reported):
        step = ordinary.success(watch, event, rule, gaps, now)
    elif isinstance(event, Elapsed):
        step = ordinary.silence(watch, rule, gaps, now)
    return step or at_length(watch, event, rule, gaps, now)


def at_length(watch: Watch, event: Event, rule: Expectation, gaps: Gaps, now: datetime) -> Step:
    """`advance`, without the short way of the ordinary case."""
    # A clock that was set back does not turn back what has happened: times of flips never decrease.
    turn = Turn(watch, rule, gaps, max(now, watch.seen_at or now, watch.flipped_at or now))
    if now < turn.now and isinstance(event, Reported) and event.occurred_at >= now:
        event = replace(event, occurred_at=max(event.occurred_at, turn.now))  # the clock was set back; it happened now
    _settle(turn)
    receipt = _apply(turn, event)
    stale = watch.due_at is not None and watch.due_at < turn.now
    if stale or turn.watch is not watch or turn.rule is not rule:
        _look_ahead(turn)
    return turn.step(receipt)


def _apply(turn: Turn, event: Event) -> Receipt | None:
    match event:
        case Reported():
            return report(turn, event)
        case Elapsed():
            pass
        case Edited(rule):
            _edit(turn, rule)
        case Paused(until):
            pause(turn, until)
        case Resumed():
            if turn.watch.paused_at is not None:
                resume(turn, turn.now)
        case Settled():
            _close_by_hand(turn, event)
        case Resolved(reason):
            _resolve(turn, reason)
    return None


def _settle(turn: Turn) -> None:
    """Apply every deadline before now, in order of time."""
    due_at = turn.watch.due_at
    if (due_at is None or due_at >= turn.now) and not turn.stands(Reason.MISSED):
        return
    while (happens := _next_deadline(turn, _awaited(turn))) is not None and happens[0] < turn.now:
        happens[1]()
    while turn.stands(Reason.MISSED) and (due := next_due(turn)) is not None and due.at < turn.now:
        give_up(turn, due)


def _expected_next(turn: Turn) -> Due | None:
    return None if turn.watch.paused_at is not None else next_due(turn)


def _awaited(turn: Turn) -> Due | None:
    """The slot whose silence changes anything: while `missed` stands, further ones are counted when somebody asks."""
    return None if turn.stands(Reason.MISSED) else _expected_next(turn)


def _next_deadline(turn: Turn, due: Due | None) -> tuple[datetime, Callable[[], None]] | None:
    """When silence changes anything next, and what it does; `due` is the slot awaited."""
    watch = turn.watch
    if watch.paused_at is not None:
        until = watch.paused_until
        return None if until is None else (until, partial(resume, turn, until))
    running = [known for known in watch.open if known.run.state is not RunState.OVERRAN]
    known = min(running, key=_bound_at) if running else None
    if known is not None and (due is None or known.bound_at <= due.at):
        return known.bound_at, partial(overrun, turn, known)
    return None if due is None else (due.at, partial(give_up, turn, due))


def _bound_at(known: Open) -> datetime:
    return known.bound_at


def _look_ahead(turn: Turn) -> None:
    """Compute once when silence will change anything, and keep it."""
    watch = turn.watch
    due = _expected_next(turn)
    if due is not None and due.at < turn.now:
        turn.change(not_before=soon(turn.rule, turn.now))
        due = _expected_next(turn)
    if watch.busy:
        turn.change(busy=tuple(busy for busy in watch.busy if due is not None and due.slot <= busy.until))
        due = _expected_next(turn)
    happens = _next_deadline(turn, None if turn.stands(Reason.MISSED) else due)
    due_at = happens[0] if happens is not None else None
    turn.change(due_at=due_at, next_expected_at=None if due is None else _expected(turn, due))


def _expected(turn: Turn, due: Due) -> datetime | None:
    """The next slot whose silence would tell anything: none that is skipped, should the open run stay open."""
    slot: datetime | None = due.slot
    steps = grid(turn.rule, due.slot)
    while slot is not None and steps is not None and (busy := covering(turn, slot)) is not None:
        slot = None if busy.until >= LATEST else steps.after(busy.until)
    return slot


def _edit(turn: Turn, rule: Expectation) -> None:
    """A new schedule starts afresh with its next slot; a new grace or bound moves what is open; no reason flips."""
    before, turn.rule = turn.rule, rule
    if (rule.schedules, rule.timezone, rule.clock) != (before.schedules, before.timezone, before.clock):
        turn.change(
            born_at=turn.now,
            decided_at=None,
            taken=None,
            silent=False,
            missing=(),
            misses=0,
            busy=(),
            excused_by=None,
            not_before=None,
        )
    if turn.watch.open:
        turn.change(open=tuple(_rebound(turn, known, before) for known in turn.watch.open))


def _rebound(turn: Turn, known: Open, before: Expectation) -> Open:
    since = known.since or known.begun_at
    bound_at = bound(turn.rule, since)
    if bound_at == bound(before, since):
        return known
    if known.run.state is not RunState.OVERRAN:
        return replace(known, bound_at=placed(bound_at, turn.rule, turn.now))
    if bound_at < turn.now:
        return known
    run = replace(known.run, state=RunState.RUNNING)
    turn.tell(run)
    return Open(run, bound_at, known.since)


def _close_by_hand(turn: Turn, settled: Settled) -> None:
    known = find_open(turn, settled.number)
    if known is None:
        return
    state = RunState.SUCCEEDED if settled.succeeded else RunState.FAILED
    was_long = {Mark.OVERRAN} if known.run.state is RunState.OVERRAN else set()
    run = replace(known.run, state=state, finished_at=turn.now, marks=known.run.marks | was_long)
    end(turn, run, turn.now, counts=True)


def _resolve(turn: Turn, reason: Reason) -> None:
    """Taken away by hand, so that the next cause enters anew."""
    if not turn.stands(reason):
        return
    turn.leave(reason, turn.now, Cause.BY_HAND)
    if reason is Reason.OVERRAN:
        turn.change(open=tuple(replace(k, released=k.run.state is RunState.OVERRAN) for k in turn.watch.open))
