"""Text laid out in columns: a terminal's cells counted, nothing wider than the terminal, nothing that steers it."""

from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import category, combining, east_asian_width

import click

from crontopus.domain.text import on_one_line

GAP = "  "
NARROWEST = 6


class Cell(NamedTuple):
    """`colour` is one of click's names, "" for none."""

    text: str
    colour: str = ""


def cells(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if combining(character) or category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def shortened(text: str, width: int) -> str:
    """`text` in at most `width` columns, with `…` where something was left out."""
    if cells(text) <= width:
        return text
    kept, used = [], 0
    for character in text:
        used += _cells(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"


def widths(wanted: Sequence[int], width: int | None) -> list[int]:
    """The columns' widths: as `wanted` where there is room, else the widest give way, none below `NARROWEST`."""
    given = list(wanted)
    room = None if width is None else width - len(GAP) * (len(given) - 1)
    while room is not None and sum(given) > room and max(given) > NARROWEST:
        given[given.index(max(given))] -= 1
    return given


def laid_out(rows: Sequence[Sequence[Cell]], width: int | None, colours: bool) -> list[str]:
    """One line a row, aligned; the last column is not padded. `width` None: as wide as it gets."""
    rows = [[Cell(on_one_line(text), colour) for text, colour in row] for row in rows]
    given = widths([max(cells(cell.text) for cell in column) for column in zip(*rows, strict=True)], width)
    return [_line(row, given, colours) for row in rows]


def _line(row: Sequence[Cell], given: Sequence[int], colours: bool) -> str:
    return GAP.join(_padded(cell, width, colours) for cell, width in zip(row, given, strict=True)).rstrip()


def _padded(cell: Cell, width: int, colours: bool) -> str:
    text = shortened(cell.text, width)
    return _painted(text, cell.colour if colours else "") + " " * (width - cells(text))


def _painted(text: str, colour: str) -> str:
    if not colour:
        return text
    return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)
