"""The whole appliance in one process, with a clock that is turned by hand. Nothing is patched.

Two tenants, `acme` and `globex`, always exist.
"""

import asyncio
import math
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from argon2 import PasswordHasher
from litestar import Litestar
from msgspec import Struct

from crontopus.api.parts import Parts
from crontopus.appliance import Appliance, assembled, made_app
from crontopus.client import Client
from crontopus.config import Config
from crontopus.domain.access import EVERYTHING, Principal, Role, SystemRole
from crontopus.domain.ids import NOWHERE
from crontopus.engine import namespaces, routing, setup, tokens
from crontopus.engine.accounts import begin_session
from crontopus.engine.credentials import Caller
from crontopus.engine.memo import Memo
from crontopus.engine.passwords import Passwords
from crontopus.storage import accounts, members
from crontopus.storage.accounts import Login
from crontopus.storage.identity import new_id
from crontopus.wire.accounts import NewNamespace, NewToken
from tests.scale import LONG

BEGINNING = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
"""A Monday."""
BASE = "http://crontopus.test"
PROVIDER_HOSTS = ["127.0.0.1", "login.example.com"]
"""Where sign-in providers may be."""
_JUST_AFTER = timedelta(milliseconds=1)


class Hands:
    """The clock's. `monotonic` goes with it unless the clock is `set_by` somebody.

    `heartbeats` of those who run: while the hands are turned they come in time.
    """

    def __init__(self, now: datetime = BEGINNING) -> None:
        self.now = now
        self.heartbeats: list[Callable[[datetime], None]] = []
        self._monotonic = 0.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self._monotonic

    def turn_to(self, instant: datetime) -> None:
        self.turn_unwatched_to(instant)
        for heartbeat in self.heartbeats:
            heartbeat(instant)

    def turn_unwatched_to(self, instant: datetime) -> None:
        """As while every process stands still, or cannot reach the database."""
        self._monotonic += (instant - self.now).total_seconds()
        self.now = instant

    def set_by(self, delta: timedelta) -> None:
        """As a person or NTP sets a clock: no time passes."""
        self.now += delta


class Tenant(Struct, frozen=True):
    """`token` is a service token that may do everything."""

    name: str
    token: str
    ping_key: str
    principal: Principal


class World:
    def __init__(self, appliance: Appliance, hands: Hands, tenants: dict[str, Tenant]) -> None:
        self.appliance = appliance
        self.hands = hands
        self.tenants = tenants
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(appliance.app), base_url=BASE)

    @property
    def now(self) -> datetime:
        return self.hands.now

    @asynccontextmanager
    async def signed_in(self, tenant: str) -> AsyncIterator[Client]:
        """The client of the command line, as `tenant`, in this process."""
        transport = httpx.ASGITransport(self.appliance.app)
        async with Client(BASE, token=self.tenants[tenant].token, transport=transport) as client:
            yield client

    @asynccontextmanager
    async def person(self, tenant: str, role: Role, *namespaces: UUID) -> AsyncIterator[Client]:
        """The client of a new member of `tenant`, signed in; limited to `namespaces`, where there are any."""
        async with self.appliance.db.write_all() as tx:
            user, home = new_id(tx.now), self.tenants[tenant].principal.tenant
            email = f"{user}@{tenant}.test"
            await accounts.add_user(tx, user, email, "no password opens this")
            await members.add(tx.of(home), user, role, namespaces)
            session = await begin_session(tx, Login(user, email, home, tenant, ""), Caller())
        async with self._client(session.session) as client:
            yield client

    @asynccontextmanager
    async def operator(self, role: SystemRole) -> AsyncIterator[Client]:
        """The client of a new person who runs the installation and is a member nowhere, signed in."""
        async with self.appliance.db.write_all() as tx:
            user = new_id(tx.now)
            email = f"{user}@operators.test"
            await accounts.add_user(tx, user, email, "no password opens this", role)
            session = await begin_session(tx, Login(user, email, NOWHERE, "", ""), Caller())
        async with self._client(session.session) as client:
            yield client

    def _client(self, session: str) -> Client:
        return Client(BASE, session=session, transport=httpx.ASGITransport(self.appliance.app))

    async def ping(self, url: str, method: str = "GET", **more: Any) -> httpx.Response:
        return await self.http.request(method, url.removeprefix(BASE), **more)

    def ping_url(self, tenant: str, slug: str) -> str:
        return f"{BASE}/ping/{self.tenants[tenant].ping_key}/{slug}"

    async def passes(self, **delta: float) -> None:
        """Time passes, and every deadline on the way is judged just after it."""
        target = self.now + timedelta(**delta)
        while (due := await self.appliance.ledger.next_due()) is not None and due < target:
            self.hands.turn_to(max(self.now, due + _JUST_AFTER))
            await self.sweep()
            assert await self.appliance.ledger.next_due() != due, "a deadline that was judged is still due"
        self.hands.turn_to(target)
        await self.sweep()

    async def sweep(self) -> None:
        while await self.appliance.sweep.step():
            pass
        while await self.appliance.alerting.step():
            pass


