"""Whatever ends the server on the way from a flip to a message, every message that is owed arrives."""

import asyncio
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from crontopus.client import Client
from crontopus.engine.outbox import AT_ONCE
from crontopus.engine.steps import Step
from crontopus.wire.alerts import RoutePatch, RouteStep
from crontopus.wire.jobs import Job, NewJob
from tests.scale import LONG, scaled
from tests.served import Served, SetUp, set_up
from tests.smtp import Mailbox, mail_server

_LOCK = shutil.ignore_patterns("lock")
KILLS = scaled(10)
"""At each step, on each database: 200 in all."""
DEADLY = """
import os, signal, sys
from crontopus.engine import steps
left = {count}

def reached(step):
    global left
    if step.value == {step!r}:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

steps.reached = reached
from crontopus.cli import main
main()
"""


def deadly(step: Step, count: int) -> tuple[str, ...]:
    """A server that ends when it comes to `step` for the `count`-th time."""
    return ("-c", DEADLY.format(step=step.value, count=count))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SetUp]:
    """What is told waits a moment for others, and is told again a second later."""
    data = tmp_path_factory.mktemp("alerts") / "data"
    made = set_up(data)
    asyncio.run(_grouped(data, made))
    return data, made


@pytest.mark.parametrize("step", list(Step), ids=[step.name.lower() for step in Step])
@pytest.mark.parametrize("database", ["sqlite", *(["postgresql"] if LONG else [])])
async def test_every_owed_message_arrives_whatever_ends_the_server(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    prepared: tuple[Path, SetUp],
    database: str,
    step: Step,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else ""
    data, made = tmp_path / "data", prepared[1]
    if url:
        made = set_up(data, url)
        await _grouped(data, made, url)
    else:
        shutil.copytree(prepared[0], data)
    async with mail_server() as box:
        owed: list[str] = []
        ended = 0
        for kill in range(KILLS):
            count = 1 if kill == 0 else random.randint(1, 3)  # noqa: S311 # a moment nobody chose
            served = Served(data, url, more=_mail(tmp_path, box), program=deadly(step, count))
            if await _starts(served):
                owed += await _fails(served, made, 3, kill)
            if await _ends_by_itself(served):
                ended += 1
            else:
                served.stop()
        with Served(data, url, more=_mail(tmp_path, box)) as served:
            await _drained(served, made)
        assert ended, "no message comes to this step"
        names = " ".join(f"{one['Subject']} {one.get_body(('plain',))}" for one in box.taken)
        assert not [name for name in owed if name not in names]
        told = Counter(str(one["Message-ID"]) for one in box.taken)
        twice = sum(count - 1 for count in told.values())
        with capsys.disabled():
            print(
                f"\n{database} {step.name}: {ended} ends, {len(owed)} owed, {len(told)} letters, {twice} again", end=" "
            )
        assert twice <= ended * AT_ONCE, "more came twice than was being sent"


async def test_of_two_processes_the_one_that_lives_sends_what_the_other_leaves_behind(
    tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = set_up(tmp_path / "data", postgres_url)
    await _grouped(tmp_path / "data", made, postgres_url)
    order = list(Step)
    random.shuffle(order)
    async with mail_server() as box:
        owed: list[str] = []
        ended = 0
        with Served(tmp_path / "data", postgres_url, more=_mail(tmp_path, box)) as lives:
            for round, step in enumerate(order[: max(3, KILLS)]):
                data = shutil.copytree(tmp_path / "data", tmp_path / f"dies-{round}", ignore=_LOCK)
                dies = Served(data, postgres_url, more=_mail(tmp_path, box), program=deadly(step, 1))
                await _starts(dies)
                owed += await _fails(lives, made, 4, round)
                if await _ends_by_itself(dies):
                    ended += 1
                else:
                    dies.stop()
            await _drained(lives, made)
        names = " ".join(f"{one['Subject']} {one.get_body(('plain',))}" for one in box.taken)
        assert not [name for name in owed if name not in names]
        told = Counter(str(one["Message-ID"]) for one in box.taken)
        twice = sum(count - 1 for count in told.values())
        with capsys.disabled():
            print(f"\ntwo processes: {ended} ends, {len(owed)} owed, {len(told)} letters, {twice} again", end=" ")
        assert twice <= ended * AT_ONCE, "more came twice than was being sent"


def _mail(folder: Path, box: Mailbox) -> tuple[str, ...]:
    file = folder / f"mail-{box.port}.toml"
    file.write_text(f'smtp_url = "smtp+plain://127.0.0.1:{box.port}"\nmail_from = "crontopus@example.org"\n')
    return ("--config", str(file))


async def _grouped(data: Path, made: SetUp, url: str = "") -> None:
    with Served(data, url) as served:
        async with Client(served.url, token=made.token) as client:
            root = (await client.routes()).items[0]
            (first,) = root.steps[0].channels
            steps = [RouteStep(channels=[first]), RouteStep(after="1s", channels=[first])]
            await client.edit_route(
                root.id, RoutePatch(group_by=["job"], group_wait="200ms", group_interval="1s", steps=steps)
            )


async def _fails(served: Served, made: SetUp, amount: int, round: int) -> list[str]:
    """Jobs that said that they failed, and were answered: their alerts are owed."""
    acknowledged: list[str] = []
    try:
        async with Client(served.url, token=made.token) as client:
            jobs: list[Job] = [await client.add_job(NewJob(name=f"job-{round}-{number}-x")) for number in range(amount)]
            for job in jobs:
                await client.http.post(job.ping_url + "/fail")
                acknowledged.append(job.name)
    except Exception:  # noqa: S110 # the server ends in the middle of this: that is the test
        pass
    return acknowledged


async def _starts(served: Served) -> bool:
    """Whether it serves: what waits from before may have it end at once."""
    try:
        await asyncio.to_thread(served.start)
    except AssertionError:
        return False
    return True


async def _ends_by_itself(served: Served) -> bool:
    assert served.process is not None
    for _ in range(60):
        if served.process.poll() is not None:
            served.ended()
            return True
        await asyncio.sleep(0.1)
    return False


async def _drained(served: Served, made: SetUp) -> None:
    """Until nothing waits, and every job that is down was told."""
    async with Client(served.url, token=made.token) as client:
        for _ in range(600):
            waiting = (await client.notifications(status="waiting", limit=200)).items
            alerts = {one.id for one in (await client.alerts(limit=200)).items}
            told = {one.alert for one in (await client.notifications(status="delivered", limit=200)).items}
            if not waiting and alerts and alerts <= told:
                return
            await asyncio.sleep(0.1)
    raise AssertionError(served.log())
