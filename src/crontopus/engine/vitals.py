"""How the installation is, part by part, for whoever runs it: this process, and what it sees of the others."""

import platform
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

import anyio
from msgspec import Struct

from crontopus import __version__
from crontopus.domain import duration
from crontopus.domain.errors import CrontopusError
from crontopus.engine.backing_up import BackingUp
from crontopus.engine.backlog import Backlogs
from crontopus.engine.health import Health
from crontopus.engine.heartbeat import Heartbeat
from crontopus.engine.intake import BYTES_LIMIT, QUEUE_LIMIT, Intake
from crontopus.engine.lookout import Lookout
from crontopus.engine.loops import Loop, Loops
from crontopus.engine.mail import Mail
from crontopus.metrics import Metrics
from crontopus.storage import backlog, backups, gaps, letters, measuring
from crontopus.storage.database import Database
from crontopus.wire.installation import Condition, Vital, Vitals

PATIENCE_SECONDS = 8.0
"""Longer than a check of `Health` may take."""
SLOW_COMMIT_SECONDS = 0.25
DISK_WARN_SHARE = 0.15
LOG_WARN_BYTES, LOG_BAD_BYTES = 64 * 1024 * 1024, 512 * 1024 * 1024
BEAT_LATE = timedelta(seconds=30)
GAP_LONG = timedelta(minutes=1)
"""A server that is started anew leaves a shorter one."""
LOOP_SLACK = timedelta(seconds=30)
"""A loop is late that has not succeeded for three pauses and this."""
MAIL_LATE = timedelta(minutes=10)
OK, WARN, BAD = Condition.OK, Condition.WARN, Condition.BAD


class Look(Struct, frozen=True):
    """Where things are looked for."""

    db: Database
    data: Path
    health: Health
    intake: Intake
    loops: Loops
    metrics: Metrics
    backing_up: BackingUp
    mail: Mail
    backlogs: Backlogs
    heartbeat: Heartbeat
    lookout: Lookout


async def taken(look: Look, streams: int, most_streams: int) -> Vitals:
    """All of it, each part by itself: one that cannot be read says so, and the others are told all the same."""
    parts: dict[str, Callable[[], Awaitable[Iterable[Vital]]]] = {
        "ready": lambda: _checks(look),
        "check-ins": lambda: _check_ins(look),
        "database": lambda: _database(look),
        "disk": lambda: _disk(look),
        "loops": lambda: _loops(look),
        "messages": lambda: _messages(look),
        "processes": lambda: _processes(look),
        "gaps": lambda: _gaps(look),
        "backups": lambda: _backups(look),
        "mail": lambda: _mail(look),
        "watched": lambda: _watched(look),
        "streams": lambda: _streams(streams, most_streams),
        "versions": lambda: _versions(look),
    }
    found: dict[str, list[Vital]] = {}

    async def read(area: str) -> None:
        try:
            with anyio.fail_after(PATIENCE_SECONDS):
                found[area] = list(await parts[area]())
        except TimeoutError:
            found[area] = [_unread(area, f"no answer within {PATIENCE_SECONDS:.0f} s")]
        except (CrontopusError, OSError) as error:
            found[area] = [_unread(area, str(error))]

    async with anyio.create_task_group() as tree:
        for area in parts:
            tree.start_soon(read, area)
    items = [vital for area in parts for vital in found[area]]
    return Vitals(at=look.db.clock(), condition=worst(items), items=items)


def worst(items: Iterable[Vital]) -> Condition:
    order = list(Condition)
    return max((one.condition for one in items), key=order.index, default=OK)


def _unread(area: str, why: str) -> Vital:
    return Vital(area=area, name=area, condition=BAD, told=f"could not be read: {why}", advice="Look into the log.")


def _vital(area: str, name: str, told: str, condition: Condition = OK, advice: str = "") -> Vital:
    return Vital(area=area, name=name, condition=condition, told=told, advice="" if condition is OK else advice)


def _above(value: float, warn: float, bad: float) -> Condition:
    return BAD if value >= bad else WARN if value >= warn else OK


_ADVICE = {
    "database": "Check-ins are refused while it cannot be written: free the disk, or bring the database back.",
    "sweep": "Silence is judged late: give the machine more room, or another process on PostgreSQL.",
    "alerts": "Alerts are told late: look at the loop alerts below, and into the log.",
    "outbox": "Messages wait to be sent: look at the loops outbox and sending below, and into the log.",
    "disk": "Free some room, or shorten how long runs and output are kept.",
}


