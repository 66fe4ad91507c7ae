"""Slots: in order, strictly on the asked side, the same by whichever question; and what they owe to DST."""

import timeit
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from crontopus.domain import schedule, zone
from crontopus.domain.errors import Invalid
from crontopus.domain.schedule import Clock, Cron, OnCalendar, Schedule, Slots

BERLIN = "Europe/Berlin"
ZONES = [
    "UTC",
    BERLIN,
    "Europe/Dublin",
    "America/New_York",
    "America/Havana",
    "America/Santiago",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
]
BIRTH = datetime(2026, 1, 1)  # noqa: DTZ001 - Hypothesis wants its bounds without a zone
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def on(day: str, expression: str, clock: Clock, timezone: str = BERLIN) -> list[str]:
    """The slots of one local day, as times in UTC."""
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(timezone))
    end = start + DAY
    made = schedule.slots((Cron(expression),), timezone, clock)
    return [f"{slot:%H:%M}" for slot in made.between(start.astimezone(UTC) - SECOND, end.astimezone(UTC) - SECOND)]


@pytest.mark.parametrize(
    ("expression", "clock", "spring", "autumn"),
    [
        ("30 2 * * *", Clock.CRON, ["01:00"], ["00:30"]),
        ("30 2 * * *", Clock.SYSTEMD, [], ["00:30"]),
        ("30 2 * * *", Clock.WINDOWS, [], ["00:30"]),
        ("30 2 * * *", Clock.UTC, ["02:30"], ["02:30"]),
        ("40 2,3 * * *", Clock.CRON, ["01:00", "01:40"], ["00:40", "02:40"]),
        ("0,30 2 * * *", Clock.CRON, ["01:00"], ["00:00", "00:30"]),
        ("0 */8 * * *", Clock.CRON, ["23:00", "06:00", "14:00"], ["22:00", "07:00", "15:00"]),
        ("*/20 2 * * *", Clock.CRON, [], ["00:00", "00:20", "00:40", "01:00", "01:20", "01:40"]),
        ("*/20 2 * * *", Clock.WINDOWS, [], ["00:00", "00:20", "00:40", "01:00", "01:20", "01:40"]),
        ("*/20 2 * * *", Clock.SYSTEMD, [], ["00:00", "00:20", "00:40"]),
    ],
)
def test_a_skipped_or_repeated_time_follows_whoever_keeps_the_clock(
    expression: str, clock: Clock, spring: list[str], autumn: list[str]
) -> None:
    assert on("2026-03-29", expression, clock) == spring
    assert on("2026-10-25", expression, clock) == autumn


def test_a_jump_of_more_than_three_hours_is_not_made_up_for() -> None:
    samoa_without_a_friday = schedule.slots((Cron("0 12 * * *"),), "Pacific/Apia", Clock.CRON)
    found = samoa_without_a_friday.between(instant("2011-12-29T00:00"), instant("2012-01-01T00:00"))
    assert list(found) == [instant("2011-12-29T22:00"), instant("2011-12-30T22:00"), instant("2011-12-31T22:00")]


def test_a_zone_in_the_calendar_event_wins() -> None:
    riga = schedule.slots((OnCalendar("02:30 Europe/Riga"),), BERLIN, Clock.UTC)
    assert riga.after(instant("2026-06-01T00:00")) == instant("2026-06-01T23:30")


def test_without_a_slot_the_answer_is_none() -> None:
    once = schedule.slots((OnCalendar("2027-03-01 02:00"),), "UTC", Clock.SYSTEMD)
    slot = instant("2027-03-01T02:00")
    assert (once.after(slot - SECOND), once.after(slot)) == (slot, None)
    assert (once.upto(slot), once.upto(slot - SECOND)) == (slot, None)
    assert once.upto(slot + 399 * DAY) == slot
    assert once.upto(slot + 500 * DAY) is None


def test_leap_days_are_found_over_the_years_between() -> None:
    leap = schedule.slots((Cron("0 0 29 2 *"),), BERLIN, Clock.CRON)
    assert leap.after(instant("2096-03-01T00:00")) == instant("2104-02-28T23:00")


def test_a_time_that_is_skipped_each_year_is_given_up() -> None:
    always_skipped = Cron("30 2 * 3 0L")
    assert schedule.slots((always_skipped,), BERLIN, Clock.SYSTEMD).after(instant("2026-01-01T00:00")) is None
    made_up_for = schedule.slots((always_skipped,), BERLIN, Clock.CRON)
    assert made_up_for.after(instant("2026-01-01T00:00")) == instant("2026-03-29T01:00")


def test_counting_and_listing_stop_at_their_limit() -> None:
    seconds = schedule.slots((Cron("* * * * * *"),), BERLIN, Clock.CRON)
    start = instant("2026-01-01T00:00")
    assert seconds.count(start, start + timedelta(minutes=1)) == 60
    assert seconds.count(start, start + 9999 * DAY, limit=500) == 500
    assert len(list(seconds.between(start, start + 9999 * DAY, 3))) == 3


