"""Which slot a report takes, and the misses it disproves."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from crontopus.domain.watch.contract import Reason, RunState
from crontopus.domain.watch.expected import (
    TICK,
    grid,
    minus,
    near,
    plus,
    slot_after,
    slot_before,
    slot_upto,
)
from crontopus.domain.watch.silence import KEPT, counted, give_up_to, next_due
from crontopus.domain.watch.state import Missing, Taken
from crontopus.domain.watch.turn import Turn


class Place(Struct, frozen=True):
    """The slot a run takes, if any, and whether it came after the grace of the one before it."""

    slot: datetime | None = None
    late: bool = False


def take(turn: Turn, at: datetime, number: int) -> Place:
    """Give the run `number`, whose first sign happened `at`, the slot that is its own."""
    if not turn.rule.schedules:
        return Place()
    if turn.rule.period is not None:
        return _sign(turn, at)
    return _slot(turn, at, number)


def sign(turn: Turn, at: datetime) -> None:
    """A further sign of a run that has its slot: an `every` counts from it."""
    if turn.rule.period is not None:
        _sign(turn, at)


def take_again(turn: Turn, at: datetime, number: int) -> Place | None:
    """The run that took the newest decided slot began earlier than was known; None where that changes nothing."""
    taken = turn.watch.taken
    if taken is None or taken.run != number:
        return None
    turn.change(decided_at=taken.before, taken=None)
    return take(turn, at, number)


def _sign(turn: Turn, at: datetime) -> Place:
    """A sign of a job that counts from signs. The gap to the next slot begins anew, unless it is older than that."""
    watch, every, grace = turn.watch, turn.rule.period, turn.rule.grace
    assert every is not None  # noqa: S101 # asked by those who call
    decided = watch.decided_at or watch.born_at
    disproved = _disprove(turn, minus(at, grace), plus(at, every))
    due = plus(decided, every)
    if at > decided:
        turn.change(decided_at=at, silent=False, misses=0)
    elif watch.silent and not turn.watch.silent:
        rest = turn.watch.missing[-1].last if turn.watch.missing else watch.born_at
        turn.change(decided_at=max(at, watch.seen_at or watch.born_at, watch.born_at, rest))
    if disproved is not None:
        return Place(disproved, late=at > plus(disproved, grace))
    if watch.seen_at is None or at < due:
        return Place(late=watch.silent and at > decided)
    return Place(due, late=at > plus(due, grace))


def _slot(turn: Turn, at: datetime, number: int) -> Place:
    """The newest slot not later than `at` that is open, else the next one if it is near."""
    rule, watch = turn.rule, turn.watch
    decided = watch.decided_at or watch.born_at
    newest = slot_upto(rule, at)
    if newest is not None and newest > decided:
        return _take_open(turn, newest, at, number)
    disproved = _disprove(turn, minus(at, rule.grace), at)
    if disproved is not None:
        return Place(disproved)
    following = slot_after(rule, at)
    if following is not None and following - at <= near(newest, following):
        if following > decided:
            return _take_open(turn, following, at, number)
        disproved = _disprove(turn, following, following)
        if disproved is not None:
            return Place(disproved)
    return Place(late=watch.silent and newest is not None and any(m.first <= newest <= m.last for m in watch.missing))


def _take_open(turn: Turn, slot: datetime, at: datetime, number: int) -> Place:
    """Older slots that were open when it happened are passed over; those that nobody could see are unobserved."""
    grace = turn.rule.grace
    _leave_unobserved(turn, slot, at)
    _disprove(turn, minus(at, grace), slot)
    before = turn.watch.decided_at
    turn.change(decided_at=slot, silent=False, misses=0, taken=Taken(number, before))
    return Place(slot, late=at > plus(slot, grace))


def _leave_unobserved(turn: Turn, slot: datetime, at: datetime) -> None:
    due = next_due(turn) if turn.gaps and turn.watch.paused_at is None else None
    if due is None or due.state is not RunState.UNOBSERVED or due.slot >= slot:
        return
    last = slot_before(turn.rule, min(slot, minus(at, turn.rule.grace)))
    if last is not None and last >= due.slot:
        give_up_to(turn, due, last)


def _disprove(turn: Turn, first: datetime, last: datetime) -> datetime | None:
    """Nothing was missing from `first` to `last`. The newest slot for which that is news."""
    watch = turn.watch
    if not watch.missing or watch.missing[-1].last < first:
        return None
    rows: list[Missing] = []
    found: datetime | None = None
    broken = False
    for row in watch.missing:
        pieces, newest = _without(turn, row, first, last)
        if newest is None and broken:
            pieces = [replace(row, follows=False)]
        broken = newest == row.last
        found = newest or found
        rows += pieces
    if found is None:
        return None
    newer = sum(row.count for row in rows if row.first > found and row.state is RunState.MISSED)
    silent = watch.silent and found != watch.missing[-1].last
    turn.change(missing=tuple(rows[-KEPT:]), silent=silent, misses=min(watch.misses, newer))
    _reconsider(turn)
    return found


def _without(turn: Turn, row: Missing, first: datetime, last: datetime) -> tuple[list[Missing], datetime | None]:
    """What remains of `row`, and the newest of its slots that is not missing after all."""
    steps = grid(turn.rule, row.first)
    oldest: datetime | None = row.first
    newest: datetime | None = row.last
    if row.first < first:
        oldest = steps.after(first - TICK) if steps else None
    if row.last > last:
        newest = steps.upto(last) if steps else None
    if oldest is None or newest is None or oldest > newest:
        return [row], None
    pieces = _pieces(turn, row, oldest, newest)
    for piece in pieces:
        turn.tell(piece.as_run())
    if not pieces:
        turn.forget(row.number)
    return pieces, newest


def _pieces(turn: Turn, row: Missing, oldest: datetime, newest: datetime) -> list[Missing]:
    """`row` before `oldest` and after `newest`; the first keeps the number."""
    pieces = []
    steps = grid(turn.rule, row.first)
    before = steps.upto(oldest - TICK) if steps else None
    if before is not None and before >= row.first:
        judged_at = max(plus(before, turn.rule.grace), min(row.judged_at, _began_at(turn)))
        count = counted(turn, row.first, before)
        pieces.append(replace(row, last=before, judged_at=judged_at, count=count))
    after = steps.after(newest) if steps else None
    if after is not None and after <= row.last:
        number = turn.next_number() if pieces else row.number
        count = row.count - counted(turn, oldest, newest) - sum(piece.count for piece in pieces)
        pieces.append(replace(row, number=number, first=after, count=max(1, count), follows=False))
    return pieces


def _began_at(turn: Turn) -> datetime:
    """When `missed` entered, where it stands."""
    stands = (standing.began_at for standing in turn.watch.standing if standing.reason is Reason.MISSED)
    return next(stands, turn.watch.born_at)


def _reconsider(turn: Turn) -> None:
    """`missed` stands as long as enough slots in a row, since it entered, are missing still."""
    if not turn.stands(Reason.MISSED):
        return
    began_at, streak = _began_at(turn), 0
    arose_at: datetime | None = None
    number = 0
    for row in turn.watch.missing:
        streak = streak if row.follows else 0
        streak += row.count if row.state is RunState.MISSED else 0
        if streak >= turn.rule.miss_after and row.judged_at >= began_at:
            arose_at, number = row.judged_at, row.number
    if arose_at is None:
        turn.leave(Reason.MISSED, turn.now)
    else:
        turn.enter(Reason.MISSED, turn.now, arose_at, number)
