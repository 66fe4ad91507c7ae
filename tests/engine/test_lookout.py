"""Crontopus lags, and whoever runs it gets a letter: with a real mail server, and a clock turned by hand."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from crontopus.client import Client
from crontopus.domain.access import SystemRole
from crontopus.engine.lookout import EVERY_SECONDS, Lookout
from crontopus.wire.installation import UserPatch
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from tests.smtp import Mailbox, mail_server
from tests.world import World, world_in

TROUBLE, WELL = "Crontopus itself is in trouble: crontopus.test", "Crontopus is well again: crontopus.test"
OPERATOR = "ops@example.org"


class Site:
    """A world, and the letters that its operator gets."""

    def __init__(self, world: World, box: Mailbox) -> None:
        self.world = world
        self.box = box

    @property
    def lookout(self) -> Lookout:
        return self.world.appliance.lookout

    async def looks(self, times: int = 1, *, asks: bool = True) -> None:
        """As time passes for a server that runs: signs are given, all is asked, and the lookout looks."""
        for _ in range(times):
            self.world.hands.turn_to(self.world.now + timedelta(seconds=EVERY_SECONDS))
            await self.lookout.beat()
            if asks:
                await self.world.appliance.parts.look.health.step()
            self.lookout.look()
            await self.lookout.post()

    @property
    def subjects(self) -> list[str]:
        """Of those that are not about alerts."""
        return [str(each["Subject"]) for each in self.box.taken if str(each["Subject"]).startswith("Crontopus")]


def settings(box: Mailbox, **more: Any) -> dict[str, Any]:
    mail = {"smtp_url": f"smtp+plain://127.0.0.1:{box.port}", "mail_from": "Crontopus <crontopus@example.org>"}
    return {"operator_mail": [OPERATOR], **mail, **more}


@asynccontextmanager
async def operated(data: tuple[Path, str], **more: Any) -> AsyncIterator[Site]:
    async with mail_server() as box, world_in(*data, **settings(box, **more)) as world:
        yield Site(world, box)


@pytest.fixture
async def site(world_data: tuple[Path, str]) -> AsyncIterator[Site]:
    async with operated(world_data) as found:
        yield found


async def silent(world: World) -> None:
    """A job whose deadline is a minute ago, and nobody has judged it."""
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="Hourly", schedule=Schedule(every=3600), grace=600))
        await acme.check_in(CheckIn(kind="success", job=str(job.id)))
    due = await world.appliance.ledger.next_due()
    assert due is not None
    world.hands.turn_to(due + timedelta(seconds=60))


async def test_a_sweep_that_lags_is_told_and_that_it_does_not_any_more(site: Site) -> None:
    await silent(site.world)
    await site.looks(5)
    (letter,) = site.box.taken
    assert (letter["Subject"], letter["To"]) == (TROUBLE, OPERATOR)
    assert "Silence is judged late, by 1 min 20 s or more" in site.box.last()
    await site.world.sweep()
    await site.world.appliance.outbox.step()
    await site.looks(5)
    assert site.subjects == [TROUBLE, WELL]
    assert "It was in trouble with its sweep." in site.box.last()


async def test_alerts_and_an_outbox_that_lag_are_told(site: Site) -> None:
    async with site.world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="Nightly backup"))
        await acme.check_in(CheckIn(kind="fail", job=str(job.id)))
    await site.looks(8)
    assert site.subjects == [TROUBLE]
    assert "Alerts are decided upon late" in site.box.last()
    await site.world.sweep()
    await site.looks(8)
    assert site.subjects == [TROUBLE, WELL, TROUBLE]
    assert "Messages about alerts go out late" in site.box.last()


async def test_a_database_that_hangs_is_told_without_it(tmp_path: Path) -> None:
    async with operated((tmp_path / "data", ""), operator_mail=[]) as site:
        await site.lookout.remember()
        async with site.world.appliance.db.turn:
            hangs = asyncio.create_task(site.world.appliance.parts.look.health.step())
            await site.looks(8, asks=False)
            assert site.subjects == [TROUBLE] * 2
            assert "Its database cannot be read and written, for 1 min" in site.box.last()
            assert not hangs.done()
        await hangs
        await site.looks()
        assert site.subjects == [TROUBLE] * 2 + [WELL] * 2
        assert {str(each["To"]) for each in site.box.taken} == {"owner@acme.test", "owner@globex.test"}


class Elsewhere:
    """A mail server on a thread of its own, which takes letters while this one waits for them."""

    def __init__(self) -> None:
        self.box = Mailbox()
        self._came = threading.Semaphore(0)
        self._ended = threading.Event()

    @contextmanager
    def serves(self) -> Iterator[None]:
        ready = threading.Semaphore(0)
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)))
        thread.start()
        ready.acquire()
        try:
            yield
        finally:
            self._ended.set()
            self._loop.call_soon_threadsafe(self.box.came.set)
            thread.join()

    async def _serve(self, ready: threading.Semaphore) -> None:
        self._loop = asyncio.get_running_loop()
        async with mail_server() as self.box:
            ready.release()
            while not self._ended.is_set():
                await self.box.came.wait()
                self.box.came.clear()
                self._came.release()

    def wait(self) -> Any:
        """Stands still until a letter comes."""
        assert self._came.acquire(timeout=30)
        return self.box.taken[-1]


async def test_a_process_whose_loop_stands_still_tells_it_all_the_same(tmp_path: Path) -> None:
    elsewhere = Elsewhere()
    with elsewhere.serves():
        async with world_in(tmp_path / "data", **settings(elsewhere.box)) as world:
            lookout, health = world.appliance.lookout, world.appliance.parts.look.health
            with lookout.awake(every_seconds=0.01):
                world.hands.turn_unwatched_to(world.now + timedelta(seconds=61))
                assert elsewhere.wait()["Subject"] == TROUBLE  # while nothing else runs here
                assert "It stands still: it has given no sign for 1 min 1 s" in elsewhere.box.last()
                await health.step()
                await lookout.beat()
                assert elsewhere.wait()["Subject"] == WELL
            assert [each.name for each in threading.enumerate() if each.name == "lookout"] == []
            assert len(elsewhere.box.taken) == 2


async def test_whoever_starts_behind_and_catches_up_alarms_nobody(site: Site) -> None:
    await silent(site.world)
    await site.looks()
    await site.world.sweep()
    await site.world.appliance.outbox.step()
    await site.looks(3)
    assert site.subjects == []


async def test_trouble_that_comes_and_goes_is_told_once_an_hour(site: Site) -> None:
    async def comes_and_goes() -> None:
        site.world.hands.turn_unwatched_to(site.world.now + timedelta(minutes=2))
        for _ in range(2):
            site.lookout.look()
            await site.lookout.post()
        await site.looks(2)

    for _ in range(5):
        await comes_and_goes()
    assert site.subjects == [TROUBLE, WELL]
    site.world.hands.turn_to(site.world.now + timedelta(hours=1))
    await site.looks(2)
    await comes_and_goes()
    assert site.subjects == [TROUBLE, WELL] * 2


async def test_a_letter_that_is_not_taken_is_tried_each_minute_for_an_hour(site: Site) -> None:
    site.box.refuses = "451 come again"
    await silent(site.world)
    with capture_logs() as lines:
        await site.looks(20)
    told = [line for line in lines if line["event"] == "the operator was not told"]
    assert len(told) == 4  # 190 seconds
    assert "451 come again" in told[0]["reason"]
    site.box.refuses = ""
    await site.looks(6)
    assert site.subjects == [TROUBLE]
    site.box.refuses = "451 come again"
    await site.world.sweep()
    await site.looks(1)
    site.world.hands.turn_to(site.world.now + timedelta(hours=1))
    site.box.refuses = ""
    await site.lookout.post()
    assert site.subjects == [TROUBLE]


async def test_without_a_mail_server_the_log_tells(sqlite_world: World) -> None:
    site = Site(sqlite_world, Mailbox())
    await silent(sqlite_world)
    with capture_logs() as lines:
        await site.looks(3)
        await sqlite_world.sweep()
        await site.looks(1)
    assert [(line["event"], line["troubles"]) for line in lines] == [
        ("crontopus itself is in trouble", "sweep"),
        ("crontopus itself is well again", "sweep"),
    ]


async def letters(operator: Client) -> tuple[str, str]:
    """How the page of the installation's health tells who gets them."""
    (_, vital) = [each for each in (await operator.admin_health()).items if each.area == "watched"]
    return vital.condition, vital.told


async def test_superadmins_who_can_sign_in_are_told_and_nobody_else(tmp_path: Path) -> None:
    async with (
        operated((tmp_path / "data", ""), operator_mail=[]) as site,
        site.world.operator(SystemRole.SUPERADMIN) as one,
        site.world.operator(SystemRole.SUPPORT),
    ):
        people = {each.email: each for each in (await one.admin_users()).items}
        await one.edit_user(people.pop("owner@acme.test").id, UserPatch(system_role=None))
        await one.disable_user(people.pop("owner@globex.test").id)
        assert await letters(one) == ("warn", "to 0 when this server lags")
        await site.lookout.remember()
        assert await letters(one) == ("ok", "to 1 when this server lags")
        site.world.hands.turn_to(site.world.now + timedelta(minutes=2))
        for _ in range(2):
            site.lookout.look()
        await site.lookout.post()
        mighty = [each.email for each in people.values() if each.system_role is SystemRole.SUPERADMIN]
        assert [str(each["To"]) for each in site.box.taken] == mighty
        assert len(mighty) == 1
