"""Silence, and its end: from a ping that does not come to a job that is down."""

import asyncio
from datetime import timedelta
from hashlib import sha256

from crontopus.domain.schedule import Every
from crontopus.domain.watch import Reason, RunState, Status
from crontopus.engine.report import Accepted, Creation, Report
from crontopus.engine.sweep import BATCH
from crontopus.storage.ledger import BySlug
from crontopus.wire.jobs import NewJob
from crontopus.wire.schedules import Schedule
from tests.world import World

HOURLY = NewJob(name="backup", schedule=Schedule(every=3600), grace=300)


async def test_a_job_that_falls_silent_is_late_and_then_down(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(HOURLY)
        assert job.status is Status.NEW
        assert (await world.ping(job.ping_url)).text == "OK"
        assert (await acme.job(job.id)).status is Status.UP
        await world.passes(hours=1, seconds=1)
        assert (await acme.job(job.id)).status is Status.LATE
        await world.passes(minutes=5)
        down = await acme.job(job.id)
        assert (down.status, down.reasons) == (Status.DOWN, [Reason.MISSED])


async def test_a_check_in_at_the_deadline_itself_is_in_time(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(HOURLY)
        await world.ping(job.ping_url)
        world.hands.turn_to(world.now + timedelta(hours=1, minutes=5))
        await world.ping(job.ping_url)
        await world.sweep()
        assert (await acme.job(job.id)).status is Status.UP
        assert [run.state for run in (await acme.job_runs(job.id)).items] == [RunState.SUCCEEDED] * 2


async def test_a_job_never_seen_is_missed(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(HOURLY)
        await world.passes(hours=1, minutes=4)
        assert (await acme.job(job.id)).status is Status.NEW
        await world.passes(minutes=2)
        assert (await acme.job(job.id)).status is Status.DOWN


async def test_a_run_that_never_ends_is_noticed(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="import", max_runtime=600, grace=60))
        await world.ping(f"{job.ping_url}/start")
        assert (await acme.job(job.id)).running == 1
        await world.passes(minutes=12)
        down = await acme.job(job.id)
        assert (down.status, down.reason) == (Status.DOWN, Reason.OVERRAN)


async def test_a_late_report_heals_a_miss(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(HOURLY)
        await world.ping(job.ping_url)
        happened = world.now + timedelta(hours=1)
        await world.passes(hours=1, minutes=10)
        assert (await acme.job(job.id)).status is Status.DOWN
        await world.ping(f"{job.ping_url}?at={happened.isoformat()}".replace("+", "%2B"))
        healed = await acme.job(job.id)
        assert healed.status is Status.UP
        assert RunState.MISSED not in {run.state for run in (await acme.job_runs(job.id)).items}


async def test_silence_costs_nothing_while_nothing_is_due(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(HOURLY)
    judged = world.appliance.metrics.judged
    before = judged._value.get()
    await world.sweep()
    assert judged._value.get() == before


async def test_many_that_fall_silent_at_once_are_judged_commit_by_commit(world: World) -> None:
    many = 2 * BATCH + 50
    await _ping_all(world, many)
    world.hands.turn_to(world.now + timedelta(hours=1, minutes=1))
    await world.sweep()
    assert world.appliance.metrics.judged._value.get() == many
    async with world.signed_in("acme") as acme:
        assert (await acme.job_counts())["down"] == many


async def test_while_many_are_judged_others_write_too(world: World) -> None:
    many = 3 * BATCH
    await _ping_all(world, many)
    world.hands.turn_to(world.now + timedelta(hours=1, minutes=1))
    async with asyncio.TaskGroup() as group:
        group.create_task(world.sweep())
        group.create_task(_ping_all(world, 1))
        async with world.signed_in("acme") as acme:
            await acme.add_job(NewJob(slug="made-meanwhile"))
    async with world.signed_in("acme") as acme:
        counts = await acme.job_counts()
    assert (counts["up"], counts["down"], counts["new"]) == (1, many - 1, 1), (
        "who reported is up again, or was never down"
    )


async def _ping_all(world: World, count: int) -> None:
    """So many jobs report success; each is made where it is missing, and expected again within an hour."""
    key_hash = sha256(world.tenants["acme"].ping_key.encode()).digest()
    outcomes = await world.appliance.intake.submit(
        [
            Report(
                address=BySlug(key_hash, f"job-{number}"),
                said="success",
                received_at=world.now,
                occurred_at=world.now,
                create=Creation(schedules=(Every(timedelta(hours=1)),), grace=timedelta()),
            )
            for number in range(count)
        ]
    )
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
