"""What keeps alerts from being told: silences, maintenance windows, the mute of a job, and the jobs it depends on.

Each is turned into `Holder`s: stretches of time, of which `decide` sees those around now.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from crontopus.domain import schedule
from crontopus.domain.alerts import Alert
from crontopus.domain.query import Query, matches
from crontopus.domain.routing.contract import Facts, Holder, HolderKind
from crontopus.domain.routing.hours import Hours
from crontopus.domain.schedule import Clock, Cron
from crontopus.domain.watch import Expectation, Watch

LONGEST_PARENT = timedelta(days=1)
"""So long after it has recovered, a job holds those that depend on it at most."""


class Once(Struct, frozen=True, tag="once"):
    since: datetime
    until: datetime


class Weekly(Struct, frozen=True, tag="weekly"):
    """In these hours of each week."""

    hours: Hours


class Recurring(Struct, frozen=True, tag="cron"):
    """For `duration` from each time that the cron line names on the wall of the zone."""

    cron: str
    zone: str
    duration: timedelta


Times = Once | Weekly | Recurring


class Quiet(Struct, frozen=True):
    """A silence or a maintenance window: which alerts it concerns, and when."""

    kind: HolderKind
    id: UUID
    name: str
    matcher: Query
    times: Times

    def concerns(self, facts: Facts) -> bool:
        return matches(self.matcher, facts.fields, facts.labels)

    def holders(self, now: datetime) -> Iterator[Holder]:
        """The stretch that began last, and the one that comes next."""
        for since, until in stretches(self.times, now):
            yield Holder(self.kind, self.id, self.name, since, until)


def stretches(times: Times, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Those that hold at `now` or have ended last, then the next one. What never ends is one."""
    match times:
        case Once(since, until):
            yield since, until
        case Weekly(hours):
            yield from _of_week(hours, now)
        case Recurring(cron, zone, duration):
            found = schedule.slots((Cron(cron),), zone, Clock.CRON)
            for slot in (found.upto(now), found.after(now)):
                if slot is not None:
                    yield slot, slot + duration


def upcoming(times: Times, now: datetime, most: int) -> list[tuple[datetime, datetime]]:
    """The stretch that holds now, and those to come, `most` of them in all."""
    found: list[tuple[datetime, datetime]] = []
    at = now
    while len(found) < most:
        following = next((one for one in stretches(times, at) if one[1] > now and one not in found), None)
        if following is None:
            break
        found.append(following)
        at = max(at, following[0])
    return found


def _of_week(hours: Hours, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    current = hours.period(now)
    if current is not None:
        yield current
    following = hours.opens_after(now)
    after = None if following is None else hours.period(following)
    if after is not None:
        yield after


class Parent(Struct, frozen=True):
    """A job that others depend on, and its alerts: those that are open, and those that ended within a day."""

    id: UUID
    name: str
    alerts: Sequence[Alert]


class Child(Struct, frozen=True):
    """An alert, and the job that it is of: what it promises, and what is believed of it. `let_go_at`: when the last
    that held it in this opening let go of it; None: nothing did.
    """

    alert: Alert
    rule: Expectation
    watch: Watch | None
    let_go_at: datetime | None = None


def of_parent(parent: Parent, child: Child) -> Iterator[Holder]:
    """It holds while an alert of it is open, and until the child has shown by itself how it fares."""
    for alert in parent.alerts:
        until = None if alert.resolved_at is None else _lets_go(alert.resolved_at, child)
        yield Holder(HolderKind.PARENT, parent.id, parent.name, alert.opened_at, until)


def _lets_go(recovered_at: datetime, child: Child) -> datetime:
    """The child's next end or deadline after its parent recovered, at most a day later. Once it has let go it has for
    good: a later end is not the next one.
    """
    signs = [child.alert.opened_at, child.alert.failed_at, child.let_go_at, recovered_at + LONGEST_PARENT]
    if child.watch is not None:
        signs += [child.watch.newest_end_at, *(known.bound_at for known in child.watch.open)]
    if child.rule.period is not None:
        signs.append(recovered_at + child.rule.period + child.rule.grace)
    elif child.rule.calendar is not None:
        slot = child.rule.calendar.after(recovered_at - child.rule.grace)
        signs.append(None if slot is None else slot + child.rule.grace)
    return min(at for at in signs if at is not None and at > recovered_at)
