"""Durations as people write and read them."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontopus.domain import duration
from crontopus.domain.errors import Fault, Invalid


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (90, timedelta(seconds=90)),
        (0.25, timedelta(milliseconds=250)),
        ("90", timedelta(seconds=90)),
        (" 1.5 ", timedelta(seconds=1.5)),
        ("1h30m", timedelta(minutes=90)),
        ("1 h 30 min", timedelta(minutes=90)),
        ("1 Hour, 30 Minutes", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        ("250ms", timedelta(milliseconds=250)),
    ],
)
def test_what_a_person_writes_is_understood(written: float | str, meant: timedelta) -> None:
    assert duration.parse(written) == meant


@pytest.mark.parametrize(
    "written",
    ["", " ", "soon", "1h 30", "h", "-5", "1e9", "0x10", "1h-30m", "１h", "1\0h", "1" * 99, float("nan"), float("inf")],
)
def test_what_is_no_duration_is_refused_with_examples(written: float | str) -> None:
    with pytest.raises(Invalid, match="Write a duration as seconds, or as") as refused:
        duration.parse(written, pointer="/grace")
    assert refused.value.faults == (Fault("/grace", str(refused.value)),)


@pytest.mark.parametrize("written", [0.5, "30d1s", "400d", -1, 1e300])
def test_a_duration_out_of_bounds_is_refused_with_its_bounds(written: float | str) -> None:
    with pytest.raises(Invalid, match=r"^Choose a duration from 1 s to 30 d\.$"):
        duration.parse(written, least=timedelta(seconds=1), most=timedelta(days=30))


@given(st.text(max_size=200) | st.floats() | st.integers())
def test_any_input_is_a_duration_within_bounds_or_refused(written: float | str) -> None:
    with suppress(Invalid):
        assert timedelta(0) <= duration.parse(written) <= duration.MOST


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(microseconds=5), "0 s"),
        (timedelta(milliseconds=250), "250 ms"),
        (timedelta(seconds=1.5), "1.5 s"),
        (timedelta(seconds=90), "1 min 30 s"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(days=1, minutes=5), "1 d 5 min"),
        (timedelta(days=2, hours=3, minutes=4, seconds=5), "2 d 3 h"),
        (timedelta(days=400), "400 d"),
        (timedelta(hours=-3), "−3 h"),
    ],
)
def test_a_duration_is_shown_in_its_two_greatest_units(length: timedelta, text: str) -> None:
    assert duration.brief(length) == text


@given(st.integers(0, 400 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)))
def test_what_is_shown_is_understood_again_but_for_what_was_cut_off(length: timedelta) -> None:
    assert timedelta(0) <= length - duration.parse(duration.brief(length)) < timedelta(hours=1)
