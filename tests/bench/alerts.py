"""From a flip to a receiver on the same machine: how soon, how many a second, and what others notice of it.

A message is there when its first byte is.
"""

import asyncio
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import httpx
from msgspec import Struct

from crontopus.client import Client
from crontopus.engine.outbox import AT_ONCE
from crontopus.storage.identity import new_id
from crontopus.storage.opening import FILE
from crontopus.wire.accounts import NewToken, SignIn
from crontopus.wire.alerts import NewChannel, RoutePatch, RouteStep
from crontopus.wire.jobs import NewJob
from crontopus.wire.people import Acceptance
from crontopus.wire.tenants import NewTenant
from tests.bench import filled, silence
from tests.bench.lines import Line, at_least, below
from tests.bench.silence import DUE
from tests.bench.wrk import Load
from tests.served import PASSWORD, Served, SetUp, set_up

ONE_BY_ONE = 200
QUEUED = 100_000
OTHERS = 30
"""Alerts of the tenant beside the one that has a queue."""
ROUNDS = 3
LOOPED = 3000
CONNECTIONS = 16
SECONDS = 5
AHEAD = timedelta(seconds=20)
"""Time to write what is due, to start the server, and for a quiet round."""
PATIENCE_SECONDS = 120


class Receiver(Struct):
    """The one of `tests.bench.receiver`, as seen from here."""

    url: str
    http: httpx.Client

    def arrived(self, path: str, after: int = 0) -> Sequence[float]:
        """When each message to `path` did, without the first `after`."""
        found: Sequence[float] = self.http.get(f"{self.url}{path}?from={after}").raise_for_status().json()
        return found

    def until(self, path: str, count: int) -> Sequence[float]:
        """All that arrived, once they are so many."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.arrived(path, count - 1):
            assert time.monotonic() < deadline, f"of {count} messages {len(self.arrived(path))} came to {path}"
            time.sleep(0.002)
        return self.arrived(path)

    @property
    def longest(self) -> int:
        """Bytes of a body."""
        return int(self.http.get(f"{self.url}/longest").raise_for_status().text)


def lines(folder: Path) -> list[Line]:
    with _receiver(folder) as receiver:
        data = folder / "told"
        made = set_up(data)
        paths = filled.fill_sqlite(data, 2 * DUE)
        pinged, due = paths[::2], "rowid % 2 = 0"
        given = _settings(folder)
        with Served(data, more=given) as server:
            asyncio.run(_tell(server.url, made.token, f"{receiver.url}/one"))
            found = _one_by_one(receiver, server, pinged[:ONE_BY_ONE])
        for path in ("/drain", "/busy"):
            with Served(data, more=given) as server:
                asyncio.run(_tell(server.url, made.token, f"{receiver.url}{path}"))
            shutil.copytree(data, folder / path[1:])
        found += _drained(receiver, folder / "drain", due, given)
        found += _pings(receiver, folder / "busy", due, given, Load(folder, pinged[ONE_BY_ONE:]))
        return [*found, *_queued(receiver, folder / "queued", given)]


@contextmanager
def _receiver(folder: Path) -> Iterator[Receiver]:
    with (
        Served(folder / "receiver", program=("-m", "tests.bench.receiver")) as served,
        httpx.Client(timeout=60) as http,
    ):
        yield Receiver(served.url, http)


def _settings(folder: Path) -> tuple[str, str]:
    file = folder / "alerts.toml"
    file.write_text('alert_networks = ["127.0.0.1/32"]\n')
    return "--config", str(file)


async def _tell(url: str, token: str, address: str) -> None:
    """All alerts of a tenant, at once, to `address` alone."""
    async with Client(url, token=token) as client:
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        settings = {"url": address, "secret": secret}
        channel = await client.add_channel(NewChannel(kind="webhook", name=address, settings=settings))
        root = next(one for one in (await client.routes()).items if one.parent is None)
        await client.edit_route(root.id, RoutePatch(steps=[RouteStep(channels=[channel.id])]))


def _one_by_one(receiver: Receiver, server: Served, paths: Sequence[str]) -> list[Line]:
    told = [1000 * lag for lag in _lags(receiver, "/one", [server.url + path for path in paths])]
    body = b" " * receiver.longest
    own = median(1000 * _round_trip(receiver, body) for _ in range(ONE_BY_ONE))
    shown = f"{median(told):.0f}, {quantiles(told, n=100)[-1]:.0f} ms; {own:.1f} ms"
    return [
        below("flip to first byte, p50, beyond a round trip", median(told) - own, 100, "ms"),
        Line("its p50 and p99; the receiver's round trip", shown),
    ]


def _lags(receiver: Receiver, path: str, urls: Sequence[str]) -> list[float]:
    """Jobs that fail, one after the other: so long after they say so their alert arrives at `path`."""
    told, count = [], len(receiver.arrived(path))
    for url in urls:
        failed_at = time.time()
        receiver.http.get(f"{url}/fail").raise_for_status()
        count += 1
        told.append(receiver.until(path, count)[-1] - failed_at)
    return told


def _round_trip(receiver: Receiver, body: bytes) -> float:
    begun = time.monotonic()
    receiver.http.post(f"{receiver.url}/own", content=body).raise_for_status()
    return time.monotonic() - begun


def _drained(receiver: Receiver, data: Path, due: str, given: tuple[str, str]) -> list[Line]:
    """Between two bare loops each."""
    body = b" " * receiver.longest
    ratios, rates = [], []
    before = asyncio.run(_looped(receiver.url, body))
    for number in range(1, ROUNDS + 1):
        due_at = _fall_due(data, due)
        with Served(data, more=given):
            arrived = receiver.until("/drain", number * DUE)
        after = asyncio.run(_looped(receiver.url, body))
        rates.append(DUE / (arrived[-1] - due_at.timestamp()))
        ratios.append(rates[-1] / ((before + after) / 2))
        before = after
    return [
        at_least(f"{DUE:,} alerts ÷ a bare loop of {AT_ONCE} at once", median(ratios), 0.5),
        Line("alerts a second, and requests of the loop", f"{median(rates):,.0f}, {before:,.0f}"),
    ]


def _fall_due(data: Path, due: str) -> datetime:
    """At the same instant, soon; what they were before is forgotten."""
    with closing(sqlite3.connect(data / FILE, isolation_level=None)) as connection:
        for table in ("attempts", "notifications", "alert_events", "alerts", "flips"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
    due_at = datetime.now(UTC).replace(microsecond=0) + AHEAD
    silence.make_due_together(data, due_at, due)
    return due_at


async def _looped(url: str, body: bytes) -> float:
    """Requests a second of `httpx` alone."""
    left = iter(range(LOOPED))
    async with httpx.AsyncClient() as client:

        async def post() -> None:
            for _ in left:
                (await client.post(f"{url}/looped", content=body)).raise_for_status()

        begun = time.monotonic()
        async with asyncio.TaskGroup() as tree:
            for _ in range(AT_ONCE):
                tree.create_task(post())
    return LOOPED / (time.monotonic() - begun)


def _pings(receiver: Receiver, data: Path, due: str, given: tuple[str, str], load: Load) -> list[Line]:
    """Before the alerts open, while they are told, and once they are."""
    ratios, rates, tolds, held = [], [], [], True
    for number in range(1, ROUNDS + 1):
        _fall_due(data, due)
        with Served(data, more=given) as server:
            load([server.url], CONNECTIONS, 3)
            before = load([server.url], CONNECTIONS, SECONDS)
            begun = len(receiver.until("/busy", (number - 1) * DUE + 1))
            busy = load([server.url], CONNECTIONS, SECONDS)
            told = len(receiver.arrived("/busy")) - begun
            held &= begun + told < number * DUE
            receiver.until("/busy", number * DUE)
            after = load([server.url], CONNECTIONS, SECONDS)
        assert not before.refused + busy.refused + after.refused
        ratios.append(busy.per_second / ((before.per_second + after.per_second) / 2))
        rates.append(busy.per_second)
        tolds.append(told / SECONDS)
    return [
        at_least(f"pings while {DUE:,} alerts are told ÷ quiet", median(ratios), 0.8),
        Line("pings and alerts a second then", f"{median(rates):,.0f}, {median(tolds):,.0f}"),
        Line("alerts were told to the end of that", str(held), "True", held),
    ]


def _queued(receiver: Receiver, data: Path, given: tuple[str, str]) -> list[Line]:
    """Two tenants of one server; the first has a queue to a receiver that takes its time."""
    made = set_up(data)
    first, *_ = filled.fill_sqlite(data, QUEUED)
    with Served(data, more=given) as server:
        asyncio.run(_tell(server.url, made.token, f"{receiver.url}/slow"))
        paths = asyncio.run(_another_tenant(server.url, made, f"{receiver.url}/another"))
        receiver.http.get(f"{server.url}{first}/fail").raise_for_status()
        receiver.until("/slow", 1)
        quiet = _lags(receiver, "/another", [server.url + path for path in paths[:OTHERS]])
    _queue(data)
    with Served(data, more=given) as server:
        begun = len(receiver.until("/slow", 2))
        beside = _lags(receiver, "/another", [server.url + path for path in paths[OTHERS:]])
        assert receiver.until("/slow", begun + 1), "the queue is stuck"
    return [
        below(f"one alert beside another's {QUEUED:,}: later", max(beside) - median(quiet), 1, "s"),
        Line("its p50 quiet, then, and the latest of these", _three(median(quiet), median(beside), max(beside))),
    ]


def _three(*seconds: float) -> str:
    return ", ".join(f"{1000 * each:.0f}" for each in seconds) + " ms"


async def _another_tenant(url: str, made: SetUp, address: str) -> list[str]:
    """Its jobs' paths of ping URLs. Its alerts go to `address`."""
    async with Client(url) as anybody:
        session = (await anybody.sign_in(SignIn(email="ada@example.org", password=PASSWORD))).session
        async with Client(url, session=session) as operator:
            await operator.confirm(PASSWORD)
            new = await operator.add_tenant(NewTenant(name="Globex", owner="hank@example.org"))
        code = str(new.link).partition("code=")[2]
        session = (await anybody.accept_invitation(Acceptance(code=code, password=secrets.token_hex()))).session
    async with Client(url, session=session) as owner:
        token = (await owner.add_token(NewToken(name="bench"))).token
    await _tell(url, token, address)
    async with Client(url, token=token) as client:
        jobs = [await client.add_job(NewJob(name=f"Job {number}")) for number in range(2 * OTHERS)]
    return [httpx.URL(job.ping_url).path for job in jobs]


