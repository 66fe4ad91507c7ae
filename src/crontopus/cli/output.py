"""What a command prints: results on stdout as table, JSON, YAML or CSV; everything said to a person on stderr."""

import csv
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from io import TextIOWrapper
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import click
import msgspec
from msgspec import Struct

from crontopus.cli.environment import variable
from crontopus.cli.table import Cell, laid_out
from crontopus.cli.words import Words
from crontopus.domain.text import escaped, on_one_line, shown
from crontopus.wire.common import Page
from crontopus.wire.encoding import encoded, plain

T = TypeVar("T", bound=Struct)
U = TypeVar("U")
PAGE = 200


class Form(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


class Column(NamedTuple, Generic[T]):
    """One column of a table for people: its title, and what stands in it for one item."""

    title: str
    cell: Callable[[T, Words], str | Cell]


class Listing(NamedTuple, Generic[T]):
    """How items of `kind` are listed. CSV has all fields of `kind`, whatever the columns."""

    kind: type[T]
    columns: tuple[Column[T], ...]


Card = Callable[[T, Words], Iterable[tuple[str, str | Cell]]]
"""What is told of one item, line by line: a title, and the text or cell for it; empty ones are left out."""


class Pages(Protocol[U]):
    def __call__(self, *, cursor: str | None, limit: int | None) -> Awaitable[Page[U]]: ...


class Out:
    """The output of one command, in `form`."""

    def __init__(self, form: Form) -> None:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # A terminal that knows no "–" still gets the rest.
        self.form = form
        at_terminal = sys.stdout.isatty()
        self.colours = at_terminal and _colours_welcome()
        self.width = shutil.get_terminal_size().columns if at_terminal else None
        self.words = Words(datetime.now(UTC), at_terminal)  # noqa: TID251 - a command's clock starts here

    def many(self, items: Sequence[T], listing: Listing[T]) -> None:
        match self.form:
            case Form.TABLE:
                self._table(items, listing.columns)
            case Form.CSV:
                _csv(items, listing.kind)
            case _:
                self.raw(items)

    def one(self, item: T, card: Card[T]) -> None:
        match self.form:
            case Form.TABLE:
                self._card(card(item, self.words))
            case Form.CSV:
                _csv([item], type(item))
            case _:
                self.raw(item)

    def said(self, sentence: str, item: Struct) -> None:
        """What was done, in a sentence; other forms show what became of it."""
        if self.form is Form.TABLE:
            click.echo(on_one_line(sentence))
        else:
            self.one(item, lambda item, words: ())

    def mapping(self, values: Mapping[str, object]) -> None:
        """Names and values: as they are in JSON and YAML, else one a line."""
        match self.form:
            case Form.TABLE:
                self._card((name, str(value)) for name, value in values.items())
            case Form.CSV:
                csv.writer(sys.stdout, lineterminator="\n").writerows(values.items())
            case _:
                self.raw(values)

    def raw(self, thing: object) -> None:
        """The thing itself, whole, as JSON or YAML (also where the form is neither: as JSON)."""
        if self.form is Form.YAML:
            click.echo(at_terminal(yaml_text(plain(thing))), nl=False)
        else:
            click.echo(escaped(msgspec.json.format(encoded(thing), indent=2).decode()).encode())

    def line(self, text: str = "") -> None:
        """A line of a table's surroundings; other forms have none."""
        if self.form is Form.TABLE:
            click.echo(on_one_line(text))

    def _table(self, items: Sequence[T], columns: Sequence[Column[T]]) -> None:
        titles = [Cell(column.title.upper(), "bold") for column in columns]
        rows = [[_cell(column.cell(item, self.words)) for column in columns] for item in items]
        for line in laid_out([titles, *rows], self.width, self.colours):
            click.echo(line)

    def _card(self, lines: Iterable[tuple[str, str | Cell]]) -> None:
        rows = [(Cell(title, "bold"), _cell(told)) for title, told in lines if _cell(told).text]
        for line in laid_out(rows, None, self.colours):
            click.echo(line)


def say(sentence: str) -> None:
    """To the person, and never among the results."""
    click.echo(on_one_line(sentence), err=True)


def fields(kind: type[Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def yaml_text(plain: Any) -> str:
    """In the order given, Unicode as it is."""
    import yaml

    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)


async def gathered(pages: Pages[T], limit: int) -> list[T]:
    """The first `limit` items over as many pages as that takes, 0: all. Says so where more are left."""
    items: list[T] = []
    cursor: str | None = None
    while True:
        page = await pages(cursor=cursor, limit=min(PAGE, limit - len(items)) if limit else PAGE)
        items += page.items
        cursor = page.next_cursor
        if cursor is None or (limit and len(items) >= limit):
            break
        progress(f"{len(items)} read …")
    if len(items) > PAGE:
        progress("")
    if cursor is not None:
        _say_more(len(items))
    return items


def first(items: Sequence[U], limit: int) -> Sequence[U]:
    """As `gathered`, of a list that comes whole."""
    if not limit or len(items) <= limit:
        return items
    _say_more(limit)
    return items[:limit]


def _say_more(shown: int) -> None:
    say(f"{shown} are shown and there are more; --limit 0 shows all")


def progress(text: str) -> None:
    """Replaces the progress line; "" removes it. Only where a person looks on."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{on_one_line(text)}", err=True, nl=False)


def _colours_welcome() -> bool:
    """https://no-color.org: any value but the empty one turns them off."""
    return not variable("NO_COLOR") and variable("TERM") != "dumb"


def _cell(told: str | Cell) -> Cell:
    return told if isinstance(told, Cell) else Cell(told)


def _csv(items: Sequence[T], kind: type[T]) -> None:
    names = fields(kind)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for item in items:
        told = plain(item)
        writer.writerow([_csv_cell(told.get(name)) for name in names])


def _csv_cell(value: Any) -> Any:
    """Text and numbers as they are, null empty, lists and objects as JSON."""
    if isinstance(value, list | dict | bool):
        return escaped(msgspec.json.encode(value).decode())
    return at_terminal(value) if isinstance(value, str) else value


def at_terminal(text: str) -> str:
    """What steers a terminal is in sight there; a pipe gets `text` as it is."""
    return shown(text) if sys.stdout.isatty() else text
