"""The next runs of a job: what is outstanding first, then what is to come."""

from datetime import timedelta

from crontopus.wire.jobs import NewJob
from crontopus.wire.schedules import PreviewRequest, Schedule
from tests.world import World


async def test_a_job_that_is_late_shows_what_is_outstanding_and_then_what_comes(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="often", schedule=Schedule(every=3600), grace=86_400))
        await world.ping(job.ping_url)
        began = world.now
        await world.passes(hours=3, minutes=30)
        shown = [run.at - began for run in (await acme.next_runs(job.id, 3)).next]
        assert shown == [timedelta(hours=1), timedelta(hours=4), timedelta(hours=5)]


async def test_a_calendar_s_next_runs_are_its_next_slots(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="nightly", schedule=Schedule(cron="0 2 * * *")))
        await world.ping(job.ping_url)
        await world.passes(hours=30)
        shown = [run.at for run in (await acme.next_runs(job.id, 3)).next]
        tonight = world.now.replace(hour=2) + timedelta(days=1)
        assert shown == [tonight, tonight + timedelta(days=1), tonight + timedelta(days=2)]


async def test_what_comes_within_the_first_hour_of_a_job_is_no_miss_and_says_so(world: World) -> None:
    often = Schedule(cron="*/30 * * * *")
    async with world.signed_in("acme") as acme:
        seen = await acme.preview(PreviewRequest(schedule=often, grace=300, count=3))
        assert [run.deadline for run in seen.next] == [
            None,
            world.now + timedelta(minutes=65),
            world.now + timedelta(minutes=95),
        ]
        job = await acme.add_job(NewJob(name="often", schedule=often, grace=300))
        assert job.next_expected_at == world.now + timedelta(hours=1)
        made = await acme.next_runs(job.id, 3)
        assert [run.deadline for run in made.next] == [run.deadline for run in seen.next]
