"""Who falls silent with many others is judged ahead: as if it were done at the deadline, and only if nothing came."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from crontopus.client import Client
from crontopus.domain.watch import Gap, RunState, Status
from crontopus.engine import sweep
from crontopus.storage import gaps
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.schedules import Schedule
from tests.world import World, copied, world_in

HOURLY = Schedule(every=3600)
PERIOD = timedelta(hours=1)
NAMES = [f"j{number}" for number in range(6)]


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)


class Silent:
    """Six jobs that reported at the same moment and not since. A second is left until their deadline."""

    def __init__(self, world: World, acme: Client, jobs: list[Job]) -> None:
        self.world, self.acme, self.jobs = world, acme, jobs

    @property
    def foreseen(self) -> int:
        return len(self.world.appliance.sweep._foreseen)

    async def foresee(self) -> None:
        assert not await self.world.appliance.sweep.foresee()

    async def deadline_passes(self) -> None:
        due_at = self.jobs[0].created_at + PERIOD
        if self.world.now <= due_at:
            self.world.hands.turn_to(due_at + timedelta(milliseconds=1))
        await self.world.sweep()

    async def told(self) -> dict[str, Any]:
        """All that can be seen of the jobs, by name, but for ids and when it was written down."""
        return {job.slug: await self._told(job) for job in (await self.acme.jobs(limit=100)).items}

    async def _told(self, job: Job) -> Any:
        runs = [
            (run.state, run.expected_at, run.started_at, run.count) for run in (await self.acme.job_runs(job.id)).items
        ]
        return job.status, job.reasons, job.next_expected_at, job.due_at, job.down_since, runs


async def _fell_silent(world: World, acme: Client) -> Silent:
    jobs = [await acme.add_job(NewJob(name=name, schedule=HOURLY, grace=0)) for name in NAMES]
    for job in jobs:
        await world.ping(job.ping_url)
    world.hands.turn_to(world.now + PERIOD - timedelta(seconds=1))
    await world.sweep()
    return Silent(world, acme, jobs)


@pytest.fixture
async def silent(sqlite_world: World) -> AsyncIterator[Silent]:
    async with sqlite_world.signed_in("acme") as acme:
        yield await _fell_silent(sqlite_world, acme)


async def test_what_was_foreseen_is_true_at_the_deadline_and_not_before(silent: Silent) -> None:
    await silent.foresee()
    assert silent.foreseen == 3
    assert (await silent.acme.job_counts())["up"] == 6
    await silent.deadline_passes()
    assert silent.foreseen == 0
    assert (await silent.acme.job_counts())["down"] == 6
    assert silent.world.appliance.metrics.judged._value.get() == 6


async def test_it_is_foreseen_but_once(silent: Silent) -> None:
    await silent.foresee()
    foreseen = list(silent.world.appliance.sweep._foreseen)
    await silent.foresee()
    assert list(silent.world.appliance.sweep._foreseen) == foreseen


Change = Callable[[Silent], Awaitable[object]]


async def _nothing(_silent: Silent) -> None: ...


async def _a_report(silent: Silent) -> None:
    await silent.world.ping(silent.jobs[0].ping_url)


async def _a_start(silent: Silent) -> None:
    await silent.world.ping(f"{silent.jobs[1].ping_url}/start")


async def _a_pause(silent: Silent) -> None:
    await silent.acme.pause_job(silent.jobs[2].id)


async def _an_edit(silent: Silent) -> None:
    await silent.acme.edit_job(silent.jobs[3].id, {"grace": 600})


async def _a_deletion(silent: Silent) -> None:
    await silent.acme.delete_job(silent.jobs[4].id)


async def _a_standstill(silent: Silent) -> None:
    """Nobody watched for a minute, over the deadline."""
    silent.world.hands.turn_unwatched_to(silent.world.now + timedelta(minutes=1))


async def _a_gap(silent: Silent) -> None:
    """It becomes known just now that nobody had watched for a while."""
    now = silent.world.now
    async with silent.world.appliance.db.write_all() as tx:
        await gaps.add(tx, Gap(now - timedelta(hours=2), now), gaps.STALLED)


async def _a_delay(silent: Silent) -> None:
    """There was so much to do that nobody came to judge."""
    silent.world.hands.turn_to(silent.world.now + timedelta(minutes=1))


async def _all_of_it(silent: Silent) -> None:
    for change in (_a_report, _a_start, _a_pause, _an_edit, _a_deletion):
        await change(silent)


@pytest.mark.parametrize(
    "change",
    [_nothing, _a_report, _a_start, _a_pause, _an_edit, _a_deletion, _a_standstill, _a_gap, _a_delay, _all_of_it],
)
async def test_who_looks_ahead_judges_as_who_does_not(first_world: Path, tmp_path: Path, change: Change) -> None:
    told = []
    for looks_ahead in (True, False):
        data = tmp_path / str(looks_ahead)
        copied(first_world, data)
        async with world_in(data) as world, world.signed_in("acme") as acme:
            silent = await _fell_silent(world, acme)
            if looks_ahead:
                await silent.foresee()
                assert silent.foreseen == 3
            await change(silent)
            await silent.deadline_passes()
            await world.passes(minutes=20)
            told.append(await silent.told())
    assert told[0] == told[1]


async def test_a_gap_that_is_noticed_in_between_excuses(silent: Silent) -> None:
    await silent.foresee()
    await _a_standstill(silent)
    await silent.deadline_passes()
    assert (await silent.acme.job_counts())["down"] == 0
    await silent.world.passes(minutes=20)
    runs = (await silent.acme.job_runs(silent.jobs[0].id)).items
    assert [run.state for run in runs] == [RunState.UNOBSERVED, RunState.SUCCEEDED]


async def test_who_cannot_be_judged_is_told_of_when_it_is_time(silent: Silent, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("no judgement")

    monkeypatch.setattr(sweep, "advance", fails)
    with capture_logs() as logs:
        await silent.foresee()
        assert logs == []
        await silent.deadline_passes()
    told = [entry["job"] for entry in logs if entry["event"] == "a watch could not be judged"]
    assert sorted(told) == sorted(str(job.id) for job in silent.jobs)


async def test_a_few_are_not_foreseen(sqlite_world: World) -> None:
    async with sqlite_world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="alone", schedule=HOURLY, grace=0))
        await sqlite_world.ping(job.ping_url)
        alone = Silent(sqlite_world, acme, [job])
        sqlite_world.hands.turn_to(sqlite_world.now + PERIOD - timedelta(seconds=1))
        await alone.foresee()
        assert alone.foreseen == 0
        await alone.deadline_passes()
        assert (await acme.job(job.id)).status is Status.DOWN


async def test_on_postgresql_nothing_is_foreseen(postgres_world: tuple[Path, str], tmp_path: Path) -> None:
    data, url = postgres_world
    copied(data, tmp_path / "data")
    async with world_in(tmp_path / "data", url) as world, world.signed_in("acme") as acme:
        silent = await _fell_silent(world, acme)
        await silent.foresee()
        assert silent.foreseen == 0
        await silent.deadline_passes()
        assert (await acme.job_counts())["down"] == 6
