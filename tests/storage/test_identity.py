"""Ids sort in the order in which they were made."""

from datetime import UTC, datetime, timedelta

from crontopus.storage.identity import Identities

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)


def test_ids_of_one_millisecond_sort_in_the_order_they_were_made() -> None:
    identities = Identities()
    made = [identities.new(NOON) for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_an_id_made_later_sorts_later() -> None:
    identities = Identities()
    assert identities.new(NOON) < identities.new(NOON + timedelta(milliseconds=1))


def test_two_processes_do_not_make_the_same_ids() -> None:
    assert Identities().new(NOON) != Identities().new(NOON)
