"""The queue of check-ins: who may rely on what has arrived."""

import asyncio
from contextlib import suppress
from uuid import UUID

from crontopus.engine.report import Outcome, Report
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
