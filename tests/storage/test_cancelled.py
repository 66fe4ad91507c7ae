"""Whoever is cancelled in the middle of a transaction, as a client that hangs up, leaves no connection half closed."""

import asyncio

import anyio
import pytest
from sqlalchemy import text

from tests.world import World


@pytest.mark.parametrize("writes", [False, True])
async def test_a_transaction_that_is_cancelled_leaves_nothing_behind(world: World, writes: bool) -> None:
    before = asyncio.all_tasks()
    for ticks in range(40):
        async with anyio.create_task_group() as group:
            group.start_soon(_transact, world, writes)
            for _ in range(ticks):
                await asyncio.sleep(0)
            group.cancel_scope.cancel()
    assert asyncio.all_tasks() - before == set()
    await _transact(world, writes)


async def _transact(world: World, writes: bool) -> None:
    db = world.appliance.db
    async with db.write_all() if writes else db.read_all() as tx:
        await tx.sql.execute(text("SELECT count(*) FROM jobs"))
        await tx.sql.execute(text("SELECT count(*) FROM runs"))
