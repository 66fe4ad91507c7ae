"""How the query language's patterns become SQL on both databases: letters of either case, `*` for anything."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Text, and_, cast, false, func, not_, or_, select, true, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from crontopus.domain.query import Term

Build = Callable[[str], ColumnElement[bool]]


def condition(term: Term, build: Build) -> ColumnElement[bool]:
    """`term` in SQL, where `build` says one of its patterns."""
    found = or_(false(), *(build(pattern) for pattern in term.patterns))
    return not_(found) if term.denied else found


def all_of(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    return and_(true(), *conditions)


def text_is(column: Any, pattern: str) -> ColumnElement[bool]:
    """The whole text; absent text is like nothing."""
    found: ColumnElement[bool] = func.coalesce(column, "").ilike(_like(pattern), escape="\\")
    return found


def slug_is(column: Column[str], pattern: str) -> ColumnElement[bool]:
    """As `text_is`, for text that is always lower-case and has an index."""
    lowered = pattern.lower()
    return column.like(_like(lowered), escape="\\") if "*" in lowered else column == lowered


def contains(column: Column[str], pattern: str) -> ColumnElement[bool]:
    """Somewhere in text that is stored in lower case."""
    return column.like(f"%{_like(pattern.lower())}%", escape="\\")


def has_element(column: Column[Any], pattern: str, dialect: str) -> ColumnElement[bool]:
    """Whether a JSON array of strings has such an element."""
    if "*" not in pattern:
        return _text_of(column).ilike(f"%{_json(pattern)}%", escape="\\")
    if dialect == "postgresql":
        element = func.jsonb_array_elements_text(cast(_text_of(column), JSONB)).column_valued("element")
        return select(1).where(text_is(element, pattern)).exists()
    each = func.json_each(_text_of(column)).table_valued("value")
    return select(1).select_from(each).where(text_is(each.c.value, pattern)).exists()


def has_word(column: Column[Any], word: str) -> ColumnElement[bool]:
    """Whether a JSON array of plain words has such a one, `*` for any."""
    return _text_of(column).ilike(f"%{_json(word)}%", escape="\\")


def has_label(column: Column[Any], key: str, pattern: str | None, dialect: str) -> ColumnElement[bool]:
    """Whether a JSON object has `key`, with a value like `pattern` (None: with any)."""
    if dialect == "postgresql":
        each = func.jsonb_each_text(cast(_text_of(column), JSONB)).table_valued("key", "value")
    else:
        each = func.json_each(_text_of(column)).table_valued("key", "value")
    same = text_is(each.c.key, key)
    return (
        select(1).select_from(each).where(same if pattern is None else same & text_is(each.c.value, pattern)).exists()
    )


def _text_of(column: Column[Any]) -> ColumnElement[str]:
    return type_coerce(column, Text)


def _json(pattern: str) -> str:
    return _like(msgspec.json.encode(pattern).decode())


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")
