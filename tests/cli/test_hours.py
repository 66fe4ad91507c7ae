"""Hours of the week as they are typed, and as they are shown."""

from typing import Any

import click
import pytest
from msgspec import convert

from crontopus.cli.hours import HOURS, in_words
from crontopus.wire.alerts import RouteHours

WORKDAYS = [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("typed", "days", "since", "until"),
    [
        ("mon-fri 08:00-18:00", WORKDAYS, "08:00", "18:00"),
        ("Mon-Fri 8:00-18:00", WORKDAYS, "08:00", "18:00"),
        ("sat,sun 22:00-06:00", [5, 6], "22:00", "06:00"),
        ("sat, sun 22:00-06:00", [5, 6], "22:00", "06:00"),
        ("fri-mon 00:00-24:00", [0, 4, 5, 6], "00:00", "24:00"),
        ("monday,wed-thursday 09:00-12:00", [0, 2, 3], "09:00", "12:00"),
        ("tue 09:00-12:00", [1], "09:00", "12:00"),
        ("22:00-06:00", list(range(7)), "22:00", "06:00"),
    ],
)
def test_hours_are_read(typed: str, days: list[int], since: str, until: str) -> None:
    assert HOURS.convert(typed, None, None) == {"days": days, "from": since, "to": until}


@pytest.mark.parametrize(
    "typed",
    ["", "mon-fri", "mo 08:00-18:00", "mon-xyz 08:00-18:00", "mon, 08:00-18:00", "mon 8-18", "08:00", "- 8:00-9:00"],
)
def test_what_are_no_hours_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="is not of the form 'mon-fri 08:00-18:00'"):
        HOURS.convert(typed, None, None)


@pytest.mark.parametrize(
    ("several", "shown"),
    [
        (["mon-fri 08:00-18:00"], "mon-fri 08:00-18:00 UTC"),
        (["sun,sat 22:00-06:00"], "sat,sun 22:00-06:00 UTC"),
        (["mon-wed,fri 08:00-12:00", "9:00-10:00"], "mon-wed,fri 08:00-12:00, 09:00-10:00 UTC"),
        (["fri-mon 08:00-12:00"], "mon,fri-sun 08:00-12:00 UTC"),
    ],
)
def test_hours_are_shown_as_they_can_be_typed_again(several: list[str], shown: str) -> None:
    read: list[dict[str, Any]] = [HOURS.convert(one, None, None) for one in several]
    assert in_words(convert({"timezone": "UTC", "open": read}, RouteHours)) == shown
