"""Hours of the week as people type and read them: `mon-fri 08:00-18:00`."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from crontopus.wire.alerts import OpenTime, RouteHours

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY_DAY = list(range(len(DAYS)))
_SHORT = 3
"""Letters of a day that say which it is."""
_TIMES = re.compile(r"(\d?\d:\d\d)-(\d?\d:\d\d)", re.ASCII)


class HoursValue(click.ParamType[dict[str, Any]]):
    """`mon-fri 08:00-18:00`, `sat,sun 22:00-06:00`, or `08:00-18:00` of every day; as the API takes it."""

    name = "hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        *days, times = str(value).split() or [""]
        found = _TIMES.fullmatch(times)
        on = _days("".join(days)) if days else EVERY_DAY
        if found is None or on is None:
            self.fail(f"{value!r} is not of the form 'mon-fri 08:00-18:00' or 'sat,sun 22:00-06:00'", param, ctx)
        since, until = (clock.zfill(5) for clock in found.groups())
        return {"days": on, "from": since, "to": until}


HOURS = HoursValue()
_zone = click.option("--timezone", "--tz", "timezone", metavar="ZONE", help="Zone of these times: Europe/Berlin.")


def hours_options(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--hours`, as often as one likes, and `--timezone`."""
    hours = click.option("--hours", type=HOURS, multiple=True, metavar="'DAYS FROM-TO'", help=help)
    return lambda command: hours(_zone(command))


def weekly(hours: Sequence[dict[str, Any]], timezone: str | None) -> dict[str, Any]:
    """As the API takes them. Raises UsageError where there is no zone."""
    return {"timezone": zone(timezone), "open": list(hours)}


def zone(timezone: str | None) -> str:
    """Raises UsageError where none is named: a guess may be hours off."""
    if timezone is None:
        raise click.UsageError("say in which zone: --timezone Europe/Berlin")
    return timezone


def in_words(hours: RouteHours) -> str:
    """In the form that options take, with the zone at the end."""
    return f"{', '.join(_open(one) for one in hours.open)} {hours.timezone}"


def _open(one: OpenTime) -> str:
    days = sorted(set(one.days))
    times = f"{one.since}-{one.until}"
    return times if days == EVERY_DAY else f"{','.join(_stretches(days))} {times}"


def _stretches(days: Sequence[int]) -> Iterator[str]:
    """`mon-fri` of three days and more that follow each other."""
    rest = list(days)
    while rest:
        first = rest[0]
        row = [day for place, day in enumerate(rest) if day == first + place]
        rest = rest[len(row) :]
        if len(row) > 2:
            yield f"{DAYS[first][:_SHORT]}-{DAYS[row[-1]][:_SHORT]}"
        else:
            yield from (DAYS[day][:_SHORT] for day in row)


def _days(text: str) -> list[int] | None:
    """Of `mon-fri,sun`, in first letters or whole names; `fri-mon` goes over the end of the week."""
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = part.partition("-")
        since, until = _day(first), _day(last) if dash else _day(first)
        if since is None or until is None:
            return None
        found |= {(since + offset) % len(DAYS) for offset in range((until - since) % len(DAYS) + 1)}
    return sorted(found)


def _day(text: str) -> int | None:
    return next((day for day, name in enumerate(DAYS) if len(text) >= _SHORT and name.startswith(text)), None)
