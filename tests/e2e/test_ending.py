"""Killed at any moment while a tenant is removed or exported: what was begun is finished, and nothing is half."""

import asyncio
import io
import random
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from crontopus.domain.access import Role
from crontopus.domain.standing import UNDO
from crontopus.storage.tables import metadata
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn, OutputText
from tests.scale import scaled
from tests.served import Served
from tests.world import Hands, World, world_in

KILLS = scaled(20)
CHECK_INS = scaled(5000)
PATIENCE_SECONDS = 90


async def _much(world: World, tenant: str) -> None:
    """So that removing and exporting it take a while."""
    async with world.signed_in(tenant) as own:
        await own.add_job(NewJob(slug="busy"))
        output = OutputText(head="what it printed " * 20)
        for _ in range(CHECK_INS // 500):
            await own.check_ins([CheckIn(kind="fail", job="default/busy", output=output) for _ in range(500)])


def _ago(span: timedelta) -> Hands:
    return Hands(datetime.now(UTC).replace(microsecond=0) - span)


async def _rows(data: Path, database_url: str, tenant: UUID) -> dict[str, int]:
    counts = {}
    async with world_in(data, database_url, _ago(timedelta())) as world, world.appliance.db.read_all() as tx:
        for table in metadata.sorted_tables:
            key = table.c.id if table.name == "tenants" else table.c.get("tenant_id")
            if key is not None:
                counts[table.name] = await tx.sql.scalar(select(func.count()).where(key == tenant)) or 0
    return {name: count for name, count in counts.items() if count}


def _killed_while_at_it(served: Served) -> None:
    """Some time after it has begun to serve, and so to work."""
    for _ in range(KILLS):
        served.start()
        time.sleep(random.uniform(0.02, 0.5))  # noqa: S311 # a moment nobody chose
        served.kill()


def test_a_tenant_whose_removal_is_killed_again_and_again_is_gone_in_the_end(tmp_path: Path, database_url: str) -> None:
    data = tmp_path / "data"

    async def prepare() -> tuple[UUID, UUID]:
        async with world_in(data, database_url, _ago(UNDO + timedelta(days=1))) as world:
            await _much(world, "acme")
            await _much(world, "globex")
            async with world.person("acme", Role.OWNER) as owner:
                await owner.delete_tenant()
            return world.tenants["acme"].principal.tenant, world.tenants["globex"].principal.tenant

    acme, globex = asyncio.run(prepare())
    before = asyncio.run(_rows(data, database_url, globex))
    assert before["check_ins"] == CHECK_INS
    served = Served(data, database_url)
    _killed_while_at_it(served)
    served.start()
    try:
        _until(lambda: "a deleted tenant was removed" in served.log(), served)
    finally:
        served.stop()
    assert asyncio.run(_rows(data, database_url, acme)) == {}
    after = asyncio.run(_rows(data, database_url, globex))
    assert {name: after[name] for name in ("check_ins", "runs", "outputs", "jobs")} == {
        name: before[name] for name in ("check_ins", "runs", "outputs", "jobs")
    }


def test_an_export_that_is_killed_again_and_again_is_whole_in_the_end(tmp_path: Path, database_url: str) -> None:
    data = tmp_path / "data"

    async def prepare() -> str:
        async with world_in(data, database_url, _ago(timedelta())) as world:
            await _much(world, "acme")
            async with world.person("acme", Role.OWNER) as owner:
                await owner.export_tenant()
                return str(owner.http.headers["cookie"])

    cookie = asyncio.run(prepare())
    served = Served(data, database_url)
    _killed_while_at_it(served)
    served.start()
    try:
        with httpx.Client(base_url=f"{served.url}/api/v1/tenants/current", headers={"Cookie": cookie}) as owner:

            def finished() -> dict[str, str]:
                (one,) = owner.get("/exports").raise_for_status().json()["items"]
                return one if one["sha256"] else {}

            _until(finished, served)
            export = finished()
            content = owner.get(f"/exports/{export['id']}/content").raise_for_status().content
    finally:
        served.stop()
    assert sha256(content).hexdigest() == export["sha256"]
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    assert len(archive.read("check_ins.ndjson").splitlines()) == CHECK_INS


def _until(reached: Callable[[], object], served: Served) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > end:
            pytest.fail(served.log()[-3000:])
        time.sleep(0.1)
