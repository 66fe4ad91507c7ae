"""Whatever changes who is told, or what holds, has the alerts concerned decided upon anew: what was owed is told."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from crontopus.domain.access import Role
from crontopus.domain.errors import Invalid
from crontopus.engine import alerts, routing, silences
from crontopus.wire.accounts import NamespacePatch
from crontopus.wire.alerts import ChannelPatch, NewRoute, RoutePatch
from crontopus.wire.jobs import Bulk, BulkAction, JobPatch, NewJob
from crontopus.wire.silences import NewSilence
from tests.engine.test_alerts import Post, post, posting
from tests.engine.test_holders import holders
from tests.world import copied, world_in

__all__ = ["post"]


async def silenced(post: Post, matcher: str) -> None:
    await post.client.add_silence(NewSilence(matcher=matcher, until=post.world.now + timedelta(hours=5)))


async def test_a_job_that_loses_a_tag_with_many_others_is_silenced_by_it_no_more(post: Post) -> None:
    job = await post.job()
    await post.client.edit_job(job.id, JobPatch(tags=["quiet"]))
    await silenced(post, "tag:quiet")
    await post.says(job, "fail")
    assert post.subjects() == []
    await post.client.change_jobs(Bulk(action=BulkAction.UNTAG, jobs=[str(job.id)], tags=["quiet"]))
    await post.goes_out()
    assert (post.subjects(), await holders(post.client)) == (["DOWN: Nightly backup in default"], [])


async def test_a_namespace_that_is_called_otherwise_is_matched_as_it_is_called_now(post: Post) -> None:
    job = await post.job()
    await silenced(post, "ns:default")
    await post.says(job, "fail")
    assert post.subjects() == []
    await post.client.edit_namespace("default", NamespacePatch(slug="prod"))
    await post.goes_out()
    assert post.subjects() == ["DOWN: Nightly backup in prod"]


async def test_a_tenant_that_is_restored_is_told_what_is_still_down_and_what_is_over_by_now(post: Post) -> None:
    known, new = await post.job(), await post.job("Other job")
    await post.says(known, "fail")
    async with post.world.person("acme", Role.OWNER) as owner:
        await owner.delete_tenant()
        for job, how in ((known, ""), (new, "/fail")):
            assert (await post.world.ping(f"{job.ping_url}{how}")).status_code == 200
        await post.goes_out()
        assert post.subjects() == ["DOWN: Nightly backup in default"]
        await owner.restore_tenant()
    await post.goes_out()
    assert set(post.subjects()[1:]) == {"RECOVERED: Nightly backup in default", "DOWN: Other job in default"}


async def test_a_channel_that_is_switched_on_again_is_told_the_end_that_it_missed_once(post: Post) -> None:
    job = await post.job()
    await post.says(job, "fail")
    (channel,) = (await post.client.channels()).items
    await post.client.edit_channel(channel.id, ChannelPatch(enabled=False))
    await post.says(job, "success")
    assert post.subjects() == ["DOWN: Nightly backup in default"]
    for _ in range(2):
        await post.client.edit_channel(channel.id, ChannelPatch(enabled=True))
        await post.goes_out()
        assert post.subjects()[1:] == ["RECOVERED: Nightly backup in default"]
        await post.client.edit_channel(channel.id, ChannelPatch(enabled=False))


async def test_what_is_open_when_a_server_begins_to_send_mail_is_told(world_data: tuple[Path, str]) -> None:
    async with world_in(*world_data) as world, world.signed_in("acme") as client:
        job = await client.add_job(NewJob(name="Nightly backup"))
        assert (await world.ping(f"{job.ping_url}/fail")).status_code == 200
        while await world.appliance.alerting.step():
            pass
    async with posting(world_data) as post:
        await post.world.appliance.alerting.begin()
        await post.goes_out()
        assert post.subjects() == ["DOWN: Nightly backup in default"]


@pytest.fixture
async def on_postgres(tmp_path: Path, postgres_world: tuple[Path, str]) -> AsyncIterator[Post]:
    data, url = postgres_world
    copied(data, tmp_path / "world")
    async with posting((tmp_path / "world", url)) as found:
        yield found


async def _waits_or_ends(post: Post, task: "asyncio.Task[bool]") -> None:
    """Until it waits for a lock, or is through."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not task.done():
        async with post.world.appliance.db.read_all() as tx:
            if await tx.sql.scalar(waiting):
                return


async def test_what_opens_while_somebody_ends_a_silence_is_not_held_by_it(on_postgres: Post) -> None:
    post = on_postgres
    job, me = await post.job(), post.world.tenants["acme"].principal
    silence = await post.client.add_silence(NewSilence(until=post.world.now + timedelta(hours=5)))
    assert (await post.world.ping(f"{job.ping_url}/fail")).status_code == 200
    async with asyncio.TaskGroup() as tree, post.world.appliance.db.write(me.tenant) as tx:
        await silences.end(tx, me, silence.id)
        await _waits_or_ends(post, tree.create_task(post.world.appliance.alerting.step()))
    await post.goes_out()
    assert post.subjects() == ["DOWN: Nightly backup in default"]


async def test_an_acknowledgement_is_not_lost_to_a_failure_that_is_taken_meanwhile(on_postgres: Post) -> None:
    post = on_postgres
    job, me = await post.job(), post.world.tenants["acme"].principal
    await post.says(job, "fail")
    (alert,) = (await post.client.alerts()).items
    assert (await post.world.ping(f"{job.ping_url}/fail")).status_code == 200
    async with asyncio.TaskGroup() as tree, post.world.appliance.db.write(me.tenant) as tx:
        await alerts.acknowledge(tx, me, alert.id)
        await _waits_or_ends(post, tree.create_task(post.world.appliance.alerting.step()))
    assert (await post.client.alert(alert.id)).alert.acknowledged_at is not None


async def test_two_who_move_routes_at_once_make_no_circle(on_postgres: Post) -> None:
    post = on_postgres
    me = post.world.tenants["acme"].principal
    one, other = [await post.client.add_route(NewRoute(name=name)) for name in ("one", "other")]

    async def moved() -> bool:
        await post.client.edit_route(other.id, RoutePatch(parent=one.id))
        return True

    with pytest.raises(ExceptionGroup, match="unhandled") as refused:  # noqa: PT012 - both are part of it
        async with asyncio.TaskGroup() as tree, post.world.appliance.db.write(me.tenant) as tx:
            await routing.edit(tx, me, one.id, RoutePatch(parent=other.id))
            await _waits_or_ends(post, tree.create_task(moved()))
    assert refused.group_contains(Invalid, match="does not stand below itself")