def _queue(data: Path) -> None:
    """An alert of each job of a stopped server, and its message, as if none had been sent: after the first of both."""
    with closing(sqlite3.connect(data / FILE)) as connection, connection:
        connection.create_function("new_id", 0, lambda: new_id(datetime.now(UTC)).bytes)
        job = {"id": "new_id()", "subject_id": "jobs.id", "run_id": "NULL"}
        first = "(SELECT * FROM alerts ORDER BY id LIMIT 1) one JOIN jobs USING (tenant_id) WHERE jobs.id != subject_id"
        _copied(connection, "alerts", job, first)
        waits = {"id": "new_id()", "alert_id": "alerts.id", "state": "'waiting'", "next_at": "one.made_at"}
        unsent = {"tried_at": "NULL", "tries": "0", "settled_at": "NULL", "arrived": "0", "falls_at": "NULL"}
        first = "(SELECT * FROM notifications ORDER BY id LIMIT 1) one JOIN alerts USING (tenant_id)"
        _copied(connection, "notifications", waits | unsent, f"{first} WHERE alerts.id != one.alert_id")


def _copied(connection: sqlite3.Connection, table: str, other: dict[str, str], source: str) -> None:
    """Rows like `one` of `source`, but for what is `other`."""
    columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    values = [other.get(name, f'one."{name}"') for name in columns]
    connection.execute(f"INSERT INTO {table} SELECT {', '.join(values)} FROM {source}")  # noqa: S608 - names of ours
