"""A process that begins a moment after another was seen knows of a gap at once, and of none where there was none."""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from crontopus.appliance import _loops, assembled
from crontopus.config import Config
from crontopus.domain.watch import RunState, Status
from crontopus.engine.absence import BEAT, DENIED_WITHIN
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.schedules import Schedule
from tests.world import BASE, Hands, World, copied, world_in

MOMENT = timedelta(seconds=3)
MINUTELY = NewJob(name="minutely", schedule=Schedule(every=60), grace=0)


class Site:
    """One database on PostgreSQL and one clock, for processes one after another or side by side."""

    def __init__(self, folder: Path, first: Path, url: str) -> None:
        self.hands = Hands()
        self._folder, self._first, self._url = folder, first, url
        self._made = 0

    def config(self) -> Config:
        self._made += 1
        data = self._folder / str(self._made)
        copied(self._first, data)
        return Config(data=data, database_url=self._url, public_url=BASE)

    def process(self) -> AbstractAsyncContextManager[World]:
        """Left without a word, it was killed."""
        return world_in(self.config().data, self._url, self.hands)

    def later(self, delta: timedelta) -> None:
        self.hands.turn_to(self.hands.now + delta)


@pytest.fixture
def site(tmp_path: Path, postgres_world: tuple[Path, str]) -> Site:
    return Site(tmp_path, *postgres_world)


async def _due_in_a_moment(site: Site, world: World) -> Job:
    """A job that will be missed in a moment, and a heartbeat now."""
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(MINUTELY)
    await world.ping(job.ping_url)
    site.later(timedelta(minutes=1) - MOMENT / 2)
    await world.appliance.absence.beat()
    return job


async def _gaps(world: World) -> list[str]:
    async with world.signed_in("acme") as acme:
        return [gap.cause for gap in (await acme.gaps()).items]


async def _states(world: World, job: Job) -> list[RunState]:
    async with world.signed_in("acme") as acme:
        return [run.state for run in (await acme.job_runs(job.id)).items]


async def _beats(site: Site, *worlds: World) -> None:
    """Everybody's next heartbeat."""
    site.later(BEAT)
    for world in worlds:
        await world.appliance.absence.beat()


async def test_the_first_ping_after_a_quick_restart_finds_no_miss(site: Site) -> None:
    async with site.process() as killed:
        job = await _due_in_a_moment(site, killed)
        tenants = killed.tenants
    site.later(MOMENT)
    async with (
        assembled(site.config(), site.hands, site.hands.monotonic) as appliance,
        anyio.create_task_group() as tree,
    ):
        await tree.start(_loops, appliance)
        world = World(appliance, site.hands, tenants)
        await world.ping(job.ping_url)
        assert await _states(world, job) == [RunState.SUCCEEDED] * 2
        assert await _gaps(world) == ["stopped"]
        await world.http.aclose()
        tree.cancel_scope.cancel()


async def test_silence_over_a_quick_restart_is_judged_once_nobody_has_denied_the_gap(site: Site) -> None:
    async with site.process() as killed:
        job = await _due_in_a_moment(site, killed)
    site.later(MOMENT)
    async with site.process() as world, world.signed_in("acme") as acme:
        told = world.appliance.metrics.gaps.labels(cause="stopped")._value
        await world.sweep()
        assert await _states(world, job) == [RunState.SUCCEEDED]
        assert told.get() == 0
        await _beats(site, world)
        await _beats(site, world)
        await world.sweep()
        assert await _states(world, job) == [RunState.UNOBSERVED, RunState.SUCCEEDED]
        assert (await acme.job(job.id)).status is not Status.DOWN
        assert told.get() == 1
        await world.passes(minutes=1)
        assert (await acme.job(job.id)).status is Status.DOWN


async def test_who_watched_all_the_while_takes_the_gap_back(site: Site) -> None:
    async with site.process() as watching:
        await _beats(site, watching)
        site.later(MOMENT)
        async with site.process() as beside:
            assert await _gaps(beside) == ["stopped"]
            await _beats(site, watching, beside)
            assert await _gaps(beside) == []
            assert not beside.appliance.absence.doubts
            assert beside.appliance.metrics.gaps.labels(cause="stopped")._value.get() == 0
            site.later(timedelta(minutes=12))
            await beside.appliance.absence.notices()
            assert await _gaps(beside) == []


async def test_who_watched_all_the_while_judges_in_time_whoever_begins_beside_it(site: Site) -> None:
    async with site.process() as watching, watching.signed_in("acme") as acme:
        job = await _due_in_a_moment(site, watching)
        site.later(MOMENT)
        async with site.process() as beside:
            await beside.sweep()
            assert await _states(beside, job) == [RunState.SUCCEEDED]
            await watching.sweep()
            assert (await acme.job(job.id)).status is Status.DOWN


async def test_who_stood_still_takes_back_no_gap_of_that_time(site: Site) -> None:
    async with site.process() as standing:
        await _beats(site, standing)
        site.hands.turn_unwatched_to(site.hands.now + timedelta(minutes=1))
        async with site.process() as beside:
            await beside.appliance.absence.beat()
            await standing.appliance.absence.beat()
            await _beats(site, beside, standing)
            assert await _gaps(beside) == ["stopped"]


async def test_of_two_that_begin_after_a_moment_the_first_denies_only_what_it_watched(site: Site) -> None:
    async with site.process() as killed:
        await _beats(site, killed)
    site.later(MOMENT)
    async with site.process() as first:
        site.later(MOMENT)
        async with site.process() as second:
            assert await _gaps(second) == ["stopped", "stopped"]
            for _ in range(DENIED_WITHIN // BEAT):
                await _beats(site, first, second)
            assert await _gaps(second) == ["stopped"]
            assert [first.appliance.absence.doubts, second.appliance.absence.doubts] == [False, False]
