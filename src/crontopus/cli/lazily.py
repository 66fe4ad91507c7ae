"""Errors of the domain, loaded where one is met: they bring msgspec, which would cost `run` a third of its time."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from crontopus.domain.errors import CrontopusError, Invalid, NotFound


def any_error() -> type[CrontopusError]:
    """For `except`, which asks only when something was raised."""
    from crontopus.domain.errors import CrontopusError

    return CrontopusError


def invalid(detail: str) -> Invalid:
    from crontopus.domain.errors import Invalid

    return Invalid(detail)


def not_found(detail: str) -> NotFound:
    from crontopus.domain.errors import NotFound

    return NotFound(detail)
