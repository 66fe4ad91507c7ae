"""Buckets: bounded, and not to be had anew by making the server forget."""

from crontopus.engine.limits import Buckets


def test_no_more_are_kept_than_was_said_however_many_come() -> None:
    buckets = Buckets(most_kept=100)
    for number in range(10_000):
        buckets.take("address", number, now=0.0, most=10)
        assert len(buckets) <= 100


def test_those_that_are_full_are_forgotten_first_and_nothing_is_lost_by_it() -> None:
    buckets = Buckets(most_kept=100)
    for number in range(90):
        buckets.take("address", f"idle {number}", now=0.0, most=60)
    for _ in range(60):
        buckets.take("address", "busy", now=30.0, most=60)
    for number in range(100):
        buckets.take("address", f"new {number}", now=30.0, most=60)
    assert buckets.take("address", "busy", now=30.0, most=60).wait_seconds == 1


def test_whoever_has_used_up_their_own_cannot_have_it_anew_by_coming_from_many_addresses() -> None:
    buckets = Buckets(most_kept=100)
    for _ in range(10):
        buckets.take("address", "greedy", now=0.0, most=10)
    for number in range(10_000):
        buckets.take("address", number, now=0.0, most=10)
    assert buckets.take("address", "greedy", now=0.0, most=10).wait_seconds > 0
