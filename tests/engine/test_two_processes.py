"""Several processes on one PostgreSQL take pings, sweep and prune, and do nothing twice."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from statistics import median
from uuid import UUID

import httpx
import pytest

from crontopus.api.events import GATHER_SECONDS
from crontopus.client import Client
from crontopus.domain.errors import Unavailable
from crontopus.storage.database import Database
from crontopus.storage.listening import NAME, Listener
from crontopus.storage.opening import open_database
from crontopus.storage.sealing import FILE
from crontopus.wire.events import ChangeEvent
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import CheckIn, Run
from crontopus.wire.schedules import Schedule
from tests.load import Load
from tests.postgres import Postgres, free_port
from tests.scale import scaled
from tests.served import Served, set_up
from tests.stream import following
from tests.world import BEGINNING, Hands, World, copied, world_in


@pytest.fixture
async def pair(tmp_path: Path, postgres_world: tuple[Path, str]):  # type: ignore[no-untyped-def] # a pair of worlds
    """Two appliances on one database, with one clock."""
    data, url = postgres_world
    copied(data, tmp_path / "a")
    copied(data, tmp_path / "b")
    hands = Hands(BEGINNING)
    async with world_in(tmp_path / "a", url, hands) as first:
        hands.turn_to(hands.now.replace(minute=1))
        async with world_in(tmp_path / "b", url, hands) as second:
            yield first, second


async def _jobs(acme: Client, count: int) -> list[Job]:
    new = (NewJob(name=f"job {number}", schedule=Schedule(every=60), grace=0) for number in range(count))
    return [await acme.add_job(each) for each in new]


async def _runs(acme: Client, job: Job) -> list[Run]:
    return (await acme.job_runs(job.id)).items


def _subjects(told: list[tuple[str, str, ChangeEvent | None]]) -> set[tuple[str, UUID]]:
    return {(noun, change.id) for noun, _, change in told if change is not None}


async def test_a_deadline_is_judged_by_one_of_them(pair: tuple[World, World]) -> None:
    first, second = pair
    async with first.signed_in("acme") as acme:
        jobs = await _jobs(acme, 30)
        for job in jobs:
            await first.ping(job.ping_url)
        first.hands.turn_to(first.now.replace(minute=30))
        await asyncio.gather(*[world.sweep() for world in (first, second) for _ in range(3)])
        for job in jobs:
            states = Counter(run.state for run in (await acme.job_runs(job.id)).items)
            assert states == {"succeeded": 1, "missed": 1}
    judged = sum(world.appliance.metrics.judged._value.get() for world in pair)
    assert judged == len(jobs)


async def test_first_pings_at_both_make_one_job(pair: tuple[World, World]) -> None:
    first, second = pair
    url = first.ping_url("acme", "fleet") + "?create=1"
    answers = await asyncio.gather(*[world.ping(url) for world in (first, second) for _ in range(12)])
    assert sorted(answer.status_code for answer in answers) == [200] * 23 + [201]


async def test_pings_of_one_job_at_both_are_all_stored(pair: tuple[World, World]) -> None:
    first, second = pair
    async with first.signed_in("acme") as acme:
        (job,) = await _jobs(acme, 1)
        answers = await asyncio.gather(
            *[world.ping(f"{job.ping_url}/log") for world in (first, second) for _ in range(40)]
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len((await acme.job_check_ins(job.id, limit=200)).items) == 80


async def test_both_prune_at_once(pair: tuple[World, World]) -> None:
    first = pair[0]
    async with first.signed_in("acme") as acme:
        jobs = await _jobs(acme, 5)
        for job in jobs:
            await first.ping(job.ping_url, "POST", content=b"text")
            await acme.delete_job(job.id)
        await asyncio.gather(*[world.appliance.retention.prune() for world in pair])
        assert (await acme.jobs()).items == []


async def test_a_second_process_that_starts_beside_the_first_records_no_gap(pair: tuple[World, World]) -> None:
    async with pair[0].signed_in("acme") as acme:
        assert all(gap.cause != "clock" for gap in (await acme.gaps()).items)


async def test_what_one_writes_the_stream_of_the_other_tells(pair: tuple[World, World]) -> None:
    """A request, a ping and the sweep."""
    first, second = pair
    with Listener(second.appliance.db) as listener:
        await listener.step()
        async with first.signed_in("acme") as acme, following(second, "acme") as stream:
            (job,) = await _jobs(acme, 1)
            assert _subjects(await stream.told(1)) == {("job", job.id)}
            await first.ping(job.ping_url)
            assert _subjects(await stream.told(2)) == {("job", job.id), ("run", (await _runs(acme, job))[0].id)}
            await first.passes(seconds=61)
            assert _subjects(await stream.told(2)) == {("job", job.id), ("run", (await _runs(acme, job))[0].id)}


async def test_who_hears_nothing_looks_by_itself_until_it_listens_again(
    pair: tuple[World, World], postgres: Postgres, postgres_world: tuple[Path, str]
) -> None:
    first, second = pair
    with Listener(second.appliance.db) as listener:
        await listener.step()
        deafen = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{NAME}'"  # noqa: S608
        assert postgres.ask(postgres_world[1], deafen) == "t"
        async with first.signed_in("acme") as acme:
            async with following(second, "acme", poll_seconds=0.1) as stream:
                (job,) = await _jobs(acme, 1)
                assert _subjects(await stream.told(1)) == {("job", job.id)}
            with suppress(Unavailable):
                await listener.step()  # it may be the first to find that the connection is gone
            await listener.step()
            async with following(second, "acme") as stream:
                await acme.pause_job(job.id)
                assert _subjects(await stream.told(1)) == {("job", job.id)}


async def test_a_database_that_is_away_is_told_and_tried_again(postgres_url: str, tmp_path: Path) -> None:
    async with open_database(tmp_path, postgres_url, Hands()) as db:
        away = Database(db.url.set(port=free_port()), db.clock)
        with Listener(away) as listener:
            for _ in range(2):
                with pytest.raises(Unavailable, match="a little later"):
                    await listener.step()


def _share_the_key(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / FILE).write_bytes((tmp_path / "a" / FILE).read_bytes())


async def test_two_servers_tell_each_other_at_once(tmp_path: Path, postgres_url: str) -> None:
    """By looking alone each change would take most of a second, since it is made just after a look."""
    made = set_up(tmp_path / "a", postgres_url)
    _share_the_key(tmp_path)
    took = []
    with Served(tmp_path / "a", postgres_url) as first, Served(tmp_path / "b", postgres_url) as second:
        one, other = Client(first.url, token=made.token), Client(second.url, token=made.token)
        async with one, other, other.events() as response:
            lines = response.aiter_lines()
            for number in range(5):
                await asyncio.sleep(2 * GATHER_SECONDS)
                began = time.monotonic()
                await one.add_job(NewJob(name=f"job {number}"))
                while await anext(lines) != "event: job":
                    pass
                took.append(time.monotonic() - began)
            await one.check_in(CheckIn(kind="fail", job="default/job-0"))
            async with asyncio.timeout(20):
                while await anext(lines) != "event: alert":
                    pass
    assert median(took) < 0.5, took


async def test_two_servers_lose_nothing_when_one_is_killed(tmp_path: Path, postgres_url: str) -> None:
    made = set_up(tmp_path / "a", postgres_url)
    _share_the_key(tmp_path)
    with Served(tmp_path / "a", postgres_url) as first, Served(tmp_path / "b", postgres_url) as second:
        async with Client(first.url, token=made.token) as client:
            jobs = [(await client.add_job(NewJob(name=f"job {number}"))) for number in range(8)]
            paths = [job.ping_url for job in jobs]
            acknowledged: list[str] = []
            for _ in range(scaled(10)):
                with Load(first.url, paths, 8) as one, Load(second.url, paths, 8) as other:
                    assert one.first.wait(30)
                    assert other.first.wait(30)
                    await asyncio.sleep(0.5)
                    second.kill()
                acknowledged += one.acknowledged + other.acknowledged
                second.start()
            stored: Counter[str] = Counter()
            for job in jobs:
                cursor = None
                while True:
                    page = await client.job_check_ins(job.id, cursor=cursor, limit=200)
                    stored.update(str(check_in.run_id) for check_in in page.items)
                    if (cursor := page.next_cursor) is None:
                        break
    assert not [rid for rid in acknowledged if stored[rid] != 1]
    assert max(stored.values()) == 1


def test_a_revocation_holds_at_the_other_server_within_a_second(tmp_path: Path, postgres_url: str) -> None:
    """However slow the machine is: no request that begins a second after the revocation is let in."""
    made = set_up(tmp_path / "a", postgres_url)
    _share_the_key(tmp_path)
    owner = {"Authorization": f"Bearer {made.token}"}
    with Served(tmp_path / "a", postgres_url) as first, Served(tmp_path / "b", postgres_url) as second:
        new = httpx.post(f"{first.url}/api/v1/tokens", json={"name": "leaked"}, headers=owner).json()
        leaked = {"Authorization": f"Bearer {new['token']}"}
        with httpx.Client(base_url=f"{second.url}/api/v1", headers=leaked) as thief:
            assert thief.get("/me").status_code == 200
            httpx.delete(f"{first.url}/api/v1/tokens/{new['id']}", headers=owner).raise_for_status()
            revoked = begun = time.monotonic()
            while thief.get("/me").status_code == 200:
                assert begun - revoked < 1
                begun = time.monotonic()
