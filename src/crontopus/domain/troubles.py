"""What keeps Crontopus itself from its work, when whoever runs it is told of that, and in which words. Pure.

Seconds are those of a clock that nobody can set.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from crontopus.domain import duration

LATE_SECONDS = 60.0
"""So far behind, or so long without a sign, is a trouble."""
AGAIN_AFTER_SECONDS = 3600.0
"""Of the same trouble nobody is told sooner."""
_LONGEST_SUBJECT = 78


class Trouble(StrEnum):
    """What does not work, the gravest first."""

    PROCESS = "process"
    DATABASE = "database"
    SWEEP = "sweep"
    ALERTS = "alerts"
    OUTBOX = "outbox"


Late = Mapping[Trouble, float]
"""How many seconds each is behind, or cannot be seen to be in time."""


class Known(Struct, frozen=True):
    """What the last look found, which troubles stand of those that were told, and when each was told last."""

    found: frozenset[Trouble] = frozenset()
    standing: frozenset[Trouble] = frozenset()
    told_at: Mapping[Trouble, float] = {}


class News(Struct, frozen=True):
    """What is to be told after a look: all troubles, where one of them is new; or those that are over."""

    troubles: Late = {}
    over: frozenset[Trouble] = frozenset()


class Place(Struct, frozen=True):
    """Where it is: the name and the URL of the installation, and the machine of the process that tells."""

    name: str
    url: str
    machine: str


def found(late: Late) -> Late:
    """The troubles. A process that stands still explains all others, and so does a database that cannot be asked."""
    troubles = {each: late[each] for each in Trouble if late[each] >= LATE_SECONDS}
    for grave in (Trouble.PROCESS, Trouble.DATABASE):
        if grave in troubles:
            return {grave: troubles[grave]}
    return troubles


def judged(known: Known, troubles: Late, ticks: float) -> tuple[Known, News]:
    """What is known after a look at `ticks` that found `troubles`, and what is to be told.

    A trouble counts once it is found twice in a row: after a start, or where the whole machine stood still, the first
    look finds what is done a moment later.
    """
    certain = {each: seconds for each, seconds in troubles.items() if each in known.found}
    new = {each for each in certain if each not in known.standing and _may_be_told(known, each, ticks)}
    over = frozenset() if troubles else known.standing
    told_at = {**known.told_at, **dict.fromkeys(new, ticks)}
    after = Known(frozenset(troubles), (known.standing | new) - over, told_at)
    return after, News(certain if new else {}, over)


def _may_be_told(known: Known, trouble: Trouble, ticks: float) -> bool:
    told_at = known.told_at.get(trouble)
    return told_at is None or ticks - told_at >= AGAIN_AFTER_SECONDS


_SAYS = {
    Trouble.PROCESS: "It stands still: it has given no sign for {}. If that does not pass, start it anew.",
    Trouble.DATABASE: "Its database cannot be read and written, for {} by now: check-ins are refused, and nothing is "
    "judged or told. See that it answers, and that its disk has room.",
    Trouble.SWEEP: "Silence is judged late, by {} or more: jobs that do not report are noticed late.",
    Trouble.ALERTS: "Alerts are decided upon late, by {} or more.",
    Trouble.OUTBOX: "Messages about alerts go out late, by {} or more: nobody sends them.",
}


def subject(news: News, place: Place) -> str:
    told = f"Crontopus is well again: {place.name}" if news.over else f"Crontopus itself is in trouble: {place.name}"
    return told if len(told) <= _LONGEST_SUBJECT else f"{told[: _LONGEST_SUBJECT - 1]}…"


def text(news: News, place: Place, now: datetime) -> str:
    at = f"{now:%Y-%m-%d %H:%M} UTC"
    if news.over:
        return f"""Crontopus at {place.url} does its work in time again, as its process on {place.machine} saw at {at}.

It was in trouble with its {" and its ".join(each for each in Trouble if each in news.over)}.
"""
    said = "\n".join(f"- {_SAYS[each].format(_span(seconds))}" for each, seconds in news.troubles.items())
    return f"""Crontopus at {place.url} does not do its work in time, as its process on {place.machine} saw at {at}:

{said}

{place.url}/readyz, the page Health of the installation, and the log say more.

This letter came straight from that process, and waited for nothing that may be late. There is another one when all is
well again, and at most one an hour about the same trouble.
"""


def _span(seconds: float) -> str:
    return duration.brief(timedelta(seconds=round(seconds)))
