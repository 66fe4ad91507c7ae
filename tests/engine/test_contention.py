"""Two that want the same things in opposite order: nobody is told of it who need not be."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from crontopus.domain import tokens
from crontopus.engine import jobs
from crontopus.engine.report import Accepted, Creation, Outcome, Report
from crontopus.storage.database import SystemTx
from crontopus.storage.ledger import BySlug
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from tests.postgres import Postgres
from tests.world import BASE, World, copied, world_in

DEADLOCK = "deadlock detected"


@pytest.fixture
async def world(tmp_path: Path, postgres_world: tuple[Path, str]) -> AsyncIterator[World]:
    data, url = postgres_world
    copied(data, tmp_path / "data")
    async with world_in(tmp_path / "data", url) as world:
        yield world


@pytest.fixture
async def other(world: World, tmp_path: Path, postgres_world: tuple[Path, str]) -> AsyncIterator[World]:
    """Another process on the same database."""
    copied(postgres_world[0], tmp_path / "other")
    world.hands.turn_to(world.now.replace(minute=1))
    async with world_in(tmp_path / "other", postgres_world[1], world.hands) as other:
        yield other


@asynccontextmanager
async def _patient(world: World) -> AsyncIterator[SystemTx]:
    """A transaction that is not the one to be thrown out of a deadlock."""
    async with world.appliance.db.write_all() as tx:
        await tx.sql.exec_driver_sql("SET LOCAL deadlock_timeout = '1min'")
        yield tx


async def _lock(tx: SystemTx, row: str) -> None:
    await tx.sql.exec_driver_sql(f"SELECT 1 FROM {row} FOR UPDATE")  # noqa: S608 # of this test


async def _made(world: World, slugs: Sequence[str], *, create: bool = True) -> list[Outcome]:
    """The outcomes of pings of these jobs, all of one transaction."""
    key = tokens.hash_of(world.tenants["acme"].ping_key)
    now, creation = world.now, Creation() if create else None
    return await world.appliance.intake.submit(
        [
            Report(address=BySlug(key, slug), said="success", received_at=now, occurred_at=now, create=creation)
            for slug in slugs
        ]
    )


async def test_two_processes_that_make_the_same_jobs_never_wait_in_a_circle(
    world: World, other: World, postgres: Postgres, postgres_world: tuple[Path, str]
) -> None:
    url, before = postgres_world[1], postgres.log().count(DEADLOCK)
    owner = world.tenants["acme"].principal
    with suppress(LookupError):
        async with world.appliance.db.write(owner.tenant) as tx:
            await jobs.create(tx, owner, NewJob(name="middle"))
            one = asyncio.create_task(_made(world, ["alpha", "middle", "omega"]))
            await postgres.until_waiting(url)
            another = asyncio.create_task(_made(other, ["omega", "middle", "alpha"]))
            await postgres.until_waiting(url, 2)
            raise LookupError  # and the job that both wait for was never made
    assert [_created(outcome) for outcome in await one] == [True] * 3
    assert [_created(outcome) for outcome in await another] == [False] * 3
    assert postgres.log().count(DEADLOCK) == before


def _created(outcome: Outcome) -> bool:
    assert isinstance(outcome, Accepted)
    return outcome.created


async def test_check_ins_that_are_thrown_out_of_a_deadlock_are_stored_all_the_same(
    world: World, postgres: Postgres, postgres_world: tuple[Path, str]
) -> None:
    before = postgres.log().count(DEADLOCK)
    async with world.signed_in("acme") as acme:
        first, second = sorted([(await acme.add_job(NewJob(name=name))).id for name in ("one", "two")])
        async with _patient(world) as tx:
            await _lock(tx, f"watches WHERE job_id = '{second}'")
            sent = [CheckIn(job=str(job), kind="success") for job in (second, first)]
            reported = asyncio.create_task(acme.check_ins(sent))
            await postgres.until_waiting(postgres_world[1])
            await _lock(tx, f"watches WHERE job_id = '{first}'")
        assert [item.status for item in (await reported).items] == [200, 200]
        assert postgres.log().count(DEADLOCK) == before + 1
        for job in (first, second):
            assert len((await acme.job_check_ins(job)).items) == 1


async def test_a_change_that_is_thrown_out_of_a_deadlock_is_told_when_to_come_again(
    world: World, postgres: Postgres, postgres_world: tuple[Path, str]
) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="contended"))
        bearer = {"Authorization": f"Bearer {world.tenants['acme'].token}"}
        async with _patient(world) as tx:
            await _lock(tx, f"watches WHERE job_id = '{job.id}'")
            deleted = asyncio.create_task(world.http.delete(f"{BASE}/api/v1/jobs/{job.id}", headers=bearer))
            await postgres.until_waiting(postgres_world[1])
            await _lock(tx, f"jobs WHERE id = '{job.id}'")
        answer = await deleted
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "send it again" in answer.json()["detail"]
        assert (await acme.job(job.id)).slug == "contended"


async def test_pings_of_one_job_keep_their_order_whatever_is_made_first(world: World) -> None:
    before = _made(world, ["b"], create=False)
    outcomes = await asyncio.gather(before, _made(world, ["b", "a", "b"]))
    assert [type(outcome).__name__ for outcome in outcomes[0]] == ["NotFound"]
    assert [_created(outcome) for outcome in outcomes[1]] == [True, True, False]
