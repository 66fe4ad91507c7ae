"""What opens, is acknowledged, put off and ends: each change of an alert."""

from crontopus.domain import alerts
from crontopus.domain.alerts import Ending
from tests.domain.routed import alert, minute


def test_what_comes_back_within_five_minutes_is_the_same_alert() -> None:
    over = alerts.resolved(alert(), minute(10), Ending.RECOVERED)
    assert (over.is_over, over.ending) == (True, Ending.RECOVERED)
    assert over.reopens(minute(14.9))
    assert not over.reopens(minute(15))
    assert alert().reopens(minute(100)), "one that is open is still the same"


def test_reopening_counts_and_starts_the_clock_and_takes_an_acknowledgement_back() -> None:
    over = alerts.resolved(alerts.acknowledged(alert(), minute(5)), minute(10), Ending.RECOVERED)
    again = alerts.reopened(over, minute(12), minute(13))
    assert (again.id, again.opening, again.opened_at, again.clock_at) == (over.id, 2, minute(12), minute(13))
    assert not again.is_over
    assert not again.is_acknowledged(minute(13))


def test_a_snooze_stays_when_the_alert_is_reopened() -> None:
    over = alerts.resolved(alerts.snoozed(alert(), minute(60), minute(5)), minute(10), Ending.RECOVERED)
    again = alerts.reopened(over, minute(12), minute(12))
    assert again.is_acknowledged(minute(59))
    assert not again.is_acknowledged(minute(60))
    assert not alerts.reopened(over, minute(12), minute(61)).is_acknowledged(minute(61))


def test_an_acknowledgement_replaces_a_snooze_and_can_be_taken_back() -> None:
    known = alerts.acknowledged(alerts.snoozed(alert(), minute(60), minute(5)), minute(6))
    assert known.is_acknowledged(minute(1000))
    back = alerts.unacknowledged(known, minute(7))
    assert (back.is_acknowledged(minute(7)), back.clock_at) == (False, minute(7))
