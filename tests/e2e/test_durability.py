"""An acknowledged check-in is never lost: not by kill -9, not by a database that stops at once, not by a checkpoint."""

import asyncio
import os
import random
import re
from collections import Counter
from pathlib import Path
from threading import Event

from crontopus.client import Client
from crontopus.wire.jobs import NewJob
from tests.load import Load
from tests.postgres import Postgres
from tests.scale import scaled
from tests.served import Served, SetUp, set_up

JOBS = 20
CONNECTIONS = 16
KILLS = scaled(20)
ACKNOWLEDGED = scaled(10_000)


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed(tmp_path: Path, database_url: str) -> None:
    made = set_up(tmp_path / "data", database_url)
    served = Served(tmp_path / "data", database_url)
    with served:
        urls = await _jobs(served, made)
    acknowledged: list[str] = []
    kills = 0
    while kills < KILLS or len(acknowledged) < ACKNOWLEDGED:
        acknowledged += _load_until_killed(served, urls)
        kills += 1
    with served:
        stored = await _stored(served, made)
    assert not [rid for rid in acknowledged if stored[rid] != 1]
    assert max(stored.values()) == 1


async def test_nothing_acknowledged_is_lost_when_postgresql_stops_at_once(tmp_path: Path) -> None:
    with Postgres() as postgres:
        url = postgres.fresh_database()
        made = set_up(tmp_path / "data", url)
        with Served(tmp_path / "data", url) as served:
            urls = await _jobs(served, made)
            acknowledged: list[str] = []
            for _ in range(scaled(20)):
                with Load(served.url, urls, CONNECTIONS) as load:
                    assert load.first.wait(30)
                    Event().wait(random.uniform(0.05, 0.5))  # noqa: S311 # a moment nobody chose
                    postgres.stop("immediate")
                    postgres.start()
                acknowledged += load.acknowledged
            stored = await _stored(served, made)
        assert not [rid for rid in acknowledged if stored[rid] != 1]
        assert max(stored.values()) == 1


def _load_until_killed(served: Served, urls: list[str]) -> list[str]:
    served.start()
    with Load(served.url, urls, CONNECTIONS) as load:
        assert load.first.wait(30), served.log()
        Event().wait(random.uniform(0.0, 1.0))  # noqa: S311 # a moment nobody chose
        served.kill()
    return load.acknowledged


async def _jobs(served: Served, made: SetUp) -> list[str]:
    async with Client(served.url, token=made.token) as client:
        return [(await client.add_job(NewJob(name=f"job {number}"))).ping_url for number in range(JOBS)]


async def _stored(served: Served, made: SetUp) -> Counter[str]:
    """How often each run id stands among the check-ins."""
    counted: Counter[str] = Counter()
    async with Client(served.url, token=made.token) as client:
        for job in (await client.jobs()).items:
            cursor = None
            while True:
                page = await client.job_check_ins(job.id, cursor=cursor, limit=200)
                counted.update(str(check_in.run_id) for check_in in page.items)
                cursor = page.next_cursor
                if cursor is None:
                    break
    return counted


STRACE = ("strace", "-D", "-f", "-y", "-s", "40", "-e", "trace=read,recvfrom,write,writev,sendto,fsync,fdatasync")
SYNC = re.compile(r"f(data)?sync\(\d+<[^>]*crontopus\.db-wal>")
RESUMED = re.compile(r"<\.\.\. f(data)?sync resumed>")
PINGS = 400
BODY_BYTES = 12_000
"""Random enough not to be compressed away: so the log soon is worth a checkpoint."""


def test_a_ping_is_answered_only_after_the_log_is_on_disk(tmp_path: Path) -> None:
    trace = asyncio.run(_traced(tmp_path, ("-m", "crontopus")))
    assert _unsynced(trace) == 0
    assert "crontopus.db>" in "".join(line for line in trace if "sync(" in line), "there was no checkpoint"


def test_the_test_above_can_fail(tmp_path: Path) -> None:
    careless = (
        "from crontopus.storage import database\n"
        "pragmas = [p.replace('synchronous = FULL', 'synchronous = OFF') for p in database.SQLITE_PRAGMAS]\n"
        "database.SQLITE_PRAGMAS = tuple(pragmas)\n"
        "from crontopus.cli import main\n"
        "main()\n"
    )
    assert _unsynced(asyncio.run(_traced(tmp_path, ("-c", careless)))) > PINGS / 2


async def _traced(folder: Path, program: tuple[str, ...]) -> list[str]:
    """The system calls of a server that takes `PINGS` pings one after another, past a checkpoint."""
    made = set_up(folder / "data")
    output = folder / "trace"
    wrapper = (*STRACE, "-o", str(output))
    with Served(folder / "data", wrapper=wrapper, program=program) as served:
        async with Client(served.url, token=made.token) as client:
            job = await client.add_job(NewJob(name="traced"))
            for _ in range(PINGS):
                answer = await client.http.post(job.ping_url, content=os.urandom(BODY_BYTES))
                assert answer.text == "OK"
    return output.read_text(errors="replace").splitlines()


def _unsynced(trace: list[str]) -> int:
    """How many pings were answered with no sync of the log between their arrival and their answer."""
    missing, arrived, synced = 0, False, False
    for line in trace:
        if '"POST /ping/' in line:
            arrived, synced = True, False
        elif arrived and ((SYNC.search(line) and "unfinished" not in line) or RESUMED.search(line)):
            synced = True
        elif arrived and '"HTTP/1.1 200' in line:
            missing += not synced
            arrived = False
    return missing
