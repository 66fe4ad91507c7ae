"""Instants and durations as a person reads them at a terminal, or as a program reads them from a pipe."""

from datetime import UTC, datetime
from typing import NamedTuple

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


class Words(NamedTuple):
    """`local`: for somebody at a terminal, in the zone of this machine. Else RFC 3339 in UTC."""

    now: datetime
    local: bool

    def instant(self, at: datetime | None) -> str:
        """To the second. "–" for never."""
        if at is None:
            return "–"
        if not self.local:
            return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")

    def about(self, at: datetime | None) -> str:
        """How far away, `in 5 min` or `3 h ago`; in a pipe the instant itself."""
        if at is None or not self.local:
            return self.instant(at)
        seconds = (at - self.now).total_seconds()
        return f"in {roughly(seconds)}" if seconds > 0 else f"{roughly(-seconds)} ago"


def roughly(seconds: float) -> str:
    """The largest unit alone: `3 h`."""
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1, "s"))
    return f"{int(seconds // size)} {unit}"


def duration(seconds: float | None) -> str:
    """Exact in whole seconds, in the form that options take: `1h30m`. Below ten seconds with milliseconds."""
    if seconds is None:
        return "–"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
    text, rest = "", int(seconds)
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        text += f"{count}{unit[0]}" if count else ""
    return text or "0s"
