"""Column types: the column says what it holds, so no caller converts."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, DateTime, Dialect, LargeBinary, Text, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970, rounded down; exact, unlike a float timestamp."""
    return (instant - _EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


class Instant(TypeDecorator[datetime]):
    """An aware instant, in UTC, with milliseconds. SQLite: integer milliseconds since 1970; PostgreSQL: timestamptz."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return from_ms(to_ms(value)) if dialect.name == "postgresql" else to_ms(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if dialect.name == "postgresql" else from_ms(value)


class Span(TypeDecorator[timedelta]):
    """A duration, as integer milliseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        return None if value is None else value // _MILLISECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> timedelta | None:
        return None if value is None else timedelta(milliseconds=value)


class Id(TypeDecorator[UUID]):
    """A UUID: 16 bytes in SQLite, `uuid` in PostgreSQL."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Uuid() if dialect.name == "postgresql" else LargeBinary(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        return value if value is None or dialect.name == "postgresql" else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        return value if value is None or dialect.name == "postgresql" else UUID(bytes=value)


class Choice(TypeDecorator[E], Generic[E]):
    """One of an enum's values, as text. Reading an unknown one raises ValueError."""

    impl = Text
    cache_ok = True

    def __init__(self, choices: type[E]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        return None if value is None else self.choices(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> E | None:
        return None if value is None else self.choices(value)


class Json(TypeDecorator[T], Generic[T]):
    """A value of the given type as JSON text, which `LIKE` can search on both databases."""

    impl = Text
    cache_ok = True

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.shape = shape
        self.decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(shape)

    def process_bind_param(self, value: T | None, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> T | None:
        return None if value is None else self.decoder.decode(value)
