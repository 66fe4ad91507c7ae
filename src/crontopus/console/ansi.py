"""Terminal output as pieces of text with classes: colours are kept, all else a terminal would obey is dropped."""

import re

from msgspec import Struct

_SEQUENCE = re.compile(r"\x1b(?:\[([0-9;?<=>!]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_=>78])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Piece(Struct, frozen=True):
    """`style`: classes `a1` to `a8` (colour) and `ab` (bold), or nothing."""

    text: str
    style: str


class Line(Struct, frozen=True):
    """`number` counts from 1 at the head of the output, and backwards from -1 at the end of what was cut off."""

    number: int
    pieces: list[Piece]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


def lines(text: str, first: int = 1) -> list[Line]:
    """`text` by line, numbered from `first`. A colour holds until it is changed, as on a terminal."""
    colour, bold = 0, False
    found: list[Line] = []
    for number, raw in enumerate(_rows(text), first):
        pieces, colour, bold = _pieces(raw, colour, bold)
        found.append(Line(number, pieces))
    return found


def last_lines(text: str) -> list[Line]:
    """As `lines`, numbered from the end: the last one is -1."""
    return lines(text, -len(_rows(text)))


def _rows(text: str) -> list[str]:
    """A progress bar's carriage returns leave what the terminal would show in the end."""
    rows = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
    return [row.rstrip("\r").rpartition("\r")[2] for row in rows]


def _pieces(row: str, colour: int, bold: bool) -> tuple[list[Piece], int, bool]:
    pieces: list[Piece] = []
    at = 0
    for match in _SEQUENCE.finditer(row):
        _keep(pieces, row[at : match.start()], colour, bold)
        at = match.end()
        if match[2] == "m":
            colour, bold = _styled(match[1], colour, bold)
    _keep(pieces, row[at:], colour, bold)
    return pieces, colour, bold


def _keep(pieces: list[Piece], text: str, colour: int, bold: bool) -> None:
    if text := _CONTROL.sub("", text):
        pieces.append(Piece(text, " ".join(filter(None, (f"a{colour}" if colour else "", "ab" if bold else "")))))


def _styled(codes: str, colour: int, bold: bool) -> tuple[int, bool]:
    """The style after a sequence; 256-colour and true-colour forms are skipped with their arguments."""
    numbers = [int(code[:4]) if code.isdigit() else 0 for code in codes.split(";")]
    while numbers:
        match numbers.pop(0):
            case 0:
                colour, bold = 0, False
            case 1:
                bold = True
            case 22:
                bold = False
            case 39:
                colour = 0
            case 38 | 48:
                numbers = numbers[2:] if numbers[:1] == [5] else numbers[4:]
            case code if 31 <= code <= 36:
                colour = code - 30
            case 90:
                colour = 8
            case code if 91 <= code <= 96:
                colour = code - 90
    return colour, bold
