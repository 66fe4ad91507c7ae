"""How the installation is, as its operator is told."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import anyio
import pytest

from crontopus import __version__
from crontopus.client import Client
from crontopus.domain.access import SystemRole
from crontopus.domain.errors import Unavailable
from crontopus.engine.vitals import LOOP_SLACK
from crontopus.storage import gaps
from crontopus.wire.installation import Condition, Vital
from tests.world import World


@pytest.fixture
async def operator(world: World) -> AsyncIterator[Client]:
    async with world.operator(SystemRole.SUPPORT) as client:
        yield client


async def vital(operator: Client, area: str, name: str) -> Vital:
    return next(one for one in (await operator.admin_health()).items if (one.area, one.name) == (area, name))


async def test_all_is_well_in_the_beginning_and_every_part_is_told(world: World, operator: Client) -> None:
    await world.appliance.absence.beat()
    found = await operator.admin_health()
    areas = list(dict.fromkeys(one.area for one in found.items))
    assert areas == [
        "ready",
        "check-ins",
        "database",
        "disk",
        "messages",
        "processes",
        "gaps",
        "backups",
        "mail",
        "watched",
        "streams",
        "versions",
    ]
    assert [one for one in found.items if one.condition is Condition.BAD] == []
    assert (await vital(operator, "versions", "Crontopus")).told == __version__
    database = "SQLite 3" if world.appliance.db.is_sqlite else "PostgreSQL 1"
    assert (await vital(operator, "versions", "database")).told.startswith(database)
    size, unit = (await vital(operator, "database", "size")).told.split()
    assert float(size) > 1
    assert unit in ("kB", "MB")
    assert all(not one.advice for one in found.items if one.condition is Condition.OK)


async def test_a_loop_that_fails_is_told_with_why_until_it_succeeds(world: World, operator: Client) -> None:
    loops = world.appliance.loops
    works = False

    async def step() -> bool:
        if not works:
            raise Unavailable("the disk is full")
        return False

    await loops.attempt("checkpoint", step, timedelta(seconds=1))
    failing = await vital(operator, "loops", "checkpoint")
    assert failing.condition is Condition.WARN
    assert "failed 1 times" in failing.told
    assert "the disk is full" in failing.told
    world.hands.turn_to(world.now + LOOP_SLACK + timedelta(seconds=4))
    assert (await vital(operator, "loops", "checkpoint")).condition is Condition.BAD
    works = True
    await loops.attempt("checkpoint", step, timedelta(seconds=1))
    assert (await vital(operator, "loops", "checkpoint")).condition is Condition.OK


async def test_a_bug_in_a_loop_is_told_by_its_kind_and_never_by_what_it_held(world: World, operator: Client) -> None:
    async def step() -> bool:
        raise ValueError("a secret")

    await world.appliance.loops.attempt("sweep", step)
    told = (await vital(operator, "loops", "sweep")).told
    assert "ValueError" in told
    assert "a secret" not in told


async def test_a_process_that_beats_no_more_and_a_gap_are_told(world: World, operator: Client) -> None:
    other = uuid4()
    async with world.appliance.db.write_all() as tx:
        await gaps.beat(tx, other, tx.now)
    assert (await vital(operator, "processes", str(other)[:8])).condition is Condition.OK
    world.hands.turn_unwatched_to(world.now + timedelta(minutes=5))
    await world.appliance.absence.beat()
    assert (await vital(operator, "processes", str(other)[:8])).condition is Condition.WARN
    gap = await vital(operator, "gaps", "nobody watched")
    assert gap.condition is Condition.WARN
    assert gap.told.startswith("1 in the last day, the longest 5 min")


async def test_a_process_that_was_told_to_stop_and_its_short_gap_worry_nobody(world: World, operator: Client) -> None:
    own = str(world.appliance.process)[:8]
    await world.appliance.absence.end()
    world.hands.turn_unwatched_to(world.now + timedelta(seconds=50))
    stopped = await vital(operator, "processes", own)
    assert (stopped.condition, "stopped as it was told to" in stopped.told) == (Condition.OK, True)
    await world.appliance.absence.beat()
    assert "last beat 0 s ago" in (await vital(operator, "processes", own)).told
    gap = await vital(operator, "gaps", "nobody watched")
    assert (gap.condition, gap.told) == (Condition.OK, "1 in the last day, the longest 50 s")


@pytest.mark.both_databases
async def test_a_database_that_cannot_be_read_is_bad_and_the_rest_is_told(world: World, operator: Client) -> None:
    """By a lock that another program holds."""
    if not world.appliance.db.is_sqlite:
        pytest.skip("a PostgreSQL that is away is not asked who calls either")
    found = await operator.admin_health()
    assert found.condition is not Condition.BAD
    with sqlite3.connect(str(world.appliance.db.url.database), isolation_level=None) as thief:
        thief.execute("BEGIN EXCLUSIVE")
        world.hands.turn_to(world.now + timedelta(seconds=2))
        with anyio.fail_after(30):
            found = await operator.admin_health()
        thief.execute("ROLLBACK")
    assert found.condition is Condition.BAD
    assert [one.name for one in found.items if one.condition is Condition.BAD] == ["database"]
    assert [one for one in found.items if one.area == "disk"]
