"""Schedules: what is refused, which slots they make, and what people are told of them."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontopus.domain import schedule
from crontopus.domain.errors import Invalid
from crontopus.domain.schedule import Clock, Cron, Every, OnCalendar, Schedule
from crontopus.domain.surprise import ClockChange

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def refused(*schedules: Schedule, timezone: str = BERLIN) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        schedule.check(schedules, timezone, Clock.CRON)
    return [(fault.pointer, fault.detail) for fault in error.value.faults]


@pytest.mark.parametrize(
    "good",
    [
        Cron("*/15 9-17 * JAN-MAR,12 MON-FRI"),
        Cron("  0 0 1 * *  "),
        Cron("30 0 0 1 * *"),
        Cron("0 0 L * *"),
        Cron("0 0 LW * *"),
        Cron("0 0 * * 5L"),
        Cron("0 0 * * MON#2"),
        Cron("0 0 29 2 *"),
        Cron("@hourly"),
        Cron("@Midnight"),
        OnCalendar("Mon,Thu *-*-* 06:30"),
        OnCalendar("*-*~1 23:00"),
        OnCalendar("quarterly"),
        OnCalendar("02:30 America/New_York"),
        OnCalendar("2020-01-01 00:00"),
        Every(timedelta(seconds=1)),
        Every(timedelta(days=400)),
    ],
)
def test_what_the_schedulers_understand_is_accepted(good: Schedule) -> None:
    schedule.check((good,), BERLIN, Clock.CRON)


@pytest.mark.parametrize(
    ("bad", "advice"),
    [
        (Cron(""), "it has 0 fields; write minute, hour"),
        (Cron("* * * *"), "it has 4 fields"),
        (Cron("60 * * * *"), "the minute '60' is not from 0 to 59"),
        (Cron("0 60 * * * *"), "the minute '60' is not from 0 to 59"),
        (Cron("60 * * * * *"), "its second field makes no sense"),
        (Cron("0 0 * * 8"), "the day of week '8' is not from 0 to 7, or sun to sat"),
        (Cron("5-1 * * * *"), "the minute '5-1' ends before it begins"),
        (Cron("*/0 * * * *"), "the minute '*/0' has a step of 0"),
        (Cron("0 0 1 foo *"), "the month 'foo' is not from 1 to 12, or jan to dec"),
        (Cron("0 0 * * 1#9"), "the day of week '1#9' is not"),
        (Cron("0 0 30 2 *"), "never comes"),
        (Cron("0 0 31 4,6 *"), "never comes"),
        (Cron("@reboot"), "leave the schedule empty"),
        (Cron("@fortnightly"), "there is no such macro; known are @yearly"),
        (Cron("0 0 * * *\n0 1 * * *"), "one line of plain ASCII text"),
        (Cron("0 0 * * \0"), "one line of plain ASCII text"),
        (Cron("٣ 0 * * *"), "one line of plain ASCII text"),
        (Cron("0," * 500 + "0 * * * *"), "at most 1000 characters; this one has 1009"),
        (OnCalendar("Mon" + "," * 900), "two commas in a row"),
        (OnCalendar("25:00"), "its hour makes no sense"),
        (OnCalendar("*-02-30"), "never comes"),
        (OnCalendar("Mon 02:30 Nowhere/Zone"), "write it as in systemd.time(7)"),
        (Every(timedelta(milliseconds=999)), "from 1 second to 400 days"),
        (Every(timedelta(days=400, seconds=1)), "from 1 second to 400 days"),
    ],
)
def test_what_cannot_be_is_refused_with_advice(bad: Schedule, advice: str) -> None:
    [(pointer, detail)] = refused(bad)
    assert pointer == "/schedule"
    assert advice in detail


def test_every_fault_is_named_at_its_place() -> None:
    pointers = [pointer for pointer, _ in refused(Cron("x"), Cron("@daily"), OnCalendar("y"), timezone="Berlin")]
    assert pointers == ["/timezone", "/schedule/0", "/schedule/2"]


def test_an_every_stands_alone() -> None:
    [(pointer, detail)] = refused(Every(timedelta(hours=1)), Cron("@daily"))
    assert (pointer, detail.split(":")[0]) == ("/schedule", "An 'every' stands alone")


def test_a_job_has_at_most_twenty_schedules() -> None:
    twenty = tuple(Cron(f"{minute} * * * *") for minute in range(20))
    schedule.check(twenty, BERLIN, Clock.CRON)
    assert refused(*twenty, Cron("@daily")) == [("/schedule", "A job has at most 20 schedules; remove some.")]


@pytest.mark.parametrize(
    "name",
    ["", "Berlin", "localtime", "posix/UTC", "right/UTC", "../UTC", "/etc/localtime", "America", "UTC\0", "A" * 999],
)
def test_only_names_of_the_zone_database_are_zones(name: str) -> None:
    [(pointer, detail)] = refused(timezone=name)
    assert pointer == "/timezone"
    assert "'Europe/Berlin' or 'UTC'" in detail


FIELD = st.text("0123456789*/,-L#W", max_size=40) | st.sampled_from(
    ["*", "0", "*/1,*/1,*/1", "1-5/2", "MON#5", "31", "2"]
)
EXPRESSION = (
    st.text(max_size=60) | st.lists(FIELD, max_size=7).map(" ".join) | st.text("0123456789*~-:/.,Mon ", max_size=60)
)


@given(EXPRESSION, st.sampled_from([Cron, OnCalendar]), st.sampled_from(Clock))
def test_any_text_is_a_schedule_that_answers_or_is_refused(
    text: str, kind: type[Cron] | type[OnCalendar], clock: Clock
) -> None:
    schedules = (kind(text),)
    try:
        schedule.check(schedules, BERLIN, clock)
    except Invalid:
        return
    slot = schedule.slots(schedules, BERLIN, clock).after(NOW)
    assert slot is None or slot > NOW
    assert schedule.describe(schedules, BERLIN, clock)
    schedule.surprises(schedules, BERLIN, clock, NOW)


@pytest.mark.parametrize(
    "hostile",
    [
        Cron(",".join(["*/1"] * 245) + " * * * *"),
        Cron(",".join(["0-59"] * 195) + " * * * * *"),
        Cron("0 0 29 2 " + "*/7," * 240 + "0"),
        OnCalendar("*-*-* *:*:" + ",".join(["00..59"] * 138)),
        OnCalendar(",".join(str(year) for year in range(1970, 2165)) + "-02-30"),
        OnCalendar("Mon *-02-30"),
    ],
)
def test_a_hostile_expression_costs_milliseconds(hostile: Cron | OnCalendar) -> None:
    begin = time.process_time()
    try:
        schedule.check((hostile,), BERLIN, Clock.CRON)
        schedule.slots((hostile,), BERLIN, Clock.CRON).count(NOW, NOW + timedelta(days=9999), limit=100)
        schedule.surprises((hostile,), BERLIN, Clock.CRON, NOW)
    except Invalid:
        pass
    assert time.process_time() - begin < 0.1


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 2 * * *", "Every day at 02:00 (Europe/Berlin)"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("* * * * *", "Every minute"),
        ("*/10 * * * * *", "Every 10 seconds"),
        ("@hourly", "Every hour"),
        ("5,35 * * * *", "Every hour at minutes 5 and 35"),
        ("15 */6 * * *", "Every 6 hours at minute 15 (Europe/Berlin)"),
        ("30 6 * * 1,4", "Mondays and Thursdays at 06:30 (Europe/Berlin)"),
        ("*/10 9-17 * * 1-5", "Every 10 minutes from 09:00 to 17:50, Monday to Friday (Europe/Berlin)"),
        ("0 9-17 * * *", "Every hour from 09:00 to 17:00 (Europe/Berlin)"),
        ("0 23 L * *", "On the last day of the month at 23:00 (Europe/Berlin)"),
        ("0 23 LW * *", "On the last workday of the month at 23:00 (Europe/Berlin)"),
        ("0 4 * * 5L", "On the last Friday of the month at 04:00 (Europe/Berlin)"),
        ("0 4 * * TUE#2", "On the 2nd Tuesday of the month at 04:00 (Europe/Berlin)"),
        ("0 0 1-7 * *", "On the 1st to the 7th of the month at 00:00 (Europe/Berlin)"),
        ("0 0 13 * 5", "On the 13th of the month and on Fridays at 00:00 (Europe/Berlin)"),
        ("0 8,20 1 1,7 *", "On the 1st of January and July at 08:00 and 20:00 (Europe/Berlin)"),
        ("0 6 * 6-8 0,6", "Saturdays and Sundays in June to August at 06:00 (Europe/Berlin)"),
        ("0 6 * 6 *", "Every day in June at 06:00 (Europe/Berlin)"),
        ("1-59/7 3 * * *", "By the cron line '1-59/7 3 * * *' (Europe/Berlin)"),
        ("0 0 */2 * MON", "By the cron line '0 0 */2 * MON' (Europe/Berlin)"),
        ("0 0 1 * MON#1", "By the cron line '0 0 1 * MON#1' (Europe/Berlin)"),
        ("0 */5 * * *", "By the cron line '0 */5 * * *' (Europe/Berlin)"),
        ("30 0 0 * * *", "By the cron line '30 0 0 * * *' (Europe/Berlin)"),
    ],
)
def test_a_cron_line_is_told_in_words_where_words_do_not_mislead(expression: str, words: str) -> None:
    assert schedule.describe((Cron(expression),), BERLIN, Clock.CRON) == words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("daily", "Every day at 00:00 (Europe/Berlin)"),
        ("Mon..Fri 02:30 UTC", "Monday to Friday at 02:30 (UTC)"),
        ("Mon *-*-1..7 06:00", "On the first Monday of the month at 06:00 (Europe/Berlin)"),
        ("*-02~3 12:00", "On the 3rd to last day of February at 12:00 (Europe/Berlin)"),
        ("2027-03-01 02:00", "On the 1st of March in 2027 at 02:00 (Europe/Berlin)"),
        ("2027,2028-03-01", "By the calendar event '2027,2028-03-01' (Europe/Berlin)"),
    ],
)
def test_a_calendar_event_is_told_in_words_too(expression: str, words: str) -> None:
    assert schedule.describe((OnCalendar(expression),), BERLIN, Clock.SYSTEMD) == words


def test_several_schedules_are_told_one_after_the_other_each_with_its_zone() -> None:
    two = (Cron("0 2 * * *"), OnCalendar("Mon 04:00"))
    assert schedule.describe(two, BERLIN, Clock.CRON) == "Every day at 02:00; Mondays at 04:00 (Europe/Berlin)"
    apart = (Cron("0 2 * * *"), OnCalendar("Mon 04:00 UTC"))
    assert schedule.describe(apart, BERLIN, Clock.CRON) == "Every day at 02:00 (Europe/Berlin); Mondays at 04:00 (UTC)"
    assert schedule.describe(two[:1], BERLIN, Clock.UTC) == "Every day at 02:00 (UTC)"
    assert schedule.describe((), BERLIN, Clock.CRON) == "At no time of its own: only what is reported counts"


@pytest.mark.parametrize(
    ("period", "words"),
    [
        (timedelta(minutes=15), "Every 15 minutes"),
        (timedelta(hours=1), "Every hour"),
        (timedelta(minutes=90), "Every 90 minutes"),
        (timedelta(days=7), "Every week"),
        (timedelta(seconds=1.5), "Every 1.5 seconds"),
    ],
)
def test_a_period_is_told_in_its_greatest_whole_unit(period: timedelta, words: str) -> None:
    assert schedule.describe((Every(period),), BERLIN, Clock.CRON) == words
    assert schedule.period((Every(period),)) == period


def test_only_an_every_has_a_period_and_it_has_no_slots() -> None:
    assert schedule.period((Cron("@daily"),)) is None
    assert schedule.slots((Every(timedelta(hours=1)),), BERLIN, Clock.CRON).after(NOW) is None


def told(expression: str, clock: Clock) -> list[tuple[ClockChange, str, list[str]]]:
    return [
        (found.kind, found.detail, [f"{slot:%H:%M}" for slot in found.slots])
        for found in schedule.surprises((Cron(expression),), BERLIN, clock, NOW)
    ]


SKIPPED, REPEATED = ClockChange.SKIPPED, ClockChange.REPEATED
SPRING, AUTUMN = "28 March 2027 (Europe/Berlin)", "31 October 2027 (Europe/Berlin)"


@pytest.mark.parametrize(
    ("expression", "clock", "surprises"),
    [
        (
            "30 2 * * *",
            Clock.CRON,
            [
                (SKIPPED, f"02:30 does not exist on {SPRING}; it runs at 03:00 instead.", ["01:00"]),
                (REPEATED, f"02:30 occurs twice on {AUTUMN}; it runs once, the first time.", ["00:30"]),
            ],
        ),
        (
            "0-59/10 2 * 3 *",
            Clock.CRON,
            [
                (
                    SKIPPED,
                    f"02:00, 02:10, 02:20 … do not exist on {SPRING}; one run at 03:00 stands for them.",
                    ["01:00"],
                )
            ],
        ),
        (
            "0 */2 * * *",
            Clock.CRON,
            [
                (SKIPPED, f"02:00 does not exist on {SPRING}; no run is expected then.", []),
                (REPEATED, f"02:00 occurs twice on {AUTUMN}; it runs both times.", ["00:00", "01:00"]),
            ],
        ),
        ("*/15 * * * *", Clock.CRON, []),
        (
            "30 * * * *",
            Clock.SYSTEMD,
            [(REPEATED, f"02:30 occurs twice on {AUTUMN}; it runs once, the first time.", ["00:30"])],
        ),
        ("30 2 * * *", Clock.UTC, []),
        ("30 4 * * *", Clock.CRON, []),
    ],
)
def test_what_a_change_of_the_clocks_does_is_said_in_advance(
    expression: str, clock: Clock, surprises: list[tuple[ClockChange, str, list[str]]]
) -> None:
    assert told(expression, clock) == surprises
