"""Our own absence: a gap is recorded, excuses what it may have hidden, and is told of once."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from crontopus.api import runs
from crontopus.domain.watch import RunState, Status
from crontopus.storage import gaps
from crontopus.wire.accounts import NewNamespace, NewToken
from crontopus.wire.jobs import NewJob
from crontopus.wire.schedules import Schedule
from tests.world import Hands, World, world_in

NIGHTLY = NewJob(name="nightly", schedule=Schedule(cron="0 2 * * *"), grace=600)


async def _stopped_over_the_slot(data: Path, url: str, hands: Hands) -> None:
    """A nightly job ran well; the server stops before its next slot and is away until after its deadline."""
    async with world_in(data, url, hands) as world, world.signed_in("acme") as acme:
        job = await acme.add_job(NIGHTLY)
        await world.passes(hours=18)
        await world.ping(job.ping_url)
        await world.passes(hours=23)
        await world.appliance.absence.end()
    hands.turn_to(hands.now + timedelta(hours=2))


async def test_a_slot_nobody_watched_is_unobserved_and_makes_no_false_miss(world_data: tuple[Path, str]) -> None:
    hands = Hands()
    await _stopped_over_the_slot(*world_data, hands)
    async with world_in(*world_data, hands) as world, world.signed_in("acme") as acme:
        await world.passes(minutes=11)
        job = await acme.job("default/nightly")
        assert job.status is Status.UP
        newest = (await acme.job_runs(job.id)).items[0]
        assert newest.state is RunState.UNOBSERVED
        (gap,) = (await acme.gaps()).items
        assert gap.until - gap.since == timedelta(hours=2)
        assert [silent.slug for silent in gap.silent] == ["nightly"]


async def test_the_excuse_of_a_gap_holds_once(world_data: tuple[Path, str]) -> None:
    hands = Hands()
    await _stopped_over_the_slot(*world_data, hands)
    async with world_in(*world_data, hands) as world, world.signed_in("acme") as acme:
        await world.passes(hours=24)
        assert (await acme.job("default/nightly")).status is Status.DOWN


async def test_what_a_token_does_not_reach_takes_no_place_among_the_silent(
    world_data: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MOST_SILENT", 1)
    hands = Hands()
    async with world_in(*world_data, hands) as world, world.signed_in("acme") as acme:
        await acme.add_namespace(NewNamespace(slug="prod"))
        names = (("default", "a"), ("default", "b"), ("prod", "c"), ("default", "d"))
        jobs = [await acme.add_job(replace(NIGHTLY, name=name, namespace=place)) for place, name in names]
        await world.passes(hours=18)
        for job in jobs:
            await world.ping(job.ping_url)
        await world.passes(hours=23)
        await world.appliance.absence.end()
    hands.turn_to(hands.now + timedelta(hours=2))
    async with world_in(*world_data, hands) as world, world.signed_in("acme") as acme:
        await world.passes(minutes=11)
        await acme.delete_job(jobs[0].id)
        assert [silent.slug for silent in (await acme.gaps()).items[0].silent] == ["b"]
        narrow = await acme.add_token(NewToken(name="narrow", namespaces=["prod"]))
        answer = await world.http.get("/api/v1/gaps", headers={"Authorization": f"Bearer {narrow.token}"})
        assert [silent["slug"] for silent in answer.json()["items"][0]["silent"]] == ["c"]


async def test_a_report_after_the_gap_takes_the_job_from_the_notice(world_data: tuple[Path, str]) -> None:
    hands = Hands()
    await _stopped_over_the_slot(*world_data, hands)
    async with world_in(*world_data, hands) as world, world.signed_in("acme") as acme:
        await world.passes(minutes=20)
        job = await acme.job("default/nightly")
        slot = (await acme.job_runs(job.id)).items[0].expected_at
        assert slot is not None
        await world.ping(f"{job.ping_url}?at={slot:%Y-%m-%dT%H:%M:%SZ}")
        (gap,) = (await acme.gaps()).items
        assert gap.silent == []
        assert (await acme.job(job.id)).status is Status.UP


async def test_each_gap_is_told_of_once(world_data: tuple[Path, str]) -> None:
    hands = Hands()
    await _stopped_over_the_slot(*world_data, hands)
    async with world_in(*world_data, hands) as world:
        assert await _unnoticed(world) == 1
        await world.appliance.absence.notices()
        assert await _unnoticed(world) == 1, "it is too early to know who stays silent"
        await world.passes(minutes=12)
        await world.appliance.absence.notices()
        assert await _unnoticed(world) == 0


async def test_a_clock_that_is_set_forward_makes_a_gap_and_no_thousand_misses(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="often", schedule=Schedule(every=60), grace=30))
        await world.ping(job.ping_url)
        world.hands.set_by(timedelta(days=1))
        await world.appliance.absence.beat()
        await world.sweep()
        assert (await acme.job(job.id)).status is not Status.DOWN
        (gap,) = (await acme.gaps()).items
        assert (gap.cause, gap.until - gap.since) == ("clock", timedelta(days=1))
        await world.passes(minutes=30)
        states = [run.state for run in (await acme.job_runs(job.id)).items]
        assert len(states) <= 3
        assert (await acme.job(job.id)).status is Status.DOWN


async def test_a_clock_that_is_set_back_makes_a_gap(world: World) -> None:
    world.hands.set_by(-timedelta(hours=1))
    await world.appliance.absence.beat()
    async with world.signed_in("acme") as acme:
        (gap,) = (await acme.gaps()).items
        assert gap.cause == "clock"


async def test_a_clock_that_drifts_makes_no_gap(world: World) -> None:
    world.hands.set_by(timedelta(seconds=30))
    await world.appliance.absence.beat()
    async with world.signed_in("acme") as acme:
        assert (await acme.gaps()).items == []


async def test_heartbeats_in_time_leave_no_gap(world: World) -> None:
    for _ in range(5):
        await world.passes(seconds=5)
        await world.appliance.absence.beat()
    async with world.signed_in("acme") as acme:
        assert (await acme.gaps()).items == []


async def test_a_process_that_stood_still_leaves_a_gap(world: World) -> None:
    world.hands.turn_to(world.now + timedelta(minutes=10))
    await world.appliance.absence.beat()
    async with world.signed_in("acme") as acme:
        (gap,) = (await acme.gaps()).items
        assert gap.cause == "stalled"


async def _unnoticed(world: World) -> int:
    async with world.appliance.db.write_all() as tx:
        return len(await gaps.unnoticed(tx, world.now + timedelta(days=1)))
