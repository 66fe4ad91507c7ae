"""Durations without a bound of their own: the borders that have one ask `domain.duration` for it."""

from datetime import timedelta

from crontopus.domain import duration

_MOST = timedelta(days=10_000)


def read(written: float | str) -> timedelta:
    """Raises Invalid for what is no duration, below zero or above 10,000 days."""
    return duration.parse(written, most=_MOST)
