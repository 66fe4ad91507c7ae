"""Who is told: by examples, each of one rule of the page."""

from typing import Any

import pytest

from crontopus.domain import query
from crontopus.domain.alerts import Alert, Ending, acknowledged, reopened, resolved, snoozed, unacknowledged
from crontopus.domain.routing import (
    Also,
    Decision,
    Facts,
    Hours,
    Kind,
    MessageState,
    Route,
    Routes,
    Span,
    Told,
    Verdict,
    decide,
    taking,
)
from tests.domain.routed import FACTS, MINUTE, alert, channel, channel_id, holder, minute, route, routes, said, told

ROOT = route(0, (0, [0]), (15, [1]))
DAILY = frozenset(range(7))


def asked(
    now: float,
    *tree: Route,
    of: Alert | None = None,
    holders: Any = (),
    told: tuple[Told, ...] = (),
    rules: Routes | None = None,
) -> Decision:
    return decide(of or alert(), FACTS, rules or routes(*(tree or (ROOT,))), holders, told, minute(now))


def taken(*tree: Route) -> list[str]:
    return [each.name for each in taking(tree, FACTS)]


def test_the_first_step_is_due_at_once_and_the_next_when_its_time_comes() -> None:
    first = asked(0)
    assert (said(first.due), first.next_at) == ([(0, "open", 1)], minute(15))
    later = asked(15, told=(told(0),))
    assert (said(later.due), later.next_at) == ([(1, "open", 1)], None)


def test_nothing_is_made_while_one_to_the_channel_is_unsent() -> None:
    waiting = told(0, state=MessageState.WAITING, arrived=False)
    twice = route(0, (0, [0]), (5, [0]))
    assert said(asked(5, twice, told=(waiting,)).due) == []
    assert said(asked(5, twice, told=(told(0, at=1),)).due) == [(0, "reminder", 1)]


def test_asked_late_one_message_tells_it_whatever_was_missed() -> None:
    often = route(0, (0, [0]), (5, [0]), (10, [0]), repeat=MINUTE)
    assert said(asked(60, often).due) == [(0, "open", 1)]


def test_it_is_told_again_after_each_pause_counted_from_the_last() -> None:
    often = route(0, (0, [0]), repeat=30 * MINUTE)
    assert asked(7, often, told=(told(0, at=5),)).next_at == minute(35)
    assert said(asked(35, often, told=(told(0, at=5),)).due) == [(0, "reminder", 1)]


def test_nothing_is_due_while_somebody_knows_and_the_clock_starts_anew_after() -> None:
    known = acknowledged(alert(), minute(3))
    assert said(asked(20, of=known, told=(told(0),)).due) == []
    back = unacknowledged(known, minute(20))
    assert said(asked(20, of=back, told=(told(0),)).due) == [(0, "reminder", 1)]
    assert asked(20, of=back, told=(told(0),)).next_at == minute(35)


def test_a_snooze_ends_by_itself_and_one_is_told_again() -> None:
    put_off = snoozed(alert(), minute(60), minute(3))
    assert asked(10, of=put_off, told=(told(0),)).next_at == minute(60)
    after = asked(60, of=put_off, told=(told(0),))
    assert said(after.due) == [(0, "reminder", 1)]
    assert (after.alert.acknowledged_at, after.alert.clock_at) == (None, minute(60))


def test_what_is_held_tells_nobody_until_it_is_let_go() -> None:
    held = asked(0, holders=[holder(-5, 30)])
    assert (said(held.due), held.next_at) == ([], minute(30))
    assert [each.name for each in held.holders] == ["a silence"]
    assert {(line.verdict, line.at) for line in held.why} == {(Verdict.HELD, minute(30))}
    free = asked(30, of=held.alert, holders=[holder(-5, 30)])
    assert (said(free.due), free.next_at) == ([(0, "open", 1)], minute(45))
    assert said(asked(12, of=held.alert).due) == [(0, "open", 1)], "also where the holder is gone"