FIELDS = [
    ["*", "*/20", "0", "30", "0,30", "15,45", "5-10", "59"],
    ["*", "*/2", "0", "2", "2,3", "0-6", "1,23", "*/5"],
    ["*", "1", "L", "15,29", "*/3", "LW", "30,31"],
    ["*", "3,10", "*/4", "2"],
    ["*", "0", "1-5", "5L", "MON#1", "*/2"],
]
CRON = st.tuples(*(st.sampled_from(field) for field in FIELDS)).map(" ".join)
SECONDS = st.tuples(st.sampled_from(["0", "*/7", "30", "*"]), CRON).map(" ".join)
CALENDAR = st.sampled_from(["*:30", "02:30", "Sun 00:00", "*-*~1 01:15", "*:*:0/9", "0/3:10 Europe/Dublin", "hourly"])
ONE = (CRON | SECONDS).map(Cron) | CALENDAR.map(OnCalendar)
SCHEDULES = st.lists(ONE, min_size=1, max_size=3).map(tuple)


def possible(schedules: tuple[Schedule, ...]) -> bool:
    try:
        schedule.check(schedules, BERLIN, Clock.CRON)
    except Invalid:
        return False
    return True


@st.composite
def near_a_change(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and an instant, mostly within hours of a change of its offset."""
    name = draw(st.sampled_from(ZONES))
    found = zone.find(name)
    assert found is not None
    year = draw(st.sampled_from([2026, 2027, 2028]))
    stretch = draw(st.sampled_from(zone.stretches(found, year)))
    return name, stretch.since + draw(st.timedeltas(timedelta(hours=-5), timedelta(hours=5)))


POSSIBLE = SCHEDULES.filter(possible)
CLOCKS = st.sampled_from(Clock)


@given(POSSIBLE, CLOCKS, near_a_change())
def test_the_next_slot_is_strictly_later_and_nothing_lies_between(
    schedules: tuple[Schedule, ...], clock: Clock, where: tuple[str, datetime]
) -> None:
    name, now = where
    fresh = Slots(schedule.slots(schedules, name, clock).lines)
    slot = fresh.after(now)
    assert slot is not None
    assert slot > now
    assert slot.tzinfo is UTC
    for between in (now + (slot - now) / 3, slot - timedelta(microseconds=1)):
        assert Slots(fresh.lines).after(between) == slot, "an earlier question has the same answer"
        assert (earlier := fresh.upto(between)) is None or earlier <= now


@given(POSSIBLE, CLOCKS, near_a_change())
def test_looking_back_finds_what_looking_forward_found(
    schedules: tuple[Schedule, ...], clock: Clock, where: tuple[str, datetime]
) -> None:
    name, now = where
    made = schedule.slots(schedules, name, clock)
    for slot in islice(made.between(now, now + 4000 * DAY), 20):
        assert made.upto(slot) == slot
        assert made.upto(slot + timedelta(milliseconds=1)) == slot
    latest = made.upto(now)
    assert latest is None or (latest <= now and made.after(latest - SECOND) == latest)


@given(POSSIBLE, CLOCKS, near_a_change())
def test_several_schedules_are_the_union_of_their_slots(
    schedules: tuple[Schedule, ...], clock: Clock, where: tuple[str, datetime]
) -> None:
    name, now = where
    end = now + timedelta(hours=9)
    apart = {slot for one in schedules for slot in schedule.slots((one,), name, clock).between(now, end, 99_999)}
    together = schedule.slots(schedules, name, clock)
    assert list(together.between(now, end, 99_999)) == sorted(apart)
    assert together.count(now, end, 99_999) == len(apart)


@given(
    CRON.filter(lambda line: possible((Cron(line),))), st.sampled_from(ZONES), st.datetimes(BIRTH, BIRTH + 999 * DAY)
)
def test_cronsim_agrees_but_near_a_change_where_it_errs(line: str, name: str, start: datetime) -> None:
    """Near a change, Debian's cron itself is asked, in another module."""
    home = ZoneInfo(name)
    start = start.replace(microsecond=0, tzinfo=UTC)
    end = start + 300 * DAY

    def settled(slot: datetime) -> bool:
        return (slot - DAY).astimezone(home).utcoffset() == (slot + DAY).astimezone(home).utcoffset()

    theirs = takewhile(
        lambda slot: slot <= end, (slot.astimezone(UTC) for slot in CronSim(line, start.astimezone(home)))
    )
    ours = schedule.slots((Cron(line),), name, Clock.CRON).between(start, end)
    assert list(islice(filter(settled, ours), 60)) == list(islice(filter(settled, theirs), 60))


@pytest.mark.parametrize("expression", ["30 2 * * *", "*/5 * * * *", "* * * * * *", "0 6 * * 1-5"])
def test_a_slot_costs_microseconds(expression: str) -> None:
    [line] = schedule.slots((Cron(expression),), BERLIN, Clock.CRON).lines
    now = instant("2026-06-03T12:03:04")
    assert min(timeit.repeat(lambda: line.after(now), number=200, repeat=5)) / 200 < 50e-6
