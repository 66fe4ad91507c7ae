"""Instants as text: RFC 3339 in, UTC with milliseconds out."""

import re
from datetime import UTC, datetime

from crontopus.domain.errors import Invalid

_FORM = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse(text: str) -> datetime:
    """In UTC, truncated to milliseconds. Raises Invalid for anything but RFC 3339 with a zone."""
    try:
        if _FORM.fullmatch(text) is None:
            raise ValueError
        return truncated(datetime.fromisoformat(text.upper()).astimezone(UTC))
    except (ValueError, OverflowError):
        raise Invalid(f"{text[:40]!r} is no instant: write it like 2027-03-28T02:30:00Z, with a zone") from None


def text_of(instant: datetime) -> str:
    """RFC 3339 in UTC, always with milliseconds, so that all are of one length and sort as they follow each other."""
    at = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return at.isoformat(timespec="milliseconds")[:-6] + "Z"


def truncated(instant: datetime) -> datetime:
    """To milliseconds: what both databases keep."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