async def _checks(look: Look) -> Iterable[Vital]:
    """As `/readyz` answers."""
    return [
        _vital("ready", check.name, check.detail, OK if check.ok else BAD, _ADVICE.get(check.name, ""))
        for check in await look.health.checks()
    ]


async def _check_ins(look: Look) -> Iterable[Vital]:
    waiting, size = look.intake.waiting, look.intake.waiting_bytes
    full = max(waiting / QUEUE_LIMIT, size / BYTES_LIMIT)
    half, late = (_quantile(look.metrics, share) for share in (0.5, 0.99))
    told = (
        "none yet"
        if late is None or half is None
        else f"half within {half * 1000:g} ms, 99 % within {late * 1000:g} ms"
    )
    slow = WARN if late is not None and late > SLOW_COMMIT_SECONDS else OK
    refused = look.metrics.total("crontopus_check_ins_refused")
    return [
        _vital(
            "check-ins",
            "waiting",
            f"{waiting:,}, {_amount(size)}",
            _above(full, 0.25, 0.75),
            "They come faster than the disk takes them: look at its speed.",
        ),
        _vital("check-ins", "commits", told, slow, "The disk is slow: SSDs take some milliseconds."),
        _vital(
            "check-ins",
            "refused",
            f"{refused:,.0f} since the start",
            WARN if refused else OK,
            "Their senders were told to come again: the queue or the disk was full.",
        ),
    ]


def _quantile(metrics: Metrics, share: float) -> float | None:
    """An upper bound of the time of so many commits, in seconds; None before the first."""
    buckets = metrics.buckets("crontopus_commit_seconds")
    total = buckets[-1][1] if buckets else 0
    return next((edge for edge, count in buckets if count >= share * total), None) if total else None


async def _database(look: Look) -> Iterable[Vital]:
    async with look.db.read_all() as tx:
        size = await measuring.size_bytes(tx)
    vitals = [_vital("database", "size", _amount(size))]
    if look.db.is_sqlite:
        logged = _size_of(Path(f"{look.db.url.database}-wal"))
        advice = "It is not moved into the database: something reads for very long, or the disk is full."
        vitals.append(_vital("database", "log", _amount(logged), _above(logged, LOG_WARN_BYTES, LOG_BAD_BYTES), advice))
    return vitals


