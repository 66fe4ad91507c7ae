"""When silences and maintenance windows hold, through every change of the clocks; and how long a parent does."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from crontopus.domain.alerts import Alert, AlertClass, Severity
from crontopus.domain.query import parse_alerts
from crontopus.domain.routing import (
    Child,
    HolderKind,
    Hours,
    Once,
    Parent,
    Quiet,
    Recurring,
    Span,
    Times,
    Weekly,
    of_parent,
    upcoming,
)
from crontopus.domain.schedule import Cron, Every
from crontopus.domain.watch import Expectation
from tests.domain.routed import FACTS

HOUR = timedelta(hours=1)
EVERY_DAY = frozenset(range(7))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def quiet(times: Times, matcher: str = "") -> Quiet:
    return Quiet(HolderKind.MAINTENANCE, UUID(int=5), "patches", parse_alerts(matcher), times)


def holds(times: Times, instant: str) -> bool:
    return any(holder.holds(at(instant)) for holder in quiet(times).holders(at(instant)))


def test_a_single_stretch_holds_from_its_beginning_until_before_its_end() -> None:
    times = Once(at("2026-11-23T10:00"), at("2026-11-23T12:00"))
    assert [holds(times, f"2026-11-23T{clock}") for clock in ("09:59:59", "10:00", "11:59:59", "12:00")] == [
        False,
        True,
        True,
        False,
    ]


def test_a_cron_line_holds_for_its_time_on_the_wall_of_its_zone() -> None:
    times = Recurring("0 2 * * *", "Europe/Berlin", 2 * HOUR)
    assert holds(times, "2026-07-01T00:00")
    assert not holds(times, "2026-07-01T02:00")
    assert holds(times, "2026-12-01T01:00")
    assert not holds(times, "2026-12-01T00:30")


def test_stretches_that_overlap_hold_without_a_break() -> None:
    times = Recurring("0 * * * *", "UTC", timedelta(minutes=90))
    assert all(holds(times, f"2026-12-01T0{hour}:{minute:02}") for hour in range(4) for minute in range(0, 60, 7))


@pytest.mark.parametrize(
    ("night", "ends"),
    [("2026-10-25", "2026-10-25T05:00"), ("2026-03-29", "2026-03-29T04:00"), ("2026-06-01", "2026-06-01T04:00")],
)
def test_hours_of_the_week_end_on_the_wall_whatever_the_clocks_do(night: str, ends: str) -> None:
    times = Weekly(Hours("Europe/Berlin", (Span(EVERY_DAY, 22 * 60, 6 * 60),)))
    (current, *_) = upcoming(times, at(f"{night}T00:30"), 1)
    assert current[1] == at(ends)


def test_what_comes_is_told_in_order_the_one_that_holds_first() -> None:
    times = Recurring("0 2 * * *", "UTC", HOUR)
    days = [since.day for since, _ in upcoming(times, at("2026-12-01T02:30"), 3)]
    assert days == [1, 2, 3]
    assert upcoming(Once(at("2026-11-23T10:00"), at("2026-11-23T12:00")), at("2026-11-24T00:00"), 3) == []
    always = Weekly(Hours("UTC", (Span(EVERY_DAY, 0, 24 * 60),)))
    assert len(upcoming(always, at("2026-12-01T02:30"), 3)) == 1
    assert holds(always, "2031-01-01T00:00")


def test_it_concerns_what_its_matcher_finds() -> None:
    times = Once(at("2026-11-23T10:00"), at("2026-11-23T12:00"))
    assert quiet(times, "ns:prod tag:db label:team=data").concerns(FACTS)
    assert not quiet(times, "ns:prod -class:failed").concerns(FACTS)


ALERT = Alert(
    id=UUID(int=1),
    kind=AlertClass.FAILED,
    severity=Severity.WARNING,
    opened_at=at("2026-11-23T10:00"),
    clock_at=at("2026-11-23T10:00"),
)
RECOVERED = replace(ALERT, id=UUID(int=2), resolved_at=at("2026-11-23T10:30"))


def lets_go(rule: Expectation, child: Alert = ALERT) -> datetime | None:
    (holder,) = of_parent(Parent(UUID(int=9), "Database", [RECOVERED]), Child(child, rule, None))
    return holder.until


def test_a_parent_with_an_open_alert_holds_without_an_end() -> None:
    (holder,) = of_parent(Parent(UUID(int=9), "Database", [ALERT]), Child(ALERT, Expectation(), None))
    assert (holder.since, holder.until) == (at("2026-11-23T10:00"), None)


def test_it_lets_go_at_the_childs_next_deadline_or_after_a_day() -> None:
    daily = Expectation(schedules=(Cron("0 2 * * *"),), grace=HOUR)
    assert lets_go(daily) == at("2026-11-24T03:00")
    assert lets_go(Expectation(schedules=(Every(2 * HOUR),), grace=HOUR)) == at("2026-11-23T13:30")
    assert lets_go(Expectation(schedules=(Cron("0 2 1 * *"),))) == at("2026-11-24T10:30")
    assert lets_go(Expectation()) == at("2026-11-24T10:30")


def test_a_slot_whose_grace_is_not_over_at_the_recovery_is_the_next_deadline() -> None:
    assert lets_go(Expectation(schedules=(Cron("0 10 * * *"),), grace=HOUR)) == at("2026-11-23T11:00")


def test_it_lets_go_of_what_happened_after_its_recovery() -> None:
    assert lets_go(Expectation(), replace(ALERT, opened_at=at("2026-11-23T10:45"))) == at("2026-11-23T10:45")
    assert lets_go(Expectation(), replace(ALERT, failed_at=at("2026-11-23T11:00"))) == at("2026-11-23T11:00")
