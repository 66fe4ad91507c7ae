"""Whose turn it is: what one organisation is owed keeps another waiting for a round at most."""

import json
from pathlib import Path

from crontopus.client import Client
from crontopus.domain.alerts import Severity
from crontopus.engine.outbox import AT_ONCE, CHANNELS_AT_ONCE
from crontopus.wire.alerts import NewChannel, RoutePatch, RouteStep
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from tests.world import World, world_in


async def told_in(client: Client, *files: str) -> None:
    """All alerts, in each of these files."""
    channels = [await client.add_channel(NewChannel(kind="log", name=name, settings={"name": name})) for name in files]
    (root,) = (await client.routes()).items
    await client.edit_route(root.id, RoutePatch(steps=[RouteStep(channels=[each.id for each in channels])]))


async def fail(world: World, client: Client, jobs: int) -> None:
    for number in range(jobs):
        job = await client.add_job(NewJob(name=f"Job {number}"))
        await client.check_in(CheckIn(kind="fail", job=str(job.id)))
    while await world.appliance.alerting.step():
        pass


def lines(folder: Path, file: str) -> int:
    path = folder / f"{file}.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


async def test_who_is_owed_much_keeps_another_waiting_for_a_round(world_data: tuple[Path, str], tmp_path: Path) -> None:
    async with (
        world_in(*world_data, alert_log=str(tmp_path)) as world,
        world.signed_in("acme") as acme,
        world.signed_in("globex") as globex,
    ):
        files = [f"acme-{number}" for number in range(CHANNELS_AT_ONCE)]
        await told_in(acme, *files)
        await told_in(globex, "globex")
        await fail(world, acme, 2 * AT_ONCE + 1)
        await world.appliance.outbox.step()
        assert min(lines(tmp_path, file) for file in files) == AT_ONCE, "the last may find that the others have left"
        await fail(world, globex, 1)
        await world.appliance.outbox.step()
        assert lines(tmp_path, "globex") == 1
        while await world.appliance.outbox.step():
            pass
        assert [lines(tmp_path, file) for file in files] == [2 * AT_ONCE + 1] * CHANNELS_AT_ONCE


async def test_who_is_alone_is_sent_all_that_is_owed(world_data: tuple[Path, str], tmp_path: Path) -> None:
    async with world_in(*world_data, alert_log=str(tmp_path)) as world, world.signed_in("acme") as acme:
        await told_in(acme, "acme")
        await fail(world, acme, 2 * AT_ONCE + 1)
        await world.appliance.outbox.step()
        assert lines(tmp_path, "acme") == 2 * AT_ONCE + 1


async def test_what_is_grave_goes_first(world_data: tuple[Path, str], tmp_path: Path) -> None:
    async with world_in(*world_data, alert_log=str(tmp_path)) as world, world.signed_in("acme") as acme:
        await told_in(acme, "acme")
        for number in range(AT_ONCE):
            for severity in (Severity.INFO, Severity.WARNING, Severity.CRITICAL):
                job = await acme.add_job(NewJob(name=f"Job {number}", slug=f"{severity}-{number}", severity=severity))
                await acme.check_in(CheckIn(kind="fail", job=str(job.id)))
        while await world.appliance.alerting.step():
            pass
        while await world.appliance.outbox.step():
            pass
        told = [json.loads(line)["severity"] for line in (tmp_path / "acme.jsonl").read_text().splitlines()]
        assert told[:AT_ONCE] == ["critical"] * AT_ONCE
        assert told.index("warning") < told.index("info")
        assert told[-1] == "info"
