"""Slots that nobody takes: when each is given up, and as what."""

from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from crontopus.domain.wall import LAST_YEAR
from crontopus.domain.watch.contract import Gap, Overlap, Reason, RunState
from crontopus.domain.watch.expected import TICK, early, first_expected, grid, minus, plus, slot_after, soon
from crontopus.domain.watch.state import Busy, Missing
from crontopus.domain.watch.turn import Turn

_LAST = datetime(LAST_YEAR, 12, 31, tzinfo=UTC)
COUNTED = 5_000
"""Slots given up in a row are counted to here; more are said to be as many."""
KEPT = 20
"""So many rows of missing slots can still be disproved by a late report."""


class Due(Struct, frozen=True):
    """The next open slot: when it is given up, and as what. The slot after it follows `resumes_at`."""

    slot: datetime
    state: RunState
    at: datetime
    resumes_at: datetime


def next_due(turn: Turn) -> Due | None:
    """The next open slot, if nothing comes; None where none is expected."""
    watch = turn.watch
    if watch.decided_at is None and watch.seen_at is None:
        first = first_expected(turn.rule, watch.born_at)
        return None if first is None else _judged(turn, *first)
    slot = slot_after(turn.rule, watch.decided_at or watch.born_at)
    return None if slot is None else _judged(turn, slot, plus(slot, turn.rule.grace))


def give_up(turn: Turn, due: Due) -> None:
    """Silence has decided on `due`, and on all slots like it that have no flip of their own."""
    alone = due.state is RunState.MISSED and not turn.stands(Reason.MISSED)
    give_up_to(turn, due, due.slot if alone else _last_alike(turn, due))


def give_up_to(turn: Turn, due: Due, last: datetime) -> None:
    """The slots from `due` to `last` are decided: nobody took them."""
    end = due if last == due.slot else _judged(turn, last, plus(last, turn.rule.grace))
    count = counted(turn, due.slot, last)
    row = _row(turn, due, last, end.at, count)
    if due.state is RunState.UNOBSERVED and turn.watch.excused_by is None:
        turn.change(excused_by=_meeting(turn, due.slot)[-1].until)
    turn.change(decided_at=end.resumes_at, taken=None, silent=True)
    if due.state is RunState.MISSED:
        _missed(turn, row, count)


def covering(turn: Turn, slot: datetime) -> Busy | None:
    """While what the slot came; under `overlap: forbid` it is skipped then."""
    if turn.rule.overlap is not Overlap.FORBID:
        return None
    return next((busy for busy in _busy(turn) if busy.since <= slot <= busy.until), None)


def _judged(turn: Turn, slot: datetime, deadline: datetime) -> Due:
    """What becomes of `slot` where nothing takes it by `deadline`."""
    if turn.watch.not_before is not None:
        deadline = max(deadline, turn.watch.not_before)
    if covering(turn, slot) is not None:
        return Due(slot, RunState.SKIPPED, deadline, slot)
    gaps = _excusing(turn, slot)
    if not gaps:
        return Due(slot, RunState.MISSED, deadline, slot)
    end = gaps[-1].until
    resumes_at = slot if turn.rule.period is None else end
    return Due(slot, RunState.UNOBSERVED, max(deadline, soon(turn.rule, end)), resumes_at)


def _meeting(turn: Turn, slot: datetime) -> list[Gap]:
    """The gaps that meet the window in which `slot` could have been taken."""
    if not turn.gaps:
        return []
    begin, end = minus(slot, early(turn.rule, slot)), plus(slot, turn.rule.grace)
    return [gap for gap in turn.gaps if gap.since <= end and gap.until > begin]


def _excusing(turn: Turn, slot: datetime) -> list[Gap]:
    """The gaps that excuse `slot`. Between two reports one gap excuses, all slots it meets; no other one does."""
    gaps, used = _meeting(turn, slot), turn.watch.excused_by
    return gaps if used is None or any(gap.until == used for gap in gaps) else []


def _busy(turn: Turn) -> tuple[Busy, ...]:
    if turn.rule.overlap is not Overlap.FORBID:
        return ()
    return (*turn.watch.busy, *(Busy(run.begun_at, run.bound_at) for run in turn.watch.open))


def _last_alike(turn: Turn, due: Due) -> datetime:
    """The last slot whose deadline has passed too, and of which the same is to be said as of `due`."""
    steps = grid(turn.rule, due.slot)
    if steps is None or due.resumes_at != due.slot:
        return due.slot
    latest = minus(turn.now, turn.rule.grace) - TICK
    if due.state is RunState.SKIPPED:
        latest = min(latest, *(busy.until for busy in _busy(turn) if busy.since <= due.slot <= busy.until))
    else:
        latest = min(latest, _same_excuse(turn, due))
    return max(due.slot, steps.upto(latest) or steps.upto(min(latest, _LAST)) or due.slot)


def _same_excuse(turn: Turn, due: Due) -> datetime:
    """The latest instant at which a slot is excused if `due` is, and is not if it is not."""
    if due.state is RunState.UNOBSERVED:
        return min(_reach(turn, due), _first_unready(turn))
    if turn.watch.excused_by is not None:
        return turn.now
    ahead = (gap.since for gap in turn.gaps if gap.since > plus(due.slot, turn.rule.grace))
    return minus(min(ahead, default=turn.now), turn.rule.grace) - TICK


def _reach(turn: Turn, due: Due) -> datetime:
    """To where the gap that excuses `due` excuses other slots."""
    end = turn.watch.excused_by or _meeting(turn, due.slot)[-1].until
    following = slot_after(turn.rule, end)
    if following is None:
        return end
    return following if minus(following, early(turn.rule, following)) < end else following - TICK


def _first_unready(turn: Turn) -> datetime:
    """From here on a slot waits for what comes in soon after the end of a gap."""
    waiting = (gap.since for gap in turn.gaps if soon(turn.rule, gap.until) >= turn.now)
    return minus(min(waiting, default=turn.now), turn.rule.grace) - TICK


def counted(turn: Turn, first: datetime, last: datetime) -> int:
    """How many slots lie from `first` to `last`, both of them slots; at most `COUNTED`."""
    steps = grid(turn.rule, first)
    if steps is None or first == last:
        return 1
    return 1 + steps.count(first, last, COUNTED - 1)


def _row(turn: Turn, due: Due, last: datetime, at: datetime, count: int) -> Missing:
    """The run that stands for these slots: the newest such row goes on where nothing lies between."""
    watch = turn.watch
    newest = watch.missing[-1] if watch.missing and watch.silent else None
    if newest is not None and newest.state is due.state:
        row = replace(newest, last=last, judged_at=at, count=min(COUNTED, newest.count + count))
        turn.change(missing=(*watch.missing[:-1], row))
    else:
        row = Missing(turn.next_number(), due.state, due.slot, last, at, count, watch.silent)
        turn.change(missing=(*watch.missing, row)[-KEPT:])
    turn.tell(row.as_run())
    return row


def _missed(turn: Turn, row: Missing, count: int) -> None:
    misses = min(COUNTED, turn.watch.misses + count)
    turn.change(misses=misses, successes=0)
    if misses >= turn.rule.miss_after or turn.stands(Reason.MISSED):
        turn.enter(Reason.MISSED, row.judged_at, row.judged_at, row.number)
