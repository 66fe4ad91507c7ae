"""Signing in a machine without a browser from another (RFC 8628)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta

import pytest

from crontopus.client import Client
from crontopus.domain import device as rules
from crontopus.domain.access import Role
from crontopus.domain.errors import (
    DeviceDenied,
    DeviceHurries,
    DeviceTooLate,
    DeviceWaits,
    Invalid,
    NotAllowed,
    NotFound,
    Throttled,
    Unconfirmed,
)
from crontopus.wire.devices import DeviceCodes, DeviceRequest
from tests.api.test_people import id_of, visitor
from tests.world import BASE, World


@pytest.fixture
async def machine(world: World) -> AsyncIterator[Client]:
    async with visitor(world) as client:
        yield client


@pytest.fixture
async def person(world: World) -> AsyncIterator[Client]:
    async with world.person("acme", Role.EDITOR) as client:
        yield client


async def later(world: World, machine: Client, codes: DeviceCodes) -> str:
    """What it is given when it asks again, as late as it shall."""
    world.hands.turn_to(world.now + timedelta(seconds=codes.interval))
    return (await machine.fetch_device_token(codes.device_code)).token


async def test_a_machine_that_is_allowed_comes_as_the_person_and_once(
    world: World, machine: Client, person: Client
) -> None:
    codes = await machine.ask_for_device("backup-host")
    assert codes.verification_uri_complete == f"{BASE}/device?code={codes.user_code}"
    with pytest.raises(DeviceWaits):
        await machine.fetch_device_token(codes.device_code)
    shown = await person.open_device(codes.user_code.lower().replace("-", " "))
    assert (shown.name, shown.asked_at) == ("backup-host", world.now)
    await person.decide_device(codes.user_code, allow=True)
    token = await later(world, machine, codes)
    me = (await world.http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})).json()
    assert (me["email"], me["role"], me["tenant"]) == ((await person.me()).email, "editor", "acme")
    assert [one.name for one in (await person.own_tokens()).items] == ["command line on backup-host"]
    with pytest.raises(DeviceTooLate):
        await later(world, machine, codes)
    async with world.person("acme", Role.OWNER) as owner:
        told = [one.action for one in (await owner.audit(actor=me["email"])).items]
    assert told[:2] == ["token.create", "device.allow"]


@pytest.mark.both_databases
async def test_a_token_is_fetched_once_also_by_two_at_once(world: World, machine: Client, person: Client) -> None:
    codes = await machine.ask_for_device("")
    await person.decide_device(codes.user_code, allow=True)
    fetched = await asyncio.gather(
        *(machine.fetch_device_token(codes.device_code) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(one, DeviceTooLate) for one in fetched) == 3
    assert len((await person.own_tokens()).items) == 1


async def test_a_machine_that_is_denied_gets_nothing(world: World, machine: Client, person: Client) -> None:
    codes = await machine.ask_for_device("stranger")
    await person.decide_device(codes.user_code, allow=False)
    with pytest.raises(DeviceDenied):
        await later(world, machine, codes)
    assert (await person.own_tokens()).items == []
    with pytest.raises(NotFound):
        await person.decide_device(codes.user_code, allow=True)


async def test_whoever_asks_too_often_waits_longer_each_time(world: World, machine: Client) -> None:
    codes = await machine.ask_for_device("")
    with pytest.raises(DeviceWaits):
        await machine.fetch_device_token(codes.device_code)
    for _ in range(2):
        with pytest.raises(DeviceHurries):
            await machine.fetch_device_token(codes.device_code)
    for seconds, told in ((14, DeviceHurries), (19, DeviceHurries), (25, DeviceWaits)):
        world.hands.turn_to(world.now + timedelta(seconds=seconds))
        with pytest.raises(told):
            await machine.fetch_device_token(codes.device_code)


async def test_a_code_is_good_for_ten_minutes(world: World, machine: Client, person: Client) -> None:
    codes = await machine.ask_for_device("")
    world.hands.turn_to(world.now + rules.LIFE)
    with pytest.raises(NotFound, match="start `crontopus login` again"):
        await person.open_device(codes.user_code)
    with pytest.raises(DeviceTooLate):
        await machine.fetch_device_token(codes.device_code)


async def test_allowing_needs_a_fresh_password_and_a_person(world: World, machine: Client, person: Client) -> None:
    codes = await machine.ask_for_device("")
    world.hands.turn_to(world.now + timedelta(minutes=11))
    codes = await machine.ask_for_device("")
    with pytest.raises(Unconfirmed):
        await person.decide_device(codes.user_code, allow=True)
    async with world.signed_in("acme") as program:
        for refused in (program.open_device(codes.user_code), program.decide_device(codes.user_code, allow=True)):
            with pytest.raises(NotAllowed, match="sign in as a person"):
                await refused


async def test_who_is_removed_before_it_is_fetched_lets_nobody_in(
    world: World, machine: Client, person: Client
) -> None:
    codes = await machine.ask_for_device("")
    await person.decide_device(codes.user_code, allow=True)
    async with world.person("acme", Role.OWNER) as owner:
        await owner.remove_member(await id_of(owner, str((await person.me()).email)))
    with pytest.raises(DeviceDenied):
        await later(world, machine, codes)


async def test_codes_are_neither_guessed_nor_asked_for_without_end(
    world: World, machine: Client, person: Client
) -> None:
    guesses = [await _ended(person.open_device(f"BCDF-GHJ{letter}")) for letter in rules.ALPHABET]
    assert guesses == [NotFound] * 10 + [Throttled] * 10
    asked = [await _ended(machine.ask_for_device("")) for _ in range(20)]
    assert asked == [None] * 10 + [Throttled] * 10


async def _ended(call: Awaitable[object]) -> type[Exception] | None:
    try:
        await call
    except (NotFound, Throttled) as error:
        return type(error)
    return None


@pytest.mark.parametrize("name", ["x" * 101, "a\nb", "\u202egpj.exe"])
async def test_a_name_that_would_deceive_is_refused(machine: Client, name: str) -> None:
    with pytest.raises(Invalid):
        await machine.call("POST", "/device/code", DeviceCodes, DeviceRequest(name=name))


def test_a_code_is_read_however_it_is_written() -> None:
    assert rules.plain(" bcdf ghjk ") == rules.plain(rules.written("BCDFGHJK")) == "BCDFGHJK"
