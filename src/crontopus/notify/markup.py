"""A parcel in the markup of a channel, cut to the length that the channel takes.

Whatever is of others is shown, never acted on: each `Markup` sees to it for the text that it is given.
"""

import re
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from crontopus.notify.contract import Link, Notice, Parcel
from crontopus.notify.words import CUT, cut, facts, heading, line, links, links_of_all, place, tail, title, why

_CAPS = (4000, 1000, 300, 100, 40)
"""How long one text among others may be; the first at which all of them fit."""
_LEAST_OUTPUT = 40
"""Characters: less of it says nothing."""
_LABEL = 60
_LONGEST_PICTURE = 8
"""Characters in which one that cannot be seen is shown: `[U+202E]`."""


class Markup(Struct, frozen=True):
    """How a channel writes. Each function is given text as it should be seen, and returns what makes it seen so.

    `strong`: one line that stands out; `lines`: some more; `block`: what a program wrote; `link`: a text and an
    address that is known to be harmless (None: links are shown elsewhere); `measure`: how the channel counts.
    """

    strong: Callable[[str], str]
    lines: Callable[[Sequence[str]], str]
    block: Callable[[str], str]
    link: Callable[[str, str], str] | None
    measure: Callable[[str], int] = len


class _Piece(Struct, frozen=True):
    """What stands together: with `url` a link, with `is_head` the line above all, else lines of text."""

    texts: tuple[str, ...]
    url: str = ""
    is_head: bool = False


def written(parcel: Parcel, markup: Markup, most: int) -> str:
    """All of it with its head, at most `most` long as the markup counts."""
    return _fitting(parcel, markup, most, with_head=True)


def body(parcel: Parcel, markup: Markup, most: int) -> str:
    """Likewise without the head, for a channel that has a place of its own for it. May be empty."""
    return _fitting(parcel, markup, most, with_head=False)


def brief(parcel: Parcel) -> Parcel:
    """The same without what was written by the job, and without details: for beside a message that has them."""
    return replace(parcel, notices=tuple(replace(each, output=(), facts=()) for each in parcel.notices))


def plain(parcel: Parcel, most: int = 10_000) -> str:
    return written(parcel, PLAIN, most)


def label(given: str) -> str:
    """Letters, digits and blanks of `given`: for a place where a markup gives anything else a meaning."""
    return cut(" ".join(re.sub(r"[^\w.,-]|_", " ", line(given)).split()), _LABEL)


# ---- making it fit


def _fitting(parcel: Parcel, markup: Markup, most: int, *, with_head: bool) -> str:
    for cap in _CAPS:
        first, middle, last = _parts(parcel, cap, with_head=with_head)
        if markup.measure(_compiled([*first, *middle, *last], markup)) <= most:
            return _with_output(parcel, [*first, *middle], last, markup, most)
    return _shortened(first, middle, last, markup, most)


def _parts(parcel: Parcel, cap: int, *, with_head: bool) -> tuple[list[_Piece], list[_Piece], list[_Piece]]:
    """The head; what is left out from the end if need be; the links. Each text is at most `cap` long."""
    first = [_Piece((cut(title(parcel), cap),), is_head=True)] if with_head else []
    if parcel.is_single:
        return first, _of_one(parcel.first, cap), [_linked(link, cap) for link in links_of_all(parcel)]
    if parcel.summary:
        return first, [_Piece((cut(heading(each), cap),)) for each in parcel.notices], []
    return first, [piece for each in parcel.notices for piece in _of_many(each, cap)], []


def _of_one(notice: Notice, cap: int) -> list[_Piece]:
    where = [("where", place(notice))] if place(notice) else []
    told = [f"{name}: {value}" for name, value in [*where, *facts(notice)]]
    said = why(notice).strip("\n")
    return [_Piece((cut(each, cap),)) for each in [*(said.split("\n") if said.strip() else ()), *told]]