def test_the_last_of_several_holders_lets_go() -> None:
    both = [holder(-5, 30), holder(20, 50)]
    assert asked(30, holders=both).next_at == minute(50)
    assert asked(50, of=asked(0, holders=both).alert, holders=both).next_at == minute(65)


def test_the_end_goes_to_whoever_may_know_of_the_beginning() -> None:
    over = resolved(alert(), minute(20), Ending.RECOVERED)
    never = told(1, state=MessageState.DEAD)
    perhaps = told(2, state=MessageState.WAITING, arrived=True)
    assert said(asked(20, of=over, told=(told(0), never, perhaps)).due) == [(0, "resolve", 1), (2, "resolve", 1)]
    assert said(asked(21, of=over, told=(told(0), told(0, Kind.RESOLVE))).due) == []
    assert said(asked(21, route(0, (0, [2])), of=over, told=(told(0),)).due) == [(0, "resolve", 1)], (
        "whatever routes are"
    )


def test_an_alert_that_is_reopened_is_told_as_new_and_its_earlier_end_too() -> None:
    back = reopened(resolved(alert(), minute(20), Ending.RECOVERED), minute(22), minute(22))
    assert said(asked(22, of=back, told=(told(0),)).due) == [(0, "resolve", 1), (0, "open", 2)]
    ended = (told(0), told(0, Kind.RESOLVE))
    assert said(asked(22, of=back, told=ended).due) == [(0, "open", 2)]


def test_an_acknowledgement_is_told_to_who_wants_to_know() -> None:
    known = acknowledged(alert(), minute(3))
    assert said(asked(3, of=known, told=(told(0),)).due) == []
    wants = route(0, (0, [0]), also=frozenset({Also.ACKNOWLEDGE}))
    assert said(asked(3, wants, of=known, told=(told(0),)).due) == [(0, "acknowledge", 1)]
    keeps = routes(ROOT, channels={0: channel(0, keeps=True)})
    assert said(asked(3, rules=keeps, of=known, told=(told(0),)).due) == [(0, "acknowledge", 1)]
    twice = (told(0), told(0, Kind.ACKNOWLEDGE, at=3))
    assert said(asked(4, wants, of=known, told=twice).due) == []
    anew = acknowledged(unacknowledged(known, minute(5)), minute(6))
    assert said(asked(6, wants, of=anew, told=twice).due) == [(0, "acknowledge", 2)]


def test_every_failure_is_told_where_the_route_says_so() -> None:
    failing = alert(failed_at=minute(8))
    assert said(asked(8, of=failing, told=(told(0),)).due) == []
    every = route(0, (0, [0]), also=frozenset({Also.EVERY_FAILURE}))
    assert said(asked(8, every, of=failing, told=(told(0),)).due) == [(0, "failure", 1)]
    assert said(asked(9, every, of=failing, told=(told(0), told(0, Kind.FAILURE, at=8))).due) == []


def test_what_a_channel_cannot_tell_its_fallback_tells() -> None:
    falls = routes(route(0, (0, [0])), channels={0: channel(0, fallback=2), 2: channel(2)})
    dead = told(0, state=MessageState.DEAD, falls_at=minute(4), at=4)
    assert said(asked(4, rules=falls, told=(dead,)).due) == [(2, "open", 1)]
    slow = told(0, state=MessageState.WAITING, falls_at=minute(10))
    assert (said(asked(4, rules=falls, told=(slow,)).due), asked(4, rules=falls, told=(slow,)).next_at) == (
        [],
        minute(10),
    )
    assert said(asked(10, rules=falls, told=(slow,)).due) == [(2, "open", 1)]
    assert said(asked(11, rules=falls, told=(dead, told(2, at=5))).due) == []


