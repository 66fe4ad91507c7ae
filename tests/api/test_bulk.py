"""One deed on many jobs."""

from datetime import timedelta

import pytest

from crontopus.domain.errors import Invalid, NotFound
from crontopus.domain.watch import Status
from crontopus.wire.jobs import Bulk, BulkAction, NewJob
from tests.world import World


async def test_many_jobs_are_paused_in_batches(world: World) -> None:
    async with world.signed_in("acme") as acme:
        for number in range(60):
            await acme.add_job(NewJob(slug=f"job-{number}", tags=["even"] if number % 2 == 0 else []))
        tried = await acme.change_jobs(Bulk(action=BulkAction.PAUSE, q="tag:even", dry_run=True))
        assert (len(tried.items), all(item.changed for item in tried.items), tried.dry_run) == (30, True, True)
        assert (await acme.job_counts())["paused"] == 0
        done = await acme.change_jobs(Bulk(action=BulkAction.PAUSE, q="job"))
        assert len(done.items) == 60
        assert (await acme.job_counts())["paused"] == 60
        again = await acme.change_jobs(Bulk(action=BulkAction.PAUSE, q="tag:even"))
        assert not any(item.changed for item in again.items)
        await acme.change_jobs(Bulk(action=BulkAction.RESUME, q="tag:even"))
        assert (await acme.job_counts())["paused"] == 30


async def test_tags_come_and_go_and_jobs_are_deleted(world: World) -> None:
    async with world.signed_in("acme") as acme:
        one = await acme.add_job(NewJob(slug="one", tags=["a"]))
        await acme.add_job(NewJob(slug="two"))
        names = [str(one.id), "default/two"]
        done = await acme.change_jobs(Bulk(action=BulkAction.TAG, jobs=names, tags=["a", "b"]))
        assert [item.changed for item in done.items] == [True, True]
        assert (await acme.job("default/two")).tags == ["a", "b"]
        await acme.change_jobs(Bulk(action=BulkAction.UNTAG, jobs=names, tags=["a"]))
        assert (await acme.job(one.id)).tags == ["b"]
        assert (await acme.job(one.id)).version == 3
        await acme.change_jobs(Bulk(action=BulkAction.DELETE, jobs=names))
        assert (await acme.jobs()).items == []


async def test_a_pause_of_many_may_end_by_itself(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="one"))
        until = world.now + timedelta(hours=1)
        await acme.change_jobs(Bulk(action=BulkAction.PAUSE, jobs=["default/one"], until=until))
        await world.passes(hours=2)
        assert (await acme.job("default/one")).status is Status.NEW


async def test_what_makes_no_sense_changes_nothing(world: World) -> None:
    async with world.signed_in("acme") as acme, world.signed_in("globex") as globex:
        await acme.add_job(NewJob(slug="one"))
        theirs = await globex.add_job(NewJob(slug="two"))
        for bulk in (
            Bulk(action=BulkAction.PAUSE),
            Bulk(action=BulkAction.PAUSE, jobs=[], q=""),
            Bulk(action=BulkAction.TAG, q=""),
            Bulk(action=BulkAction.PAUSE, q="", tags=["x"]),
            Bulk(action=BulkAction.RESUME, q="", until=world.now + timedelta(hours=1)),
            Bulk(action=BulkAction.PAUSE, q="", until=world.now),
            Bulk(action=BulkAction.PAUSE, q="nonsense:"),
        ):
            with pytest.raises(Invalid):
                await acme.change_jobs(bulk)
        with pytest.raises(NotFound) as raised:
            await acme.change_jobs(Bulk(action=BulkAction.DELETE, jobs=["default/one", str(theirs.id)]))
        assert [fault.pointer for fault in raised.value.faults] == ["/jobs/1"]
        assert (await acme.job("default/one")).status is Status.NEW
        await acme.change_jobs(Bulk(action=BulkAction.DELETE, q=""))
        assert (await globex.job(theirs.id)).id == theirs.id