@asynccontextmanager
async def world_in(data: Path, database_url: str = "", hands: Hands | None = None, **more: Any) -> AsyncIterator[World]:
    """A world with its data in `data`, and `more` settings. Left and entered again on the same data it is the same
    world, restarted.
    """
    hands = hands or Hands()
    own = {"public_url": BASE, "provider_hosts": PROVIDER_HOSTS}
    config = Config(data=data, database_url=database_url, **(own | more))
    async with appliance_of(config, hands) as appliance:
        await appliance.absence.begin()
        await appliance.usage.step()
        _remember_nothing(appliance.parts)
        intake = asyncio.create_task(appliance.intake.run())
        world = World(appliance, hands, await _tenants(appliance, data))
        hands.heartbeats.append(appliance.absence.saw)
        try:
            yield world
        finally:
            hands.heartbeats.remove(appliance.absence.saw)
            await world.http.aclose()
            intake.cancel()
            with suppress(asyncio.CancelledError):
                await intake


@asynccontextmanager
async def appliance_of(config: Config, hands: Hands) -> AsyncIterator[Appliance]:
    """Every part, and nothing that runs. In the short run its passwords cost next to nothing."""
    left = _APPS[config.base_url, config.hosts, config.metrics_open]
    app = left.pop() if left else made_app(config)
    async with assembled(config, hands, hands.monotonic, app) as appliance:
        if not LONG:
            appliance.parts.passwords = Passwords(_CHEAP)
        yield appliance
    left.append(app)


_APPS: defaultdict[tuple[str, tuple[str, ...], bool], list[Litestar]] = defaultdict(list)
"""Those that nobody uses any more, by all that makes them differ: making one takes longer than most tests."""

_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Each hash takes a tenth of a second by design, and most people in tests have a password."""


def _remember_nothing(parts: Parts) -> None:
    """An answer that took long is given again for a while: on a machine that stood still, an old one would be."""
    parts.counts, parts.scrapes = Memo(worth_seconds=math.inf), Memo(worth_seconds=math.inf)


_KNOWN: dict[Path, dict[str, Tenant]] = {}
"""Tokens are shown once, so a world that is entered again must have kept them."""


async def found(data: Path, database_url: str = "") -> None:
    """The two tenants and nothing else: nobody has watched yet. Whatever is made from the beginning on is newer."""
    config, hands = Config(data=data, database_url=database_url, public_url=BASE), Hands(BEGINNING - _JUST_AFTER)
    async with appliance_of(config, hands) as appliance:
        await _tenants(appliance, data)


def copied(world: Path, to: Path) -> None:
    """The data of a world that was made before and left, to begin another with."""
    shutil.copytree(world, to, dirs_exist_ok=True)
    _KNOWN[to] = _KNOWN[world]


def restored(world: Path, to: Path) -> None:
    """What was in `world` stands at `to` by now, put there by the product itself."""
    _KNOWN[to] = _KNOWN[world]


async def _tenants(appliance: Appliance, data: Path) -> dict[str, Tenant]:
    if data not in _KNOWN:
        _KNOWN[data] = {name: await _tenant(appliance, name) for name in ("acme", "globex")}
    return _KNOWN[data]


async def _tenant(appliance: Appliance, name: str) -> Tenant:
    async with appliance.db.write_all() as tx:
        tenant, user, email = new_id(tx.now), new_id(tx.now), f"owner@{name}.test"
        await accounts.add_tenant(tx, tenant, name)
        await accounts.add_user(tx, user, email, "no password opens this", SystemRole.SUPERADMIN)
        await members.add(tx.of(tenant), user, Role.OWNER)
        sealer = appliance.parts.sealer
        owner = Principal(id=user, tenant=tenant, tenant_name=name, scopes=EVERYTHING, user=user, email=email)
        first = NewNamespace(slug=setup.NAMESPACE, name="Default")
        namespace = await namespaces.create(tx.of(tenant), owner, sealer, first)
        await routing.begin(tx.of(tenant), sealer, email)
        token = await tokens.create(tx.of(tenant), owner, NewToken(name="tests", scopes=sorted(EVERYTHING)))
        return Tenant(name, token.secret, namespaces.ping_key(sealer, tenant, namespace), owner)
