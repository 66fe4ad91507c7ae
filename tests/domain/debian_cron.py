"""Debian's own cron, run through a night at many times its speed, to see when it really starts what.

It runs in namespaces of its own, with empty tables, and under libfaketime. What it starts writes its number to a pipe.
Besides the lines asked for, one line runs each minute: these ticks tell the faked time of whatever came with them.
"""

import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

SETTING_UP = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs /var/spool/cron
mkdir -m 1730 /var/spool/cron/crontabs
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t tmpfs -o mode=0755 tmpfs /etc/cron.d
mount --bind /dev/null /etc/crontab
cp "$1" /etc/cron.d/night
LD_PRELOAD="$2" exec cron -f
"""
MINUTE = timedelta(minutes=1)
CLEAR = 0.35  # how far, in minutes, a tick may be from where it should be


def missing() -> str:
    """What this machine lacks to run it; empty: nothing."""
    if os.geteuid():
        return "root is needed for the namespaces cron runs in"
    lacking = [tool for tool in ("cron", "unshare") if shutil.which(tool) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else "" if _libfaketime() else "not installed: faketime"


def runs(lines: list[str], start: datetime, until: datetime, folder: Path, speed: int) -> dict[str, set[datetime]]:
    """For each cron line, the minutes (UTC) in which cron started it from `start` until just before `until`.

    `start` is aware, in the zone cron shall keep, on a whole minute, and not in an hour that is repeated.
    Where the machine was too busy for a clear picture, it runs again at a lower speed.
    """
    picture = None
    while picture is None:
        with _cron(lines, start, folder, speed) as pipe:
            picture = _watch(pipe, lines, start, until, 60 / speed)
        speed = speed * 2 // 3
        assert speed > 30, "the machine is too busy to tell when cron starts what"
    return picture


@contextmanager
def _cron(lines: list[str], start: datetime, folder: Path, speed: int) -> Iterator[int]:
    zone = start.tzinfo
    assert isinstance(zone, ZoneInfo)
    pipe, table = folder / "pipe", folder / "table"
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    commands = [f"{line} root echo {number} > {pipe}" for number, line in enumerate(["* * * * *", *lines])]
    table.write_text("\n".join(["SHELL=/bin/sh", 'MAILTO=""', *commands, ""]))
    # Half a minute early, so that cron has started before the first whole minute.
    begin = f"@{start - timedelta(seconds=30):%Y-%m-%d %H:%M:%S} x{speed}"
    reader = os.open(pipe, os.O_RDWR)
    cron = subprocess.Popen(
        ["unshare", "-m", "-p", "-f", "--kill-child", "sh", "-c", SETTING_UP, "sh", str(table), _libfaketime()],
        env={"PATH": os.environ["PATH"], "TZ": zone.key, "FAKETIME": begin},
    )
    try:
        yield reader
    finally:
        cron.kill()
        cron.wait()
        os.close(reader)


def _watch(
    pipe: int, lines: list[str], start: datetime, until: datetime, minute: float
) -> dict[str, set[datetime]] | None:
    expected = (until.astimezone(UTC) - start.astimezone(UTC)) // MINUTE
    ticks: list[float] = []
    seen: list[tuple[float, int]] = []
    while len(ticks) < expected or time.monotonic() < ticks[-1] + minute * (1 - CLEAR):
        if not select.select([pipe], [], [], max(5, 3 * minute) if len(ticks) < expected else minute / 20)[0]:
            assert len(ticks) >= expected, "cron has stopped"
            continue
        at = time.monotonic()
        for number in map(int, os.read(pipe, 65536).split()):
            if number:
                seen.append((at, number))
            else:
                ticks.append(at)
    ticks = ticks[:expected]
    seen = [(at, number) for at, number in seen if at < ticks[-1] + minute * (1 - CLEAR)]
    if not _clear(ticks, [at for at, _ in seen], minute):
        return None
    found: dict[str, set[datetime]] = {line: set() for line in lines}
    for at, number in seen:
        found[lines[number - 1]].add(start.astimezone(UTC) + _nearest(ticks, at) * MINUTE)
    return found


def _clear(ticks: list[float], seen: list[float], minute: float) -> bool:
    """Whether the ticks are a minute apart, and all else came with one of them."""
    even = all(abs(later - earlier - minute) < CLEAR * minute for earlier, later in pairwise(ticks))
    return even and all(abs(at - ticks[_nearest(ticks, at)]) < CLEAR * minute for at in seen)


def _nearest(ticks: list[float], at: float) -> int:
    return min(range(len(ticks)), key=lambda number: abs(ticks[number] - at))


def _libfaketime() -> str:
    return next((str(path) for path in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), "")
