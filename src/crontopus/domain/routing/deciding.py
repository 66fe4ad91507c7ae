"""Who is told of an alert now, when to ask again, and why. Pure and total; the same for what happens and what is tried.

An alert has one clock. A channel is due when, since it was last told in this opening, a step that names it was reached
on that clock, or the route's `repeat` has passed: one message, whatever was missed, and none while one is unsent. The
end goes to whoever may have been told of the beginning.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from crontopus.domain.alerts import Alert
from crontopus.domain.routing.contract import (
    BEGINNINGS,
    Also,
    Channel,
    Decision,
    Facts,
    Holder,
    Kind,
    Line,
    Message,
    MessageState,
    Route,
    Routes,
    Told,
    Verdict,
)
from crontopus.domain.routing.tree import taking

_ANSWERED = frozenset({MessageState.DELIVERED, MessageState.DEAD, MessageState.DISCARDED})


class Reach(Struct, frozen=True, kw_only=True):
    """A step names a channel. `at`: when it is reached; None where the route is closed, until `opens_at`.

    `fallen`: no step of its own, but what another channel could not tell.
    """

    route: Route
    step: int
    channel: UUID
    at: datetime | None
    opens_at: datetime | None = None
    fallback_of: UUID | None = None
    fallen: bool = False


def decide(
    alert: Alert, facts: Facts, routes: Routes, holders: Sequence[Holder], told: Sequence[Told], now: datetime
) -> Decision:
    """`holders` are all that hold it, have held it since its clock started, or are known to begin. `told`: the messages
    that were made of this alert, of all its openings; of those that are alike the first and the last are enough.
    """
    holding = tuple(holder for holder in holders if holder.holds(now))
    alert = alert if alert.is_over else _turned(alert, holders, holding, now)
    asked = _Question(alert, taking(routes.routes, facts), routes, told, now)
    due = list(asked.ends())
    if alert.is_over:
        return Decision(tuple(due), None, asked.lines_as(Verdict.OVER), alert)
    changes = [at for holder in holders for at in (holder.since, holder.until) if at is not None and at > now]
    if holding:
        until = min((holder.until for holder in holding if holder.until is not None), default=None)
        return Decision(tuple(due), min(changes, default=None), asked.lines_as(Verdict.HELD, until), alert, holding)
    if alert.is_acknowledged(now):
        until = alert.snoozed_until
        due += asked.acknowledgements()
        next_at = min([*changes, until] if until else changes, default=None)
        return Decision(tuple(due), next_at, asked.lines_as(Verdict.ACKNOWLEDGED, until), alert)
    found = [asked.of_channel(channel) for channel in asked.channels()]
    due += [each.message for each in found if each.message is not None]
    next_at = min(chain(changes, *(each.later for each in found)), default=None)
    return Decision(tuple(due), next_at, tuple(chain(*(each.lines for each in found))), alert)


def _turned(alert: Alert, holders: Sequence[Holder], holding: Sequence[Holder], now: datetime) -> Alert:
    """As it is at this moment: a snooze that has passed is over, and its clock starts anew where it is let go."""
    if alert.snoozed_until is not None and alert.snoozed_until <= now:
        clock = max(alert.clock_at, alert.snoozed_until)
        alert = replace(alert, acknowledged_at=None, snoozed_until=None, clock_at=clock)
    if holding:
        return replace(alert, held=True)
    ends = [holder.until for holder in holders if holder.until is not None and holder.since < holder.until]
    released = max((end for end in ends if alert.clock_at < end <= now), default=now if alert.held else alert.clock_at)
    return replace(alert, held=False, clock_at=released)


class _Found(Struct, frozen=True):
    """What is due on a channel, why, and at which instants more may be."""

    message: Message | None
    lines: Sequence[Line]
    later: Sequence[datetime]


class _Question:
    """Of an alert as it is at one moment."""

    def __init__(
        self, alert: Alert, taken: Sequence[Route], routes: Routes, told: Sequence[Told], now: datetime
    ) -> None:
        self._alert = alert
        self._taken = taken
        self._routes = routes
        self._told = told
        self._now = now
        self._reaches: dict[UUID, list[Reach]] = {}
        for reach in (*self._steps(), *self._fallen()):
            self._reaches.setdefault(reach.channel, []).append(reach)

    def channels(self) -> Iterable[UUID]:
        return self._reaches

    def lines_as(self, verdict: Verdict, at: datetime | None = None) -> tuple[Line, ...]:
        """Every channel that is to be told at some time, and that it is not now."""
        return tuple(_line(reach, verdict, at) for reaches in self._reaches.values() for reach in reaches)

    def ends(self) -> Iterator[Message]:
        """To each channel where a beginning may have arrived, one for every opening that is over."""
        over = self._alert.opening + (1 if self._alert.is_over else 0)
        for opening in range(1, over):
            for channel in self._enabled(each.channel for each in self._told if each.opening == opening):
                said = self._of(channel, opening)
                began = next((each for each in said if each.arrived and not each.ended), None)
                if began is not None and not any(each.ended or each.kind is Kind.RESOLVE for each in said):
                    yield self._message(Kind.RESOLVE, channel, opening, began.route, began.step)

    def acknowledgements(self) -> Iterator[Message]:
        """To each channel that was told and wants to know: one for each time that somebody acknowledged."""
        wanting = {route.id for route in self._routes.routes if Also.ACKNOWLEDGE in route.also}
        since = self._alert.acknowledged_at
        for channel in self._enabled(each.channel for each in self._told if each.opening == self._alert.opening):
            said = self._of(channel, self._alert.opening)
            began = next((each for each in said if each.arrived), None)
            wants = self._routes.channels[channel].keeps or any(each.route in wanting for each in said)
            known = any(each.kind is Kind.ACKNOWLEDGE and since is not None and each.made_at >= since for each in said)
            if began is not None and wants and not known:
                yield self._message(Kind.ACKNOWLEDGE, channel, self._alert.opening, began.route, began.step)

    def of_channel(self, channel: UUID) -> _Found:
        """While nothing holds the alert."""
        reaches = self._reaches[channel]
        said = self._of(channel, self._alert.opening)
        last = max((each.at for each in said if each.kind in BEGINNINGS and each.state in _ANSWERED), default=None)
        pauses = [each.route.repeat for each in self._lasting(reaches) if each.route.repeat is not None]
        repeats = [last + pause for pause in pauses] if last is not None else []
        later = [at for at in (*_instants(reaches), *repeats) if at > self._now]
        if not any(self._enabled([channel])):
            return _Found(None, [_line(each, Verdict.OFF) for each in reaches], later)
        if any(each.state is MessageState.WAITING for each in said):
            return _Found(None, [_line(each, Verdict.WAITING) for each in reaches], later)
        owed = [each for each in reaches if self._is_owed(each, last)]
        if not owed and any(at <= self._now for at in repeats):
            owed = [each for each in self._lasting(reaches) if each.route.repeat is not None]
        lines = [self._line(each, each in owed, last) for each in reaches]
        if owed:
            newest = max(owed, key=lambda each: each.at or self._now)
            arrived = any(each.arrived and each.kind in BEGINNINGS for each in said)
            return _Found(self._through(Kind.REMINDER if arrived else Kind.OPEN, newest), lines, later)
        return _Found(self._more(reaches, said), lines, later)

    def _more(self, reaches: Sequence[Reach], said: Sequence[Told]) -> Message | None:
        """A further failure or a change, for whoever was told of the beginning and wants to know."""
        if not any(each.arrived for each in said):
            return None
        newest = max(each.made_at for each in said)
        for also, kind, at in (
            (Also.EVERY_FAILURE, Kind.FAILURE, self._alert.failed_at),
            (Also.UPDATE, Kind.UPDATE, self._alert.updated_at),
        ):
            reach = next((each for each in self._lasting(reaches) if also in each.route.also), None)
            if reach is not None and at is not None and at > newest:
                return self._through(kind, reach)
        return None

    def _steps(self) -> Iterator[Reach]:
        for route in self._taken:
            start, opens_at = self._start(route)
            for number, step in enumerate(route.steps):
                for channel in step.channels:
                    at = start + step.after if start is not None else None
                    yield self._where_it_works(
                        Reach(route=route, step=number, channel=channel, at=at, opens_at=opens_at)
                    )

    def _start(self, route: Route) -> tuple[datetime | None, datetime | None]:
        """Since when the alert's clock runs for the route; where it is closed, when it opens."""
        if route.hours is None:
            return self._alert.clock_at, None
        period = route.hours.period(self._now)
        if period is None:
            return None, route.hours.opens_after(self._now)
        return max(self._alert.clock_at, period[0]), None

    def _fallen(self) -> Iterator[Reach]:
        """What a channel could not tell, or not in time, its fallback is owed."""
        by_id = {route.id: route for route in (*self._taken, *self._routes.routes)}
        for each in self._told:
            channel, route = self._routes.channels.get(each.channel), by_id.get(each.route, self._taken[0])
            if each.opening == self._alert.opening and each.is_falling and channel and channel.fallback:
                reach = Reach(
                    route=route,
                    step=each.step,
                    channel=channel.fallback,
                    at=each.falls_at,
                    fallback_of=channel.id,
                    fallen=True,
                )
                yield self._where_it_works(reach)

    def _where_it_works(self, reach: Reach) -> Reach:
        """On the fallback, where the channel is switched off or gone, as far as there is one."""
        seen, channel = {reach.channel}, self._routes.channels.get(reach.channel)
        while channel is not None and not channel.enabled and channel.fallback and channel.fallback not in seen:
            reach = replace(reach, channel=channel.fallback, fallback_of=channel.id)
            seen.add(reach.channel)
            channel = self._routes.channels.get(reach.channel)
        return reach

    def _lasting(self, reaches: Iterable[Reach]) -> Iterator[Reach]:
        """Steps that are reached. A fallback is told of repetitions by the channel that could not tell them."""
        return (each for each in reaches if not each.fallen and each.at is not None and each.at <= self._now)

    def _is_owed(self, reach: Reach, last: datetime | None) -> bool:
        return reach.at is not None and reach.at <= self._now and (last is None or reach.at > last)

    def _of(self, channel: UUID, opening: int) -> list[Told]:
        return [each for each in self._told if each.channel == channel and each.opening == opening]

    def _enabled(self, channels: Iterable[UUID]) -> Iterator[UUID]:
        for channel in dict.fromkeys(channels):
            found: Channel | None = self._routes.channels.get(channel)
            if found is not None and found.enabled:
                yield channel

    def _through(self, kind: Kind, reach: Reach) -> Message:
        return self._message(kind, reach.channel, self._alert.opening, reach.route.id, reach.step)

    def _message(self, kind: Kind, channel: UUID, opening: int, route: UUID, step: int) -> Message:
        same = (each.number for each in self._told if each.channel == channel and each.kind is kind)
        number = 1 + max(same, default=0)
        return Message(channel=channel, kind=kind, number=number, opening=opening, route=route, step=step)

    def _line(self, reach: Reach, is_owed: bool, last: datetime | None) -> Line:
        if reach.at is None:
            return _line(reach, Verdict.CLOSED, reach.opens_at)
        if is_owed:
            return _line(reach, Verdict.DUE, reach.at)
        return _line(reach, Verdict.LATER, reach.at) if reach.at > self._now else _line(reach, Verdict.TOLD, last)


def _instants(reaches: Iterable[Reach]) -> Iterator[datetime]:
    return (at for reach in reaches if (at := reach.at or reach.opens_at) is not None)


def _line(reach: Reach, verdict: Verdict, at: datetime | None = None) -> Line:
    return Line(
        route=reach.route.id,
        step=reach.step,
        channel=reach.channel,
        verdict=verdict,
        at=at,
        fallback_of=reach.fallback_of,
    )
