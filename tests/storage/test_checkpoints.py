"""SQLite's log: it never grows without end, however steadily it is written to."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from crontopus.storage.checkpoints import Checkpoints
from tests.world import copied, world_in

MOST_BYTES = 256 * 1024
PINGS = 6000


async def test_under_steady_load_the_log_begins_anew(tmp_path: Path, first_world: Path) -> None:
    copied(first_world, tmp_path / "data")
    async with world_in(tmp_path / "data") as world:
        url = world.ping_url("acme", "busy")
        assert (await world.ping(f"{url}?create=1")).status_code == 201
        checkpoints = Checkpoints(world.appliance.db, MOST_BYTES // 4, MOST_BYTES)
        pinged = 0

        async def ping_on() -> None:
            nonlocal pinged
            while pinged < PINGS:
                pinged += 1
                assert (await world.ping(f"{url}/log")).status_code == 200

        async with asyncio.TaskGroup() as tree:
            load = [tree.create_task(ping_on()) for _ in range(8)]
            while not all(task.done() for task in load):
                await checkpoints.step()
                await asyncio.sleep(0)
        assert (tmp_path / "data" / "crontopus.db-wal").stat().st_size < 4 * MOST_BYTES


async def test_a_log_that_was_long_once_stops_no_writer_afterwards(tmp_path: Path, first_world: Path) -> None:
    """Its file stays as long as it was; what counts is how much of it is new."""
    copied(first_world, tmp_path / "data")
    log = tmp_path / "data" / "crontopus.db-wal"
    async with world_in(tmp_path / "data") as world:
        url = world.ping_url("acme", "busy")
        assert (await world.ping(f"{url}?create=1")).status_code == 201
        while log.stat().st_size < MOST_BYTES:
            assert (await world.ping(f"{url}/log")).status_code == 200
        checkpoints = Checkpoints(world.appliance.db, MOST_BYTES // 4, MOST_BYTES)
        await checkpoints.step()
        assert (await world.ping(f"{url}/log")).status_code == 200
        assert log.stat().st_size >= MOST_BYTES
        async with world.appliance.db.turn:
            await asyncio.wait_for(checkpoints.step(), 30)


async def test_a_disk_that_refuses_ends_the_process_and_what_was_acknowledged_is_there_after(
    tmp_path: Path, first_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(first_world, tmp_path / "data")
    async with world_in(tmp_path / "data") as world:
        url = world.ping_url("acme", "busy")
        assert (await world.ping(f"{url}?create=1")).status_code == 201
        checkpoints = Checkpoints(world.appliance.db, 0, 1)

        def refuse(descriptor: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", refuse)
            with pytest.raises(SystemExit, match="Look at the disk"):
                await checkpoints.step()
        copied(tmp_path / "data", tmp_path / "after")
    async with world_in(tmp_path / "after") as world, world.signed_in("acme") as acme:
        assert [one.slug for one in (await acme.jobs()).items] == ["busy"]
