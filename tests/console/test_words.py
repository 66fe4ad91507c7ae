"""Times, durations and sizes as the console says them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crontopus.console import words

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 13, 32, 8, tzinfo=UTC)
READER = words.Reader(NOW, BERLIN)
AMERICAN = words.Reader(NOW, BERLIN, "en-US")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.0004, "1 ms"),
        (0.038, "38 ms"),
        (0.4, "0.4 s"),
        (4, "4 s"),
        (9.96, "10 s"),
        (59.6, "1 m"),
        (842, "14 m 02 s"),
        (1200, "20 m"),
        (3599.7, "1 h"),
        (39720, "11 h 02 m"),
        (86399, "1 d"),
        (126000, "1 d 11 h"),
        (-4, "−4 s"),
    ],
)
def test_a_duration_has_two_units_at_most_and_a_padded_second(seconds: float | None, said: str) -> None:
    assert words.duration(seconds).replace(words.SPACE, " ") == said


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(), "now"),
        (-timedelta(hours=12, minutes=18), "12 h ago"),
        (-timedelta(hours=36), "yesterday 02:32"),
        (-timedelta(days=4), "Thu 14:32"),
        (-timedelta(days=22), "1 Nov 14:32"),
        (-timedelta(days=400), "19 Oct 2025 15:32"),
        (timedelta(seconds=40), "in 40 s"),
        (timedelta(minutes=28, seconds=30), "in 28 m"),
        (timedelta(hours=4, minutes=7), "in 4 h 07 m"),
        (timedelta(minutes=59, seconds=55), "in 59 m"),
        (timedelta(hours=11, minutes=28), "tomorrow 02:00"),
        (timedelta(days=6), "Sun 14:32"),
        (timedelta(days=8), "1 Dec 14:32"),
    ],
)
def test_a_list_says_times_as_near_as_they_are(ahead: timedelta, said: str) -> None:
    assert words.when(NOW + ahead, READER).replace(words.SPACE, " ") == said


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(hours=-2), "at 12:32"),
        (timedelta(hours=-24), "yesterday at 14:32"),
        (timedelta(days=6), "on Sun at 14:32"),
        (timedelta(days=60), "on 22 Jan 2027 at 14:32"),
    ],
)
def test_a_sentence_says_the_clock_time(ahead: timedelta, said: str) -> None:
    assert words.at(NOW + ahead, READER).replace(words.SPACE, " ") == said


def test_a_span_names_the_day_of_its_end_only_where_it_is_another() -> None:
    since = NOW - timedelta(hours=20)
    assert words.span(since, since + timedelta(minutes=12), READER).replace(words.SPACE, " ") == (
        "yesterday 18:32 to 18:44"
    )
    assert words.span(since, NOW, READER).replace(words.SPACE, " ") == "yesterday 18:32 to 14:32"


def test_a_span_within_a_minute_has_seconds() -> None:
    assert words.span(NOW - timedelta(seconds=5), NOW, READER) == "14:32:03 to 14:32:08"
    assert words.span(NOW - timedelta(seconds=9), NOW, READER) == "14:31 to 14:32"


def test_an_instant_is_shown_in_both_zones() -> None:
    assert words.both_zones(NOW, BERLIN) == "2026-11-23 14:32:08 +01:00 Europe/Berlin · 2026-11-23 13:32:08 UTC"
    assert words.both_zones(NOW, ZoneInfo("UTC")) == "2026-11-23 13:32:08 +00:00 UTC"
    assert words.iso(NOW.astimezone(BERLIN)) == "2026-11-23T13:32:08.000Z"


def test_a_wall_clock_is_that_of_its_own_zone() -> None:
    assert words.wall("2027-03-28T03:00:00+02:00", "en").replace(words.SPACE, " ") == "Sun 28 Mar 03:00"
    assert words.wall("2027-03-28T03:00:00Z", "en").replace(words.SPACE, " ") == "Sun 28 Mar 03:00"


def test_americans_read_the_month_first_and_a_clock_of_twelve_hours() -> None:
    midnight, noon = NOW.replace(hour=23, minute=0), NOW.replace(hour=11, minute=5)
    said = [
        words.clock(NOW, AMERICAN),
        words.clock(midnight, AMERICAN),
        words.clock(noon, AMERICAN, seconds=True),
        words.at(NOW + timedelta(days=6), AMERICAN),
        words.at(NOW + timedelta(days=60), AMERICAN),
        words.day(NOW + timedelta(days=60), AMERICAN),
        words.dated(NOW, AMERICAN),
        words.span(NOW - timedelta(hours=20), NOW - timedelta(hours=19), AMERICAN),
        words.wall("2027-03-28T15:00:00+02:00", "en-US"),
    ]
    assert [each.replace(words.SPACE, " ") for each in said] == [
        "2:32 PM",
        "tomorrow 12:00 AM",
        "12:05:08 PM",
        "on Sun at 2:32 PM",
        "on Jan 22, 2027 at 2:32 PM",
        "Jan 22, 2027",
        "Mon Nov 23 2:32 PM",
        "yesterday 6:32 PM to 7:32 PM",
        "Sun Mar 28 3:00 PM",
    ]


@pytest.mark.parametrize(("size", "said"), [(0, "0 B"), (999, "999 B"), (16_000, "16 kB"), (3_240_000, "3.2 MB")])
def test_sizes_are_decimal(size: int, said: str) -> None:
    assert words.size(size).replace(words.SPACE, " ") == said


def test_numbers_have_commas_and_counts_have_plurals() -> None:
    assert words.number(318204551) == "318,204,551"
    assert words.number(2470.55) == "2,470.6"
    assert (words.count(1, "job"), words.count(2, "miss", "misses")) == ("1 job", "2 misses")


@pytest.mark.parametrize(
    ("user_agent", "said"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36", "Chrome 141 on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/141.0 Safari/537.36 Edg/141.0.1",
            "Edge 141 on Windows",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) Version/18.1 Safari/605.1.15", "Safari 18 on macOS"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox 140 on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_program_is_called_by_its_name(user_agent: str | None, said: str) -> None:
    assert words.program(user_agent) == said
