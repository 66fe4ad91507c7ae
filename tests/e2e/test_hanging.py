"""A PostgreSQL that hangs, and a process that stands still: told in bounded time, and outlived without a restart."""

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped] # it comes without types
import httpx
import pytest
from msgspec import Struct, field

from crontopus.appliance import wall_clock
from crontopus.client import Client
from crontopus.domain.errors import Unavailable
from crontopus.engine import health
from crontopus.engine.intake import BATCH
from crontopus.engine.report import Report
from crontopus.storage import migrating, settings
from crontopus.storage.database import LEFT_AFTER_SECONDS
from crontopus.storage.ledger import ByUuid
from crontopus.storage.opening import open_database
from crontopus.storage.refusals import PATIENCE_SECONDS, Unanswered
from crontopus.wire.jobs import Job, NewJob
from tests.postgres import Postgres
from tests.served import PASSWORD, Served, set_up
from tests.world import copied, found, world_in

SLACK_SECONDS = 10
"""For a machine that has much else to do."""
STOPPED_WITHIN_SECONDS = 10
RECOVERED_WITHIN_SECONDS = 30


class Site(Struct):
    """A server on a PostgreSQL of its own, seen by its API and by a browser; and what was acknowledged."""

    postgres: Postgres
    served: Served
    api: Client
    browser: httpx.AsyncClient
    job: Job
    acknowledged: list[str] = field(default_factory=list)

    async def ping(self, rid: str | None = None) -> httpx.Response:
        rid = rid or str(uuid4())
        answer = await self.api.http.get(f"{self.job.ping_url}?rid={rid}")
        if answer.status_code == 200:
            self.acknowledged.append(rid)
        return answer

    async def pings_until(self, enough: asyncio.Event) -> None:
        """One after the other, each sent again until it is acknowledged."""
        while not enough.is_set():
            rid = str(uuid4())
            await _until(partial(self._acknowledged, rid))

    async def is_in_full_swing(self) -> bool:
        return len(self.acknowledged) > 100

    async def _acknowledged(self, rid: str) -> bool:
        return (await self.ping(rid)).status_code == 200

    async def stored(self) -> Counter[str]:
        """How often each run of the job was checked in."""
        found: Counter[str] = Counter()
        cursor = None
        while True:
            page = await self.api.job_check_ins(self.job.id, cursor=cursor, limit=200)
            found.update(str(check_in.run_id) for check_in in page.items)
            if (cursor := page.next_cursor) is None:
                return found

    async def operations(self, path: str) -> httpx.Response:
        return await self.api.http.get(f"{self.served.url}{path}")

    def of_every_kind(self) -> list[Awaitable[httpx.Response]]:
        """More than there are connections to the database."""
        http, check_in = self.api.http, {"job": str(self.job.id), "kind": "success"}
        pings = [self.ping() for _ in range(40)]
        reads = [http.get("/jobs") for _ in range(30)]
        writes = [http.post("/jobs", json={"name": f"new {number}"}) for number in range(5)]
        return [*pings, *reads, *writes, http.post("/check-ins", json=check_in), self.browser.get("/jobs")]


@asynccontextmanager
async def _site(folder: Path) -> AsyncIterator[Site]:
    with Postgres() as postgres:
        url = postgres.fresh_database()
        made = set_up(folder / "data", url)
        with Served(folder / "data", url) as served:
            browser = httpx.AsyncClient(base_url=served.url, timeout=60, follow_redirects=True)
            async with Client(served.url, token=made.token) as api, browser:
                form = {"email": "ada@example.org", "password": PASSWORD}
                assert (await browser.post("/sign-in", data=form)).url.path == "/jobs"
                yield Site(postgres, served, api, browser, await api.add_job(NewJob(name="pinged")))


async def _timed(request: Awaitable[httpx.Response]) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    return await request, time.monotonic() - began


async def _until(wanted: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(RECOVERED_WITHIN_SECONDS):
        while True:
            if await wanted():
                return
            await asyncio.sleep(0.1)


async def test_a_postgresql_that_hangs_is_told_in_bounded_time_and_outlived(tmp_path: Path) -> None:
    async with _site(tmp_path) as site:
        assert (await site.operations("/readyz")).status_code == 200
        enough = asyncio.Event()
        senders = [asyncio.create_task(site.pings_until(enough)) for _ in range(8)]
        await _until(site.is_in_full_swing)
        site.postgres.freeze()
        asked = asyncio.gather(*map(_timed, site.of_every_kind()))
        await _until(lambda: _is(site.operations("/readyz"), 503))
        while not asked.done():
            alive, seconds = await _timed(site.operations("/livez"))
            assert alive.status_code == 200
            assert seconds < SLACK_SECONDS
            ready, seconds = await _timed(site.operations("/readyz"))
            assert ready.status_code == 503
            assert seconds < health.PATIENCE_SECONDS + SLACK_SECONDS, ready.text
        for answer, seconds in await asked:
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) > 0
            assert seconds < PATIENCE_SECONDS + SLACK_SECONDS
        site.postgres.thaw()
        await _until(lambda: _is(site.ping(), 200))
        await _until(lambda: _is(site.operations("/readyz"), 200))
        assert await _is(site.browser.get("/jobs"), 200)
        enough.set()
        await asyncio.gather(*senders)
        stored = await site.stored()
        assert {stored[rid] for rid in site.acknowledged} == {1}


