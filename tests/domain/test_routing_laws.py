"""The laws of alerts, over any course of events; and the same decisions as a model that looks at every minute."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from crontopus.domain.routing import BEGINNINGS, Also, Kind, MessageState, Routes, Sending, Told, Verdict, decide
from tests.domain import naive_routing
from tests.domain.naive_routing import Past
from tests.domain.routed import FACTS, MINUTE, Behaviour, World, alert, channel, holder, minute, route
from tests.scale import scaled

LONG = 120
DRAINED = 60
"""Minutes in which nothing happens any more, so that all that is owed is told."""

numbers = st.integers(0, 2)
steps = st.lists(
    st.tuples(st.integers(0, 30), st.lists(numbers, min_size=1, max_size=2, unique=True)), min_size=1, max_size=3
)
fallbacks = st.sampled_from([{}, {0: 1}, {0: 1, 1: 2}, {2: 0}])
events = st.dictionaries(
    st.integers(1, LONG - 1),
    st.lists(
        st.tuples(
            st.sampled_from(["acknowledge", "unacknowledge", "snooze", "end", "again", "fail"]), st.integers(1, 20)
        ),
        min_size=1,
        max_size=2,
    ),
    max_size=8,
)
intervals = st.lists(
    st.builds(lambda since, length: holder(since, since + length), st.integers(0, LONG - 1), st.integers(1, 20)),
    max_size=3,
)
outcomes = st.lists(st.sampled_from(["delivered", "dead", "again", "unknown"]), max_size=5)
behaviours = st.dictionaries(
    numbers,
    st.builds(
        lambda delay, some, last: Behaviour(delay, (*some, last)),
        st.integers(0, 5),
        outcomes,
        st.sampled_from(["delivered", "delivered", "dead"]),
    ),
)


@st.composite
def rules(draw: st.DrawFn) -> Routes:
    falls = draw(fallbacks)
    keeping = draw(st.sets(numbers, max_size=1))
    off = draw(st.sets(numbers, max_size=1))
    channels = {
        number: channel(number, keeps=number in keeping, enabled=number not in off, fallback=falls.get(number))
        for number in range(3)
    }
    root = route(
        0,
        *draw(steps),
        repeat=draw(st.none() | st.integers(5, 30).map(lambda every: every * MINUTE)),
        also=draw(st.frozensets(st.sampled_from([Also.ACKNOWLEDGE, Also.EVERY_FAILURE]))),
    )
    return Routes((root,), {each.id: each for each in channels.values()})


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Holders and routes may be edited on the way; at the end nothing happens for a while."""
    first = draw(intervals)
    kept = draw(st.sets(st.integers(0, 2)))
    edit_at = draw(st.integers(1, LONG - 1))
    holders = {0: first, edit_at: [each for place, each in enumerate(first) if place in kept]}
    return World(
        rules={0: draw(rules()), draw(st.integers(1, LONG - 1)): draw(rules())},
        holders=holders,
        happens=draw(events),
        behaviours=draw(behaviours),
    )


def again(world: World, *, asks: bool) -> World:
    """The same course of events, from its beginning."""
    return World(
        rules=world.rules, holders=world.holders, happens=world.happens, behaviours=world.behaviours, asks=asks
    ).run(LONG + DRAINED)


@settings(max_examples=scaled(300))
@given(worlds())
def test_asked_more_often_the_same_is_told(world: World) -> None:
    assert again(world, asks=False).made == again(world, asks=True).made


@settings(max_examples=scaled(300))
@given(worlds())
def test_a_model_that_looks_at_every_minute_decides_the_same(world: World) -> None:
    watched = Watched(world)
    watched.run(LONG + DRAINED)
    assert watched.compared >= LONG + DRAINED


@settings(max_examples=scaled(300))
@given(worlds())
def test_every_step_that_is_reached_leads_to_a_message(world: World) -> None:
    """On a channel that was reached at some minute something is settled then or later, or still waits."""
    ran = again(world, asks=True)
    for now, decision in ran.decisions:
        for line in decision.why:
            if line.verdict is Verdict.DUE and line.at is not None:
                after = [each for each in ran.told.values() if each.channel == line.channel and each.at >= line.at]
                assert after, (now, line)


