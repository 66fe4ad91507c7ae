"""The slots of DST nights against what Debian's cron and systemd really do.

CRONTOPUS_TEST_LONG=1 takes all zones and nights; without it a sample is taken.
"""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crontopus.domain import schedule, zone
from crontopus.domain.schedule import Clock, Cron, OnCalendar
from tests.domain import debian_cron

LONG = os.environ.get("CRONTOPUS_TEST_LONG") == "1"
SECOND = timedelta(seconds=1)
SPRING_SPEED, AUTUMN_SPEED = 200, 400  # in spring cron pauses between the runs it makes up for

LINES = [
    "30 2 * * *",
    "0 3 * * *",
    "5 0-6 * * *",
    "15 * * * *",
    "*/30 * * * *",
    "0 */2 * * *",
    "30 */1 * * *",
    "40 2,3 * * *",
    "0,30 2 * * *",
    "*/20 2 * * *",
    "0-59/30 2 * * *",
    "30 2 * * 0",
    "30 2 * * 1",
    "@hourly",
    "@daily",
]
MIDNIGHT_LINES = ["0 0 * * *", "30 0 * * *", "@daily", "5 0-2 * * *", "*/20 0 * * *", "15 * * * *", "30 23,0 * * *"]


def night(
    timezone: str, start: str, until: str, speed: int, lines: list[str] = LINES
) -> tuple[str, str, str, int, list[str]]:
    return timezone, start, until, speed, lines


NIGHTS = [
    night("Europe/Berlin", "2026-03-29 01:55", "2026-03-29 03:42", SPRING_SPEED),
    night("Europe/Berlin", "2026-10-25 01:55", "2026-10-25 03:06", AUTUMN_SPEED),
]
MORE_NIGHTS = [
    night("America/New_York", "2026-03-08 01:55", "2026-03-08 03:42", SPRING_SPEED),
    night("America/New_York", "2026-11-01 00:55", "2026-11-01 03:06", AUTUMN_SPEED),
    night("Australia/Lord_Howe", "2026-10-04 01:55", "2026-10-04 03:42", SPRING_SPEED),
    night("Australia/Lord_Howe", "2026-04-05 01:25", "2026-04-05 03:06", AUTUMN_SPEED),
    night("America/Havana", "2026-03-07 23:55", "2026-03-08 02:10", SPRING_SPEED, MIDNIGHT_LINES),
    night("America/Havana", "2026-10-31 23:55", "2026-11-01 02:10", AUTUMN_SPEED, MIDNIGHT_LINES),
    night("Antarctica/Troll", "2026-03-29 00:55", "2026-03-29 03:42", SPRING_SPEED),
    night("Antarctica/Troll", "2026-10-25 00:55", "2026-10-25 03:06", AUTUMN_SPEED),
]


@pytest.mark.skipif(bool(debian_cron.missing()), reason=debian_cron.missing())
def test_debians_cron_starts_each_job_in_the_minutes_of_its_slots(tmp_path: Path) -> None:
    nights = NIGHTS + MORE_NIGHTS * LONG
    folders = [tmp_path / str(number) for number in range(len(nights))]
    with ThreadPoolExecutor(max_workers=2) as both:
        for wrong in both.map(differences, nights, folders):
            assert wrong == {}


def differences(
    night: tuple[str, str, str, int, list[str]], folder: Path
) -> dict[str, tuple[set[datetime], set[datetime]]]:
    """Of the lines on which cron and the slots disagree, what cron did and what was expected."""
    timezone, start, until, speed, lines = night
    folder.mkdir()
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone)) for text in (start, until))
    ran = debian_cron.runs(lines, begin, end, folder, speed)
    assert any(ran.values())
    expected = {line: slots(line, timezone, begin.astimezone(UTC), end.astimezone(UTC)) for line in lines}
    return {line: (ran[line], expected[line]) for line in lines if ran[line] != expected[line]}


def slots(line: str, timezone: str, begin: datetime, end: datetime) -> set[datetime]:
    return set(schedule.slots((Cron(line),), timezone, Clock.CRON).between(begin - SECOND, end - SECOND))


ZONES = ["Europe/Berlin", "Australia/Lord_Howe"]
MORE_ZONES = [
    "America/New_York",
    "Africa/Cairo",
    "America/Havana",
    "America/Santiago",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Pacific/Chatham",
]
EVENTS = [
    "02:30",
    "*:30",
    "*:0/15",
    "00:30",
    "01:15",
    "03:00",
    "0/2:00",
    "Sun 02:00",
    "Mon..Fri 02:30",
    "*-*-* 02,03:40",
    "*-*-* 01..03:20",
    "*-*~1 02:30",
    "02:15:10",
    "02:30 Europe/Riga",
    "daily",
    "hourly",
    "quarterly",
]
# systemd 252 loses its way in these gaps: it drops the rest of the day, or refuses with "Infinite loop".
LOST = {
    ("Africa/Cairo", "0/2:00"),
    ("America/Havana", "0/2:00"),
    ("America/Santiago", "0/2:00"),
    ("Asia/Beirut", "0/2:00"),
    ("Africa/Casablanca", "0/2:00"),
    ("Africa/Casablanca", "*-*-* 02,03:40"),
    ("Antarctica/Troll", "*-*-* 02,03:40"),
    ("Europe/Dublin", "*-*-* 01..03:20"),
}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="not installed: systemd")
@pytest.mark.parametrize("timezone", ZONES + MORE_ZONES * LONG)
def test_systemd_elapses_at_the_slots(timezone: str) -> None:
    for event in EVENTS:
        if (timezone, event) in LOST:
            continue
        for change in changes(timezone):
            base = change - timedelta(hours=5, minutes=7)
            made = schedule.slots((OnCalendar(event),), timezone, Clock.CRON)
            assert list(islice(made.between(base, base + timedelta(days=4000)), 12)) == elapses(event, timezone, base)


def changes(timezone: str) -> list[datetime]:
    """Two changes of the clocks in a row."""
    found = zone.find(timezone)
    assert found is not None
    stretches = [stretch for year in (2026, 2027) for stretch in zone.stretches(found, year)]
    return [stretch.since for stretch in stretches if stretch.before != stretch.offset][:2]


def elapses(event: str, timezone: str, base: datetime) -> list[datetime]:
    """What `systemd-analyze calendar` says of the next 12 times."""
    answer = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=12", f"--base-time=@{base.timestamp():.0f}", event],
        env={"PATH": os.environ["PATH"], "TZ": timezone, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [datetime.fromisoformat(found + "+00:00") for found in re.findall(r"\(in UTC\): \w+ (.+) UTC", answer)]
