"""Limits of requests: of an address, a token, a person and a tenant; what answers tell of them; what has none."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from crontopus.client import Client
from crontopus.domain.access import Role
from crontopus.domain.errors import TooMany
from crontopus.domain.tiers import Quota
from crontopus.engine.limits import Limits, PerMinute
from tests.world import BASE, World


@pytest.fixture
def limited(world: World) -> Callable[..., None]:
    def limit(**per_minute: int) -> None:
        limits = Limits(PerMinute(**per_minute), world.appliance.usage, world.hands.monotonic)
        world.appliance.parts.limits = limits

    return limit


@asynccontextmanager
async def coming_from(world: World, address: str, token: str = "") -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(world.appliance.app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers) as http:
        yield http


async def test_a_token_that_asks_too_often_is_told_when_to_come_again(world: World, limited: Any) -> None:
    limited(token=2)
    async with coming_from(world, "192.0.2.1", world.tenants["acme"].token) as http:
        first = await http.get("/api/v1/me")
        assert first.headers["ratelimit-policy"] == '"token";q=2;w=60'
        assert first.headers["ratelimit"] == '"token";r=1;t=30'
        assert (await http.get("/api/v1/me")).status_code == 200
        refused = await http.get("/api/v1/me")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["ratelimit"] == '"token";r=0;t=60'
        assert refused.json()["type"] == "/docs/problems#too-many-requests"
        assert refused.json()["detail"] == "more than 2 requests a minute of this token: try again in 30 s"
        await world.passes(seconds=30)
        assert (await http.get("/api/v1/me")).status_code == 200


async def test_each_token_has_its_own_and_so_has_each_tenant(world: World, limited: Any) -> None:
    limited(token=1)
    for tenant in ("acme", "globex"):
        async with coming_from(world, "192.0.2.1", world.tenants[tenant].token) as http:
            assert [(await http.get("/api/v1/me")).status_code for _ in range(2)] == [200, 429]


async def test_all_sessions_of_a_person_count_together(world: World, limited: Any) -> None:
    limited(account=2)
    async with world.person("acme", Role.VIEWER) as one, world.person("acme", Role.VIEWER) as another:
        assert (await one.me()).email != (await another.me()).email
        await one.me()
        with pytest.raises(TooMany, match="of this account") as refused:
            await one.me()
        assert refused.value.retry_after_seconds == 30
        await another.me()


async def test_an_address_is_limited_before_it_is_known_who_asks(world: World, limited: Any) -> None:
    limited(address=2)
    async with coming_from(world, "2001:db8::1", "ctp_s_wrong") as guess, coming_from(world, "2001:db8::2") as near:
        assert [(await guess.get("/api/v1/me")).status_code for _ in range(2)] == [401, 401]
        assert (await near.get("/api/v1/setup")).status_code == 429
    async with coming_from(world, "2001:db8:0:1::1") as elsewhere:
        assert (await elsewhere.get("/api/v1/setup")).status_code == 200


async def test_a_tenants_quota_holds_for_all_who_work_in_it(world: World) -> None:
    acme = world.tenants["acme"]
    world.appliance.usage.limited[acme.principal.tenant] = {Quota.REQUESTS: 2}
    async with world.person("acme", Role.OWNER) as person, world.signed_in("acme") as token:
        await person.me()
        await token.me()
        with pytest.raises(TooMany, match="more than 2 requests a minute of this organisation"):
            await person.me()
    async with world.signed_in("globex") as other:
        await other.me()


async def test_check_ins_are_never_refused_and_count_for_nothing(world: World, limited: Any) -> None:
    limited(address=1, token=1)
    acme = world.tenants["acme"]
    world.appliance.usage.limited[acme.principal.tenant] = {Quota.REQUESTS: 1}
    async with coming_from(world, "192.0.2.1", acme.token) as http:
        made = await http.post("/api/v1/jobs", json={"slug": "nightly"})
        assert made.status_code == 201
        assert (await http.get("/api/v1/me")).status_code == 429
        for _ in range(5):
            told = await http.post("/api/v1/check-ins", json={"job": "default/nightly", "kind": "success"})
            assert told.status_code == 200
            assert "ratelimit" not in told.headers
            pinged = await http.get(f"/ping/{acme.ping_key}/nightly")
            assert pinged.status_code == 200
            assert "ratelimit" not in pinged.headers
            for path in ("/livez", "/readyz"):
                assert (await http.get(path)).status_code == 200
            assert (await http.get("/metrics")).status_code != 429


async def test_nothing_is_limited_where_the_operator_wants_it_so(world: World, limited: Any) -> None:
    limited()
    async with coming_from(world, "192.0.2.1", world.tenants["acme"].token) as http:
        answers = [await http.get("/api/v1/me") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit" in answer.headers for answer in answers)


async def test_the_console_says_so_on_a_page(world: World, limited: Any) -> None:
    limited(address=2)
    async with coming_from(world, "192.0.2.1") as browser:
        assert (await browser.get("/sign-in")).status_code == 200
        refused = await browser.get("/sign-in")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
    assert "Not so fast" in refused.text
    assert "try again in 30 s" in refused.text


async def test_a_client_with_patience_reads_again_once_and_writes_never(world: World, limited: Any) -> None:
    limited(token=1)
    waited: list[int] = []

    async def wait(seconds: int) -> bool:
        waited.append(seconds)
        world.hands.turn_to(world.now.replace(minute=world.now.minute + 1))
        return True

    token = world.tenants["acme"].token
    async with Client(BASE, token=token, transport=httpx.ASGITransport(world.appliance.app), patience=wait) as client:
        await client.me()
        await client.me()
        assert waited == [60]
        with pytest.raises(TooMany):
            await client.call("POST", "/schedules/preview", dict, {})
    assert waited == [60]


async def test_the_document_says_of_each_route_whether_it_is_limited(world: World) -> None:
    document = (await world.http.get("/api/v1/openapi.json")).json()
    told = [
        (operation["operationId"], "429" in operation["responses"], "RateLimit" in answer.get("headers", {}))
        for path in document["paths"].values()
        for operation in path.values()
        for answer in operation["responses"].values()
    ]
    assert {name for name, refuses, carries in told if not refuses and not carries} == {"check_in"}
    assert all(refuses == carries for _, refuses, carries in told)
