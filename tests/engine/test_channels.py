"""Channels: what may be changed of them, what of them is shown, and what is kept of each try."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crontopus.client import Client
from crontopus.domain.errors import Conflict, Invalid
from crontopus.storage import notifications
from crontopus.wire.alerts import (
    Channel,
    ChannelPatch,
    NewChannel,
    NewRoute,
    Notification,
    NotificationDetail,
    RouteStep,
)
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from tests.notify.fakes import Reply, served
from tests.notify.fakes.apprise import KEY
from tests.notify.fakes.apprise import Receiver as Apprised
from tests.notify.fakes.gotify import TOKEN, Gotify
from tests.notify.fakes.webhook import Receiver
from tests.world import World, world_in

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AGAIN = "give it again: it would go to another address"


@pytest.fixture
async def world(world_data: tuple[Path, str]) -> AsyncIterator[World]:
    async with world_in(*world_data, alert_networks=["127.0.0.0/8"]) as found:
        yield found


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with world.signed_in("acme") as found:
        yield found


async def made(client: Client, kind: str, **settings: Any) -> Channel:
    return await client.add_channel(NewChannel(kind=kind, name=kind, settings=settings))


async def refused(client: Client, channel: Channel, **settings: Any) -> list[tuple[str, str]]:
    """The faults with which a change is refused."""
    with pytest.raises(Invalid) as error:
        await client.edit_channel(channel.id, ChannelPatch(settings=settings))
    return [(fault.pointer, fault.detail) for fault in error.value.faults]


async def test_what_opens_something_does_not_go_along_to_another_address(client: Client) -> None:
    channel = await made(client, "gotify", server="https://push.example.org", token=TOKEN)
    assert await refused(client, channel, server="https://evil.example") == [("/settings/token", AGAIN)]
    await client.edit_channel(channel.id, ChannelPatch(settings={"server": "https://b.example", "token": f"{TOKEN}2"}))
    assert (await client.channel(channel.id)).settings == {"server": "https://b.example"}


async def test_each_secret_that_is_set_is_asked_for_and_no_other(client: Client) -> None:
    given = {"url": "https://example.org/hook", "secret": SECRET, "headers": {"X-Key": "k"}}
    channel = await made(client, "webhook", **given)
    assert channel.hidden == ["headers", "secret", "url"]
    faults = await refused(client, channel, url="https://evil.example")
    assert faults == [("/settings/headers", AGAIN), ("/settings/secret", AGAIN)]
    assert await refused(client, channel, url="https://evil.example", secret=SECRET) == [("/settings/headers", AGAIN)]
    patch = {"url": "https://b.example", "secret": SECRET, "headers": None}
    assert (await client.edit_channel(channel.id, ChannelPatch(settings=patch))).hidden == ["secret", "url"]


async def test_the_same_address_given_again_asks_for_nothing(client: Client) -> None:
    channel = await made(client, "gotify", server="https://push.example.org", token=TOKEN)
    changed = await client.edit_channel(channel.id, ChannelPatch(settings={"server": "https://push.example.org"}))
    assert changed.hidden == ["token"]


async def test_where_a_provider_is_cannot_be_given_and_is_not_shown(client: Client) -> None:
    with pytest.raises(Invalid) as error:
        await made(client, "pagerduty", routing_key="x" * 32, api="https://evil.example")
    assert [fault.pointer for fault in error.value.faults] == ["/settings/api"]
    channel = await made(client, "pagerduty", routing_key="x" * 32)
    assert channel.settings == {"region": "us"}
    assert [pointer for pointer, _ in await refused(client, channel, api="https://evil.example")] == ["/settings/api"]


async def owed(world: World, client: Client, channel: Channel) -> Notification:
    """A message that waits to be sent there: of a job that failed."""
    await client.add_route(NewRoute(name="All of it", steps=[RouteStep(channels=[channel.id])]))
    job = await client.add_job(NewJob(name="Nightly backup", schedule=Schedule(every=3600), grace=600))
    await client.check_in(CheckIn(kind="exit", job=str(job.id), exit_code=1))
    while await world.appliance.alerting.step():
        pass
    (found,) = (await client.notifications(channel=channel.id)).items
    return found


async def sent(world: World, client: Client, message: Notification) -> NotificationDetail:
    while await world.appliance.outbox.step():
        pass
    return await client.notification(message.id)


async def test_a_try_tells_what_was_sent_and_answered_without_secrets(client: Client, world: World) -> None:
    fake = Gotify()
    async with served(fake):
        channel = await made(client, "gotify", server=fake.url, token=TOKEN)
        message = await owed(world, client, channel)
        fake.replies.append(Reply(400, {"error": "Bad Request", "errorDescription": f"not so, {TOKEN}"}))
        (attempt,) = (await sent(world, client, message)).attempts
    assert (attempt.outcome, attempt.status) == ("GiveUp", 400)
    assert attempt.request.startswith(f"POST {fake.url}/message\n")
    assert "DOWN: Nightly backup" in attempt.request
    assert "not so, …" in attempt.response
    assert TOKEN not in f"{attempt}"


async def test_where_a_message_was_told_is_not_forgotten_by_an_answer_that_names_nothing(
    client: Client, world: World
) -> None:
    async with served(Receiver("", world.now)) as receiver:
        channel = await made(client, "webhook", url=f"{receiver.url}/hook", secret=SECRET)
        receiver.secret = SECRET
        message = await owed(world, client, channel)
        async with world.appliance.db.write_all() as tx:
            await notifications.change(tx, message.id, {"reference": "known"})
        assert (await sent(world, client, message)).notification.state == "delivered"
    async with world.appliance.db.read(world.tenants["acme"].principal.tenant) as tx:
        assert (await notifications.find(tx, message.id)).reference == "known"


async def test_an_end_behind_a_beginning_that_is_put_off_keeps_nobody_busy(client: Client, world: World) -> None:
    fake = Gotify()
    async with served(fake):
        channel = await made(client, "gotify", server=fake.url, token=TOKEN)
        message = await owed(world, client, channel)
        fake.replies.append(Reply(503, {}))
        assert await world.appliance.outbox.step()
        async with world.appliance.db.write_all() as tx:  # as if only the answer had been missing
            await notifications.change(tx, message.id, {"arrived": True})
        job = (await client.jobs()).items[0]
        await client.check_in(CheckIn(kind="success", job=str(job.id)))
        while await world.appliance.alerting.step():
            pass
        await world.appliance.outbox.step()
        assert not await world.appliance.outbox.step()
        assert len(fake.requests) == 1
        world.hands.turn_to(world.now + timedelta(seconds=11))
        await sent(world, client, message)
    items = (await client.notifications(channel=channel.id)).items
    assert [(each.kind, each.state) for each in items] == [("resolve", "delivered"), ("open", "overtaken")]


async def test_what_was_for_a_channel_that_is_removed_is_not_sent_again(client: Client, world: World) -> None:
    channel = await made(client, "gotify", server="https://push.example.org", token=TOKEN)
    message = await owed(world, client, channel)
    route = next(one for one in (await client.routes()).items if one.name == "All of it")
    await client.remove_route(route.id)
    await client.remove_channel(channel.id)
    assert (await client.notification(message.id)).notification.state == "discarded"
    with pytest.raises(Conflict, match="was removed"):
        await client.retry_notification(message.id)


async def test_what_is_private_is_reached_only_where_it_is_allowed(world_data: tuple[Path, str]) -> None:
    async with world_in(*world_data) as world, world.signed_in("acme") as client, served(Receiver("", world.now)) as it:
        channel = await made(client, "webhook", url=f"{it.url}/hook")
        found = await client.test_channel(channel.id)
    assert (found.outcome, found.status, it.requests) == ("GiveUp", None, [])
    assert "alert_networks" in found.why


@pytest.mark.parametrize(("allowed", "outcome"), [(True, "Delivered"), (False, "GiveUp")])
async def test_apprise_tells_only_where_the_operator_allows_it(
    world_data: tuple[Path, str], allowed: bool, outcome: str
) -> None:
    async with (
        world_in(*world_data, allow_apprise=allowed) as world,
        world.signed_in("acme") as client,
        served(Apprised()) as it,
    ):
        channel = await made(client, "apprise", urls=it.as_apprise)
        found = await client.test_channel(channel.id)
    assert found.outcome == outcome, found.why
    assert len(it.messages) == allowed
    assert KEY not in msgspec.json.encode(channel).decode()


async def test_the_log_is_written_where_the_operator_says(world_data: tuple[Path, str], tmp_path: Path) -> None:
    async with world_in(*world_data, alert_log=str(tmp_path)) as world, world.signed_in("acme") as client:
        channel = await made(client, "log", name="alerts")
        found = await client.test_channel(channel.id)
    assert found.outcome == "Delivered"
    assert "Somebody wanted to see" in (tmp_path / "alerts.jsonl").read_text()
