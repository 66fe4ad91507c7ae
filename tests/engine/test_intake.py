"""The queue of check-ins: who may rely on what has arrived, and how much may wait."""

import asyncio
from contextlib import suppress
from uuid import UUID, uuid4

import pytest

from crontopus.domain.errors import Unavailable
from crontopus.engine import intake
from crontopus.engine.intake import Intake
from crontopus.engine.report import Body, Outcome, Report
from crontopus.storage.ledger import ByUuid
from crontopus.wire.jobs import NewJob
from tests.world import World


async def test_what_arrived_is_waited_for_also_where_a_later_sender_hangs_up(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup"))
        address = ByUuid(UUID(job.ping_url.rpartition("/")[2]))
        staying, leaving = (asyncio.create_task(_says(world, address, word)) for word in ("start", "success"))
        await asyncio.sleep(0)  # both are in the queue
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
        await world.appliance.intake.settled()
        stored = (await acme.job_check_ins(job.id)).items
        assert [check_in.kind for check_in in stored] == ["success", "start"], "who hangs up is heard all the same"
        await staying


async def test_where_nothing_waits_nobody_does(world: World) -> None:
    async with asyncio.timeout(5):
        await world.appliance.intake.settled()


async def _says(world: World, address: ByUuid, word: str) -> Outcome:
    return await world.appliance.intake.submit_one(
        Report(address=address, said=word, received_at=world.now, occurred_at=world.now)
    )


def _report(world: World, size: int) -> Report:
    address = ByUuid(uuid4())
    body = Body(head=b"x" * (size // 2), tail=b"x" * (size - size // 2))
    return Report(address=address, said="log", received_at=world.now, occurred_at=world.now, body=body)


async def test_only_so_much_of_what_was_printed_waits_to_be_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BYTES_LIMIT", 250)
    queue = Intake(world.appliance.ledger, world.appliance.metrics, world.appliance.usage)
    waiting = [asyncio.create_task(queue.submit([_report(world, 100)])) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="too many"):
        await queue.submit([_report(world, 100)])
    waiting.append(asyncio.create_task(queue.submit([_report(world, 0)])))
    await asyncio.sleep(0)
    assert await queue.commit() == 3, "there is room for what printed nothing"
    await asyncio.gather(*waiting)


async def test_what_is_stored_makes_room_and_nothing_is_too_large_for_an_empty_queue(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BYTES_LIMIT", 250)
    queue = Intake(world.appliance.ledger, world.appliance.metrics, world.appliance.usage)
    for _ in range(3):
        waiting = asyncio.create_task(queue.submit([_report(world, 1000)]))
        await asyncio.sleep(0)
        assert await queue.commit() == 1
        await waiting