async def test_a_server_whose_postgresql_hangs_stops_in_time(tmp_path: Path) -> None:
    async with _site(tmp_path) as site:
        await site.ping()
        site.postgres.freeze()
        began = time.monotonic()
        assert site.served.stop() == 0, site.served.log()
        assert time.monotonic() - began < STOPPED_WITHIN_SECONDS


async def _is(request: Awaitable[httpx.Response], status: int) -> bool:
    return (await request).status_code == status


def test_a_server_does_not_wait_for_a_postgresql_that_hangs_in_order_to_start(tmp_path: Path) -> None:
    async def start() -> None:
        async with open_database(tmp_path, url, wall_clock):
            pass

    with Postgres() as postgres:
        url = postgres.fresh_database()
        postgres.freeze()
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"has not answered within 10 s\. Start again once it does"):
            asyncio.run(start())
        assert time.monotonic() - began < PATIENCE_SECONDS + SLACK_SECONDS


async def test_who_waits_for_another_to_migrate_waits_as_long_as_it_takes(tmp_path: Path, postgres_url: str) -> None:
    migrates = await asyncpg.connect(postgres_url)
    await migrates.execute(f"SELECT pg_advisory_lock({migrating._LOCK})")

    async def opened() -> bool:
        async with open_database(tmp_path, postgres_url, wall_clock):
            return True

    waits = asyncio.create_task(opened())
    done, _ = await asyncio.wait([waits], timeout=PATIENCE_SECONDS + 1)
    assert not done
    await migrates.close()
    assert await waits


async def test_who_waits_in_vain_for_a_statement_does_not_wait_for_the_end_of_its_transaction(tmp_path: Path) -> None:
    with Postgres() as postgres:
        url = postgres.fresh_database()
        await found(tmp_path, url)
        async with world_in(tmp_path, url) as world:
            begun, frozen = asyncio.Barrier(3), asyncio.Event()

            async def check_in() -> None:
                async with world.appliance.ledger.transaction() as tx:
                    await asks_again(lambda: tx.found([ByUuid(uuid4())]))

            async def edit() -> None:
                async with world.appliance.db.write_all() as tx:
                    await asks_again(lambda: settings.get(tx, "probed_at"))

            async def asks_again(ask: Callable[[], Awaitable[object]]) -> None:
                await ask()
                await begun.wait()
                await frozen.wait()
                await ask()

            async def freeze() -> None:
                await begun.wait()
                postgres.freeze()
                frozen.set()

            began = time.monotonic()
            *ends, _ = await asyncio.gather(check_in(), edit(), freeze(), return_exceptions=True)
            assert time.monotonic() - began < PATIENCE_SECONDS + SLACK_SECONDS
            assert {type(end) for end in ends} == {Unanswered}
            postgres.thaw()


async def test_who_stands_in_line_behind_a_database_that_hangs_does_not_wait_for_it_again(tmp_path: Path) -> None:
    with Postgres() as postgres:
        url = postgres.fresh_database()
        await found(tmp_path, url)
        async with world_in(tmp_path, url) as world:
            report = Report(address=ByUuid(uuid4()), said="log", received_at=world.now, occurred_at=world.now)
            postgres.freeze()
            began = time.monotonic()
            outcomes = await world.appliance.intake.submit([report] * (3 * BATCH))
            assert time.monotonic() - began < PATIENCE_SECONDS + SLACK_SECONDS
            assert {type(outcome) for outcome in outcomes} == {Unanswered}
            postgres.thaw()


STANDS_STILL = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from crontopus.appliance import assembled
from crontopus.config import Config
from crontopus.storage.ledger import ByUuid

async def main(data, url, uuid):
    async with assembled(Config(data=Path(data), database_url=url)) as appliance:
        async with appliance.ledger.transaction() as tx:
            assert await tx.found([ByUuid(UUID(uuid))])
            print("holds it", flush=True)
            await asyncio.sleep(3600)

asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def _standing_still_with(data: Path, url: str, uuid: str) -> Iterator[None]:
    """A process that has locked the watch of this job, and does not run any more."""
    command = [sys.executable, "-c", STANDS_STILL, str(data), url, uuid]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds it\n"
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.kill()


async def test_what_a_process_that_stands_still_has_locked_is_free_again_soon(
    tmp_path: Path, postgres_world: tuple[Path, str]
) -> None:
    data, url = postgres_world
    copied(data, tmp_path / "data")
    async with world_in(tmp_path / "data", url) as world, world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="held"))
        with _standing_still_with(tmp_path / "data", url, job.ping_url.rpartition("/")[2]):
            began = time.monotonic()
            await _until(lambda: _is(world.ping(job.ping_url), 200))
            assert time.monotonic() - began < LEFT_AFTER_SECONDS + SLACK_SECONDS