def _amount(size: float) -> str:
    """Of bytes, in the unit that fits."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.3g} {units[0]}"


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


async def _disk(look: Look) -> Iterable[Vital]:
    usage = await anyio.to_thread.run_sync(shutil.disk_usage, look.data.absolute())
    low = WARN if usage.free / usage.total < DISK_WARN_SHARE else OK
    return [_vital("disk", "free", f"{_amount(usage.free)} of {_amount(usage.total)}", low, _ADVICE["disk"])]


async def _loops(look: Look) -> Iterable[Vital]:
    return [_of_loop(look, name, loop) for name, loop in sorted(look.loops.known.items())]


def _of_loop(look: Look, name: str, loop: Loop) -> Vital:
    now = look.db.clock()
    last = loop.succeeded_at
    told = "not yet" if last is None else f"{duration.brief(_whole(now - last))} ago"
    if loop.failures:
        ago = duration.brief(_whole(now - (loop.failed_at or now)))
        told += f"; failed {loop.failures} times, last {ago} ago: {loop.why}"
    failing = loop.failed_at is not None and (last is None or loop.failed_at > last)
    late = loop.every is not None and now - (last or loop.began_at) > 3 * loop.every + LOOP_SLACK
    condition = BAD if late else WARN if failing else OK
    return _vital("loops", name, told, condition, "It is tried again by itself; the log says what went wrong.")


def _whole(span: timedelta) -> timedelta:
    return timedelta(seconds=max(0, round(span.total_seconds())))


async def _messages(look: Look) -> Iterable[Vital]:
    """Those about alerts. What an organisation can mend itself is no trouble of the installation."""
    async with look.db.read_all() as tx:
        found = await backlog.counted(tx)
    return [
        _vital("messages", "waiting", f"{found.waiting:,}"),
        _vital("messages", "dead", f"{found.dead:,} that nobody has put away"),
        _vital("messages", "channels", f"{found.closed:,} closed for a while, {found.broken:,} refused for good"),
    ]


async def _processes(look: Look) -> Iterable[Vital]:
    async with look.db.read_all() as tx:
        found, now = await gaps.processes(tx), tx.now
    return [_process(one, now) for one in found]


def _process(one: gaps.Process, now: datetime) -> Vital:
    name, since = str(one.id)[:8], f"since {one.started_at:%Y-%m-%d %H:%M} UTC"
    if one.stopped_at is not None:
        return _vital("processes", name, f"{since}, stopped as it was told to at {one.stopped_at:%H:%M}", OK)
    return _vital(
        "processes",
        name,
        f"{since}, last beat {duration.brief(_whole(now - one.beat_at))} ago",
        WARN if now - one.beat_at > BEAT_LATE else OK,
        "It was ended without a word, or stands still. If it was meant to, this line goes by itself within a day.",
    )


async def _gaps(look: Look) -> Iterable[Vital]:
    async with look.db.read_all() as tx:
        known, now = await gaps.recent(tx), tx.now
    recent = [gap for gap in known if now - gap.until < timedelta(days=1)]
    longest = max((gap.until - gap.since for gap in recent), default=timedelta())
    told = f"{len(recent)} in the last day"
    if recent:
        told += f", the longest {duration.brief(_whole(longest))}"
    condition = WARN if longest > GAP_LONG else OK
    return [_vital("gaps", "nobody watched", told, condition, "`crontopus gaps` tells when, and why.")]


async def _mail(look: Look) -> Iterable[Vital]:
    if not look.mail.is_on:
        return [_vital("mail", "waiting", "none is sent: the setting smtp_url is not given", OK)]
    async with look.db.read_all() as tx:
        queue, troubled, now = await letters.queue(tx), await letters.in_trouble(tx, 1), tx.now
    late = queue.oldest_at is not None and now - queue.oldest_at > MAIL_LATE
    told = f"{queue.waiting:,}"
    if queue.oldest_at is not None:
        told += f", the oldest for {duration.brief(_whole(now - queue.oldest_at))}"
    if not late:
        return [_vital("mail", "waiting", told, OK)]
    advice = f"At last: {troubled[0].why}" if troubled else "`crontopus admin mail show` tells more."
    return [_vital("mail", "waiting", told, BAD, advice)]


async def _watched(look: Look) -> Iterable[Vital]:
    """Who notices when this server does not work."""
    return [_heartbeat(look), _letters(look)]


def _heartbeat(look: Look) -> Vital:
    beat = look.heartbeat
    if not beat.is_on:
        return _vital("watched", "heartbeat", "none goes out: the setting heartbeat_url is not given")
    at = beat.taken_at
    told = "not heard yet" if at is None else f"heard {duration.brief(_whole(look.db.clock() - at))} ago"
    advice = "Whoever listens there raises an alarm: see to what keeps it from being heard."
    return _vital("watched", "heartbeat", f"{told}; {beat.why}" if beat.why else told, WARN if beat.why else OK, advice)


def _letters(look: Look) -> Vital:
    """Those that come when this server lags."""
    if not look.mail.is_on:
        return _vital("watched", "letters", "none go out: the setting smtp_url is not given")
    people = look.lookout.people
    advice = "Give the setting operator_mail: nobody who can sign in is a superadmin."
    return _vital("watched", "letters", f"to {people} when this server lags", OK if people else WARN, advice)


async def _backups(look: Look) -> Iterable[Vital]:
    """Those that the server makes of itself; others it cannot see."""
    plan = look.backing_up.plan
    if plan.into is None:
        advice = "The setting backup_into has the server make them, unless cron does."
        return [_vital("backups", "last whole one", "none are made from here", WARN, advice)]
    async with look.db.read_all() as tx:
        good, last, now = await backups.newest_good(tx), await backups.listed(tx, 1), tx.now
    age = None if good is None else now - good.asked_at
    told = "none yet" if age is None else f"{duration.brief(_whole(age))} ago"
    failed = bool(last) and bool(last[0].why)
    late = age is not None and age > 2 * plan.every
    condition = BAD if failed or late else WARN if age is None else OK
    advice = f"The last one failed: {last[0].why}" if failed else "`crontopus admin backups list` tells more."
    return [_vital("backups", "last whole one", told, condition, advice)]


async def _streams(open_now: int, most: int) -> Iterable[Vital]:
    advice = "Beyond the limit pages are told to come again."
    return [_vital("streams", "open", f"{open_now:,} of {most:,}", _above(open_now / most, 0.75, 0.95), advice)]


async def _versions(look: Look) -> Iterable[Vital]:
    async with look.db.read_all() as tx:
        database, schema = await measuring.version(tx), await measuring.revision(tx)
    python = ".".join(map(str, sys.version_info[:3]))
    told = {"Crontopus": __version__, "Python": python, "database": database, "schema": schema}
    return [_vital("versions", name, version) for name, version in told.items()] + [
        _vital("versions", "system", f"{platform.system()} {platform.release()}")
    ]
