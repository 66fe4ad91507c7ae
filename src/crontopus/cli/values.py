"""What people type as the value of an option, and what it becomes: durations, instants, labels."""

from datetime import UTC, datetime
from typing import Any, TypeVar

import click
import msgspec

from crontopus.domain import duration
from crontopus.domain.errors import Invalid
from crontopus.wire.wording import fault_of

T = TypeVar("T")


class DurationValue(click.ParamType[float]):
    """A number of seconds, or text such as `1h30m`; in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return duration.parse(value).total_seconds()
        except Invalid as error:
            self.fail(str(error), param, ctx)


class When(click.ParamType[datetime]):
    """An instant as RFC 3339 (without an offset: on this machine's clock), or a duration from now, `2h`."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return value if isinstance(value, datetime) else datetime.fromisoformat(value).astimezone()
        except (ValueError, OverflowError):
            pass
        now = datetime.now(UTC)  # noqa: TID251 - "in two hours" counts from when it was typed
        try:
            return now + duration.parse(value)
        except Invalid:
            self.fail(f"{value!r} is neither an instant such as 2026-03-01T08:00 nor a duration such as 2h", param, ctx)


class Labelled(click.ParamType[tuple[str, str]]):
    """key=value, as a pair."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        key, equals, text = str(value).partition("=")
        if not key or not equals:
            self.fail(f"{value!r} is not of the form key=value", param, ctx)
        return key, text


def converted(fields: Any, kind: type[T]) -> T:
    """Raises Invalid with the place in its words."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        fault = fault_of(str(error))
        raise Invalid(f"{fault.pointer.strip('/')}: {fault.detail}".removeprefix(": ")) from error


DURATION = DurationValue()
WHEN = When()
LABEL = Labelled()
