"""From a job that goes down to what is in somebody's mailbox, with a real mail server and a clock turned by hand."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from crontopus.client import Client
from crontopus.domain.access import Role
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import CheckIn, OutputText
from crontopus.wire.schedules import Schedule
from tests.smtp import Mailbox, mail_server
from tests.world import BASE, World, world_in

SENDER = "Crontopus <crontopus@example.org>"


class Post:
    """A world that mails, and where the mail goes."""

    def __init__(self, world: World, box: Mailbox, client: Client) -> None:
        self.world = world
        self.box = box
        self.client = client

    async def job(self, name: str = "Nightly backup") -> Job:
        return await self.client.add_job(NewJob(name=name, schedule=Schedule(every=3600), grace=600))

    async def says(self, job: Job, kind: str, text: str = "", **more: Any) -> None:
        output = OutputText(head=text) if text else None
        await self.client.check_in(CheckIn(kind=kind, job=str(job.id), output=output, **more))
        await self.goes_out()

    async def goes_out(self) -> None:
        """All that is owed now is decided upon and sent."""
        while await self.world.appliance.alerting.step() or await self.world.appliance.outbox.step():
            pass

    async def passes(self, **delta: float) -> None:
        await self.world.passes(**delta)
        await self.goes_out()

    def subjects(self) -> list[str]:
        return [str(each["Subject"]) for each in self.box.taken]


@asynccontextmanager
async def posting(data: tuple[Path, str], **more: Any) -> AsyncIterator[Post]:
    async with mail_server() as box:
        mail: dict[str, Any] = {"smtp_url": f"smtp+plain://127.0.0.1:{box.port}", "mail_from": SENDER} | more
        async with world_in(*data, **mail) as world, world.signed_in("acme") as client:
            yield Post(world, box, client)


@pytest.fixture
async def post(world_data: tuple[Path, str]) -> AsyncIterator[Post]:
    async with posting(world_data) as found:
        yield found


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def link_in(message: EmailMessage, called: str) -> str:
    """Where a link of a letter leads on this server; empty if there is none of this name."""
    found = re.search(rf"^{called}: {BASE}(\S+)\s*$", part(message, "plain"), re.MULTILINE)
    return found[1] if found else ""


async def test_the_link_in_a_letter_opens_a_page_whose_button_acknowledges(post: Post) -> None:
    job = await post.job()
    await post.says(job, "exit", exit_code=1)
    (down,) = post.box.taken
    link = link_in(down, "Acknowledge")
    assert f'href="{BASE}{link}"' in part(down, "html")
    page = await post.world.http.get(link)
    assert "It is down since" in page.text
    assert (await post.client.alerts()).items[0].acknowledged_at is None
    button = re.search(r'<form method="post" action="([^"]+)"><button[^>]*>Acknowledge<', page.text)
    assert button
    pressed = await post.world.http.post(unescape(button[1]), headers={"Sec-Fetch-Site": "same-origin"})
    assert "You acknowledged it: nobody is told any more." in pressed.text
    assert (await post.client.alerts()).items[0].acknowledged_by == "owner@acme.test, by a link"
    await post.passes(minutes=20)
    await post.says(job, "success")
    assert post.subjects() == ["DOWN: Nightly backup in default", "RECOVERED: Nightly backup in default"]
    assert [link_in(post.box.taken[1], called) for called in ("Acknowledge", "Silence for an hour")] == ["", ""]
    assert link_in(post.box.taken[1], "The run").startswith("/runs/")


async def test_by_a_summary_nobody_acts(post: Post) -> None:
    jobs = [await post.job(f"Backup {number}") for number in range(21)]
    for job in jobs:
        await post.client.check_in(CheckIn(kind="fail", job=str(job.id)))
    await post.goes_out()
    (told,) = post.box.taken
    assert str(told["Subject"]).startswith("21 ALERTS")
    assert "/alert-link/" not in told.as_string()


async def test_a_job_that_fails_and_recovers_is_two_letters_of_one_thread(post: Post) -> None:
    job = await post.job()
    await post.says(job, "exit", "dumping\ndisk full\n", exit_code=1)
    (down,) = post.box.taken
    assert str(down["Subject"]) == "DOWN: Nightly backup in default"
    assert "because the last run failed with exit status 1" in part(down, "plain")
    assert "  disk full" in part(down, "plain")
    assert f"/jobs/{job.id}" in part(down, "html")
    await post.passes(minutes=20)
    await post.says(job, "success")
    up = post.box.taken[1]
    assert str(up["Subject"]) == "RECOVERED: Nightly backup in default"
    assert up["In-Reply-To"] == down["Message-ID"] == up["References"]
    assert len(post.box.taken) == 2


async def test_a_tenant_that_is_deleted_is_told_nothing(post: Post) -> None:
    job = await post.job()
    async with post.world.person("acme", Role.OWNER) as owner:
        await owner.delete_tenant()
        assert (await post.world.ping(f"{job.ping_url}/fail")).status_code == 200
        await post.goes_out()
        assert post.box.taken == []
        await owner.restore_tenant()
    await post.goes_out()
    assert len((await post.client.alerts(only_open=True)).items) == 1


async def test_a_job_that_is_silent_is_told_when_its_grace_is_over(post: Post) -> None:
    job = await post.job()
    await post.says(job, "success")
    await post.passes(minutes=69)
    assert post.subjects() == []
    await post.passes(minutes=2)
    assert post.subjects() == ["DOWN: Nightly backup in default"]
    assert "nothing arrived for 2027-01-04 09:00 UTC, nor in the 10 m of grace" in part(post.box.taken[0], "plain")
