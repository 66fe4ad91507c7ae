"""What a benchmark prints: one line for each number, beside its limit."""

from collections.abc import Iterable

from msgspec import Struct


class Line(Struct, frozen=True):
    """A number in words. `held` is None where no limit is set."""

    name: str
    value: str
    limit: str = ""
    held: bool | None = None


def at_least(name: str, value: float, limit: float, aim: str = "") -> Line:
    return Line(name, f"{value:.3f}", ", ".join(filter(None, (f"at least {limit:g}", aim))), value >= limit)


def below(name: str, value: float, limit: float, unit: str) -> Line:
    return Line(name, f"{value:,.1f} {unit}", f"below {limit:g} {unit}", value < limit)


def shown(lines: Iterable[Line]) -> str:
    return "\n".join(_shown(line) for line in lines)


def _shown(line: Line) -> str:
    verdict = {True: "held", False: "MISSED", None: ""}[line.held]
    return f"  {line.name:<46}{line.value:>16}   {line.limit:<25}{verdict}".rstrip()