def test_a_channel_that_is_switched_off_is_replaced_by_its_fallback() -> None:
    off = routes(route(0, (0, [0])), channels={0: channel(0, enabled=False, fallback=2), 2: channel(2)})
    found = asked(0, rules=off)
    assert said(found.due) == [(2, "open", 1)]
    assert found.why[0].fallback_of == channel_id(0)
    alone = routes(route(0, (0, [0])), channels={0: channel(0, enabled=False)})
    assert [line.verdict for line in asked(0, rules=alone).why] == [Verdict.OFF]


def test_a_circle_of_fallbacks_ends() -> None:
    circle = routes(
        route(0, (0, [0])),
        channels={0: channel(0, enabled=False, fallback=1), 1: channel(1, enabled=False, fallback=0)},
    )
    assert said(asked(0, rules=circle).due) == []


def test_a_route_tells_within_its_hours_and_its_clock_starts_when_they_begin() -> None:
    morning = route(0, (0, [0]), (15, [1]), hours=Hours("UTC", (Span(DAILY, 9 * 60, 17 * 60),)))
    night = asked(60, morning)
    assert (said(night.due), night.next_at) == ([], minute(9 * 60))
    assert night.why[0].verdict is Verdict.CLOSED
    opened = asked(9 * 60, morning)
    assert (said(opened.due), opened.next_at) == ([(0, "open", 1)], minute(9 * 60 + 15))
    next_day = asked(33 * 60, morning, told=(told(0, at=9 * 60),))
    assert said(next_day.due) == [(0, "reminder", 1)], "still open in the next morning"


@pytest.mark.parametrize(
    ("children", "names"),
    [
        ([], ["route 0"]),
        ([route(1, parent=0, matcher=query.parse_alerts("ns:other"))], ["route 0"]),
        ([route(1, parent=0), route(2, parent=0)], ["route 1"]),
        ([route(1, parent=0, proceeds=True), route(2, parent=0)], ["route 1", "route 2"]),
        ([route(1, parent=0, proceeds=True), route(2, parent=0, matcher=query.parse_alerts("ns:no"))], ["route 1"]),
        ([route(1, parent=0), route(2, parent=1), route(3, parent=2)], ["route 3"]),
        ([route(1, parent=0), route(2, parent=1, matcher=query.parse_alerts("tag:no"))], ["route 1"]),
    ],
)
def test_the_deepest_route_that_matches_takes_it(children: list[Route], names: list[str]) -> None:
    assert taken(ROOT, *children) == names


def test_a_route_without_steps_has_its_parents() -> None:
    assert said(asked(0, ROOT, route(1, parent=0)).due) == [(0, "open", 1)]
    assert said(asked(0, ROOT, route(1, (0, [2]), parent=0)).due) == [(2, "open", 1)]


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True),
        ("ns:prod", True),
        ("ns:PROD", True),
        ("ns:pro*", True),
        ("ns:*o*d", True),
        ("ns:p*p*d", False),
        ("-ns:prod", False),
        ("ns:test,prod", True),
        ("tag:db tag:eu", True),
        ("tag:db tag:us", False),
        ("label:team", True),
        ("label:team=da*", True),
        ("label:team=ops", False),
        ("-label:owner", True),
        ("class:failed severity:warning", True),
        ("agent:db-1", False),
        ("job:nightly", True),
        ("night", False),
    ],
)
def test_a_matcher_is_a_query_over_what_the_alert_is_of(text: str, fits: bool) -> None:
    assert query.matches(query.parse_alerts(text), FACTS.fields, FACTS.labels) is fits


def test_a_word_without_a_field_searches_names() -> None:
    facts = Facts(fields={"name": ("Nightly backup",)}, labels={})
    assert query.matches(query.parse_alerts("BACK"), facts.fields, facts.labels)


def test_a_pattern_of_many_stars_is_no_burden() -> None:
    hard = query.parse_alerts("ns:" + "*a" * 200 + "*b")
    assert not query.matches(hard, {"ns": ("a" * 5000,)}, {})
