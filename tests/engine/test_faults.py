"""A watch that cannot be judged is told of and set aside: it holds up no other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs
from structlog.typing import EventDict

from crontopus.domain import tokens
from crontopus.domain.schedule import Every
from crontopus.domain.watch import Status
from crontopus.engine.report import Creation, Report
from crontopus.engine.sweep import BATCH
from crontopus.storage.ledger import BySlug
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from tests.world import World

SPOILT = "no json "
HOURLY = Schedule(cron="0 * * * *")


async def _change(world: World, statement: str, **values: Any) -> None:
    async with world.appliance.db.write_all() as tx:
        await tx.sql.execute(text(statement), values)


async def _state(world: World) -> bytes:
    """That of the only watch."""
    async with world.appliance.db.write_all() as tx:
        return bytes((await tx.sql.execute(text("SELECT state FROM watches"))).scalar_one())


def _as_stored(world: World, job: UUID) -> Any:
    return job.bytes if world.appliance.db.is_sqlite else job


async def _spoil(world: World, job: UUID, what: str) -> None:
    """A job's watch as no program of ours would leave it."""
    changes = {
        "its state": "UPDATE watches SET state = :nothing WHERE job_id = :job",
        "its expectation": "UPDATE jobs SET expectation = '[]' WHERE id = :job",
        "its schedule": "UPDATE jobs SET expectation = replace(expectation, '0 * * * *', :spoilt) WHERE id = :job",
    }
    values = {"nothing": b"", "spoilt": SPOILT}
    told = {name: value for name, value in values.items() if f":{name}" in changes[what]}
    await _change(world, changes[what], job=_as_stored(world, job), **told)


async def _silent(world: World, *names: str) -> list[Job]:
    """Jobs that reported once and then no more."""
    made = []
    async with world.signed_in("acme") as acme:
        for name in names:
            made.append(await acme.add_job(NewJob(name=name, schedule=HOURLY, grace=60)))
            await world.ping(made[-1].ping_url)
            await world.passes(seconds=1)
    return made


def _told(logs: list[EventDict]) -> list[str]:
    return [entry["job"] for entry in logs if entry["event"] == "a watch could not be judged"]


@pytest.mark.parametrize("what", ["its state", "its expectation", "its schedule"])
async def test_a_watch_that_cannot_be_understood_holds_up_no_other(world: World, what: str) -> None:
    broken, sound = await _silent(world, "broken", "sound")
    await _spoil(world, broken.id, what)
    with capture_logs() as logs:
        await world.passes(hours=1, minutes=2)
    async with world.signed_in("acme") as acme:
        assert (await acme.job(sound.id)).status is Status.DOWN
    assert _told(logs) == [str(broken.id)]
    assert world.appliance.metrics.put_off._value.get() == 1


async def test_it_is_tried_again_and_judged_once_it_is_mended(world: World) -> None:
    (broken,) = await _silent(world, "broken")
    sound = await _state(world)
    await _spoil(world, broken.id, "its state")
    await world.passes(hours=1, minutes=2)
    with capture_logs() as logs:
        await world.passes(minutes=10)
    assert _told(logs) == [str(broken.id)]
    await _change(world, "UPDATE watches SET state = :sound", sound=sound)
    await world.passes(minutes=10)
    async with world.signed_in("acme") as acme:
        assert (await acme.job(broken.id)).status is Status.DOWN


@asynccontextmanager
async def _nothing_storable_of(world: World, job: UUID) -> AsyncIterator[None]:
    """The database refuses this job's runs, as where the program wants to store what no column takes."""
    if world.appliance.db.is_sqlite:
        when = f"WHEN NEW.job_id = X'{job.hex}' BEGIN SELECT RAISE(ABORT, 'no'); END"
        await _change(world, f"CREATE TRIGGER refuse BEFORE INSERT ON runs {when}")
        yield
        await _change(world, "DROP TRIGGER refuse")
    else:
        await _change(world, f"ALTER TABLE runs ADD CONSTRAINT refuse CHECK (job_id <> '{job}') NOT VALID")
        yield
        await _change(world, "ALTER TABLE runs DROP CONSTRAINT refuse")


async def test_a_judgement_that_cannot_be_stored_holds_up_no_other(world: World) -> None:
    one, broken, another = await _silent(world, "one", "broken", "another")
    async with _nothing_storable_of(world, broken.id):
        with capture_logs() as logs:
            world.hands.turn_to(world.now.replace(hour=10))
            await world.sweep()
        assert _told(logs) == [str(broken.id)]
        async with world.signed_in("acme") as acme:
            assert (await acme.job(one.id)).status is Status.DOWN
            assert (await acme.job(another.id)).status is Status.DOWN
            assert (await acme.job(broken.id)).status is not Status.DOWN
    await world.passes(minutes=11)
    async with world.signed_in("acme") as acme:
        assert (await acme.job(broken.id)).status is Status.DOWN


async def test_a_check_in_that_cannot_be_stored_is_refused_alone(world: World) -> None:
    one, broken, another = await _silent(world, "one", "broken", "another")
    async with _nothing_storable_of(world, broken.id), world.signed_in("acme") as acme:
        answers = await acme.check_ins([CheckIn(job=str(job.id), kind="success") for job in (one, broken, another)])
        assert [item.status for item in answers.items] == [200, 500, 200]


async def test_more_of_them_than_are_judged_at_once_hold_up_no_other(world: World) -> None:
    key = tokens.hash_of(world.tenants["acme"].ping_key)
    creation, now = Creation(schedules=(Every(timedelta(hours=1)),), grace=timedelta()), world.now
    await world.appliance.intake.submit(
        [
            Report(address=BySlug(key, f"j{n}"), said="success", received_at=now, occurred_at=now, create=creation)
            for n in range(BATCH + 5)
        ]
    )
    await _change(world, "UPDATE watches SET state = :spoilt", spoilt=SPOILT.encode())
    await _silent(world, "sound")
    await world.passes(hours=1, minutes=2)
    assert world.appliance.metrics.put_off._value.get() == BATCH + 5
    async with world.signed_in("acme") as acme:
        assert (await acme.jobs(q="slug:sound")).items[0].status is Status.DOWN
