"""Passkeys: made, shown in place of a password or beside it, and refused where anything about them is wrong."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from crontopus.client import Client
from crontopus.domain.access import Role
from crontopus.domain.errors import Conflict, Invalid, NotAllowed, NotFound, Unauthenticated, Unconfirmed
from crontopus.engine import passkeys
from crontopus.wire.factors import FactorKind, NewPasskey, PasskeyPatch
from crontopus.wire.people import TenantPatch
from tests.api.test_factors import EMAIL, PASSWORD, Grace, grace, told
from tests.api.test_people import visitor
from tests.authenticator import PRESENT, SoftPasskey
from tests.world import World

__all__ = ["grace"]
SITE, ORIGIN = "crontopus.test", "https://crontopus.test"


@pytest.fixture(autouse=True)
def _over_https(world: World, grace: Grace) -> None:
    """Where browsers do passkeys; once she has come by her link."""
    world.appliance.parts.public_url = ORIGIN


class Holder:
    """Grace with a passkey."""

    def __init__(self, grace: Grace, passkey: SoftPasskey) -> None:
        self.grace, self.passkey = grace, passkey
        self.world, self.client = grace.world, grace.client

    async def signed_in(self, change: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer) -> Client:
        """With the passkey alone; `change` is what somebody does to the browser's answer."""
        async with visitor(self.world) as anybody:
            options = (await anybody.passkey_sign_in_options()).public_key
            session = await anybody.sign_in_with_passkey(change(self.passkey.get(options)))
        return visitor(self.world, session.session)


async def add(client: Client, passkey: SoftPasskey, name: str = "Laptop") -> list[str]:
    options = (await client.new_passkey_options()).public_key
    return (await client.add_passkey(NewPasskey(passkey=passkey.create(options), name=name))).recovery_codes


@pytest.fixture
async def holder(grace: Grace, _over_https: None) -> Holder:
    passkey = SoftPasskey(ORIGIN, SITE)
    grace.codes = await add(grace.client, passkey)
    return Holder(grace, passkey)


# ---- made


async def test_a_passkey_is_listed_named_anew_and_removed(holder: Holder) -> None:
    assert len(holder.grace.codes) == 10
    assert await add(holder.client, SoftPasskey(ORIGIN, SITE), "Phone") == []
    laptop, phone = (await holder.client.factors()).passkeys
    assert (laptop.name, phone.name, laptop.used_at) == ("Laptop", "Phone", None)
    assert (await holder.client.edit_passkey(phone.id, PasskeyPatch(name="Old phone"))).name == "Old phone"
    for one in (laptop, phone):
        assert (await holder.client.me()).second_factor
        await holder.client.remove_passkey(one.id)
    assert not (await holder.client.me()).second_factor
    with pytest.raises(Unauthenticated):
        await holder.signed_in()
    with pytest.raises(NotFound):
        await holder.client.remove_passkey(phone.id)
    assert (await told(holder.client))[:3] == ["passkey.remove", "passkey.remove", "passkey.edit"]


async def test_what_the_browser_is_asked_demands_a_key_that_is_found_and_opened(grace: Grace) -> None:
    options = (await grace.client.new_passkey_options()).public_key
    assert options["rp"]["id"] == SITE
    wanted = options["authenticatorSelection"]
    assert (wanted["residentKey"], wanted["userVerification"]) == ("required", "required")
    await add(grace.client, SoftPasskey(ORIGIN, SITE))
    again = (await grace.client.new_passkey_options()).public_key
    assert len(again["excludeCredentials"]) == 1
    assert again["challenge"] != options["challenge"]


async def test_making_and_removing_one_needs_a_fresh_confirmation(holder: Holder) -> None:
    laptop = (await holder.client.factors()).passkeys[0].id
    options = (await holder.client.new_passkey_options()).public_key
    holder.world.hands.turn_to(holder.world.now + timedelta(minutes=11))
    for refused in (
        holder.client.new_passkey_options(),
        holder.client.add_passkey(NewPasskey(passkey=SoftPasskey(ORIGIN, SITE).create(options))),
        holder.client.remove_passkey(laptop),
    ):
        with pytest.raises(Unconfirmed):
            await refused


