"""The live stream: what changes is told, in order, to those who may see it."""

import asyncio
from typing import Any

import msgspec

from crontopus.api import events
from crontopus.domain.access import Principal, Reach
from crontopus.storage import events as stored
from crontopus.storage.database import Changed
from crontopus.storage.events import Position
from crontopus.wire.accounts import NewNamespace
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from tests.stream import WITHIN_SECONDS, Stream, following
from tests.world import World


async def test_what_changes_is_told_with_its_id(world: World) -> None:
    async with world.signed_in("acme") as acme, following(world, "acme") as stream:
        job = await acme.add_job(NewJob(slug="backup"))
        [(noun, _, made)] = await stream.told(1)
        assert made is not None
        assert (noun, made.noun, made.id, made.job) == ("job", "job", job.id, job.id)
        run = (await acme.check_in(CheckIn(kind="start", job="default/backup"))).run
        told = await stream.told(2)
        assert {(noun, change.id) for noun, _, change in told if change} == {("job", job.id), ("run", run)}


async def test_another_tenant_is_told_nothing(world: World) -> None:
    theirs = following(world, "globex")
    async with world.signed_in("acme") as acme, world.signed_in("globex") as globex, theirs as stream:
        await acme.add_job(NewJob(slug="theirs"))
        mine = await globex.add_job(NewJob(slug="mine"))
        [(_, _, change)] = await stream.told(1)
        assert change is not None
        assert change.id == mine.id


async def test_a_stream_goes_on_where_it_broke_off(world: World) -> None:
    async with world.signed_in("acme") as acme:
        async with following(world, "acme") as stream:
            await acme.add_job(NewJob(slug="one"))
            [(_, last, _)] = await stream.told(1)
        two = await acme.add_job(NewJob(slug="two"))
        async with following(world, "acme", last) as stream:
            [(_, _, change)] = await stream.told(1)
            assert change is not None
            assert change.id == two.id


async def test_a_reader_goes_on_in_the_middle_of_what_one_transaction_changed(world: World) -> None:
    async with world.signed_in("acme") as acme:
        jobs = [await acme.add_job(NewJob(slug=slug)) for slug in ("one", "two")]
        async with following(world, "acme") as stream:
            await acme.check_ins([CheckIn(kind="start", job=f"default/{job.slug}") for job in jobs])
            told = await stream.told(4)
        for read in range(1, 4):
            async with following(world, "acme", told[read - 1][1]) as stream:
                assert await stream.told(4 - read) == told[read:]


async def test_what_is_no_longer_known_is_said(world: World) -> None:
    for lost in ("0.999999.1", "0.1", "nonsense", "1"):
        async with following(world, "acme", lost) as stream:
            assert (await stream.told(1))[0][0] == "resync"


async def test_a_stream_ends_when_the_server_stops(world: World) -> None:
    stream = Stream(world, "acme", None)
    async with asyncio.timeout(WITHIN_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(stream.run())
        assert await stream.status() == 200
        world.appliance.parts.stopping.set()


async def test_nothing_is_told_of_what_is_out_of_reach(world: World) -> None:
    async with world.signed_in("acme") as acme:
        place = Position(0, 0, 0)
        namespace = await acme.add_namespace(NewNamespace(slug="prod"))
        inside = await acme.add_job(NewJob(slug="in", namespace="prod"))
        await acme.add_job(NewJob(slug="out"))
        owner = world.tenants["acme"].principal
        narrow: Principal = msgspec.structs.replace(owner, reach=Reach(frozenset({namespace.id})))
        changes, after = await events._next(world.appliance.parts, narrow, place)
        assert [change.subject_id for change in changes] == [inside.id]
        assert after > place


async def test_a_transaction_that_commits_late_is_not_passed_over(world: World) -> None:
    db, tenant = world.appliance.db, world.tenants["acme"].principal.tenant
    if db.is_sqlite:
        return
    late, early = await _job(world, "late"), await _job(world, "early")
    async with db.read(tenant) as tx:
        place = await stored.newest(tx)
    async with db.write(tenant) as first:
        await stored.add(first, late, 2)
        async with db.write(tenant) as second:
            await stored.add(second, early, 2)
        async with db.read(tenant) as tx:
            assert await stored.after(tx, place, 10) == [], "an older transaction is still open"
    async with db.read(tenant) as tx:
        assert [change.subject_id for change in await stored.after(tx, place, 10)] == [late, early]


async def _job(world: World, slug: str) -> Any:
    async with world.signed_in("acme") as acme:
        return (await acme.add_job(NewJob(slug=slug))).id


async def test_what_is_written_while_somebody_looks_is_not_missed() -> None:
    changed = Changed()
    coming = changed.coming
    changed.notify()
    async with asyncio.timeout(WITHIN_SECONDS):
        await coming.wait()
    assert not changed.coming.is_set()
