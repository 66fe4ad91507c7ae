"""Tables are readable at the width of the terminal, and nothing in them steers it."""

import pytest

from crontopus.cli.table import Cell, cells, laid_out, shortened, widths


def lines(*rows: tuple[str, ...], width: int | None = None) -> list[str]:
    return laid_out([[Cell(text) for text in row] for row in rows], width, colours=False)


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert lines(("JOB", "STATUS"), ("prod/backup", "up")) == ["JOB          STATUS", "prod/backup  up"]


def test_the_widest_column_gives_way_to_the_terminal() -> None:
    shown = lines(("prod/a-job-with-a-long-name", "every hour, on the hour", "up"), width=40)
    assert shown == ["prod/a-job-with-…  every hour, on t…  up"]


@pytest.mark.parametrize("width", range(20, 90))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert all(
        cells(line) <= width for line in lines(("a" * 70, "b" * 3, "ü" * 40), ("日本" * 20, "x", "y"), width=width)
    )


def test_a_terminal_too_narrow_for_anything_still_gets_every_column() -> None:
    assert widths([40, 40], 3) == [6, 6]


def test_wide_characters_take_two_cells_and_combining_ones_none() -> None:
    assert cells("日本") == 4
    assert cells("e\u0301") == 1
    assert shortened("日本語", 5) == "日本…"
    assert lines(("日本", "x"), ("ab", "y")) == ["日本  x", "ab    y"]


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\r", "\x00"])
def test_what_steers_a_terminal_is_shown_and_does_nothing(evil: str) -> None:
    (line,) = lines((f"name{evil}",))
    assert evil[0] not in line
    assert line.startswith(("name[U+", "name␛", "name␇", "name␍", "name␀"))


def test_a_name_of_several_lines_stays_on_one() -> None:
    assert lines(("a\nb\tc",)) == ["a b c"]


def test_colours_do_not_count_as_width() -> None:
    row = [Cell("up", "green"), Cell("x")]
    assert laid_out([row, [Cell("paused"), Cell("y")]], None, colours=True)[0] == "\x1b[32mup\x1b[0m      x"
