"""The moment of sending: what is overtaken by then, and what goes together."""

from typing import Any
from uuid import UUID

import pytest

from crontopus.domain.alerts import Alert, Ending, acknowledged, reopened, resolved
from crontopus.domain.routing import Group, Kind, MessageState, Sending, Told, Waiting, gather, sending
from tests.domain.routed import MINUTE, alert, minute, told

OVER = resolved(alert(), minute(5), Ending.RECOVERED)
WAITS: dict[str, Any] = {"state": MessageState.WAITING, "arrived": False}


def how(message: Told, of: Alert, *others: Told, held: bool = False, keeps: bool = False) -> Sending:
    return sending(message, of, (message, *others), minute(6), held=held, keeps=keeps)


def test_a_beginning_is_sent_as_long_as_it_is_true() -> None:
    begins = told(0, **WAITS)
    assert how(begins, alert()) is Sending.AS_IT_IS
    assert how(begins, acknowledged(alert(), minute(5))) is Sending.ACKNOWLEDGED
    assert how(begins, alert(), held=True) is Sending.HELD


def test_what_is_over_before_it_was_told_is_told_with_its_end() -> None:
    begins = told(0, **WAITS)
    assert how(begins, OVER) is Sending.WITH_ITS_END
    assert how(begins, OVER, keeps=True) is Sending.OVER, "whoever keeps alerts need not know"
    assert how(told(0, Kind.REMINDER, **WAITS), OVER, told(0)) is Sending.OVER
    assert how(told(0, state=MessageState.WAITING, arrived=True), OVER) is Sending.OVER, "its end follows"
    again = told(0, state=MessageState.WAITING, arrived=True, ended=True)
    assert how(again, OVER) is Sending.WITH_ITS_END, "sent again, it says the same"


def test_a_beginning_of_an_earlier_opening_is_told_with_its_end() -> None:
    back = reopened(OVER, minute(6), minute(6))
    assert how(told(0, **WAITS), back) is Sending.WITH_ITS_END


def test_an_end_is_sent_where_its_beginning_may_have_arrived() -> None:
    ends = told(0, Kind.RESOLVE, **WAITS)
    assert how(ends, OVER, told(0)) is Sending.AS_IT_IS
    assert how(ends, OVER, told(0, state=MessageState.DEAD)) is Sending.UNTOLD
    assert how(ends, OVER, told(0, ended=True)) is Sending.UNTOLD
    assert how(ends, OVER, told(1)) is Sending.UNTOLD, "another channel was told"


def test_an_acknowledgement_is_sent_as_long_as_it_stands() -> None:
    known = told(0, Kind.ACKNOWLEDGE, **WAITS)
    assert how(known, acknowledged(alert(), minute(5)), told(0)) is Sending.AS_IT_IS
    assert how(known, alert(), told(0)) is Sending.NOT_ACKNOWLEDGED
    assert how(known, OVER, told(0)) is Sending.OVER


def waiting(number: int, group: Group = (), since: float = 0) -> Waiting:
    return Waiting(id=UUID(int=number), group=group, since=minute(since), wait=2 * MINUTE, interval=5 * MINUTE)


def batches(*each: Waiting, now: float, last: dict[Group, float] | None = None, keeps: bool = False) -> list[list[int]]:
    told_at = {group: minute(at) for group, at in (last or {}).items()}
    return [[one.id.int for one in batch] for batch in gather(each, told_at, minute(now), keeps=keeps).batches]


A, B = ("route", "a"), ("route", "b")


def test_an_alert_alone_goes_at_once() -> None:
    assert batches(waiting(1), waiting(2), now=0) == [[1], [2]]


def test_a_group_waits_for_others_and_goes_as_one() -> None:
    both = (waiting(1, A), waiting(2, B, since=1), waiting(3, A, since=1))
    assert batches(*both, now=1) == []
    assert gather(both, {}, minute(1), keeps=False).next_at == minute(2)
    assert batches(*both, now=2) == [[1, 3]]
    assert batches(*both, now=3) == [[1, 3], [2]]


def test_the_next_of_a_group_goes_an_interval_after_the_last() -> None:
    assert batches(waiting(3, A, since=4), now=6, last={A: 2}) == []
    assert batches(waiting(3, A, since=4), now=7, last={A: 2}) == [[3]]
    assert batches(waiting(3, A, since=20), now=20, last={A: 2}) == [[3]]


def test_who_keeps_alerts_is_told_of_each_alone() -> None:
    assert batches(waiting(1, A), waiting(2, A), now=0, keeps=True) == [[1], [2]]


@pytest.mark.parametrize(("amount", "parts"), [(20, 20), (21, 1)])
def test_many_at_once_are_told_as_one_summary(amount: int, parts: int) -> None:
    found = gather([waiting(number) for number in range(amount)], {}, minute(0), keeps=False)
    assert (len(found.batches), found.summary) == (parts, parts == 1)
