"""The ledger: a transaction is stored whole or not at all, also where its end is cut short."""

import asyncio
from pathlib import Path
from threading import Event

import anyio

from crontopus.storage import settings
from crontopus.storage.ledger.sqlite import SqliteLedger
from tests.world import World, copied, world_in


async def _at(world: World, name: str) -> str | None:
    async with world.appliance.db.read_all() as tx:
        return await settings.get(tx, name)


async def test_who_is_cancelled_while_the_disk_is_written_waits_for_it(tmp_path: Path, first_world: Path) -> None:
    copied(first_world, tmp_path / "data")
    async with world_in(tmp_path / "data") as world:
        ledger, turn = world.appliance.ledger, world.appliance.db.turn
        assert isinstance(ledger, SqliteLedger)
        disk_is_free = Event()
        ledger._thread.submit(disk_is_free.wait)
        written = asyncio.Event()

        async def write() -> None:
            async with ledger.transaction():
                ledger._connection.execute("INSERT INTO settings VALUES ('written', 'yes')")
                written.set()

        async with anyio.create_task_group() as tree:
            tree.start_soon(write)
            await written.wait()
            tree.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                for _ in range(100):
                    await asyncio.sleep(0)
                waits = turn.locked()
                disk_is_free.set()
        assert waits, "the turn was given on while the disk was written"
        assert not turn.locked()
        assert await _at(world, "written") == "yes"
