"""Silence, and its end: from a ping that does not come to a job that is down."""

from datetime import timedelta

from crontopus.domain.watch import Reason, RunState, Status
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
