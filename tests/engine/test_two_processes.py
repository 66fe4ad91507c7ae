"""Several processes on one PostgreSQL take pings, sweep and prune, and do nothing twice."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from crontopus.client import Client
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.schedules import Schedule
from tests.load import Load
from tests.scale import scaled
from tests.served import Served, set_up
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


async def test_two_servers_lose_nothing_when_one_is_killed(tmp_path: Path, postgres_url: str) -> None:
    made = set_up(tmp_path / "a", postgres_url)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "secret.key").write_bytes((tmp_path / "a" / "secret.key").read_bytes())
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
