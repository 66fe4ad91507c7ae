"""The outgoing heartbeat: heard as long as all is well, and never where that is not known."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from crontopus.config import load, shown
from crontopus.domain.access import SystemRole
from crontopus.domain.errors import Invalid
from crontopus.engine.heartbeat import Heartbeat
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from tests.notify.fakes import Fake, Reply, Request, served
from tests.world import World, world_in

SECRET = "u6xk3m9q"


class Watcher(Fake):
    """Whoever listens."""

    def take(self, request: Request) -> Reply:
        return Reply(200, b"OK")


@asynccontextmanager
async def watched(data: Path, **more: Any) -> AsyncIterator[tuple[World, Watcher]]:
    async with served(Watcher()) as watcher:
        url = f"{watcher.url}/ping/{SECRET}/crontopus"
        own: dict[str, Any] = {"heartbeat_url": url, "alert_networks": ["127.0.0.0/8"]}
        async with world_in(data, **(own | more)) as world:
            yield world, watcher


def heartbeat(world: World) -> Heartbeat:
    return world.appliance.parts.look.heartbeat


async def test_it_is_heard_while_all_is_well_and_withheld_while_something_is_not(tmp_path: Path) -> None:
    async with watched(tmp_path / "data") as (world, watcher), world.signed_in("acme") as acme:
        await heartbeat(world).step()
        (heard,) = watcher.requests
        assert (heard.method, heard.path, heard.body) == ("GET", f"/ping/{SECRET}/crontopus", b"")
        job = await acme.add_job(NewJob(name="Nightly backup"))
        await acme.check_in(CheckIn(kind="fail", job=str(job.id)))
        world.hands.turn_to(world.now + timedelta(seconds=61))
        await heartbeat(world).step()
        assert (len(watcher.requests), heartbeat(world).why) == (1, "it is withheld: alerts not well")
        await world.sweep()
        world.hands.turn_to(world.now + timedelta(seconds=2))
        await heartbeat(world).step()
        assert (len(watcher.requests), heartbeat(world).why) == (2, "")


async def test_a_check_that_cannot_be_made_is_not_taken_for_well(tmp_path: Path) -> None:
    async with watched(tmp_path / "data") as (world, watcher):
        async with world.appliance.db.write_all() as tx:
            await tx.sql.exec_driver_sql("ALTER TABLE settings RENAME TO elsewhere")
        await heartbeat(world).step()
        assert watcher.requests == []
        async with world.appliance.db.write_all() as tx:
            await tx.sql.exec_driver_sql("ALTER TABLE elsewhere RENAME TO settings")
        world.hands.turn_to(world.now + timedelta(seconds=2))
        await heartbeat(world).step()
        assert len(watcher.requests) == 1


async def test_a_check_that_fails_as_nobody_foresaw_is_not_taken_for_well(tmp_path: Path) -> None:
    async with watched(tmp_path / "data") as (world, watcher), world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="Hourly", schedule=Schedule(every=3600)))
        await acme.check_in(CheckIn(kind="success", job=str(job.id)))
        async with world.appliance.db.write_all() as tx:
            await tx.sql.exec_driver_sql("UPDATE watches SET due_at = 'never'")
        with capture_logs() as lines:
            await world.appliance.loops.attempt("outgoing heartbeat", heartbeat(world).step)
    assert [line["event"] for line in lines] == ["loop failed"]
    assert watcher.requests == []


async def test_who_does_not_take_it_is_told_of_once_and_without_its_secret(tmp_path: Path) -> None:
    async with watched(tmp_path / "data") as (world, watcher):
        watcher.replies += [Reply(500), Reply(404), Reply(302, b"", {"Location": "/elsewhere"})]
        with capture_logs() as lines:
            for _ in range(5):
                await heartbeat(world).step()
        told = [(line["event"], line.get("reason")) for line in lines]
        assert told == [
            ("the outgoing heartbeat is not heard", "the answer was 500"),
            ("the outgoing heartbeat is heard again", None),
        ]
        assert [request.path for request in watcher.requests] == [f"/ping/{SECRET}/crontopus"] * 5
    with capture_logs() as lines:
        async with watched(tmp_path / "private", alert_networks=[]) as (world, watcher):
            await heartbeat(world).step()
            assert watcher.requests == []
            async with world.operator(SystemRole.SUPPORT) as operator:
                found = await operator.admin_health()
    (line,) = [line for line in lines if "heartbeat" in line["event"]]
    assert "127.0.0.1 has no address that may be used from here" in line["reason"]
    assert "alert_networks" in line["reason"]
    (vital, _) = [each for each in found.items if each.area == "watched"]
    assert (vital.condition, vital.told) == ("warn", f"not heard yet; {line['reason']}")
    assert SECRET not in f"{lines}{found}"


async def test_an_installation_without_it_says_so(sqlite_world: World) -> None:
    async with sqlite_world.operator(SystemRole.SUPPORT) as operator:
        found = [each for each in (await operator.admin_health()).items if each.area == "watched"]
    assert [(each.condition, each.told) for each in found] == [
        ("ok", "none goes out: the setting heartbeat_url is not given"),
        ("ok", "none go out: the setting smtp_url is not given"),
    ]


# ---- the settings


@pytest.mark.parametrize(
    "given",
    ["watcher.lan/ping", "ftp://watcher.lan", "https://", f"https://u:{SECRET}@watcher.lan", "https://w.lan/a b"],
)
def test_an_address_that_is_none_is_refused_without_its_secret(given: str) -> None:
    with pytest.raises(Invalid, match="heartbeat_url must look like") as refused:
        load({"heartbeat_url": given}, environment={})
    assert SECRET not in str(refused.value)


def test_the_address_is_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    file.write_text(f"https://watcher.lan/ping/{SECRET}\n")
    loaded = load({}, environment={"CRONTOPUS_HEARTBEAT_URL_FILE": str(file), "CRONTOPUS_HEARTBEAT_EVERY": "30s"})
    assert loaded.config.heartbeat_url == f"https://watcher.lan/ping/{SECRET}"
    assert loaded.config.heartbeat_every == timedelta(seconds=30)
    told = {each.name: each.value for each in shown(loaded.config, loaded.origins)}
    assert (told["heartbeat_url"], told["heartbeat_every"]) == ("(hidden)", "30 s")


@pytest.mark.parametrize("given", ["1s", "2d", "0"])
def test_it_goes_out_neither_all_the_time_nor_never(given: str) -> None:
    with pytest.raises(Invalid, match=r"heartbeat_every .* is wrong: Choose a duration from 10 s to 1 d"):
        load({"heartbeat_every": given}, environment={})


def test_whoever_is_told_has_an_address() -> None:
    config = load({}, environment={"CRONTOPUS_OPERATOR_MAIL": "ada@example.org, bob@example.org"}).config
    assert config.operator_mail == ["ada@example.org", "bob@example.org"]
    with pytest.raises(Invalid, match="operator_mail must hold addresses"):
        load({"operator_mail": ["ada"]}, environment={})
