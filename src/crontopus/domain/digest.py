"""The digest: what became of the jobs of a tenant in a day or a week, in a letter. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from msgspec import Struct

from crontopus.domain import messages, schedule
from crontopus.domain.alerts import AlertClass, Ending
from crontopus.domain.letters import Letter, LetterKind
from crontopus.domain.schedule import Clock, Cron
from crontopus.domain.watch import RunState

NAMED = 25
"""Lines of each part; how many more there are is said."""
WORTH = timedelta(hours=20)
"""After so long the next one is near."""
_WIDTH = 78


class Every(StrEnum):
    DAY = "day"
    WEEK = "week"


_AT = {Every.DAY: "0 8 * * *", Every.WEEK: "0 8 * * 1"}
_SPAN = {Every.DAY: timedelta(days=1), Every.WEEK: timedelta(weeks=1)}
_NOT_WELL = (RunState.FAILED, RunState.ABANDONED, RunState.OVERRAN, RunState.MISSED, RunState.UNOBSERVED)


class AlertLine(Struct, frozen=True, kw_only=True):
    """An alert of the time that the digest is of, or one that is open. `held_by`: what holds it, or held it last."""

    name: str
    kind: AlertClass
    opened_at: datetime
    resolved_at: datetime | None = None
    ending: Ending | None = None
    held_by: str = ""


class RunsLine(Struct, frozen=True):
    """Of one job: how many of its runs ended in each way."""

    name: str
    counts: Mapping[RunState, int]


class Contents(Struct, frozen=True, kw_only=True):
    """`runs`: of all jobs, by how they ended; `troubled`: jobs with runs that did not go well; `silent`: jobs that
    nobody has heard of. `more_alerts`: beside those that are listed.
    """

    tenant: str
    since: datetime
    until: datetime
    zone: str
    alerts: Sequence[AlertLine]
    runs: Mapping[RunState, int]
    troubled: Sequence[RunsLine]
    silent: Sequence[str]
    link: str
    settings_link: str


def next_at(every: Every, zone: str, now: datetime) -> datetime:
    """At eight in the morning on the wall of the zone; of a week's on Mondays."""
    found = schedule.slots((Cron(_AT[every]),), zone, Clock.CRON).after(now)
    return found or now + _SPAN[every]


def since(every: Every, due_at: datetime) -> datetime:
    """From where the digest before left off, also where this one comes late."""
    return due_at - _SPAN[every]


def letter(to: str, every: Every, of: Contents) -> Letter:
    still = [one for one in of.alerts if one.resolved_at is None]
    subject = f"Digest: {_number(len(still), 'open alert')}, {_number(_runs(of.runs), 'run')} in {_one_line(of.tenant)}"
    return Letter(
        kind=LetterKind.DIGEST,
        to=to,
        subject=subject if len(subject) <= _WIDTH else f"{subject[: _WIDTH - 1]}…",
        text="\n".join(_lines(every, of)),
        expires_at=of.until + WORTH,
    )


def _lines(every: Every, of: Contents) -> Iterator[str]:
    first, last = messages.clock(of.since, of.zone), messages.clock(of.until, of.zone)
    yield f"What became of the jobs of {_one_line(of.tenant)} from {first} until {last}."
    opened = [one for one in of.alerts if one.opened_at >= of.since]
    yield from _part("Still open", [_open(one, of) for one in of.alerts if one.resolved_at is None], "Nothing.")
    yield from _part("Opened", [_opened(one, of) for one in opened], "Nothing.")
    yield from _part("Held back", [f"{one.name}: by {one.held_by}" for one in of.alerts if one.held_by])
    yield from _part("Silent: nobody has heard of these", of.silent)
    yield from _part("Ran", [f"{count} {state.value}" for state, count in _ordered(of.runs)], "Nothing.")
    yield from _part("Did not go well", [f"{_one_line(one.name)}: {_counts(one.counts)}" for one in of.troubled])
    yield ""
    yield f"All of it: {of.link}"
    yield f"You asked for this every {every.value}. To change that, or to end it: {of.settings_link}"


def _part(title: str, lines: Sequence[str], otherwise: str = "") -> Iterator[str]:
    if not lines and not otherwise:
        return
    yield ""
    yield f"{title}:"
    yield from (f"  {line}" for line in islice(lines, NAMED))
    if len(lines) > NAMED:
        yield f"  and {len(lines) - NAMED} more"
    if not lines:
        yield f"  {otherwise}"


def _open(one: AlertLine, of: Contents) -> str:
    return f"{_one_line(one.name)}: {one.kind.value.replace('_', ' ')} since {messages.clock(one.opened_at, of.zone)}"


def _opened(one: AlertLine, of: Contents) -> str:
    if one.resolved_at is None:
        return _open(one, of)
    how = one.ending.value.replace("_", " ") if one.ending else "over"
    lasted = messages.duration(one.resolved_at - one.opened_at)
    return f"{_open(one, of)}, {how} after {lasted}"


def _ordered(counts: Mapping[RunState, int]) -> list[tuple[RunState, int]]:
    return [(state, counts[state]) for state in RunState if counts.get(state)]


def _counts(counts: Mapping[RunState, int]) -> str:
    return ", ".join(f"{count} {state.value}" for state, count in _ordered(counts) if state in _NOT_WELL)


def _runs(counts: Mapping[RunState, int]) -> int:
    return sum(counts.values())


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _one_line(name: str) -> str:
    """People choose names: one is no second line."""
    return " ".join("".join(each if each.isprintable() else " " for each in name).split())
