"""Retention: what is older than the settings allow goes, and nothing else."""

import pytest

from crontopus.client import Client
from crontopus.domain.errors import NotFound
from crontopus.domain.watch import RunState
from crontopus.engine.retention import Kept, Retention
from crontopus.wire.jobs import Job, NewJob
from tests.world import World


async def _prune(world: World, kept: Kept | None = None) -> None:
    retention = Retention(world.appliance.db, kept or Kept())
    while await retention.prune():
        pass


async def _ran(world: World, job: Job, suffix: str = "", body: bytes = b"said something") -> None:
    assert (await world.ping(job.ping_url + suffix, "POST", content=body)).status_code == 200


async def _outputs(acme: Client, job: Job) -> list[bool]:
    """Of each run, newest first, whether its output was removed."""
    return [(await acme.run_log(run.id)).pruned for run in (await acme.job_runs(job.id)).items]


async def test_runs_and_check_ins_go_after_ninety_days(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="old"))
        await _ran(world, job)
        await world.passes(days=60)
        await _ran(world, job)
        await world.passes(days=31)
        await _prune(world)
        assert len((await acme.job_runs(job.id)).items) == 1
        assert len((await acme.job_check_ins(job.id)).items) == 1


async def test_a_run_that_is_still_open_is_kept_however_old(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="endless", max_runtime=86_400 * 399))
        await world.ping(f"{job.ping_url}/start")
        await world.passes(days=100)
        await _prune(world)
        assert [run.state for run in (await acme.job_runs(job.id)).items] == [RunState.RUNNING]


async def test_output_goes_after_fourteen_days_but_a_failure_s_stays(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="talks"))
        await _ran(world, job, "/fail")
        await world.passes(seconds=1)
        await _ran(world, job)
        await world.passes(days=15)
        await _ran(world, job)
        await _prune(world)
        assert await _outputs(acme, job) == [False, True, False]
        await world.passes(days=76)
        await _ran(world, job)
        await _prune(world)
        assert (await _outputs(acme, job))[0] is False
        assert all((await _outputs(acme, job))[2:])


async def test_a_job_s_output_stays_below_its_limit_and_the_oldest_goes_first(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="talks much"))
        for number in range(6):
            await _ran(world, job, body=bytes((index * (number + 7)) % 251 for index in range(400)))
            await world.passes(seconds=1)
        await _prune(world, Kept(output_bytes=1000))
        pruned = await _outputs(acme, job)
        assert pruned == sorted(pruned)
        assert 0 < sum(pruned) < 6


async def test_a_deleted_job_is_gone_with_all_that_belongs_to_it(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="done with"))
        other = await acme.add_job(NewJob(name="not done with"))
        for each in (job, other):
            await _ran(world, each)
        await acme.delete_job(job.id)
        assert (await world.ping(job.ping_url)).status_code == 404
        await _prune(world)
        with pytest.raises(NotFound):
            await acme.job(job.id)
        assert len((await acme.job_runs(other.id)).items) == 1
        again = await acme.add_job(NewJob(name="done with"))
        assert (await acme.job_runs(again.id)).items == []


async def test_what_is_young_stays(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="young"))
        await _ran(world, job)
        await world.passes(days=13)
        await _prune(world)
        assert await _outputs(acme, job) == [False]
