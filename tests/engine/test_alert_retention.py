"""Retention of alerts: what is over goes with its events, messages and tries; what is owed, or may come back, stays."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from crontopus.domain.errors import NotFound
from crontopus.engine.outbox import AGAIN_AFTER
from crontopus.engine.retention import Kept, Retention
from crontopus.storage import pruning
from crontopus.wire.alerts import Alert, NewChannel, RoutePatch, RouteStep
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import CheckIn
from tests.api.test_tiers import limited
from tests.engine.test_alerts import Post, posting

TABLES = ("alerts", "alert_events", "notifications", "attempts")


@pytest.fixture
async def post(world_data: tuple[Path, str]) -> AsyncIterator[Post]:
    async with posting(world_data) as found:
        yield found


async def prune(post: Post, kept: Kept | None = None) -> None:
    await settled(post)
    retention = Retention(post.world.appliance.db, kept or Kept())
    while await retention.prune():
        pass


async def settled(post: Post) -> None:
    """What was just told has been decided upon."""
    post.world.hands.turn_to(post.world.now + AGAIN_AFTER)
    while await post.world.appliance.alerting.step():
        pass


async def later(post: Post, days: float) -> None:
    post.world.hands.turn_to(post.world.now + timedelta(days=days))


async def left(post: Post, *tables: str) -> dict[str, int]:
    async with post.world.appliance.db.read_all() as tx:
        return {
            table: await tx.sql.scalar(text(f"SELECT count(*) FROM {table}")) or 0  # noqa: S608 - our own names
            for table in tables or TABLES
        }


async def ended(post: Post, name: str = "Nightly backup") -> tuple[Job, Alert]:
    """A job that failed and recovered, and its alert; both ends were told."""
    job = await post.client.add_job(NewJob(name=name))
    await post.says(job, "fail")
    await post.says(job, "success")
    return job, (await post.client.alerts(job=job.id)).items[0]


async def test_what_is_over_goes_after_ninety_days_with_all_that_belongs_to_it(post: Post) -> None:
    _, alert = await ended(post)
    assert await left(post) == {"alerts": 1, "alert_events": 2, "notifications": 2, "attempts": 2}
    await later(post, 89)
    await prune(post)
    assert (await post.client.alert(alert.id)).alert.id == alert.id
    assert await left(post, "attempts", "flips") == {"attempts": 2, "flips": 2}
    await later(post, 2)
    await prune(post)
    with pytest.raises(NotFound):
        await post.client.alert(alert.id)
    assert set((await left(post, *TABLES, "flips")).values()) == {0}


async def test_ninety_days_count_from_its_end(post: Post) -> None:
    job = await post.client.add_job(NewJob(name="Nightly backup"))
    await post.says(job, "fail")
    await later(post, 100)
    await prune(post)
    (still_open,) = (await post.client.alerts(only_open=True)).items
    await post.says(job, "success")
    await prune(post)
    assert (await post.client.alert(still_open.id)).alert.resolved_at is not None
    await later(post, 91)
    await prune(post)
    assert await left(post, "alerts") == {"alerts": 0}


async def test_one_with_a_message_on_its_way_waits_until_that_is_settled(post: Post) -> None:
    job = await post.client.add_job(NewJob(name="Nightly backup"))
    await post.says(job, "fail")
    await post.client.check_in(CheckIn(kind="success", job=str(job.id)))
    while await post.world.appliance.alerting.step():
        pass
    await later(post, 91)
    await prune(post)
    assert await left(post, "alerts", "notifications") == {"alerts": 1, "notifications": 2}
    await post.goes_out()
    assert post.subjects()[1:] == ["RECOVERED: Nightly backup in default"]
    await prune(post)
    assert set((await left(post)).values()) == {0}


async def test_one_whose_end_is_still_owed_stays_until_it_is_told(post: Post) -> None:
    job = await post.client.add_job(NewJob(name="Nightly backup"))
    await post.says(job, "fail")
    (alert,) = (await post.client.alerts()).items
    await post.client.resolve_alert(alert.id)
    await later(post, 91)
    await prune(post)
    assert await left(post, "alerts") == {"alerts": 1}
    await post.goes_out()
    assert post.subjects()[1:] == ["RESOLVED: Nightly backup in default"]
    await prune(post)
    assert await left(post, "alerts") == {"alerts": 0}


async def test_one_that_may_come_back_stays_however_short_things_are_kept(post: Post) -> None:
    job, alert = await ended(post)
    await post.passes(minutes=4)
    await prune(post, Kept(runs=timedelta(), output=timedelta(), failed_output=timedelta()))
    await post.says(job, "fail")
    (again,) = (await post.client.alerts(only_open=True)).items
    assert (again.id, again.opening) == (alert.id, 2)


async def test_a_tenant_whose_tier_keeps_less_loses_its_own_sooner(post: Post) -> None:
    _, alert = await ended(post)
    async with post.world.signed_in("globex") as globex:
        job = await globex.add_job(NewJob(name="theirs"))
        for kind in ("fail", "success"):
            await globex.check_in(CheckIn(kind=kind, job=str(job.id)))
            await post.goes_out()
        await limited(post.world, retention_days=7)
        await later(post, 8)
        await prune(post)
        with pytest.raises(NotFound):
            await post.client.alert(alert.id)
        assert len((await globex.alerts()).items) == 1


async def test_those_of_a_deleted_job_and_of_a_deleted_channel_go_likewise(post: Post) -> None:
    made = await post.client.add_channel(NewChannel(kind="email", name="Second", settings={"to": "b@example.org"}))
    (root,) = (await post.client.routes()).items
    both = [channel.id for channel in (await post.client.channels()).items]
    await post.client.edit_route(root.id, RoutePatch(steps=[RouteStep(channels=both)]))
    job = await post.client.add_job(NewJob(name="Nightly backup"))
    await post.says(job, "fail")
    await post.client.delete_job(job.id)
    await prune(post)
    assert await left(post, "alerts", "jobs") == {"alerts": 1, "jobs": 0}, "its end is owed"
    await post.goes_out()
    assert len(post.subjects()) == 4
    await post.client.edit_route(root.id, RoutePatch(steps=[]))
    await post.client.remove_channel(made.id)
    await later(post, 91)
    await prune(post)
    assert set((await left(post)).values()) == {0}


async def test_it_goes_in_small_batches(post: Post) -> None:
    for name in ("one", "two"):
        await ended(post, name)
    await later(post, 1)
    await settled(post)
    removed: list[int] = []
    while not removed or removed[-1]:
        async with post.world.appliance.db.write_all() as tx:
            removed.append(await pruning.old_alerts(tx, tx.now, 1))
    assert removed == [1] * (2 + 4 + 4 + 4) + [0]