@pytest.mark.parametrize("wrong", ["another challenge", "another origin", "another site", "not opened", "garbage"])
async def test_a_passkey_is_not_taken_where_anything_is_wrong(grace: Grace, wrong: str) -> None:
    passkey = SoftPasskey(
        "https://evil.test" if wrong == "another origin" else ORIGIN, "evil.test" if wrong == "another site" else SITE
    )
    if wrong == "not opened":
        passkey.flags = PRESENT
    options = (await grace.client.new_passkey_options()).public_key
    if wrong == "another challenge":
        options = options | {"challenge": "AAAA"}
    answer = {"id": 1, "response": {"x": []}} if wrong == "garbage" else passkey.create(options)
    with pytest.raises(Invalid, match="begin again"):
        await grace.client.add_passkey(NewPasskey(passkey=answer))
    assert (await grace.client.factors()).passkeys == []


async def test_a_challenge_makes_one_passkey_in_one_session_and_in_time(holder: Holder) -> None:
    options = (await holder.client.new_passkey_options()).public_key
    await holder.client.add_passkey(NewPasskey(passkey=SoftPasskey(ORIGIN, SITE).create(options)))
    late = (await holder.client.new_passkey_options()).public_key
    async with await holder.signed_in() as elsewhere:
        other = (await elsewhere.new_passkey_options()).public_key
    holder.world.hands.turn_to(holder.world.now + timedelta(minutes=5))
    for stale in (options, late, other):
        with pytest.raises(Invalid):
            await holder.client.add_passkey(NewPasskey(passkey=SoftPasskey(ORIGIN, SITE).create(stale)))
    assert len((await holder.client.factors()).passkeys) == 2


async def test_a_passkey_belongs_to_one_person(holder: Holder) -> None:
    async with holder.world.person("globex", Role.OWNER) as other:
        with pytest.raises(Conflict, match="known here already"):
            await add(other, holder.passkey)


async def test_a_person_has_at_most_twenty(grace: Grace) -> None:
    for _ in range(passkeys.MOST):
        await add(grace.client, SoftPasskey(ORIGIN, SITE))
    with pytest.raises(Conflict, match="remove one first"):
        await grace.client.new_passkey_options()


# ---- in place of a password


async def test_a_passkey_alone_signs_in_and_counts_as_both(holder: Holder) -> None:
    async with await holder.signed_in() as client:
        me = await client.me()
        assert me.email == EMAIL
        assert me.confirmed_until == holder.world.now + timedelta(minutes=10)
    assert (await holder.client.factors()).passkeys[0].used_at == holder.world.now


async def test_an_answer_is_taken_once(holder: Holder) -> None:
    async with visitor(holder.world) as anybody:
        answer = holder.passkey.get((await anybody.passkey_sign_in_options()).public_key)
        assert (await anybody.sign_in_with_passkey(answer)).session
        with pytest.raises(Unauthenticated):
            await anybody.sign_in_with_passkey(answer)


@pytest.mark.both_databases
async def test_of_two_at_once_with_one_answer_one_comes_in(holder: Holder) -> None:
    async with visitor(holder.world) as anybody:
        answer = holder.passkey.get((await anybody.passkey_sign_in_options()).public_key)
        both = await asyncio.gather(*(anybody.sign_in_with_passkey(answer) for _ in range(2)), return_exceptions=True)
    assert [type(one) for one in both if isinstance(one, Exception)] == [Unauthenticated]


async def test_a_counter_that_goes_back_is_refused_and_told_wherever_its_owner_is(holder: Holder) -> None:
    async with await holder.signed_in():
        holder.passkey.counter = 7
    async with await holder.signed_in():
        holder.passkey.counter -= 1
    with pytest.raises(Unauthenticated):
        await holder.signed_in()
    entry = (await holder.client.audit(action="passkey.refuse")).items[0]
    assert (entry.actor, entry.target) == (EMAIL, "Laptop")
    async with await holder.signed_in() as client:
        assert (await client.me()).email == EMAIL, "the one that counted on is the true one"


async def test_an_authenticator_that_does_not_count_is_taken_again_and_again(holder: Holder) -> None:
    for _ in range(3):
        holder.passkey.counter = -1
        async with await holder.signed_in() as client:
            assert (await client.me()).email == EMAIL