@settings(max_examples=scaled(300))
@given(worlds())
def test_what_is_open_at_the_end_has_told_somebody_if_any_way_works(world: World) -> None:
    ran = again(world, asks=False)
    end, last = LONG + DRAINED - 1, ran.decisions[-1][1]
    opening, clock = ran.alert.opening, ran.alert.clock_at
    if ran.alert.is_over or ran.alert.is_acknowledged(minute(end)) or last.holders:
        return
    for line in last.why:
        if line.verdict in (Verdict.TOLD, Verdict.WAITING, Verdict.DUE):
            said = [each for each in ran.told.values() if each.opening == opening and each.at >= clock]
            ways = chain_of(ran.rules_at(end), line.channel)
            works = [each for each in ways if "dead" not in ran.behaviours.get(each.int - 1, Behaviour()).outcomes]
            arrived = any(each.channel in ways and each.state is MessageState.DELIVERED for each in said)
            assert arrived or not works or never_asked(said, works), line


@settings(max_examples=scaled(300))
@given(worlds())
def test_there_is_no_end_without_a_beginning_and_one_for_each(world: World) -> None:
    ran = again(world, asks=False)
    for way in {each.channel for each in ran.told.values()}:
        for opening in range(1, ran.alert.opening + 1):
            said = [each for each in ran.told.values() if (each.channel, each.opening) == (way, opening)]
            ends = [each for each in said if each.kind is Kind.RESOLVE and each.state is not MessageState.OVERTAKEN]
            began = [each for each in said if each.arrived and each.kind is not Kind.RESOLVE]
            assert len(ends) <= 1
            assert began or not ends, "an end without a beginning"
            over = ran.alert.is_over or opening < ran.alert.opening
            assert not ends or over, "an end of what is open"
            switched_off = any(not each.channels[way].enabled for each in ran.rules.values())
            if over and began and not switched_off:
                assert ends or any(each.ended for each in said), "a beginning without an end"


@settings(max_examples=scaled(300))
@given(worlds())
def test_nobody_is_told_anew_of_what_is_acknowledged_held_or_over(world: World) -> None:
    ran = again(world, asks=True)
    for now, each, how in ran.sent:
        if each.kind in (*BEGINNINGS, Kind.FAILURE) and how is Sending.AS_IT_IS:
            held = any(one.holds(minute(now)) for one in ran.holders_at(now))
            assert not held
    for now, decision in ran.decisions:
        quiet = decision.alert.is_over or decision.holders or decision.alert.is_acknowledged(minute(now))
        assert not quiet or all(each.kind in (Kind.RESOLVE, Kind.ACKNOWLEDGE) for each in decision.due)


@settings(max_examples=scaled(100))
@given(worlds())
def test_asked_late_nobody_is_told_twice_of_what_was_missed(world: World) -> None:
    """Nothing was asked for an hour: whoever is owed then is told once."""
    rules = world.rules_at(LONG)
    found = decide(alert(), FACTS, rules, (), (), minute(LONG))
    assert len({each.channel for each in found.due}) == len(found.due)
    assert all(each.kind is Kind.OPEN for each in found.due)


def chain_of(rules: Routes, channel: UUID) -> list[UUID]:
    """The channel and those it falls back to."""
    found = [channel]
    while (fallback := rules.channels[found[-1]].fallback) is not None and fallback not in found:
        found.append(fallback)
    return found


def never_asked(said: Sequence[Told], works: Sequence[UUID]) -> bool:
    """What works had no chance yet: what would fall to it has not fallen."""
    return not any(each.channel in works for each in said) and all(not each.is_falling for each in said)


class Watched(World):
    """Compares each decision with the model's."""

    def __init__(self, world: World) -> None:
        super().__init__(world.rules, world.holders, world.happens, world.behaviours, asks=True)
        self.past = Past()
        self.compared = 0

    def _happen(self, now: int) -> bool:
        changed = super()._happen(now)
        if changed and self.alert.clock_at == minute(now):
            self.past.taken_back.add(now)
        return changed

    def _ask(self, now: int, changed: bool) -> bool:
        held = any(each.holds(minute(now)) for each in self.holders_at(now))
        self.past.alerts[now:] = [self.alert]
        self.past.held[now:] = [held]
        told = tuple(self.told.values())
        expected = naive_routing.due(self.past, now, self.rules_at(now), self.holders_at(now), told)
        found = decide(self.alert, FACTS, self.rules_at(now), self.holders_at(now), told, minute(now))
        assert Counter((each.channel, each.kind, each.number) for each in found.due) == Counter(expected), now
        self.compared += 1
        return super()._ask(now, changed)
