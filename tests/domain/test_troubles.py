"""What whoever runs Crontopus is told of its own troubles, and how often."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from crontopus.domain import troubles
from crontopus.domain.troubles import Known, News, Place, Trouble

PROCESS, DATABASE, SWEEP, ALERTS, OUTBOX = Trouble
WELL = dict.fromkeys(Trouble, 0.0)
PLACE = Place("cron.example.org", "https://cron.example.org", "host-1")
NOW = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("late", "found"),
    [
        ({}, {}),
        ({SWEEP: 59.9}, {}),
        ({SWEEP: 60, OUTBOX: 75}, {SWEEP: 60, OUTBOX: 75}),
        ({DATABASE: 61, SWEEP: 61, ALERTS: 61, OUTBOX: 61}, {DATABASE: 61}),
        (dict.fromkeys(Trouble, 70), {PROCESS: 70}),
    ],
)
def test_the_gravest_trouble_explains_the_others(late: dict[Trouble, float], found: dict[Trouble, float]) -> None:
    assert troubles.found({**WELL, **late}) == found


def told(*looks: tuple[float, tuple[Trouble, ...]]) -> list[tuple[float, str]]:
    """At looks at these seconds, which found these troubles: when who is told of which, and of the end."""
    known, said = Known(), []
    for ticks, found in looks:
        known, news = troubles.judged(known, dict.fromkeys(found, 60.0), ticks)
        said += [(ticks, " ".join(news.troubles))] if news.troubles else []
        said += [(ticks, f"well: {' '.join(each for each in Trouble if each in news.over)}")] if news.over else []
    return said


def test_a_trouble_is_told_when_it_is_found_twice_and_its_end_once() -> None:
    looks = [(0, ()), (10, (SWEEP,)), (20, (SWEEP,)), (30, (SWEEP,)), (40, ()), (50, ())]
    assert told(*looks) == [(20, "sweep"), (40, "well: sweep")]


def test_what_the_next_look_does_not_find_is_told_to_nobody() -> None:
    assert told((0, (PROCESS,)), (10, (SWEEP,)), (20, ()), (30, (SWEEP,)), (40, ())) == []


def test_the_same_trouble_is_told_once_an_hour_at_most_and_so_is_its_end() -> None:
    looks = [(10 * n, (OUTBOX,) if n % 4 < 2 else ()) for n in range(1, 800)]
    said = told(*looks)
    begun = [at for at, what in said if what == "outbox"]
    assert [later - at >= 3600 for at, later in pairwise(begun)] == [True, True]
    assert [what for _, what in said] == ["outbox", "well: outbox"] * 3


def test_a_trouble_that_stays_is_not_told_again() -> None:
    assert told(*((10 * n, (ALERTS,)) for n in range(1000))) == [(10, "alerts")]


def test_another_trouble_is_told_with_those_that_stand_and_all_end_together() -> None:
    both = (SWEEP, OUTBOX)
    looks = [(0, (SWEEP,)), (10, (SWEEP,)), (20, both), (30, both), (40, (OUTBOX,)), (50, (DATABASE,)), (60, ())]
    assert told(*looks) == [(10, "sweep"), (30, "sweep outbox"), (60, "well: sweep outbox")]


def test_a_letter_says_what_is_the_matter_and_where() -> None:
    news = News(troubles={SWEEP: 74.6, OUTBOX: 3700})
    assert troubles.subject(news, PLACE) == "Crontopus itself is in trouble: cron.example.org"
    said = troubles.text(news, PLACE, NOW)
    assert "https://cron.example.org does not do its work in time, as its process on host-1 saw at 2027-01-04" in said
    assert "- Silence is judged late, by 1 min 15 s or more" in said
    assert "- Messages about alerts go out late, by 1 h 1 min or more" in said


def test_a_subject_is_short_however_long_a_name_is() -> None:
    assert len(troubles.subject(News(over=frozenset({SWEEP})), Place("x" * 200, "", ""))) == 78
