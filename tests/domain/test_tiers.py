"""Tiers and quotas as rules: when one is near, reached, or overspent."""

from datetime import timedelta

import pytest

from crontopus.domain.errors import Invalid, QuotaReached
from crontopus.domain.tiers import Level, Quota, changed, kept_for, level, overspent, require_room


@pytest.mark.parametrize(
    ("used", "expected"),
    [(0, Level.FREE), (79, Level.FREE), (80, Level.NEAR), (99, Level.NEAR), (100, Level.REACHED), (101, Level.REACHED)],
)
def test_a_quota_is_near_from_eighty_percent_and_reached_at_all_of_it(used: int, expected: Level) -> None:
    assert level(used, 100) is expected
    assert level(used, None) is Level.FREE


def test_a_quota_of_nothing_is_reached_by_nothing() -> None:
    assert level(0, 0) is Level.REACHED


@pytest.mark.parametrize("used", [0, 79, 80, 99])
def test_there_is_room_for_one_more_below_the_quota(used: int) -> None:
    require_room(Quota.JOBS, used, 100)


@pytest.mark.parametrize("used", [100, 101, 1_000_000])
def test_at_the_quota_and_beyond_one_more_is_refused_with_numbers_and_whom_to_ask(used: int) -> None:
    with pytest.raises(QuotaReached, match=f"has {used:,} jobs, and its quota is 100: .* ask whoever runs"):
        require_room(Quota.JOBS, used, 100)


@pytest.mark.parametrize(
    ("pings", "output", "expected"),
    [
        (10, 100, None),
        (11, 100, Quota.PINGS),
        (10, 101, Quota.OUTPUT),
        (11, 101, Quota.PINGS),
    ],
)
def test_what_is_exactly_the_quota_is_kept_and_what_is_beyond_is_not(
    pings: int, output: int, expected: Quota | None
) -> None:
    assert overspent({Quota.PINGS: 10, Quota.OUTPUT: 100}, pings, output) is expected
    assert overspent({}, pings, output) is None


def test_runs_are_kept_for_the_shorter_of_both() -> None:
    month = timedelta(days=30)
    assert kept_for({Quota.RETENTION: 7}, month) == timedelta(days=7)
    assert kept_for({Quota.RETENTION: 90}, month) == month
    assert kept_for({}, month) == month


def test_null_is_no_limit_and_what_is_absent_stays() -> None:
    old = {Quota.JOBS: 10, Quota.TOKENS: 5}
    assert changed(old, {Quota.JOBS: None, Quota.MEMBERS: 0}) == {Quota.TOKENS: 5, Quota.MEMBERS: 0}


def test_every_quota_out_of_bounds_is_named() -> None:
    with pytest.raises(Invalid) as told:
        changed({}, {Quota.JOBS: -1, Quota.RETENTION: 0, Quota.TOKENS: 1, Quota.OUTPUT: 10**16})
    assert {fault.pointer for fault in told.value.faults} == {
        "/quotas/jobs",
        "/quotas/retention_days",
        "/quotas/output_bytes_per_day",
    }
