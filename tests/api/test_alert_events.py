"""The live stream of alerts: what happens to one, and to its messages, is told to those who may see it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from crontopus.api import events
from crontopus.client import Client
from crontopus.domain.access import Principal, Reach, Scope
from crontopus.storage import events as stored
from crontopus.storage.events import Position
from crontopus.wire.accounts import NewNamespace
from crontopus.wire.alerts import Alert, NewRoute, RoutePatch
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from tests.engine.test_alerts import Post, posting
from tests.stream import following

Deed = Callable[[Client, UUID], Awaitable[object]]
DEEDS: dict[str, Deed] = {
    "acknowledge": lambda client, alert: client.acknowledge_alert(alert),
    "note": lambda client, alert: client.note_alert(alert, "The disk is full."),
    "resolve": lambda client, alert: client.resolve_alert(alert),
}


@pytest.fixture
async def post(world_data: tuple[Path, str]) -> AsyncIterator[Post]:
    async with posting(world_data) as found:
        yield found


async def failing(post: Post) -> Alert:
    await post.says(await post.job(), "fail")
    (found,) = (await post.client.alerts()).items
    return found


async def told(post: Post, since: Position, caller: Principal | None = None) -> list[tuple[str, UUID, UUID | None]]:
    """What is told of alerts after `since`: noun, id and job."""
    caller = caller or post.world.tenants["acme"].principal
    changes, _ = await events._next(post.world.appliance.parts, caller, since)
    return [(one.noun, one.subject_id, one.job_id) for one in changes if one.noun in events.OF_ALERTS]


async def now(post: Post) -> Position:
    async with post.world.appliance.db.read(post.world.tenants["acme"].principal.tenant) as tx:
        return await stored.newest(tx)


async def test_an_alert_is_told_as_it_opens_with_each_message_as_it_is_made_and_settled(post: Post) -> None:
    job = await post.job()
    async with following(post.world, "acme") as stream:
        await post.client.check_in(CheckIn(kind="fail", job=str(job.id)))
        await post.world.appliance.alerting.step()
        (alert,) = (await post.client.alerts()).items
        (message,) = (await post.client.notifications()).items
        seen: list[tuple[str, UUID, UUID | None]] = []
        while ("notification", message.id, job.id) not in seen:
            seen += [(noun, change.id, change.job) for noun, _, change in await stream.told(1) if change]
        assert ("alert", alert.id, job.id) in seen
        await post.goes_out()
        while seen.count(("notification", message.id, job.id)) < 2:
            seen += [(noun, change.id, change.job) for noun, _, change in await stream.told(1) if change]


@pytest.mark.parametrize("deed", DEEDS)
async def test_what_people_make_of_it_is_told_at_once(post: Post, deed: str) -> None:
    alert = await failing(post)
    since = await now(post)
    await DEEDS[deed](post.client, alert.id)
    assert ("alert", alert.id, alert.subject.job) in await told(post, since)


async def test_a_message_that_is_sent_again_or_put_away_is_told(post: Post) -> None:
    post.box.strangers.add("owner@acme.test")
    alert = await failing(post)
    (message,) = (await post.client.notifications()).items
    since = await now(post)
    await post.client.retry_notification(message.id)
    assert await told(post, since) == [
        ("alert", alert.id, alert.subject.job),
        ("notification", message.id, alert.subject.job),
    ]
    since = await now(post)
    await post.client.discard_notification(message.id)
    assert ("notification", message.id, alert.subject.job) in await told(post, since)


async def test_a_message_that_is_not_needed_any_more_is_told(post: Post) -> None:
    job = await post.job()
    await post.client.check_in(CheckIn(kind="fail", job=str(job.id)))
    await post.world.appliance.alerting.step()
    (message,) = (await post.client.notifications()).items
    await post.client.acknowledge_alert((await post.client.alerts()).items[0].id)
    since = await now(post)
    await post.world.appliance.outbox.step()
    assert ("notification", message.id, job.id) in await told(post, since)


async def test_an_open_alert_is_told_where_whom_it_is_told_to_has_changed(post: Post) -> None:
    alert = await failing(post)
    since = await now(post)
    (root,) = (await post.client.routes()).items
    await post.client.edit_route(root.id, RoutePatch(name="All"))
    await post.client.add_route(NewRoute(name="More", matcher="ns:prod"))
    await post.goes_out()
    assert ("alert", alert.id, alert.subject.job) in await told(post, since)


async def test_nothing_is_told_of_alerts_out_of_reach_or_to_who_may_not_read_them(post: Post) -> None:
    owner = post.world.tenants["acme"].principal
    prod = await post.client.add_namespace(NewNamespace(slug="prod"))
    since = await now(post)
    inside = await post.client.add_job(NewJob(name="in", namespace="prod"))
    for job in (inside, await post.job("out")):
        await post.says(job, "fail")
    narrow = msgspec.structs.replace(owner, reach=Reach(frozenset({prod.id})))
    assert {job for _, _, job in await told(post, since, narrow)} == {inside.id}
    assert {noun for noun, _, _ in await told(post, since, narrow)} == events.OF_ALERTS
    of_jobs = msgspec.structs.replace(owner, scopes=frozenset({Scope.JOBS_READ}))
    assert await told(post, since, of_jobs) == []


async def test_another_tenant_is_told_nothing_of_an_alert(post: Post) -> None:
    async with post.world.signed_in("globex") as globex, following(post.world, "globex") as stream:
        await failing(post)
        mine = await globex.add_job(NewJob(slug="mine"))
        [(_, _, change)] = await stream.told(1)
        assert change is not None
        assert change.id == mine.id
