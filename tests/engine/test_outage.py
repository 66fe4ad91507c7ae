"""The network is gone for an hour, and comes back: everything that is owed arrives once, in order, and as little as
tells it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from crontopus.client import Client
from crontopus.wire.alerts import NewChannel, RoutePatch, RouteStep
from crontopus.wire.jobs import NewJob
from crontopus.wire.schedules import Schedule
from tests.engine.test_alerts import SENDER, Post, part
from tests.notify.fakes import served
from tests.notify.fakes.webhook import Receiver
from tests.postgres import free_port
from tests.smtp import Mailbox, mail_server
from tests.world import world_in

DAILY = Schedule(every=24 * 3600)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
async def cut_off(world_data: tuple[Path, str]) -> AsyncIterator[Post]:
    """Nobody listens where letters and events go."""
    port = free_port()
    mail: dict[str, Any] = {"smtp_url": f"smtp+plain://127.0.0.1:{port}", "mail_from": SENDER}
    async with (
        world_in(*world_data, alert_networks=["127.0.0.0/8"], **mail) as world,
        world.signed_in("acme") as client,
    ):
        yield Post(world, Mailbox(port=port), client)


@asynccontextmanager
async def network(post: Post) -> AsyncIterator[Mailbox]:
    async with mail_server(port=post.box.port) as box:
        yield box


async def hears(client: Client, receiver: Receiver, port: int) -> None:
    """The receiver is told beside the owner."""
    settings = {"url": f"http://127.0.0.1:{port}/hook", "secret": SECRET}
    hook = await client.add_channel(NewChannel(kind="webhook", name="hook", settings=settings))
    root = next(one for one in (await client.routes()).items if one.parent is None)
    mailbox = root.steps[0].channels
    await client.edit_route(root.id, RoutePatch(steps=[RouteStep(channels=[*mailbox, hook.id])]))


async def test_what_happened_meanwhile_arrives_once_and_in_order(cut_off: Post) -> None:
    post, port = cut_off, free_port()
    receiver = Receiver(SECRET, post.world.now)
    await hears(post.client, receiver, port)
    names = ("Stays", "Recovers", "Again")
    stays, recovers, again = [await post.client.add_job(NewJob(name=name, schedule=DAILY)) for name in names]
    for job in (stays, recovers, again):
        await post.says(job, "fail")
    await post.passes(minutes=10)
    await post.says(recovers, "success")
    await post.passes(minutes=10)
    await post.says(again, "success")
    await post.passes(minutes=10)
    await post.says(again, "fail")
    for _ in range(5):
        await post.passes(minutes=6)
    receiver.now = post.world.now
    async with network(post) as box, served(receiver, port=port):
        for _ in range(15):
            await post.passes(minutes=4)
            receiver.now = post.world.now
        subjects = [str(each["Subject"]) for each in box.taken]
        assert sorted(subjects) == [
            "DOWN: Again in default",
            "DOWN: Stays in default",
            "WAS DOWN: Again in default",
            "WAS DOWN: Recovers in default",
        ]
        assert subjects.index("WAS DOWN: Again in default") < subjects.index("DOWN: Again in default")
        told = [(event["type"], event["data"]["job"]) for event in receiver.taken.values()]
        assert sorted(told) == [("alert.opened", "again"), ("alert.opened", "stays")]
        assert len({each["Message-ID"] for each in box.taken}) == len(box.taken)
        await post.says(stays, "success")
        await post.says(again, "success")
        assert sorted(str(each["Subject"]) for each in box.taken[4:]) == [
            "RECOVERED: Again in default",
            "RECOVERED: Stays in default",
        ]
    waiting = [one for one in (await post.client.notifications()).items if one.state.value == "waiting"]
    assert waiting == []


async def test_many_that_went_down_meanwhile_are_one_letter(cut_off: Post) -> None:
    post = cut_off
    jobs = [await post.client.add_job(NewJob(name=f"Job {number}", schedule=DAILY)) for number in range(25)]
    for job in jobs:
        assert (await post.world.ping(f"{job.ping_url}/fail")).status_code == 200
    await post.goes_out()
    for _ in range(6):
        await post.passes(minutes=9)
    async with network(post) as box:
        while not box.taken:
            await post.passes(minutes=1)
        await post.passes(minutes=30)
        (letter,) = box.taken
        text = part(letter, "plain")
        assert all(f"Job {number} in default" in text for number in range(25))
