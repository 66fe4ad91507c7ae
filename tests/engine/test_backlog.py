"""What is owed and not done: as `/readyz` and the metrics of the process tell it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import parser

from crontopus.client import Client
from crontopus.wire.accounts import NewToken
from crontopus.wire.alerts import Channel, ChannelPatch, NewChannel, NewRoute, RouteStep
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from tests.notify.fakes import Reply, listening, read, say, served, too_many
from tests.notify.fakes.webhook import Receiver
from tests.world import World, world_in


@pytest.fixture
async def world(world_data: tuple[Path, str]) -> AsyncIterator[World]:
    async with world_in(*world_data, alert_networks=["127.0.0.0/8"]) as found:
        yield found


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with world.signed_in("acme") as found:
        yield found


async def owed(client: Client, url: str) -> Channel:
    """By a job that failed: a flip that no alert knows of yet, to be told there."""
    channel = await client.add_channel(NewChannel(kind="webhook", name="hook", settings={"url": f"{url}/hook"}))
    await client.add_route(NewRoute(name="All of it", steps=[RouteStep(channels=[channel.id])]))
    job = await client.add_job(NewJob(name="Nightly backup"))
    await client.check_in(CheckIn(kind="fail", job=str(job.id)))
    return channel


async def decided(world: World) -> None:
    while await world.appliance.alerting.step():
        pass


async def sent(world: World) -> None:
    while await world.appliance.outbox.step():
        pass


async def passes(world: World, **delta: float) -> None:
    """While this process lives, and does nothing else."""
    world.hands.turn_to(world.now + timedelta(**delta))
    await world.appliance.absence.beat()


async def unwell(world: World) -> dict[str, str]:
    """What `/readyz` is red for."""
    answer = await world.http.get("/readyz")
    checks: dict[str, Any] = answer.json()["checks"]
    found = {name: str(check["detail"]) for name, check in checks.items() if not check["ok"]}
    assert answer.status_code == (503 if found else 200)
    return found


async def told(world: World) -> dict[tuple[str, ...], float]:
    """The metrics of the process, by name and values of their labels."""
    credential = {"Authorization": f"Bearer {world.tenants['acme'].token}"}
    text = (await world.http.get("/metrics", headers=credential)).text
    samples = [each for family in parser.text_string_to_metric_families(text) for each in family.samples]
    return {(each.name.removeprefix("crontopus_"), *each.labels.values()): each.value for each in samples}


async def test_whoever_does_not_do_what_is_owed_is_found_out(world: World, client: Client) -> None:
    async with served(Receiver("", world.now)) as receiver:
        await owed(client, receiver.url)
        await passes(world, seconds=59)
        assert await unwell(world) == {}
        await passes(world, seconds=2)
        assert await unwell(world) == {"alerts": "61.0 s behind"}
        await decided(world)
        await passes(world, seconds=61)
        assert await unwell(world) == {"outbox": "61.0 s behind"}
        await sent(world)
        await passes(world, seconds=61)
        await decided(world)
        assert await unwell(world) == {}
        assert len(receiver.requests) == 1


async def test_silence_that_nobody_judges_is_the_sweeps(world: World, client: Client) -> None:
    job = await client.add_job(NewJob(name="Hourly", schedule=Schedule(every=3600), grace=600))
    await client.check_in(CheckIn(kind="success", job=str(job.id)))
    due = await world.appliance.ledger.next_due()
    assert due is not None
    await passes(world, seconds=(due - world.now).total_seconds() + 75)
    assert await unwell(world) == {"sweep": "75.0 s behind"}
    assert (await told(world))["lag_seconds", "sweep"] == 75


async def test_what_is_put_off_since_the_other_side_asks_for_it_is_not_behind(world: World, client: Client) -> None:
    async with served(Receiver("", world.now)) as receiver:
        receiver.always = too_many("3600")
        await owed(client, receiver.url)
        await decided(world)
        await sent(world)
        await decided(world)
        await passes(world, minutes=50)
        assert await unwell(world) == {}
        await passes(world, minutes=12)
        assert list(await unwell(world)) == ["outbox"]


async def test_what_waits_while_the_other_side_takes_its_time_is_not_behind(world: World, client: Client) -> None:
    taken, answered = asyncio.Event(), asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        taken.set()
        await answered.wait()
        await say(writer, Reply(200))

    async with listening(speak) as url:
        await owed(client, url)
        await decided(world)
        sending = asyncio.create_task(sent(world))
        await taken.wait()
        await passes(world, seconds=90)
        assert await unwell(world) == {}
        world.hands.turn_to(world.now + timedelta(seconds=90))  # nobody has heard of this process since
        assert list(await unwell(world)) == ["outbox"]
        answered.set()
        await sending


async def test_the_metrics_tell_what_waits_and_what_became_of_each_try(world: World, client: Client) -> None:
    async with served(Receiver("", world.now)) as receiver:
        await owed(client, receiver.url)
        await passes(world, seconds=3)
        found = await told(world)
        assert (found["alerts_owed", "flips"], found["lag_seconds", "alerts"]) == (1, 3)
        await decided(world)
        await passes(world, seconds=2)
        found = await told(world)
        assert (found["alerts_owed", "flips"], found["messages", "waiting"], found["lag_seconds", "outbox"]) == (
            0,
            1,
            2,
        )
        receiver.replies += [Reply(503), Reply(410)]
        await sent(world)
        assert (await told(world))["message_tries_total", "webhook", "failed"] == 1
        await passes(world, seconds=11)
        await sent(world)
        found = await told(world)
    assert found["message_tries_total", "webhook", "refused"] == 1
    assert (found["messages", "waiting"], found["messages", "dead"]) == (0, 1)
    assert (found["channels_in_trouble", "broken"], found["channels_in_trouble", "closed"]) == (1, 0)


async def channels(client: Client, accept: str = "text/plain", **part: str) -> dict[str, float]:
    """What an organisation reads of the channel `hook`."""
    text = (await client.http.get("/metrics", params=part, headers={"Accept": accept})).text
    of_hook = '{channel="hook",kind="webhook"} '
    lines = [line.partition(of_hook) for line in text.splitlines() if of_hook in line]
    return {name.removeprefix("crontopus_channel_"): float(value) for name, _, value in lines}


async def test_an_organisation_reads_how_its_own_channels_fare(world: World, client: Client) -> None:
    async with served(Receiver("", world.now)) as receiver:
        channel = await owed(client, receiver.url)
        assert await channels(client) == {"up": 1, "messages_waiting": 0, "messages_dead": 0}
        await decided(world)
        assert await channels(client) == {"up": 1, "messages_waiting": 1, "messages_dead": 0}
        receiver.replies.append(Reply(410))
        await sent(world)
    broken = {"up": 0, "messages_waiting": 0, "messages_dead": 1}
    assert await channels(client) == await channels(client, "application/openmetrics-text") == broken
    assert await channels(client, ns="default") == {}
    limited = await client.add_token(NewToken(name="part", namespaces=["default"]))
    headers = {"Authorization": f"Bearer {limited.token}"}
    assert "hook" not in (await world.http.get("/api/v1/metrics", headers=headers)).text
    async with world.signed_in("globex") as globex:
        assert await channels(globex) == {}
    await client.edit_channel(channel.id, ChannelPatch(enabled=False))
    assert await channels(client) == {}


async def test_no_number_is_told_where_the_database_cannot_be_asked(sqlite_world: World) -> None:
    world = sqlite_world
    assert ("messages", "dead") in await told(world)
    async with world.appliance.db.write_all() as tx:
        await tx.sql.exec_driver_sql("ALTER TABLE notifications RENAME TO elsewhere")
    await passes(world, seconds=2)
    found = await told(world)
    assert ("messages", "dead") not in found
    assert ("lag_seconds", "outbox") not in found
    assert ("lag_seconds", "sweep") in found
