"""A world on SQLite (the console does not know the database), one that mails, and browsers that are signed in there."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from crontopus.client import SESSION_COOKIE, Client
from crontopus.engine.accounts import begin_session
from crontopus.engine.credentials import Caller
from crontopus.storage import accounts
from tests.smtp import Mailbox, mail_server
from tests.world import BASE, World, world_in


class Visitor:
    """A browser without scripts: it follows redirects, and posts forms as our own pages do."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def post(self, path: str, fields: Mapping[str, Any] | None = None) -> httpx.Response:
        return await self.http.post(path, data=dict(fields or {}), headers={"Sec-Fetch-Site": "same-origin"})


class Post:
    """A world that mails, a client of its tenant, and a browser of its owner."""

    def __init__(self, world: World, box: Mailbox, client: Client, browser: Visitor) -> None:
        self.world, self.box, self.client, self.browser = world, box, client, browser

    async def goes_out(self) -> None:
        while await self.world.appliance.alerting.step() or await self.world.appliance.outbox.step():
            pass


@pytest.fixture
def world(sqlite_world: World) -> World:
    return sqlite_world


@pytest.fixture
async def visits(world: World) -> AsyncIterator[Callable[[str], Any]]:
    """`await visits("acme")`: a browser in which acme's owner is signed in; "" for nobody."""
    async with AsyncExitStack() as stack:
        yield lambda tenant: stack.enter_async_context(visiting(world, tenant))


@pytest.fixture
async def acme(world: World) -> AsyncIterator[Client]:
    async with world.signed_in("acme") as client:
        yield client


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(mail_server())
        mail: dict[str, Any] = {
            "smtp_url": f"smtp+plain://127.0.0.1:{box.port}",
            "mail_from": "Crontopus <crontopus@example.org>",
        }
        world = await stack.enter_async_context(world_in(tmp_path, **mail))
        client = await stack.enter_async_context(world.signed_in("acme"))
        yield Post(world, box, client, await stack.enter_async_context(visiting(world, "acme")))


@asynccontextmanager
async def visiting(world: World, tenant: str) -> AsyncIterator[Visitor]:
    cookies = {SESSION_COOKIE: await _session(world, tenant)} if tenant else {}
    transport = httpx.ASGITransport(world.appliance.app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=cookies, follow_redirects=True) as http:
        yield Visitor(http)


async def _session(world: World, tenant: str) -> str:
    async with world.appliance.db.write_all() as tx:
        login = await accounts.login_of(tx, f"owner@{tenant}.test")
        assert login
        return (await begin_session(tx, login, Caller())).session
