"""Under which names the console answers, and what it says where others can read along."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from crontopus.appliance import Appliance
from crontopus.client import SESSION_COOKIE
from crontopus.config import Config
from crontopus.domain import hosts
from crontopus.domain.access import Role
from tests.world import BASE, Hands, World, appliance_of


@pytest.mark.parametrize(
    ("host", "name", "known"),
    [
        ("cron.example.com", "cron.example.com", True),
        ("CRON.example.com.:8443", "cron.example.com", True),
        ("a.b.lan", "a.b.lan", True),
        ("lan", "lan", False),
        ("evil-lan", "evil-lan", False),
        ("192.168.1.5:8000", "192.168.1.5", True),
        ("[::1]:8000", "::1", True),
        ("localhost:8000", "localhost", True),
        ("cron.localhost", "cron.localhost", True),
        ("cron.example.com.evil.test", "cron.example.com.evil.test", False),
        ("127.0.0.1.evil.test", "127.0.0.1.evil.test", False),
        ("", "", False),
        ("[", "", False),
    ],
)
def test_a_name_is_known_or_not(host: str, name: str, known: bool) -> None:
    assert hosts.name_of(host) == name
    assert hosts.is_known(name, ["cron.example.com", "*.lan"]) == known


async def test_a_session_is_taken_under_known_names_alone_and_pings_and_tokens_under_any(world: World) -> None:
    await world.ping(world.ping_url("acme", "a") + "?create=1")
    token = {"Authorization": f"Bearer {world.tenants['acme'].token}"}
    async with world.person("acme", Role.VIEWER) as person:
        cookie = {"Cookie": str(person.http.headers["cookie"])}

        async def status(path: str, host: str, **headers: str) -> int:
            return (await world.http.get(path, headers={"Host": host, **headers})).status_code

        for host in ("crontopus.test", "10.0.0.7:8000", "localhost"):
            assert await status("/jobs", host, **cookie) == 200, host
            assert await status("/api/v1/me", host, **cookie) == 200, host
        for host in ("evil.test", "crontopus.test.evil.test"):
            assert await status("/jobs", host, **cookie) == 403, host
            assert await status("/sign-in", host) == 403, host
            assert await status("/api/v1/me", host, **cookie) == 403, host
            assert await status("/api/v1/me", host, **token) == 200, host
            assert await status(world.ping_url("acme", "a").removeprefix(BASE), host) == 200, host


@pytest.fixture
async def appliance(tmp_path: Path) -> AsyncIterator[Appliance]:
    config = Config(data=tmp_path, public_url="http://cron.example.com", allowed_hosts=["cron.lan"])
    hands = Hands()
    async with appliance_of(config, hands) as appliance:
        yield appliance


async def test_a_name_that_the_operator_allows_is_taken(appliance: Appliance) -> None:
    transport = httpx.ASGITransport(appliance.app)
    for host, status in (("cron.lan", 200), ("cron.example.com", 200), ("other.lan", 403)):
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as browser:
            answer = await browser.get("/sign-in")
            assert answer.status_code == status, host
            assert ("allowed_hosts" in answer.text) == (status == 403)


async def test_plain_http_is_told_once_where_others_can_read_along(world: World) -> None:
    async with world.person("acme", Role.VIEWER) as person:
        cookies = {SESSION_COOKIE: str(person.http.headers["cookie"]).partition("=")[2]}
    transport = httpx.ASGITransport(world.appliance.app)
    told = "came by plain HTTP"
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", cookies=cookies) as here:
        assert told not in (await here.get("/me")).text
    async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=cookies) as away:
        assert told in (await away.get("/me")).text
        answer = await away.post("/me/plain", data={"back": "/jobs"}, headers={"Sec-Fetch-Site": "same-origin"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
        assert told not in (await away.get("/me")).text
