"""Hours of a route: weekdays on a wall, nights, and the change of the clocks."""

from datetime import datetime, timedelta

import pytest

from crontopus.domain.routing import Hours, Span

WEEKDAYS, ALL = frozenset(range(5)), frozenset(range(7))
WORK = Hours("Europe/Berlin", (Span(WEEKDAYS, 9 * 60, 17 * 60),))
NIGHT = Hours("Europe/Berlin", (Span(ALL, 22 * 60, 6 * 60),))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}+00:00")


def test_a_period_begins_and_ends_on_the_wall_of_its_zone() -> None:
    monday = (at("11-23T08:00"), at("11-23T16:00"))
    assert WORK.period(at("11-23T08:00")) == monday
    assert WORK.period(at("11-23T15:59")) == monday
    assert WORK.period(at("11-23T16:00")) is None
    assert WORK.period(at("11-22T12:00")) is None, "on a Sunday"
    assert WORK.opens_after(at("11-20T16:00")) == at("11-23T08:00"), "after the weekend"


def test_a_night_goes_on_after_midnight() -> None:
    assert NIGHT.period(at("11-24T02:00")) == (at("11-23T21:00"), at("11-24T05:00"))
    assert NIGHT.period(at("11-24T12:00")) is None


def test_spans_that_touch_are_one() -> None:
    both = Hours("UTC", (Span(ALL, 9 * 60, 17 * 60), Span(ALL, 17 * 60, 20 * 60)))
    assert both.period(at("11-23T17:00")) == (at("11-23T09:00"), at("11-23T20:00"))


def test_what_never_closes_has_always_been_open() -> None:
    always = Hours("Europe/Berlin", (Span(ALL, 0, 24 * 60),))
    since, until = always.period(at("11-23T17:00")) or (None, None)
    assert since is not None
    assert since.year == 1
    assert until is not None
    assert until.year == 9999


def test_hours_without_days_never_open() -> None:
    never = Hours("UTC", (Span(frozenset(), 0, 60),))
    assert never.period(at("11-23T00:30")) is None
    assert never.opens_after(at("11-23T00:30")) is None


@pytest.mark.parametrize(("sunday", "hours"), [("03-29T12:00", 23), ("10-25T12:00", 25), ("11-22T12:00", 24)])
def test_a_day_is_as_long_as_the_clocks_make_it(sunday: str, hours: int) -> None:
    since, until = Hours("Europe/Berlin", (Span(frozenset({6}), 0, 24 * 60),)).period(at(sunday)) or (None, None)
    assert since is not None
    assert until is not None
    assert until - since == timedelta(hours=hours)


def test_a_time_that_the_clocks_skip_or_repeat_is_found() -> None:
    skipped = Hours("Europe/Berlin", (Span(ALL, 2 * 60 + 30, 4 * 60),))
    assert skipped.period(at("03-29T01:45")) == (at("03-29T01:30"), at("03-29T02:00"))
    repeated = Hours("Europe/Berlin", (Span(ALL, 2 * 60 + 30, 4 * 60),))
    assert repeated.period(at("10-25T00:45")) == (at("10-25T00:30"), at("10-25T03:00"))
