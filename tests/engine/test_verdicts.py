"""Whose token it is, remembered for a moment: never beyond what this process writes, nor beyond the token's end."""

from datetime import timedelta

import httpx
import pytest

from crontopus.client import Client
from crontopus.domain.errors import Unauthenticated
from crontopus.domain.tokens import hash_of
from crontopus.engine import verdicts
from crontopus.wire.accounts import NewToken
from tests.world import BASE, World


@pytest.fixture(autouse=True)
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nothing is forgotten by itself while a test runs."""
    monkeypatch.setattr(verdicts, "STANDS_SECONDS", 3600.0)


def client(world: World, token: str) -> Client:
    return Client(BASE, token=token, transport=httpx.ASGITransport(world.appliance.app))


async def test_what_is_revoked_here_is_refused_at_once(world: World) -> None:
    async with world.signed_in("acme") as acme:
        made = await acme.add_token(NewToken(name="x"))
        async with client(world, made.token) as holder:
            await holder.me()
            await acme.revoke_token(made.id)
            with pytest.raises(Unauthenticated):
                await holder.me()


async def test_a_token_ends_at_its_instant(world: World) -> None:
    async with world.signed_in("acme") as acme:
        made = await acme.add_token(NewToken(name="x", expires_at=world.now + timedelta(seconds=1)))
        async with client(world, made.token) as holder:
            await holder.me()
            await holder.me()
            world.hands.turn_to(world.now + timedelta(seconds=1))
            with pytest.raises(Unauthenticated):
                await holder.me()


async def test_it_is_looked_up_once_until_something_is_written(world: World) -> None:
    known, token = world.appliance.parts.verdicts, world.tenants["acme"].token
    first = await known.bearer(hash_of(token))
    assert await known.bearer(hash_of(token)) is first
    await world.ping(f"{world.ping_url('acme', 'x')}?create=1")
    assert await known.bearer(hash_of(token)) is first, "pings write no tokens"
    async with world.appliance.db.write_all():
        pass
    again = await known.bearer(hash_of(token))
    assert again is not first
    assert again == first


async def test_what_is_unknown_is_asked_each_time(world: World) -> None:
    assert await world.appliance.parts.verdicts.bearer(b"nobody's") is None
