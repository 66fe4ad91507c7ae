"""How often somebody may ask: the bucket as one number, what an address is, and the fields that tell of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontopus.domain.rates import Allowance, allowance, origin_of, policy, standing, take


def taken(asks: list[float], most: int) -> list[bool]:
    full_at, found = 0.0, []
    for now in asks:
        full_at, there_was_one = take(full_at, now, most)
        found.append(there_was_one)
    return found


def test_a_minutes_worth_may_come_at_once_and_then_as_much_as_time_brings_back() -> None:
    assert taken([0.0] * 4, 3) == [True, True, True, False]
    assert taken([0.0, 0.0, 0.0, 19.9, 20.0, 20.0], 3) == [True, True, True, False, True, False]
    assert taken([0.0] * 3 + [60.0] * 4, 3) == [True] * 6 + [False]


def test_whoever_insists_waits_no_longer() -> None:
    assert taken([0.0, *(n / 10 for n in range(600)), 60.0], 1)[-1]


@given(
    st.integers(min_value=1, max_value=500),
    st.lists(st.floats(min_value=0, max_value=3, allow_nan=False), min_size=1, max_size=300),
)
def test_in_no_minute_are_there_more_than_twice_as_many(most: int, pauses: list[float]) -> None:
    at = [sum(pauses[: n + 1]) for n in range(len(pauses))]
    granted = [now for now, there_was_one in zip(at, taken(at, most), strict=True) if there_was_one]
    for begin in granted:
        assert sum(begin <= now < begin + 60 for now in granted) <= 2 * most


def test_it_is_told_what_is_left_and_how_long_to_wait() -> None:
    full_at, _ = take(0.0, 0.0, 60)
    assert allowance("token", full_at, 0.0, 60, refused=False) == Allowance("token", 60, 59, 1)
    assert allowance("token", 60.0, 0.0, 60, refused=True) == Allowance("token", 60, 0, 60, wait_seconds=1)
    assert allowance("token", 60.0, 0.0, 1, refused=True) == Allowance("token", 1, 0, 60, wait_seconds=60)
    assert allowance("token", 60.0, 99.0, 60, refused=False) == Allowance("token", 60, 60, 0)


def test_the_fields_are_lists_of_strings_with_parameters() -> None:
    both = [Allowance("address", 100, 7, 56), Allowance("token", 60, 0, 60, wait_seconds=1)]
    assert policy(both) == '"address";q=100;w=60, "token";q=60;w=60'
    assert standing(both) == '"address";r=7;t=56, "token";r=0;t=60'


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no:address", "no:address"),
    ],
)
def test_an_address_of_ipv6_is_its_network(address: str, origin: str) -> None:
    assert origin_of(address) == origin
