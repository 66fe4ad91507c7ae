"""Our own absence: a gap is recorded, excuses what it may have hidden, and is told of once."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from crontopus.api import runs
from crontopus.client import Client
from crontopus.domain.errors import Unavailable
from crontopus.domain.watch import RunState, Status
from crontopus.storage import gaps
from crontopus.wire.accounts import NewNamespace, NewToken
from crontopus.wire.jobs import Job, JobPatch, NewJob
from crontopus.wire.schedules import Schedule
from tests.world import Hands, World, copied, world_in

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
    world.hands.turn_unwatched_to(world.now + timedelta(seconds=20))
    await world.appliance.absence.beat()
    async with world.signed_in("acme") as acme:
        (gap,) = (await acme.gaps()).items
        assert (gap.cause, gap.until - gap.since) == ("stalled", timedelta(seconds=20))


HOURLY = NewJob(name="hourly", schedule=Schedule(every=3600), grace=300)


async def _silent_while_the_process_stood_still(world: World, acme: Client) -> Job:
    """An hourly job whose deadline passed while the process did not run; nothing has run since."""
    job = await acme.add_job(HOURLY)
    await world.ping(job.ping_url)
    await world.passes(minutes=50)
    world.hands.turn_unwatched_to(world.now + timedelta(minutes=20))
    return job


async def test_the_sweep_after_a_standstill_knows_of_it(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _silent_while_the_process_stood_still(world, acme)
        await world.sweep()
        assert (await acme.job(job.id)).status is not Status.DOWN
        await world.passes(minutes=6)
        assert (await acme.job_runs(job.id)).items[0].state is RunState.UNOBSERVED


async def test_a_ping_after_a_standstill_finds_no_miss(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _silent_while_the_process_stood_still(world, acme)
        await world.ping(job.ping_url)
        assert (await acme.job(job.id)).status is Status.UP
        assert RunState.MISSED not in {run.state for run in (await acme.job_runs(job.id)).items}
    assert world.appliance.metrics.gaps.labels(cause="stalled")._value.get() == 1


async def test_an_edit_after_a_standstill_finds_no_miss(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _silent_while_the_process_stood_still(world, acme)
        await acme.edit_job(job.id, JobPatch(grace=600))
        assert (await acme.job(job.id)).status is not Status.DOWN


async def test_a_standstill_before_the_end_is_no_time_watched(world_data: tuple[Path, str]) -> None:
    hands = Hands()
    async with world_in(*world_data, hands) as world, world.signed_in("acme") as acme:
        job = await _silent_while_the_process_stood_still(world, acme)
        await world.appliance.absence.end()
    async with world_in(*world_data, hands) as world, world.signed_in("acme") as acme:
        await world.sweep()
        assert (await acme.job(job.id)).status is not Status.DOWN


async def test_a_gap_begins_when_check_ins_are_refused_and_not_when_the_last_request_ends(
    world_data: tuple[Path, str],
) -> None:
    hands = Hands()
    async with world_in(*world_data, hands) as world:
        world.appliance.absence.leave()
        left = hands.now
        hands.turn_to(left + timedelta(seconds=9))
        await world.appliance.absence.beat()
        await world.appliance.absence.end()
    async with world_in(*world_data, hands) as world, world.signed_in("acme") as acme:
        (gap,) = (await acme.gaps()).items
        assert (gap.since, gap.until) == (left, hands.now)


async def test_heartbeats_of_a_clock_that_was_ahead_hide_no_gap(world_data: tuple[Path, str]) -> None:
    hands = Hands()
    hands.set_by(timedelta(days=1))
    async with world_in(*world_data, hands) as world:
        await world.appliance.absence.end()
    hands.set_by(-timedelta(days=1))
    async with world_in(*world_data, hands) as world:
        await world.appliance.absence.end()
    left = hands.now
    hands.turn_to(left + timedelta(hours=1))
    async with world_in(*world_data, hands) as world, world.signed_in("acme") as acme:
        assert [(gap.since, gap.until) for gap in (await acme.gaps()).items] == [(left, hands.now)]


async def test_a_heartbeat_that_was_not_stored_ends_no_gap(tmp_path: Path, postgres_world: tuple[Path, str]) -> None:
    data, url = postgres_world
    copied(data, tmp_path / "data")
    async with world_in(tmp_path / "data", url) as world, world.signed_in("acme") as acme:
        since = world.now
        world.hands.turn_unwatched_to(since + timedelta(minutes=10))
        async with world.appliance.db.write_all() as tx:
            for statement in UNSTORABLE:
                await tx.sql.exec_driver_sql(statement)
        with pytest.raises(Unavailable):
            await world.appliance.absence.beat()
        async with world.appliance.db.write_all() as tx:
            await tx.sql.exec_driver_sql("DROP TRIGGER refuse ON heartbeats")
        await world.appliance.absence.beat()
        assert [(gap.since, gap.until) for gap in (await acme.gaps()).items] == [(since, world.now)]


UNSTORABLE = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql"
    " AS $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$",
    "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON heartbeats"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()",
)
"""A heartbeat then fails at its commit, as where the disk is full."""


async def _unnoticed(world: World) -> int:
    async with world.appliance.db.write_all() as tx:
        return len(await gaps.unnoticed(tx, world.now + timedelta(days=1)))
