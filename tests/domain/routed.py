"""A small world in which alerts are told: minutes instead of instants, channels that behave as they are told to, and a
naive model of routing that looks at every minute by itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from crontopus.domain import alerts
from crontopus.domain.alerts import Alert, AlertClass, Ending, Severity
from crontopus.domain.routing import (
    BEGINNINGS,
    SENT,
    Channel,
    Decision,
    Facts,
    Holder,
    HolderKind,
    Kind,
    Message,
    MessageState,
    Route,
    Routes,
    Sending,
    Step,
    Told,
    decide,
    sending,
)

START = datetime(2026, 11, 23, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FACTS = Facts(
    fields={"ns": ("prod",), "job": ("nightly",), "class": ("failed",), "severity": ("warning",), "tag": ("db", "eu")},
    labels={"team": "data"},
)
FALLS_AFTER = 10


def minute(number: float) -> datetime:
    return START + number * MINUTE


def channel_id(number: int) -> UUID:
    return UUID(int=number + 1)


def route(number: int = 0, *steps: tuple[float, Sequence[int]], parent: int | None = None, **others: object) -> Route:
    """`steps` as (minutes, channels by number)."""
    made = tuple(Step(after * MINUTE, tuple(map(channel_id, channels))) for after, channels in steps)
    above = None if parent is None else UUID(int=1000 + parent)
    whole = Route(id=UUID(int=1000 + number), name=f"route {number}", parent=above, place=number, steps=made)
    return replace(whole, **others)


def routes(*tree: Route, channels: Mapping[int, Channel] | int = 3) -> Routes:
    known = channels if isinstance(channels, Mapping) else {number: channel(number) for number in range(channels)}
    return Routes(tree, {each.id: each for each in known.values()})


def channel(number: int, *, keeps: bool = False, enabled: bool = True, fallback: int | None = None) -> Channel:
    return Channel(channel_id(number), keeps, enabled, None if fallback is None else channel_id(fallback))


def alert(at: float = 0, **others: object) -> Alert:
    made = Alert(
        id=UUID(int=1),
        kind=AlertClass.FAILED,
        severity=Severity.WARNING,
        opened_at=minute(at),
        clock_at=minute(at),
    )
    return replace(made, **others)


def holder(since: float, until: float | None = None) -> Holder:
    end = None if until is None else minute(until)
    return Holder(HolderKind.SILENCE, UUID(int=7), "a silence", minute(since), end)


def told(
    number: int,
    kind: Kind = Kind.OPEN,
    state: MessageState = MessageState.DELIVERED,
    *,
    at: float = 0,
    **others: object,
) -> Told:
    """To the channel of this number, settled at the minute at which it was made."""
    made = Told(
        channel=channel_id(number),
        kind=kind,
        number=1,
        opening=1,
        route=UUID(int=1000),
        step=0,
        state=state,
        at=minute(at),
        made_at=minute(at),
        arrived=state is MessageState.DELIVERED,
    )
    return replace(made, **others)


def said(messages: Sequence[Message]) -> list[tuple[int, str, int]]:
    """Channel by number, kind, and how many of it there have been."""
    return [(each.channel.int - 1, each.kind.value, each.number) for each in messages]


@dataclass(frozen=True)
class Behaviour:
    """How a channel takes what is sent: minutes until a message is claimed, and what becomes of each in turn. The last
    holds for all that follow. `unknown`: it may have arrived, and is sent again."""

    delay: int = 0
    outcomes: tuple[str, ...] = ("delivered",)


@dataclass
class World:
    """One alert, minute by minute. `happens`: what people and the watch do, by minute; `rules` and `holders` may change
    as well. `asks`: at every minute, else only when something changed or the last answer said so."""

    rules: Mapping[int, Routes]
    holders: Mapping[int, Sequence[Holder]]
    happens: Mapping[int, Sequence[tuple[str, int]]]
    behaviours: Mapping[int, Behaviour]
    asks: bool = False
    alert: Alert = field(default_factory=alert)
    told: dict[tuple[UUID, Kind, int], Told] = field(default_factory=dict)
    claims: dict[tuple[UUID, Kind, int], int] = field(default_factory=dict)
    tries: dict[tuple[UUID, Kind, int], int] = field(default_factory=dict)
    made: list[tuple[int, Message]] = field(default_factory=list)
    sent: list[tuple[int, Told, Sending]] = field(default_factory=list)
    decisions: list[tuple[int, Decision]] = field(default_factory=list)
    next_at: datetime | None = None

    def run(self, minutes: int) -> "World":
        for now in range(minutes):
            changed = self._happen(now) or now in self.rules or now in self.holders or now == 0
            while self._ask(now, changed) | self._send(now):
                changed = True
        return self

    def rules_at(self, now: int) -> Routes:
        return self.rules[max(at for at in self.rules if at <= now)]

    def holders_at(self, now: int) -> Sequence[Holder]:
        return self.holders[max(at for at in self.holders if at <= now)]

    def _happen(self, now: int) -> bool:
        for what, amount in self.happens.get(now, ()):
            self.alert = happened(self.alert, what, amount, now)
        return now in self.happens

    def _ask(self, now: int, changed: bool) -> bool:
        if not (self.asks or changed or (self.next_at is not None and self.next_at <= minute(now))):
            return False
        history = tuple(self.told.values())
        found = decide(self.alert, FACTS, self.rules_at(now), self.holders_at(now), history, minute(now))
        self.alert, self.next_at = found.alert, found.next_at
        self.decisions.append((now, found))
        for each in found.due:
            key = (each.channel, each.kind, each.number)
            assert key not in self.told, "made twice"
            self.made.append((now, each))
            self.told[key] = Told(
                channel=each.channel,
                kind=each.kind,
                number=each.number,
                opening=each.opening,
                route=each.route,
                step=each.step,
                state=MessageState.WAITING,
                at=minute(now),
                made_at=minute(now),
            )
            self.claims[key] = now + self._behaviour(each.channel).delay
        return bool(found.due)

    def _send(self, now: int) -> bool:
        """In order of a channel's messages: none before the one made earlier is settled."""
        settled = False
        for key, each in list(self.told.items()):
            earlier = [one for one in self.told.values() if one.channel == each.channel]
            first = next((one for one in earlier if one.state is MessageState.WAITING), None)
            if each.state is MessageState.WAITING and first is each and self.claims[key] <= now:
                settled |= self._try(key, each, now)
        return settled

    def _try(self, key: tuple[UUID, Kind, int], each: Told, now: int) -> bool:
        held = any(one.holds(minute(now)) for one in self.holders_at(now))
        keeps = self.rules_at(now).channels[each.channel].keeps
        how = sending(each, self.alert, tuple(self.told.values()), minute(now), held=held, keeps=keeps)
        self.sent.append((now, each, how))
        if how not in SENT:
            self.told[key] = replace(each, state=MessageState.OVERTAKEN, at=minute(now))
            return True
        ended = how is Sending.WITH_ITS_END
        outcomes = self._behaviour(each.channel).outcomes
        tried = self.tries.get(key, 0)
        self.tries[key] = tried + 1
        outcome = outcomes[min(tried, len(outcomes) - 1)]
        falls_at = each.falls_at or minute(now + FALLS_AFTER)
        match outcome:
            case "delivered":
                changed = replace(each, state=MessageState.DELIVERED, at=minute(now), arrived=True, ended=ended)
            case "dead":
                falls_at = min(falls_at, minute(now))
                changed = replace(
                    each, state=MessageState.DEAD, at=minute(now), falls_at=falls_at, ended=ended and each.arrived
                )
            case "unknown":
                changed = replace(each, arrived=True, ended=ended, falls_at=falls_at)
            case _:
                changed = replace(each, falls_at=falls_at)
        self.told[key] = changed
        self.claims[key] = now + 1
        return changed.state is not MessageState.WAITING or changed != each

    def _behaviour(self, channel: UUID) -> Behaviour:
        return self.behaviours.get(channel.int - 1, Behaviour())


def happened(before: Alert, what: str, amount: int, now: int) -> Alert:
    """What does not fit how the alert is changes nothing."""
    if before.is_over:
        again = what == "again" and before.reopens(minute(now))
        return alerts.reopened(before, minute(now), minute(now)) if again else before
    match what:
        case "acknowledge":
            return alerts.acknowledged(before, minute(now))
        case "unacknowledge":
            return alerts.unacknowledged(before, minute(now)) if before.acknowledged_at else before
        case "snooze":
            return alerts.snoozed(before, minute(now + amount), minute(now))
        case "end":
            return alerts.resolved(before, minute(now), Ending.RECOVERED)
        case "fail":
            return replace(before, failed_at=minute(now))
        case _:
            return before


def beginnings(world: World) -> Iterator[tuple[int, Message]]:
    return ((at, each) for at, each in world.made if each.kind in BEGINNINGS)
