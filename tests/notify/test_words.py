"""Messages in words: what they say, and how they are cut."""

import html
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from crontopus.domain.alerts import Severity
from crontopus.domain.routing import Kind
from crontopus.notify import words
from crontopus.notify.contract import Fact, Link
from crontopus.notify.words import Tone
from tests.notify import notices
from tests.notify.notices import notice


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("a b c", 3, "a…"),
        ("ae\u0301x", 3, "a…"),
        ("a👩\u200d💻b", 4, "a…"),
        ("a👩\u200d💻b", 3, "a…"),
        ("a❤\ufe0fb", 3, "a…"),
        ("ab", 1, "…"),
        ("\u0301" * 100, 50, "\u0301" * 49 + "…"),
        ("xy", 0, ""),
        ("ab", 0, ""),
    ],
)
def test_a_text_is_cut_between_what_is_seen_as_characters(text: str, most: int, cut: str) -> None:
    assert words.cut(text, most) == cut


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [
        ("a&b", 7, "a&amp;b"),
        ("a&b", 6, "a…"),
        ("a&bcd", 7, "a&amp;…"),
        ("a&bcd", 8, "a&amp;b…"),
        ("xxx&", 5, "xxx…"),
        ("xx&&", 8, "xx&amp;…"),
        ("<<<<", 4, "…"),
        ("<<<<", 5, "&lt;…"),
    ],
)
def test_a_text_is_never_cut_within_an_escape(text: str, most: int, cut: str) -> None:
    assert words.cut_escaped(text, most, html.escape) == cut


def test_of_output_the_last_lines_stay_and_the_missing_ones_are_counted() -> None:
    lines = [f"line {number}" for number in range(100)]
    tail = words.tail(lines, 61)
    assert tail == "… 96 earlier lines left out\nline 96\nline 97\nline 98\nline 99"
    assert words.tail(lines[:2], 60) == "line 0\nline 1"
    assert words.tail([], 60) == ""


@pytest.mark.parametrize("most", [5, 30, 100])
def test_a_last_line_that_is_too_long_by_itself_is_cut(most: int) -> None:
    for lines in (["x" * 1000], ["a", "b", "x" * 1000]):
        tail = words.tail(lines, most)
        assert len(tail) <= most
        assert tail.endswith("…")


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        (Kind.OPEN, {}, "DOWN: nightly backup 1"),
        (Kind.REMINDER, {}, "STILL DOWN: nightly backup 1"),
        (Kind.FAILURE, {}, "FAILED AGAIN: nightly backup 1"),
        (Kind.UPDATE, {}, "CHANGED: nightly backup 1"),
        (Kind.ACKNOWLEDGE, {}, "ACKNOWLEDGED: nightly backup 1"),
        (Kind.RESOLVE, {}, "RECOVERED: nightly backup 1"),
        (Kind.OPEN, {"ended": True}, "WAS DOWN: nightly backup 1"),
    ],
)
def test_a_heading_begins_with_the_state(kind: Kind, fields: dict[str, Any], said: str) -> None:
    assert words.heading(notice(kind, **fields)) == said


def test_facts_are_each_on_one_line() -> None:
    assert words.facts(notice(facts=(Fact("a\nb", "c\td"),))) == [("a b", "c d")]
    assert words.since(notice()) == ("since", "2027-01-04 07:55 UTC")


def test_links_that_lead_nowhere_are_left_out() -> None:
    given = ("javascript:alert(1)", "https://a.test/" + "x" * 3000, "//a.test", "https://a.test/")
    assert words.links(notice(links=tuple(Link("x", url) for url in given))) == [Link("x", "https://a.test/")]


def test_pairs_are_kept_as_long_as_there_is_room() -> None:
    pairs = [("a", "12345678"), ("a", "again"), ("", "nameless"), ("b", "x" * 50), ("c", "y")]
    assert words.clipped(pairs, 20, 10) == {"a": "12345678", "b": "x" * 9 + "…"}


def test_what_is_counted_is_what_the_channel_counts() -> None:
    assert words.cut("😀😀😀", 5, words.utf16) == "😀😀…"
    assert words.cut("ééé", 5, words.utf8) == "é…"
    assert (words.utf16("😀é"), words.utf8("😀é")) == (3, 6)


@given(some.text(), some.integers(3, 60), some.sampled_from([len, words.utf16, words.utf8]))
def test_nothing_that_is_cut_is_longer(said: str, most: int, measure: Callable[[str], int]) -> None:
    found = words.cut(said, most, measure)
    assert measure(found) <= most
    assert found == said or said.startswith(found.removesuffix("…"))


def test_the_head_counts_each_state() -> None:
    mixed = notices.parcel(*notices.group(2).notices, notices.notice(Kind.RESOLVE))
    assert words.title(mixed) == "3 alerts: 2 DOWN, 1 RECOVERED"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        (notices.SNOOZE, notices.SNOOZE),
        ("https://[::1]:8000/a_b?c=%20#d", "https://[::1]:8000/a_b?c=%20#d"),
        ("https://x/a)b](c", "https://x/a%29b%5D%28c"),
        ("https://x/<b>\"'*`|\\ é", "https://x/%3Cb%3E%22%27%2A%60%7C%5C%20%C3%A9"),
        ("https://x/\r\n\u202e", "https://x/%0D%0A%E2%80%AE"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//x/y", ""),
        ("", ""),
        (f"https://x/{'y' * 2000}", ""),
    ],
)
def test_a_link_leads_where_it_should_or_is_none(url: str, safe: str) -> None:
    assert words.harmless(url) == safe


@pytest.mark.parametrize(
    ("changes", "tone"),
    [
        ({}, Tone.BAD),
        ({"severity": Severity.WARNING}, Tone.WARNING),
        ({"severity": Severity.INFO}, Tone.INFO),
        ({"kind": Kind.ACKNOWLEDGE}, Tone.QUIET),
        ({"kind": Kind.RESOLVE}, Tone.GOOD),
        ({"ended": True}, Tone.GOOD),
    ],
)
def test_the_tone_is_that_of_the_worst(changes: dict[str, Any], tone: Tone) -> None:
    told = replace(notices.notice(), **changes)
    over = notices.notice(Kind.RESOLVE, number=2)
    assert words.tone(notices.parcel(told)) is tone
    assert words.tone(notices.parcel(over, told)) is tone
    assert words.is_quiet(notices.parcel(over, told)) is (tone in (Tone.GOOD, Tone.QUIET))