@pytest.mark.parametrize("wrong", ["origin", "site", "not opened", "key", "challenge", "owner", "garbage", "empty"])
async def test_nobody_comes_in_where_anything_is_wrong(holder: Holder, wrong: str) -> None:
    passkey = holder.passkey
    if wrong == "origin":
        passkey.origin = f"{ORIGIN}.evil.test"
    elif wrong == "site":
        passkey.site = "evil.test"
    elif wrong == "not opened":
        passkey.flags = PRESENT
    elif wrong == "key":
        holder.passkey = SoftPasskey(ORIGIN, SITE)
        holder.passkey.id = passkey.id
    elif wrong == "owner":
        passkey.owner = uuid4().bytes
    changes: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "challenge": lambda _: passkey.get({"challenge": "AAAA"}),
        "garbage": lambda answer: answer | {"response": {"clientDataJSON": "e30", "authenticatorData": "A", "x": 1}},
        "empty": lambda _: {},
    }
    with pytest.raises(Unauthenticated):
        await holder.signed_in(changes.get(wrong, lambda answer: answer))


async def test_no_header_says_where_passkeys_hold(holder: Holder) -> None:
    async with visitor(holder.world) as anybody:
        for name in ("Host", "X-Forwarded-Host", "Origin"):
            answer = await anybody.http.post("/sessions/passkey-options", headers={name: "evil.test"})
            if name == "Origin":
                assert answer.status_code == 403
            else:
                assert answer.json()["public_key"]["rpId"] == SITE


# ---- beside a password


async def test_a_passkey_finishes_what_a_password_began(holder: Holder) -> None:
    half = await holder.grace.password()
    assert half.factors == [FactorKind.PASSKEY, FactorKind.RECOVERY_CODE]
    async with visitor(holder.world, half.session) as client:
        options = (await client.passkey_options()).public_key
        assert len(options["allowCredentials"]) == 1
        whole = await client.finish_sign_in(passkey=holder.passkey.get(options))
    async with visitor(holder.world, whole.session) as client:
        assert (await client.me()).email == EMAIL


async def test_a_challenge_of_the_door_or_of_another_session_finishes_nothing(holder: Holder) -> None:
    async with visitor(holder.world) as anybody:
        of_door = (await anybody.passkey_sign_in_options()).public_key
    of_other = (await holder.client.passkey_options()).public_key
    async with holder.grace.halfway() as half:
        for options in (of_door, of_other):
            with pytest.raises(Unauthenticated):
                await half.finish_sign_in(passkey=holder.passkey.get(options))
        mine = (await half.passkey_options()).public_key
    async with visitor(holder.world) as anybody:
        with pytest.raises(Unauthenticated):
            await anybody.sign_in_with_passkey(holder.passkey.get(mine))


async def test_somebody_elses_passkey_finishes_nothing(holder: Holder) -> None:
    theirs = SoftPasskey(ORIGIN, SITE)
    async with holder.world.person("acme", Role.OWNER) as other:
        await add(other, theirs)
    async with holder.grace.halfway() as half:
        with pytest.raises(Unauthenticated):
            await half.finish_sign_in(passkey=theirs.get((await half.passkey_options()).public_key))


async def test_a_passkey_alone_says_again_who_one_is(holder: Holder) -> None:
    holder.world.hands.turn_to(holder.world.now + timedelta(minutes=11))
    with pytest.raises(Invalid, match="second factor, too"):
        await holder.client.confirm(PASSWORD)
    options = (await holder.client.passkey_options()).public_key
    await holder.client.confirm(passkey=holder.passkey.get(options))
    assert (await holder.client.me()).confirmed_until == holder.world.now + timedelta(minutes=10)
    with pytest.raises(NotAllowed, match="this passkey does not open it"):
        await holder.client.confirm(passkey=holder.passkey.get(options))
    await holder.client.confirm(PASSWORD, code=holder.grace.codes[0])


async def test_a_passkey_is_a_second_factor_where_everybody_must_have_one(holder: Holder) -> None:
    assert (await holder.client.edit_tenant(TenantPatch(require_second_factor=True))).require_second_factor
    async with holder.world.person("acme", Role.VIEWER) as viewer:
        assert (await viewer.me()).scopes == []
        await add(viewer, SoftPasskey(ORIGIN, SITE))
        assert "jobs:read" in (await viewer.me()).scopes


# ---- where they work


@pytest.mark.parametrize(
    ("address", "works"),
    [
        ("https://crontopus.example.com", True),
        ("https://crontopus.example.com:8443", True),
        ("http://localhost:8000", True),
        ("http://one.localhost", True),
        ("http://crontopus.example.com", False),
        ("https://192.0.2.1", False),
        ("http://127.0.0.1:8000", False),
        ("http://[::1]:8000", False),
    ],
)
def test_passkeys_work_at_a_name_over_https_or_at_localhost(address: str, works: bool) -> None:
    assert (passkeys.obstacle(address) is None) == works
