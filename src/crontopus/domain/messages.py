"""The words of messages about alerts: the state, what is wrong and why, and the facts beside it. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from crontopus.domain.alerts import Alert, AlertClass, Ending
from crontopus.domain.routing import Holder, HolderKind, Kind

_STATES = {
    Kind.OPEN: "DOWN",
    Kind.REMINDER: "STILL DOWN",
    Kind.FAILURE: "FAILED AGAIN",
    Kind.UPDATE: "CHANGED",
    Kind.ACKNOWLEDGE: "ACKNOWLEDGED",
}
_OTHER_STATES = {
    (AlertClass.FLAPPING, Kind.OPEN): "FLAPPING",
    (AlertClass.FLAPPING, Kind.REMINDER): "STILL FLAPPING",
    (AlertClass.UNOBSERVED, Kind.OPEN): "NOT WATCHED",
    (AlertClass.UNOBSERVED, Kind.REMINDER): "STILL SILENT",
}
_ENDS = {
    Ending.RECOVERED: ("RECOVERED", "It recovered"),
    Ending.PAUSED: ("PAUSED", "It was paused, and nobody is alarmed until it is resumed"),
    Ending.BY_HAND: ("RESOLVED", "Somebody resolved it by hand"),
    Ending.DELETED: ("DELETED", "The job was deleted"),
    Ending.EXPIRED: ("OVER", "Nothing was heard of it for a day, and it is taken for over"),
}


_HOLDERS = {
    HolderKind.SILENCE: "the silence “{}”",
    HolderKind.MAINTENANCE: "the maintenance window “{}”",
    HolderKind.MUTE: "the mute of the job (“{}”)",
    HolderKind.PARENT: "“{}”, which it depends on",
    HolderKind.AGENT: "the silence of the agent “{}”",
    HolderKind.FLAPPING: "its flapping",
}


_NOT_DOWN = frozenset({AlertClass.FLAPPING, AlertClass.UNOBSERVED})


class RunFacts(Struct, frozen=True, kw_only=True):
    """Of the run that made it so, as far as it is known."""

    exit_code: int | None = None
    signal: int | None = None
    abandoned: bool = False
    expected_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: timedelta | None = None
    count: int = 1


class JobFacts(Struct, frozen=True, kw_only=True):
    """What the job promises, as far as it is told; and how it stands now. `silent`: the jobs of an alert that is of
    many, as far as they are named, `more` beside those.
    """

    zone: str = "UTC"
    grace: timedelta = timedelta()
    max_runtime: timedelta | None = None
    min_runtime: timedelta | None = None
    stands: str = ""
    silent: Sequence[str] = ()
    more: int = 0


def state(kind: Kind, alert: Alert, *, ended: bool) -> str:
    """One word, or two, in capitals: what a subject line begins with."""
    if ended:
        return "WAS DOWN"
    if kind is Kind.RESOLVE:
        return _ENDS[alert.ending or Ending.RECOVERED][0]
    return _OTHER_STATES.get((alert.kind, kind)) or _STATES[kind]


class Held(Struct, frozen=True):
    """That an alert was held back for a while, and by what."""

    since: datetime
    until: datetime
    holders: Sequence[Holder]


def summary(kind: Kind, alert: Alert, run: RunFacts, job: JobFacts, by: str, *, ended: bool) -> str:
    """Why, in a sentence or two. `by`: who acknowledged it."""
    since = clock(alert.opened_at, job.zone)
    why = cause(alert, run, job)
    if alert.kind in _NOT_DOWN:
        return _of_many_runs(kind, alert, job, by, ended=ended)
    if ended:
        until = f" until {clock(alert.resolved_at, job.zone)}" if alert.resolved_at else ""
        return f"It was down from {since}{until}, because {why}. It is over by now."
    if kind is Kind.RESOLVE:
        lasted = f", after {duration(alert.resolved_at - alert.opened_at)}" if alert.resolved_at else ""
        return f"{_ENDS[alert.ending or Ending.RECOVERED][1]}{lasted}. It was down since {since}, because {why}."
    if kind is Kind.ACKNOWLEDGE:
        return f"{by or 'Somebody'} knows. It is down since {since}, because {why}."
    return f"Down since {since}, because {why}."


def _of_many_runs(kind: Kind, alert: Alert, job: JobFacts, by: str, *, ended: bool) -> str:
    """Of what is no trouble of one run: the word "down" would say too much."""
    why = cause(alert, RunFacts(), job)
    since = clock(alert.opened_at, job.zone)
    if ended or kind is Kind.RESOLVE:
        lasted = f" It lasted from {since} until {clock(alert.resolved_at, job.zone)}." if alert.resolved_at else ""
        return f"{_calmed(alert, job)}{lasted}"
    told = f"{why[:1].upper()}{why[1:]}, since {since}."
    return f"{by or 'Somebody'} knows. {told}" if kind is Kind.ACKNOWLEDGE else told


def _calmed(alert: Alert, job: JobFacts) -> str:
    if alert.ending is not Ending.RECOVERED:
        return f"{_ENDS[alert.ending or Ending.RECOVERED][1]}."
    if alert.kind is AlertClass.UNOBSERVED:
        return "All of these jobs have reported since."
    return f"It is calm again{f', and {job.stands} now' if job.stands else ''}."


def cause(alert: Alert, run: RunFacts, job: JobFacts) -> str:
    """The fact behind it, as part of a sentence."""
    match alert.kind:
        case AlertClass.FAILED:
            return _failed(run, job)
        case AlertClass.MISSED:
            grace = f", nor in the {duration(job.grace)} of grace" if job.grace else ""
            when = clock(run.expected_at, job.zone) if run.expected_at else "the time at which it was expected"
            return f"nothing arrived for {when}{grace}"
        case AlertClass.OVERRAN:
            bound = f" than the {duration(job.max_runtime)} that it may take" if job.max_runtime else " than it may"
            begun = f" of {clock(run.started_at, job.zone)}" if run.started_at else ""
            return f"the run{begun} takes longer{bound}"
        case AlertClass.TOO_SHORT:
            took = f" after {duration(run.duration)}" if run.duration is not None else ""
            least = f", and below {duration(job.min_runtime)} that counts as a failure" if job.min_runtime else ""
            return f"it said success{took}{least}"
        case AlertClass.FLAPPING:
            return "it went up and down again and again"
        case AlertClass.UNOBSERVED:
            return f"nobody watched, and nothing was heard since{_named(job)}"


def _named(job: JobFacts) -> str:
    named = ", ".join(job.silent)
    if not named:
        return ""
    return f" of {named} and {job.more} more" if job.more else f" of {named}"


def _failed(run: RunFacts, job: JobFacts) -> str:
    if run.abandoned:
        named = run.expected_at or run.started_at
        return f"the run{f' of {clock(named, job.zone)}' if named else ''} never said how it ended"
    if run.signal is not None:
        return f"the last run was killed by signal {run.signal}"
    if run.exit_code is not None:
        return f"the last run failed with exit status {run.exit_code}"
    return "the last run said itself that it failed"


def held(by: Held, zone: str) -> str:
    """Why one learns of it only now."""
    since, until = clock(by.since, zone), clock(by.until, zone)
    return f"It was held back from {since} until {until} by {held_by(by.holders)}."


class Holding(Protocol):
    """A holder, here or on the wire."""

    @property
    def kind(self) -> HolderKind: ...
    @property
    def name(self) -> str: ...


def held_by(holders: Iterable[Holding]) -> str:
    """What holds an alert, as part of a sentence."""
    return " and ".join(dict.fromkeys(_HOLDERS[holder.kind].format(holder.name) for holder in holders))


def clock(instant: datetime | None, zone: str) -> str:
    """`2026-11-28 02:14 Europe/Berlin`: whole, since nobody knows when it is read."""
    if instant is None:
        return "an unknown time"
    return f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"


def duration(span: timedelta) -> str:
    """Two units at most: `38 s`, `14 m 2 s`, `1 d 11 h`."""
    rest = max(0, round(span.total_seconds()))
    parts: list[tuple[int, str]] = []
    for size, name in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        amount, rest = divmod(rest, size)
        if amount or parts:
            parts.append((amount, name))
    if not parts:
        return "0 s"
    return " ".join(f"{amount} {name}" for amount, name in parts[:2] if amount)
