"""Routing as the page tells it, without a thought for speed: every minute is looked at by itself."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from crontopus.domain.alerts import Alert
from crontopus.domain.routing import BEGINNINGS, Also, Holder, Kind, MessageState, Routes, Told
from tests.domain.routed import MINUTE, START, minute

Due = tuple[UUID, Kind, int]


class Past:
    """What an alert was at each minute, and in which minutes somebody took an acknowledgement back."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.held: list[bool] = []
        self.taken_back: set[int] = set()

    def quiet(self, now: int) -> bool:
        return self.held[now] or self.alerts[now].is_acknowledged(minute(now))

    def clock(self, now: int) -> int:
        """The last minute in which it opened, was let go, or its acknowledgement ended."""
        for at in range(now, -1, -1):
            opened = at == 0 or self.alerts[at - 1].opening != self.alerts[at].opening
            if opened or at in self.taken_back or (self.quiet(at - 1) and not self.quiet(at)):
                return at
        raise AssertionError


def due(past: Past, now: int, routes: Routes, holders: Sequence[Holder], told: Sequence[Told]) -> set[Due]:
    """The messages that are owed at this minute and have not been made. One route, without hours."""
    alert = past.alerts[now]
    found = {(each, Kind.RESOLVE, _next(told, each, Kind.RESOLVE)) for each in _unended(alert, routes, told)}
    if alert.is_over or past.held[now]:
        return found
    if past.quiet(now):
        return found | {
            (each, Kind.ACKNOWLEDGE, _next(told, each, Kind.ACKNOWLEDGE)) for each in _curious(alert, routes, told)
        }
    for channel in routes.channels:
        kind = _kind(past, now, routes, told, channel)
        if kind is not None and routes.channels[channel].enabled:
            found.add((channel, kind, _next(told, channel, kind)))
    return found


def _kind(past: Past, now: int, routes: Routes, told: Sequence[Told], channel: UUID) -> Kind | None:
    (route,) = routes.routes
    said = [each for each in told if each.channel == channel and each.opening == past.alerts[now].opening]
    if any(each.state is MessageState.WAITING for each in said):
        return None
    answers = [
        each.at
        for each in said
        if each.kind in BEGINNINGS and each.state in (MessageState.DELIVERED, MessageState.DEAD)
    ]
    since = round((max(answers) - START) / MINUTE) if answers else -1
    reached = set(_reached(past, now, routes, channel))
    fallen = set(_fallen(past, now, routes, told, channel))
    again = route.repeat is not None and bool(answers) and bool(reached) and since + route.repeat / MINUTE <= now
    arrived = [each for each in said if each.arrived]
    if again or any(since < at <= now for at in reached | fallen):
        return Kind.REMINDER if any(each.kind in BEGINNINGS for each in arrived) else Kind.OPEN
    failed_at = past.alerts[now].failed_at
    newest = max((each.made_at for each in said), default=None)
    every = Also.EVERY_FAILURE in route.also and bool(reached)
    if every and arrived and failed_at is not None and newest is not None and failed_at > newest:
        return Kind.FAILURE
    return None


def _reached(past: Past, now: int, routes: Routes, channel: UUID) -> Iterator[int]:
    (route,) = routes.routes
    for step in route.steps:
        for named in step.channels:
            at = past.clock(now) + round(step.after / MINUTE)
            if _working(routes, named) == channel and at <= now:
                yield at


def _fallen(past: Past, now: int, routes: Routes, told: Sequence[Told], channel: UUID) -> Iterator[int]:
    for each in told:
        fallback = routes.channels[each.channel].fallback
        current = each.opening == past.alerts[now].opening and each.state in (MessageState.WAITING, MessageState.DEAD)
        if current and fallback is not None and each.falls_at is not None and _working(routes, fallback) == channel:
            yield round((each.falls_at - START) / MINUTE)


def _working(routes: Routes, channel: UUID) -> UUID:
    seen = [channel]
    while True:
        found = routes.channels[seen[-1]]
        if found.enabled or found.fallback is None or found.fallback in seen:
            return seen[-1]
        seen.append(found.fallback)


def _unended(alert: Alert, routes: Routes, told: Sequence[Told]) -> Iterator[UUID]:
    for opening in range(1, alert.opening + 1):
        for channel in routes.channels:
            said = [each for each in told if each.channel == channel and each.opening == opening]
            over = alert.is_over or opening < alert.opening
            began = any(each.arrived for each in said)
            ended = any(each.ended or each.kind is Kind.RESOLVE for each in said)
            if over and began and not ended and routes.channels[channel].enabled:
                yield channel


def _curious(alert: Alert, routes: Routes, told: Sequence[Told]) -> Iterator[UUID]:
    (route,) = routes.routes
    for channel in routes.channels:
        said = [each for each in told if each.channel == channel and each.opening == alert.opening]
        wants = routes.channels[channel].keeps or Also.ACKNOWLEDGE in route.also
        assert alert.acknowledged_at is not None
        known = any(each.kind is Kind.ACKNOWLEDGE and each.made_at >= alert.acknowledged_at for each in said)
        if wants and not known and any(each.arrived for each in said) and routes.channels[channel].enabled:
            yield channel


def _next(told: Sequence[Told], channel: UUID, kind: Kind) -> int:
    return 1 + len([each for each in told if each.channel == channel and each.kind is kind])
