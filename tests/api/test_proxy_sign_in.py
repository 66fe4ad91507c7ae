"""Signing in as whom a trusted proxy says: from its address alone, and nobody who has no account."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from crontopus.client import SESSION_COOKIE, USER_HEADER
from crontopus.config import load
from crontopus.domain.errors import Invalid
from crontopus.storage import factors
from crontopus.storage.factors import Passkey
from crontopus.storage.identity import new_id
from tests.world import BASE, World, world_in

HEADER, OWNER = "X-Forwarded-Email", "owner@acme.test"
PROXY, STRANGER = "10.0.0.1", "192.0.2.7"


@pytest.fixture
async def world(world_data: tuple[Path, str]) -> AsyncIterator[World]:
    data, url = world_data
    async with world_in(data, url, trusted_proxies=["10.0.0.0/8"], user_header=HEADER) as world:
        yield world


def browser(world: World, peer: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(world.appliance.app, client=(peer, 5000))
    return httpx.AsyncClient(transport=transport, base_url=BASE)


async def signs_in(http: httpx.AsyncClient, *headers: tuple[str, str]) -> httpx.Response:
    return await http.post("/api/v1/sessions/proxy", headers=list(headers))


async def test_whom_the_proxy_names_comes_in_at_a_press(world: World) -> None:
    async with browser(world, PROXY) as http:
        http.headers[HEADER] = "Owner@Acme.test"
        http.headers["X-Forwarded-For"] = STRANGER
        assert "Go on as Owner@Acme.test" in (await http.get("/sign-in")).text
        answer = await http.post("/sign-in/proxy", data={"next": "//evil.test"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
        me = (await http.get("/api/v1/me")).json()
        assert (me["email"], me["provider"]) == (OWNER, None)
    async with world.signed_in("acme") as acme:
        told = next(one for one in (await acme.audit(limit=20)).items if one.action == "session.begin")
        assert list(told.changes["by"]) == [None, "proxy"]
        assert told.address == STRANGER


async def test_the_header_from_elsewhere_is_ignored(world: World) -> None:
    for peer, headers in (
        (STRANGER, [(HEADER, OWNER)]),
        (STRANGER, [(HEADER, OWNER), ("X-Forwarded-For", PROXY)]),
        (STRANGER, [(USER_HEADER, OWNER)]),
        (PROXY, [(USER_HEADER, OWNER)]),
        (PROXY, [(HEADER, "nobody@acme.test"), (USER_HEADER, OWNER)]),
        (PROXY, [(HEADER, OWNER), (HEADER, "owner@globex.test")]),
        (PROXY, []),
        (PROXY, [(HEADER, " ")]),
    ):
        async with browser(world, peer) as http:
            assert (await signs_in(http, *headers)).status_code == 401, (peer, headers)
            if peer == STRANGER:
                assert "Go on as" not in (await http.get("/sign-in", headers=headers)).text


async def test_the_header_alone_opens_nothing(world: World) -> None:
    async with browser(world, PROXY) as http:
        answer = await http.get("/api/v1/me", headers={HEADER: OWNER})
        assert answer.status_code == 401


async def test_who_has_no_account_is_not_made(world: World) -> None:
    async with browser(world, PROXY) as http:
        assert (await signs_in(http, (HEADER, "new@acme.test"))).status_code == 401
        page = await http.post("/sign-in/proxy", data={}, headers={HEADER: "new@acme.test"})
        assert (page.status_code, "nobody here has that address" in page.text) == (400, True)
        assert SESSION_COOKIE not in http.cookies


async def test_a_second_factor_of_ones_own_is_still_asked_for(world: World) -> None:
    user = world.tenants["acme"].principal.id
    async with world.appliance.db.write_all() as tx:
        id = new_id(tx.now)
        passkey = Passkey(
            id=id, user_id=user, name="p", credential=id.bytes, public_key=b"", counter=0, created_at=tx.now
        )
        await factors.add_passkey(tx, passkey)
    async with browser(world, PROXY) as http:
        assert (await signs_in(http, (HEADER, OWNER))).json()["pending"]


async def test_another_sites_page_signs_nobody_in(world: World) -> None:
    async with browser(world, PROXY) as http:
        headers = {HEADER: OWNER, "Sec-Fetch-Site": "cross-site"}
        assert (await http.post("/sign-in/proxy", headers=headers)).status_code == 403
        assert (await http.post("/api/v1/sessions/proxy", headers=headers)).status_code == 403


def test_it_is_believed_from_proxies_alone() -> None:
    with pytest.raises(Invalid, match="needs trusted_proxies"):
        load({"user_header": HEADER}, environment={})
    with pytest.raises(Invalid, match="name of a header"):
        load({"user_header": "no header", "trusted_proxies": ["10.0.0.0/8"]}, environment={})
