"""What a parcel says: nothing is lost that has room, nothing is longer than it may be, and no character is torn."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crontopus.notify import discord, googlechat, markup, matrix, rocketchat, telegram, words
from crontopus.notify.contract import Fact, Link, Parcel
from crontopus.notify.markup import Markup
from tests.notify import notices
from tests.notify.fakes import markdown

MARKUPS = [
    markup.PLAIN,
    markup.CODE,
    discord._MARKUP,
    telegram._MARKUP,
    matrix._MARKUP,
    googlechat._MARKUP,
    rocketchat._MARKUP,
]


@given(said=some.text(), way=some.sampled_from(MARKUPS), most=some.integers(500, 5000), count=some.integers(1, 40))
def test_nothing_that_is_written_is_longer(said: str, way: Markup, most: int, count: int) -> None:
    parcel = notices.parcel(*notices.hostile(said).notices * count)
    assert way.measure(markup.written(parcel, way, most)) <= most
    assert way.measure(markup.body(parcel, way, most)) <= most


def test_all_of_it_is_said_in_order() -> None:
    assert markup.plain(notices.single()).split("\n") == [
        "DOWN: nightly backup 1",
        "It ended with exit status 1.",
        "where: acme / default / nightly-backup-1 on db-3",
        "severity: critical",
        "exit status: 1, expected 0",
        "",
        "pg_dump: error: connection refused",
        "giving up",
        "",
        f"Open the run: {notices.RUN}",
        f"Snooze for 1 hour: {notices.SNOOZE}",
    ]


def test_output_is_given_up_before_anything_else_and_from_its_beginning() -> None:
    found = markup.plain(notices.talkative(), 600)
    assert "exit status: 1, expected 0" in found
    assert "earlier lines left out\nline 4" in found
    assert "line 4999 <&>" in found
    assert found.endswith(notices.SNOOZE)


def test_facts_are_given_up_before_links() -> None:
    facts = tuple(Fact(f"fact {number}", "x" * 30) for number in range(100))
    found = markup.plain(notices.single(facts=facts, output=()), 600)
    assert "fact 0" in found
    assert "more\nOpen the run:" in found


def test_a_long_title_leaves_room_for_the_rest() -> None:
    found = markup.plain(notices.single(title="x" * 100_000), 800)
    assert found.startswith("DOWN: xxx")
    assert "exit status: 1, expected 0" in found


@pytest.mark.parametrize(("parcel", "said"), [(notices.group(), "3 alerts: 3 DOWN"), (notices.single(), "DOWN: ")])
def test_the_head_counts_a_group(parcel: Parcel, said: str) -> None:
    assert words.title(parcel).startswith(said)


def test_a_group_says_why_of_each_and_a_summary_names_each() -> None:
    assert markup.plain(notices.group()).count("It ended with exit status 1.") == 3
    assert markup.plain(notices.summary()).split("\n") == [
        "30 alerts: 30 DOWN",
        *(f"DOWN: nightly backup {number}" for number in range(1, 31)),
    ]


def test_a_summary_that_is_too_long_says_how_many_are_missing() -> None:
    found = markup.plain(notices.summary(500), 500)
    assert found.startswith("500 alerts: 500 DOWN\nDOWN: nightly backup 1\n")
    shown = found.count("DOWN: ")
    assert found.endswith(f"… and {500 - shown} more")


def test_a_link_that_is_none_is_left_out() -> None:
    said = markup.plain(notices.single(links=(Link("x", "javascript:alert(1)"),)))
    assert "javascript" not in said


@given(some.text(alphabet="`a ", min_size=1))
def test_nothing_ends_the_code_in_a_line(said: str) -> None:
    seen = markdown.read(markup.CODE.strong(said))
    assert (seen.text.strip(), seen.acting) == (said.strip(), ())


@given(some.text(alphabet="`~a \n"))
def test_nothing_ends_the_code_in_a_block(said: str) -> None:
    seen = markdown.read(markup.CODE.block(said))
    assert (seen.text, seen.acting) == (said, ())


def test_what_others_wrote_steers_nothing_and_takes_no_more_room_than_there_is() -> None:
    for most in (100, 1000, 20_000):
        plain = markup.plain(notices.parcel(notices.overgrown()), most)
        assert len(plain) <= most
        assert not set(plain) & set("\x1b\u202e\u0000\u200b")
