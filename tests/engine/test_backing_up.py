"""The server backs up itself: when it is due, when somebody asks, and one of several processes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from crontopus.client import Client
from crontopus.domain.access import SystemRole
from crontopus.domain.errors import Conflict
from crontopus.engine import backups
from crontopus.engine.backing_up import AGAIN, BackingUp, Plan
from crontopus.wire.backups import Backups
from crontopus.wire.installation import Condition
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from tests.world import World

EVERY = timedelta(hours=6)
SENTENCE = "a sentence that seals it"


@pytest.fixture
def into(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backups")


@pytest.fixture
async def operator(world: World) -> AsyncIterator[Client]:
    async with world.operator(SystemRole.SUPERADMIN) as client:
        yield client


def backing_up(world: World, into: Path | None) -> BackingUp:
    """As a process with these settings has it; the API of the world is given it too."""
    parts = world.appliance.parts
    place = backups.Place(world.appliance.config.data, world.appliance.config.database_url, "")
    made = BackingUp(parts.db, place, Plan(into, EVERY, 2, SENTENCE), uuid4())
    parts.backing_up = made
    parts.look = replace(parts.look, backing_up=made)
    return made


async def test_the_first_is_made_at_once_and_the_next_when_it_is_due(
    world: World, operator: Client, into: Path
) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="a"))
        await acme.check_in(CheckIn(kind="success", job="default/a"))
    own = backing_up(world, into)
    await own.step()
    await own.step()
    (made,) = (await operator.admin_backups()).items
    assert (made.ok, made.asked_by) == (True, "the schedule")
    assert backups.digest(Path(made.file)) == made.sha256
    assert backups.check(Path(made.file), SENTENCE).tables["check_ins"] == 1
    world.hands.turn_to(world.now + EVERY - timedelta(seconds=1))
    await own.step()
    assert len((await operator_again(world)).items) == 1
    for _ in range(3):
        world.hands.turn_to(world.now + EVERY)
        await own.step()
    told = await operator_again(world)
    assert [one.ok for one in told.items] == [True] * 4
    assert len(files(into)) == 2, "the newest two stay"


def files(into: Path) -> list[Path]:
    return list(into.glob("*.backup"))


async def operator_again(world: World) -> Backups:
    """As somebody sees it who has signed in just now."""
    async with world.operator(SystemRole.SUPPORT) as client:
        return await client.admin_backups()


async def test_one_that_somebody_asks_for_is_made_and_no_second_beside_it(
    world: World, operator: Client, into: Path
) -> None:
    own = backing_up(world, into)
    await own.step()
    asked = await operator.make_backup()
    assert asked.ok is None
    with pytest.raises(Conflict, match="under way already"):
        await operator.make_backup()
    world.hands.turn_to(world.now + timedelta(seconds=1))
    await own.step()
    made = (await operator.admin_backups()).items[0]
    assert (made.id, made.ok, made.asked_by) == (asked.id, True, (await operator.me()).email)


async def test_of_two_processes_one_makes_it(world: World, into: Path) -> None:
    one, two = backing_up(world, into), backing_up(world, into)
    await one.step()
    await two.step()
    assert len((await operator_again(world)).items) == 1


async def test_one_that_fails_is_told_and_tried_again_within_the_hour(
    world: World, operator: Client, into: Path
) -> None:
    barred = into / "file"
    block(barred)
    own = backing_up(world, barred)
    await own.step()
    (failed,) = (await operator.admin_backups()).items
    assert (failed.ok, failed.file) == (False, "")
    assert str(barred) in failed.why
    vital = next(one for one in (await operator.admin_health()).items if one.area == "backups")
    assert vital.condition is Condition.BAD
    assert failed.why in vital.advice
    unblock(barred)
    world.hands.turn_to(world.now + AGAIN)
    await own.step()
    told = await operator_again(world)
    assert [one.ok for one in told.items] == [True, False]


def block(folder: Path) -> None:
    folder.write_text("a file, where a folder should be")


def unblock(folder: Path) -> None:
    folder.unlink()


async def test_where_no_folder_is_set_none_is_made_and_that_is_said(world: World, operator: Client) -> None:
    own = backing_up(world, None)
    await own.step()
    assert (await operator.admin_backups()).items == []
    with pytest.raises(Conflict, match="backup_into"):
        await operator.make_backup()
