"""Column types: the column says what it holds, so no caller converts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, DateTime, Dialect, LargeBinary, Text, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

from crontopus.domain import ids

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
_encode = msgspec.json.Encoder().encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Convert = Callable[[Any], Any] | None
"""Of one value that is not None; itself None where the driver takes and gives the value as it is."""


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970, rounded down; exact, unlike a float timestamp."""
    return (instant - _EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


class Converted(TypeDecorator[T]):
    """A type whose conversions are plain functions: a check-in makes a hundred of them, most of its values are None.

    They stand in the place of the decorator's own chain of calls.
    """

    def to_driver(self, dialect: str) -> Convert:
        return None

    def from_driver(self, dialect: str) -> Convert:
        return None

    def bind_processor(self, dialect: Dialect) -> Convert:
        return _of_any(self.to_driver(dialect.name))

    def result_processor(self, dialect: Dialect, coltype: object) -> Convert:
        return _of_any(self.from_driver(dialect.name))


def _of_any(convert: Convert) -> Convert:
    return None if convert is None else lambda value: None if value is None else convert(value)


class Instant(Converted[datetime]):
    """An aware instant, in UTC, with milliseconds. SQLite: integer milliseconds since 1970; PostgreSQL: timestamptz."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else BigInteger())

    def to_driver(self, dialect: str) -> Convert:
        return _floored if dialect == "postgresql" else to_ms

    def from_driver(self, dialect: str) -> Convert:
        return _in_utc if dialect == "postgresql" else from_ms


def _floored(instant: datetime) -> datetime:
    return instant if instant.microsecond % 1000 == 0 else from_ms(to_ms(instant))


def _in_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


class Span(Converted[timedelta]):
    """A duration, as integer milliseconds."""

    impl = BigInteger
    cache_ok = True

    def to_driver(self, dialect: str) -> Convert:
        return _milliseconds

    def from_driver(self, dialect: str) -> Convert:
        return _span


def _milliseconds(span: timedelta) -> int:
    return span // _MILLISECOND


def _span(milliseconds: int) -> timedelta:
    return timedelta(milliseconds=milliseconds)


class Id(Converted[UUID]):
    """A UUID: 16 bytes in SQLite, `uuid` in PostgreSQL."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Uuid() if dialect.name == "postgresql" else LargeBinary(16))

    def to_driver(self, dialect: str) -> Convert:
        return None if dialect == "postgresql" else _bytes_of

    def from_driver(self, dialect: str) -> Convert:
        return None if dialect == "postgresql" else ids.of_bytes


def _bytes_of(uuid: UUID) -> bytes:
    return uuid.int.to_bytes(16, "big")


class Choice(Converted[E], Generic[E]):
    """One of an enum's values, as text. Reading an unknown one raises ValueError."""

    impl = Text
    cache_ok = True

    def __init__(self, choices: type[E]) -> None:
        super().__init__()
        self.choices = choices

    def to_driver(self, dialect: str) -> Convert:
        texts = {choice: str(choice) for choice in self.choices}
        return texts.__getitem__

    def from_driver(self, dialect: str) -> Convert:
        return self.choices


class Json(Converted[T], Generic[T]):
    """A value of the given type as JSON text, which `LIKE` can search on both databases."""

    impl = Text
    cache_ok = True

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.shape = shape
        self.decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(shape)

    def to_driver(self, dialect: str) -> Convert:
        return _json

    def from_driver(self, dialect: str) -> Convert:
        return self.decoder.decode


def _json(value: Any) -> str:
    return _encode(value).decode()
