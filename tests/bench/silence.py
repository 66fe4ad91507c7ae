"""How long after its deadline a job is judged, where many deadlines are the same instant.

Seen from outside: how many watches the database still shows to be due then. So a judgement counts once it is on disk.
"""

import re
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import msgspec
from msgspec import Struct

from crontopus.domain.schedule import Every
from crontopus.domain.watch import Expectation, Kind, Reported, Watch, advance, fresh
from crontopus.storage.opening import FILE
from crontopus.storage.packing import packed
from crontopus.storage.types import to_ms

DUE = 10_000
_PERIOD = timedelta(hours=2)
_RULE = Expectation(schedules=(Every(_PERIOD),), grace=timedelta(seconds=1))
_PATIENCE = timedelta(seconds=60)


class Lags(Struct, frozen=True):
    """In seconds. `p99_by_metric` is the upper edge of the histogram's bucket."""

    p50: float
    p99: float
    last: float
    p99_by_metric: float


def settings(folder: Path) -> tuple[str, str]:
    """The flags of a server whose metrics are open."""
    file = folder / "metrics.toml"
    file.write_text("metrics_open = true\n")
    return "--config", str(file)


def make_due_together(data: Path, at: datetime, which: str = "rowid % 100 = 0") -> None:
    """Of the jobs of a stopped server, make `DUE` fall silent at `at`: those `which`, else each hundredth of a million.

    That the server stood still is forgotten, since a report may have come meanwhile: it would excuse them.
    """
    watch = _up_until(at)
    with closing(sqlite3.connect(data / FILE, isolation_level=None)) as connection:
        chosen = f"SELECT job_id FROM watches WHERE {which} LIMIT {DUE}"  # noqa: S608 - a condition of ours
        jobs = connection.execute(chosen).fetchall()
        connection.execute("BEGIN IMMEDIATE")
        rule = msgspec.json.encode(_RULE).decode()
        connection.executemany("UPDATE jobs SET expectation = ? WHERE id = ?", [(rule, job) for (job,) in jobs])
        state = (packed(watch, watch.status, watch.reasons), to_ms(at), watch.last_number)
        connection.executemany(
            "UPDATE watches SET status = 'up', reasons = '[]', state = ?, due_at = ?, last_number = ? WHERE job_id = ?",
            [(*state, job) for (job,) in jobs],
        )
        connection.execute("DELETE FROM heartbeats")
        connection.execute("DELETE FROM gaps")
        connection.execute("COMMIT")


def _up_until(at: datetime) -> Watch:
    seen_at = at - _RULE.grace - _PERIOD
    reported = Reported(kind=Kind.SUCCESS, occurred_at=seen_at)
    # A job may have been pinged before; so this run gets a number that none of its runs has.
    born = msgspec.structs.replace(fresh(_RULE, seen_at - _PERIOD), last_number=1_000_000)
    watch = advance(born, reported, _RULE, (), seen_at).watch
    assert watch.due_at == at, f"due at {watch.due_at}, not at {at}"
    return watch


def lags(data: Path, url: str, at: datetime) -> Lags:
    """Watches them being judged, until all are."""
    seen = _judged(data, at)
    return Lags(
        p50=next(lag for lag, judged in seen if judged >= DUE * 0.5),
        p99=next(lag for lag, judged in seen if judged >= DUE * 0.99),
        last=seen[-1][0],
        p99_by_metric=_p99_by_metric(url),
    )


def _judged(data: Path, at: datetime) -> list[tuple[float, int]]:
    """How many were judged after how many seconds."""
    due = to_ms(at)
    with closing(sqlite3.connect(data / FILE, isolation_level=None)) as connection:
        seen = [(0.0, 0)]
        while seen[-1][1] < DUE:
            (left,) = connection.execute("SELECT count(*) FROM watches WHERE due_at = ?", (due,)).fetchone()
            lag = datetime.now(UTC) - at
            assert lag < _PATIENCE, f"{left} watches are not judged after {lag}"
            seen.append((lag.total_seconds(), DUE - left))
            time.sleep(0.005)
        (missed,) = connection.execute("SELECT count(*) FROM flips WHERE at = ?", (due,)).fetchone()
        assert missed == DUE, f"{missed} alerts of {DUE} silences"
    return seen


def _p99_by_metric(url: str) -> float:
    text = urlopen(f"{url}/metrics").read().decode()  # noqa: S310 # our own server
    found = re.findall(r'^crontopus_sweep_lag_seconds_bucket\{le="([^"]+)"\} (\S+)', text, re.MULTILINE)
    buckets = [(float(edge), float(count)) for edge, count in found]
    return next(edge for edge, count in buckets if count >= buckets[-1][1] * 0.99)