def _of_many(notice: Notice, cap: int) -> list[_Piece]:
    where = place(notice)
    said = [f"{where}: {line(notice.summary)}"] if where else why(notice).split("\n")
    lines = ["", heading(notice), *said]
    return [_Piece(tuple(cut(each, cap) for each in lines)), *(_linked(link, cap) for link in links(notice)[:1])]


def _linked(link: Link, cap: int) -> _Piece:
    return _Piece((cut(link.text, cap),), link.url)


def _shortened(first: list[_Piece], middle: list[_Piece], last: list[_Piece], markup: Markup, most: int) -> str:
    """With as much of the middle as fits, and how much is missing; without anything else if not even that does."""
    best, low, high = "", 0, len(middle) - 1
    while low <= high:
        kept = (low + high) // 2
        missing = _Piece((f"{CUT} and {len(middle) - kept} more",))
        found = _compiled([*first, *middle[:kept], missing, *last], markup)
        best, low, high = (found, kept + 1, high) if markup.measure(found) <= most else (best, low, kept - 1)
    if best:
        return best
    found = _compiled(first or middle[:1], markup)
    return found if markup.measure(found) <= most else ""


def _with_output(parcel: Parcel, before: list[_Piece], after: list[_Piece], markup: Markup, most: int) -> str:
    """With as many of its last lines as there is room for."""
    lines = parcel.first.output if parcel.is_single else ()
    low, high = 0, min(sum(len(each) + 1 for each in lines) * _LONGEST_PICTURE, most)
    while low < high:
        middle = (low + high + 1) // 2
        fits = markup.measure(_compiled(before, markup, tail(lines, middle), after)) <= most
        low, high = (middle, high) if fits else (low, middle - 1)
    return _compiled(before, markup, tail(lines, low) if _says_something(lines, low) else "", after)


def _says_something(lines: Sequence[str], room: int) -> bool:
    return room >= _LEAST_OUTPUT or tail(lines, room) == tail(lines, _LEAST_OUTPUT)


def _compiled(pieces: Sequence[_Piece], markup: Markup, block: str = "", after: Sequence[_Piece] = ()) -> str:
    found: list[str] = []
    lines: list[str] = []

    def settle() -> None:
        if lines:
            found.append(markup.lines(lines))
            lines.clear()

    def add(piece: _Piece) -> None:
        if not piece.url and not piece.is_head:
            lines.extend(piece.texts)
            return
        settle()
        if piece.is_head:
            found.append(markup.strong(piece.texts[0]))
        elif markup.link:
            found.append(markup.link(piece.texts[0], piece.url))

    for piece in pieces:
        add(piece)
    settle()
    if block:
        found.append(markup.block(block))
    for piece in after:
        add(piece)
    settle()
    return "\n".join(found)


# ---- markups that several channels share


def _in_backticks(given: str) -> str:
    """Inline code of CommonMark, which nothing in it ends."""
    ticks = "`" * (_longest_run(given, "`") + 1)
    blank = " " if given.startswith("`") or given.endswith("`") or not given.strip() else ""
    return f"{ticks}{blank}{given}{blank}{ticks}"


def _fenced(given: str) -> str:
    """A block of code of CommonMark, which nothing in it ends."""
    fence = "`" * max(3, _longest_run(given, "`") + 1)
    return f"{fence}text\n{given}\n{fence}"


def _longest_run(given: str, character: str) -> int:
    return max((len(run) for run in re.findall(f"{re.escape(character)}+", given)), default=0)


def torn(given: str) -> str:
    """For a block of code that three backticks end, whatever is done: with something unseen between any two."""
    return re.sub("`(?=`)", "`\u200b", given)


PLAIN = Markup(
    strong=lambda given: given,
    lines="\n".join,
    block=lambda given: f"\n{given}\n",
    link=lambda said, url: f"{said}: {url}",
)
CODE = Markup(
    strong=lambda given: f"**{_in_backticks(given)}**",
    lines=lambda given: _fenced("\n".join(given)),
    block=_fenced,
    link=lambda said, url: f"[{label(said) or 'Open'}](<{url}>)",
)
"""Markdown, where neither backslashes nor entities keep names from calling people: in code nothing is read."""
