"""What an expectation means in instants: slots, their windows, the bound of a run. Sums stay within the calendar."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from crontopus.domain.slots import Slots
from crontopus.domain.watch.contract import Expectation

TICK = timedelta(milliseconds=1)
SOON = timedelta(minutes=10)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # no calendar is asked for slots before
_EARLIEST = datetime.min.replace(tzinfo=UTC) + 2 * DAY
LATEST = datetime.max.replace(tzinfo=UTC)


def plus(instant: datetime, duration: timedelta) -> datetime:
    """The sum; at the ends of the calendar, the end."""
    try:
        return instant + duration
    except OverflowError:
        return LATEST if duration > timedelta() else _EARLIEST


def minus(instant: datetime, duration: timedelta) -> datetime:
    """The difference; at the ends of the calendar, the end."""
    try:
        return instant - duration
    except OverflowError:
        return _EARLIEST if duration > timedelta() else LATEST


class Periodic(Struct, frozen=True):
    """The slots of an `every`, as long as nothing reports: one each `period` from `origin`."""

    origin: datetime
    period: timedelta

    def after(self, instant: datetime) -> datetime:
        """The first slot strictly later than `instant`."""
        return self._slot((instant - self.origin) // self.period + 1)

    def upto(self, instant: datetime) -> datetime:
        """The newest slot not later than `instant`."""
        return self._slot((instant - self.origin) // self.period)

    def count(self, first: datetime, last: datetime, limit: int) -> int:
        """How many slots are later than `first` and not later than `last`, at most `limit`."""
        return min(limit, (last - self.origin) // self.period - (first - self.origin) // self.period)

    def _slot(self, number: int) -> datetime:
        return plus(self.origin, number * self.period)


def grid(rule: Expectation, origin: datetime) -> Slots | Periodic | None:
    """The slots of `rule`, those of an `every` counted from `origin`; None where only what is reported counts."""
    return rule.calendar if rule.period is None else Periodic(origin, rule.period)


def slot_after(rule: Expectation, instant: datetime) -> datetime | None:
    """The first slot after `instant`, which with an `every` is the newest sign."""
    if rule.period is not None:
        return plus(instant, rule.period)
    return None if rule.calendar is None else rule.calendar.after(max(instant, _BEGINNING))


def first_expected(rule: Expectation, born_at: datetime) -> tuple[datetime, datetime] | None:
    """The slot by which a job never seen is judged, and its deadline. A `first_by` before `born_at` is forgotten."""
    if rule.first_by is not None and rule.first_by > born_at:
        slot = slot_upto(rule, rule.first_by)
        return (slot if slot is not None and slot > born_at else rule.first_by), rule.first_by
    if rule.period is not None:
        first: datetime | None = plus(born_at, max(rule.period, HOUR))
    else:
        first = slot_after(rule, plus(born_at, HOUR - TICK))
    return None if first is None else (first, plus(first, rule.grace))


def slot_upto(rule: Expectation, instant: datetime) -> datetime | None:
    """The newest slot of a calendar not later than `instant`."""
    return None if rule.calendar is None or instant < _BEGINNING else rule.calendar.upto(instant)


def slot_before(rule: Expectation, instant: datetime) -> datetime | None:
    """The newest slot of a calendar strictly before `instant`."""
    return slot_upto(rule, minus(instant, TICK))


def half_gap(rule: Expectation, instant: datetime) -> timedelta | None:
    """Half the distance between the slots around `instant`; None where there are no two."""
    if rule.period is not None:
        return rule.period / 2
    before, after = slot_upto(rule, instant), slot_after(rule, instant)
    return (after - before) / 2 if before is not None and after is not None else None


def within_half_gap(rule: Expectation, instant: datetime, most: timedelta) -> timedelta:
    """`most`, or half the gap between the slots around `instant` where that is less."""
    half = half_gap(rule, instant)
    return most if half is None else min(most, half)


def early(rule: Expectation, slot: datetime) -> timedelta:
    """How long before `slot` a run may come and still take it; with an `every`, its window begins a period before."""
    return near(slot_before(rule, slot), slot) if rule.period is None else rule.period


def near(before: datetime | None, slot: datetime) -> timedelta:
    """How long before `slot`, which follows the slot `before`, a run may come and still take it."""
    return SOON if before is None else min(SOON, (slot - before) / 2)


def bound(rule: Expectation, since: datetime) -> datetime:
    """When a run that began at `since` has taken too long."""
    if rule.max_runtime is not None:
        return plus(since, rule.max_runtime)
    return plus(plus(since, _until_second_slot(rule, since)), rule.grace)


def _until_second_slot(rule: Expectation, since: datetime) -> timedelta:
    first = slot_after(rule, since)
    second = None if first is None else slot_after(rule, first)
    return DAY if second is None else min(DAY, max(HOUR, second - since))


def soon(rule: Expectation, now: datetime) -> datetime:
    """Where a deadline stands that would have been placed before `now`."""
    return plus(now, min(rule.grace, SOON))


def placed(deadline: datetime, rule: Expectation, now: datetime) -> datetime:
    """`deadline`, or soon after `now` where that has passed."""
    return deadline if deadline >= now else soon(rule, now)
