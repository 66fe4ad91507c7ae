"""Run strips and terminal output: what a run looks like, and what a terminal's colours become."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontopus.console.ansi import last_lines, lines
from crontopus.console.strip import LENGTH, strip
from crontopus.domain.watch import Mark, RunState
from tests.console.samples import run


def test_a_strip_draws_the_newest_at_the_right_and_counts_in_words() -> None:
    drawn = strip([run(state=RunState.FAILED), run(marks=[Mark.LATE]), run()])
    assert drawn.label == "Last 3 runs, oldest first: 2 succeeded, 1 failed, 1 late. The newest: failed."
    paths = dict(drawn.paths)
    assert paths["r-bad"].startswith("M233 ")
    assert paths["r-ok"].count("M") == 2
    assert paths["r-none"].count("M") == LENGTH - 3


def test_a_strip_holds_thirty_runs_and_says_when_there_are_none() -> None:
    assert strip([run()] * 99).label.startswith("Last 30 runs")
    assert strip([]).empty
    assert strip([]).label == "No runs yet."


@pytest.mark.parametrize("state", list(RunState))
def test_every_state_has_a_shape(state: RunState) -> None:
    shapes = [kind for kind, _ in strip([run(state=state)]).paths if kind != "r-none"]
    assert shapes


def test_a_longer_run_is_a_higher_bar() -> None:
    short, long = run(duration=10.0), run(duration=100.0)
    bars = dict(strip([long, short]).paths)["r-ok"].split("M")[1:]
    heights = [float(bar.split("v-")[1].split("q")[0]) for bar in bars]
    assert heights[0] < heights[1]


def test_colours_become_classes_and_hold_over_lines() -> None:
    first, second = lines("\x1b[1mbold\x1b[0m and \x1b[31mred\nstill\x1b[39m not")
    assert [(piece.text, piece.style) for piece in first.pieces] == [("bold", "ab"), (" and ", ""), ("red", "a1")]
    assert [(piece.text, piece.style) for piece in second.pieces] == [("still", "a1"), (" not", "")]


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("\x1b]0;title\x07text", "text"),
        ("\x1b[2K\x1b[1Gtext", "text"),
        ("\x1b[38;5;196mtext\x1b[48;2;1;2;3m!", "text!"),
        ("10 %\r50 %\r100 %", "100 %"),
        ("text\r", "text"),
        ("a\x00b\x08c\x07", "abc"),
        ("\x1b[" + "9" * 5000 + "mtext", "text"),
    ],
)
def test_what_only_a_terminal_obeys_is_dropped(printed: str, shown: str) -> None:
    assert [line.text for line in lines(printed)] == [shown]


def test_lines_are_numbered_from_the_front_or_from_the_end() -> None:
    assert [line.number for line in lines("a\nb\n")] == [1, 2]
    assert [line.number for line in last_lines("a\nb\n")] == [-2, -1]
    assert lines("") == last_lines("") == []


@given(st.text())
def test_no_output_can_break_the_page(printed: str) -> None:
    for line in lines(printed):
        assert not any(ord(letter) < 32 and letter != "\t" for letter in line.text)
