"""Instants and durations, for people and for programs."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from crontopus.cli.words import Words, duration, roughly
from crontopus.domain.duration import parse

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
PERSON = Words(NOW, local=True)
PROGRAM = Words(NOW, local=False)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_a_person_reads_the_clock_on_the_wall_and_its_zone() -> None:
    assert PERSON.instant(NOW) == "2026-07-01 14:00:00 CEST"
    assert PERSON.instant(NOW.replace(month=1)) == "2026-01-01 13:00:00 CET"


def test_a_program_reads_utc_with_milliseconds() -> None:
    assert PROGRAM.instant(NOW) == "2026-07-01T12:00:00.000Z"
    assert PROGRAM.about(NOW) == PROGRAM.instant(NOW)


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (timedelta(minutes=5, seconds=59), "in 5 min"),
        (timedelta(hours=-3), "3 h ago"),
        (timedelta(days=-2, hours=-23), "2 d ago"),
        (timedelta(0), "0 s ago"),
    ],
)
def test_a_person_reads_how_far_away(away: timedelta, said: str) -> None:
    assert PERSON.about(NOW + away) == said


def test_never_is_a_dash() -> None:
    assert PERSON.about(None) == PROGRAM.instant(None) == duration(None) == "–"


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 3600, 5400, 86_400, 90_061, 0.25, 9.5])
def test_a_duration_is_written_as_options_take_it(seconds: float) -> None:
    assert parse(duration(seconds)).total_seconds() == seconds


def test_roughly_is_the_largest_unit() -> None:
    assert [roughly(s) for s in (0.2, 61, 7200, 200_000)] == ["0 s", "1 min", "2 h", "2 d"]
