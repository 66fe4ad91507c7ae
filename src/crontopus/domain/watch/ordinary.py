"""The ordinary course: a healthy job reports success, on time and just now, or falls silent for the first time.

Nearly every check-in is one of these, and nearly all of what is judged at once when a network fails. What is here says
nothing that the rest of this package does not say; it says it in a third of the time. Every test of the watch holds it
to that.
"""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from crontopus.domain.watch.contract import (
    Cause,
    Expectation,
    Flip,
    Gaps,
    Kind,
    Mark,
    Reason,
    Receipt,
    Reported,
    Run,
    RunState,
)
from crontopus.domain.watch.expected import SOON, minus, near, plus, slot_after, slot_upto
from crontopus.domain.watch.flapping import crossed
from crontopus.domain.watch.state import Missing, Standing, Step, Taken, Watch


class _Taking(Struct, frozen=True):
    """How far the slots are decided afterwards, and the slot that the run takes."""

    decided_at: datetime | None
    slot: datetime | None = None


def success(watch: Watch, said: Reported, rule: Expectation, gaps: Gaps, now: datetime) -> Step | None:
    """What `advance` answers; None where this is no ordinary case."""
    decided = watch.decided_at or watch.born_at
    if not (_is_healthy(watch, now) and _is_plain(said, now) and decided < now):
        return None
    if watch.due_at is not None and watch.due_at < now:
        return None
    if gaps and gaps[-1].until > decided:
        return None
    number = watch.last_number + 1
    taking = _taking(watch, rule, decided, now)
    late = taking.slot is not None and now > plus(taking.slot, rule.grace)
    marks = frozenset({Mark.TRUNCATED} if said.truncated else ())
    run = Run(
        number=number,
        state=RunState.SUCCEEDED,
        expected_at=taking.slot,
        finished_at=now,
        exit_code=said.exit_code,
        signal=said.signal,
        attempt=said.attempt,
        marks=marks | {Mark.LATE} if late else marks,
        end_received_at=now,
    )
    following = slot_after(rule, taking.decided_at or watch.born_at)
    calendar = rule.calendar is not None and taking.slot is not None
    after = replace(
        watch,
        seen_at=now,
        due_at=None if following is None else plus(following, rule.grace),
        next_expected_at=following,
        failures=0,
        misses=watch.misses if taking.decided_at is watch.decided_at else 0,
        successes=watch.successes + 1,
        last_number=number,
        newest_end_at=now,
        newest_end_good=True,
        decided_at=taking.decided_at,
        taken=Taken(number, watch.decided_at) if calendar else watch.taken,
    )
    return Step(after, runs=(run,), receipt=Receipt(number, True, marks))


def silence(watch: Watch, rule: Expectation, gaps: Gaps, now: datetime) -> Step | None:
    """What `advance` answers where nothing came; None where that is no ordinary case."""
    decided, due_at = watch.decided_at, watch.due_at
    if decided is None or due_at is None or due_at >= now or not _is_healthy(watch, now):
        return None
    if gaps and gaps[-1].until > minus(decided, SOON):
        return None
    slot = slot_after(rule, decided)
    following = None if slot is None else slot_after(rule, slot)
    if slot is None or following is None or plus(slot, rule.grace) != due_at or plus(following, rule.grace) < now:
        return None
    number, misses = watch.last_number + 1, watch.misses + 1
    missing = Missing(number, RunState.MISSED, slot, slot, due_at)
    is_down = misses >= rule.miss_after
    after = replace(
        watch,
        due_at=None if is_down else plus(following, rule.grace),
        next_expected_at=following,
        standing=(Standing(Reason.MISSED, due_at, due_at),) if is_down else (),
        misses=misses,
        successes=0,
        last_number=number,
        flipped_at=due_at if is_down else watch.flipped_at,
        decided_at=slot,
        taken=None,
        silent=True,
        missing=(missing,),
        crossings=crossed(watch.crossings, number) if is_down else watch.crossings,
    )
    flips = (Flip(Reason.MISSED, True, due_at, Cause.RUN, number),) if is_down else ()
    return Step(after, flips, (missing.as_run(),))


def _is_healthy(watch: Watch, now: datetime) -> bool:
    """Nothing is open, held against it or waited for."""
    if watch.open or watch.standing or watch.missing or watch.busy or watch.silent or watch.paused_at is not None:
        return False
    if watch.not_before is not None or watch.excused_by is not None:
        return False
    if watch.seen_at is not None and watch.seen_at > now:
        return False
    return watch.flipped_at is None or watch.flipped_at <= now


def _is_plain(said: Reported, now: datetime) -> bool:
    return (
        said.kind is Kind.SUCCESS
        and said.rid is None
        and said.occurred_at == now
        and said.started_at is None
        and said.duration is None
    )


def _taking(watch: Watch, rule: Expectation, decided: datetime, now: datetime) -> _Taking:
    if rule.period is not None:
        due = plus(decided, rule.period)
        return _Taking(now, due if watch.seen_at is not None and now >= due else None)
    slot = slot_upto(rule, now)
    if slot is None or slot <= decided:
        following = slot_after(rule, now)
        early = following is not None and following > decided and following - now <= near(slot, following)
        slot = following if early else None
    return _Taking(watch.decided_at if slot is None else slot, slot)
