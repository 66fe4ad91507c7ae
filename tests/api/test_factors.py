"""Second factors: enrolled, asked for at the door, used once, lost and replaced."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pyotp
import pytest
from litestar import Litestar
from sqlalchemy import text

from crontopus.api import document
from crontopus.api.app import api_router
from crontopus.client import Client
from crontopus.domain.access import EVERYTHING, OF_ROLE, Role, SystemRole
from crontopus.domain.audit import Doer
from crontopus.domain.errors import (
    Conflict,
    FactorNeeded,
    Invalid,
    NotAllowed,
    Throttled,
    Unauthenticated,
    Unconfirmed,
    Unfinished,
)
from crontopus.engine import factors, keys
from crontopus.storage import factors as stored
from crontopus.storage.sealing import Sealer
from crontopus.wire.accounts import NewOwnToken, Session, SignIn
from crontopus.wire.factors import FactorKind
from crontopus.wire.people import Acceptance, MePatch, NewInvitation, TenantPatch
from tests.api.test_people import code_of, visitor
from tests.things import body_of, member_of, things
from tests.world import World

PASSWORD = "a long sentence"
EMAIL = "grace@example.com"


class Grace:
    """A person with a password, and with an authenticator app once she has enrolled one."""

    def __init__(self, world: World, client: Client) -> None:
        self.world = world
        self.client = client
        self.secret = ""
        self.codes: list[str] = []

    def code(self, **ahead: float) -> str:
        """What her app shows now, or at another time."""
        return pyotp.TOTP(self.secret).at(self.world.now + timedelta(**ahead))

    async def next_code(self) -> str:
        """One that was not used: time passes."""
        self.world.hands.turn_to(self.world.now + timedelta(seconds=30))
        return self.code()

    async def enrol(self) -> None:
        self.secret = (await self.client.enrol_authenticator()).secret
        self.codes = (await self.client.confirm_authenticator(self.code())).recovery_codes

    async def password(self) -> Session:
        async with visitor(self.world) as anybody:
            return await anybody.sign_in(SignIn(email=EMAIL, password=PASSWORD))

    @asynccontextmanager
    async def halfway(self) -> AsyncIterator[Client]:
        async with visitor(self.world, (await self.password()).session) as client:
            yield client


def at(grace: Grace, address: str, session: str) -> Client:
    """As `visitor`, from this address."""
    transport = httpx.ASGITransport(grace.world.appliance.app, client=(address, 1))
    return Client("http://crontopus.test", session=session, transport=transport)


@pytest.fixture
async def grace(world: World) -> AsyncIterator[Grace]:
    async with world.person("acme", Role.OWNER) as owner, visitor(world) as anybody:
        code = code_of((await owner.invite(NewInvitation(email=EMAIL, role=Role.OWNER))).link)
        session = await anybody.accept_invitation(Acceptance(code=code, password=PASSWORD))
    async with visitor(world, session.session) as client:
        yield Grace(world, client)


@pytest.fixture
async def enrolled(grace: Grace) -> Grace:
    await grace.enrol()
    return grace


async def told(client: Client) -> list[str]:
    """The newest actions of the tenant's log, newest first."""
    return [entry.action for entry in (await client.audit(limit=20)).items]


# ---- enrolling


async def test_an_authenticator_app_is_in_force_once_its_first_code_is_right(grace: Grace) -> None:
    made = await grace.client.enrol_authenticator()
    assert made == await grace.client.enrol_authenticator(), "asked again it is the same"
    assert made.uri.startswith("otpauth://totp/Crontopus:grace%40example.com?secret=")
    assert made.qr.startswith("<svg")
    assert "style" not in made.qr
    assert not (await grace.password()).pending, "it opens nothing yet, so it is not asked for"
    with pytest.raises(Invalid, match="clock of the phone"):
        await grace.client.confirm_authenticator("000000")
    for no_code in ("", "abcdef", "12345", "٠٠٠٠٠٠"):
        with pytest.raises(Invalid, match="a code is six digits"):
            await grace.client.confirm_authenticator(no_code)
    await grace.enrol()
    assert (await grace.client.me()).second_factor
    assert len(set(grace.codes)) == 10
    with pytest.raises(Conflict, match="begin again"):
        await grace.client.confirm_authenticator(grace.code())
    assert "authenticator.add" in await told(grace.client)


async def test_another_app_takes_the_place_of_the_older_one_and_leaves_the_recovery_codes(enrolled: Grace) -> None:
    older, codes = enrolled.secret, enrolled.codes
    enrolled.secret = (await enrolled.client.enrol_authenticator()).secret
    assert enrolled.secret != older
    assert (await enrolled.client.confirm_authenticator(enrolled.code())).recovery_codes == []
    assert "authenticator.replace" in await told(enrolled.client)
    enrolled.world.hands.turn_to(enrolled.world.now + timedelta(minutes=1))
    async with enrolled.halfway() as half:
        with pytest.raises(Unauthenticated):
            await half.finish_sign_in(pyotp.TOTP(older).at(enrolled.world.now))
        assert (await half.finish_sign_in(codes[0])).session


async def test_enrolling_and_removing_need_a_fresh_confirmation(enrolled: Grace) -> None:
    enrolled.world.hands.turn_to(enrolled.world.now + timedelta(minutes=11))
    for refused in (
        enrolled.client.enrol_authenticator(),
        enrolled.client.remove_authenticator(),
        enrolled.client.add_recovery_codes(),
        enrolled.client.change_password(PASSWORD, "another long sentence"),
    ):
        with pytest.raises(Unconfirmed):
            await refused
    await enrolled.client.confirm(PASSWORD, code=enrolled.code())
    await enrolled.client.remove_authenticator()
    held = await enrolled.client.factors()
    assert (held.authenticator, held.recovery_codes) == (None, 0), "recovery codes of nothing open nothing"
    with pytest.raises(Conflict, match="stand in"):
        await enrolled.client.add_recovery_codes()


async def test_a_token_enrols_nothing(grace: Grace) -> None:
    token = (await grace.client.add_own_token(NewOwnToken(name="cli"))).token
    async with Client(str(grace.client.http.base_url)[:-8], token=token, transport=grace.client.http._transport) as own:
        assert (await own.factors()).authenticator is None
        for refused in (own.enrol_authenticator(), own.add_recovery_codes(), own.remove_authenticator()):
            with pytest.raises(NotAllowed, match="sign in as a person"):
                await refused
    async with grace.world.signed_in("acme") as service:
        with pytest.raises(NotAllowed, match="token of a program"):
            await service.factors()


# ---- at the door


async def test_after_the_password_nothing_opens_but_finishing_and_signing_out(enrolled: Grace) -> None:
    there = await things(enrolled.world, slug="halfway")
    async with enrolled.halfway() as half:
        for path, method, handler in document.operations(Litestar([api_router()], openapi_config=None)):
            operation = str(handler.operation_id)
            if operation in ("sign_out", "finish_sign_in", "passkey_options") or handler.opt["scope"] == "anyone":
                continue
            address = there.fill(path).removeprefix("/api/v1")
            answer = await half.http.request(method, address, content=body_of(operation))
            assert answer.status_code == 401, f"{operation} answers {answer.status_code}"
        with pytest.raises(Unfinished):
            await half.me()
        await half.sign_out()
        with pytest.raises(Unauthenticated):
            await half.finish_sign_in(await enrolled.next_code())


async def test_the_finished_session_has_another_secret(enrolled: Grace) -> None:
    half = await enrolled.password()
    assert half.pending
    assert half.factors == [FactorKind.AUTHENTICATOR, FactorKind.RECOVERY_CODE]
    assert half.expires_at == enrolled.world.now + timedelta(minutes=10)
    async with visitor(enrolled.world, half.session) as client:
        whole = await client.finish_sign_in(await enrolled.next_code())
        assert whole.session != half.session
        assert whole.expires_at > enrolled.world.now + timedelta(days=29)
        with pytest.raises(Unauthenticated):
            await client.me()
        with pytest.raises(Unauthenticated):
            await client.finish_sign_in(await enrolled.next_code())
    async with visitor(enrolled.world, whole.session) as client:
        assert (await client.me()).email == EMAIL
        with pytest.raises(Conflict, match="signed in"):
            await client.finish_sign_in(await enrolled.next_code())
    assert (await told(enrolled.client))[:2] == ["session.begin", "session.pending"]


async def test_the_fifth_wrong_code_ends_the_sign_in(enrolled: Grace) -> None:
    async with enrolled.halfway() as half:
        for _ in range(4):
            with pytest.raises(Unauthenticated, match="this code is wrong"):
                await half.finish_sign_in("000000")
        with pytest.raises(Unauthenticated, match="once too often"):
            await half.finish_sign_in("000000")
        with pytest.raises(Unauthenticated):
            await half.finish_sign_in(await enrolled.next_code())
    assert "session.refuse" in await told(enrolled.client)


async def test_the_sign_in_ends_after_ten_minutes(enrolled: Grace) -> None:
    async with enrolled.halfway() as half:
        enrolled.world.hands.turn_to(enrolled.world.now + timedelta(minutes=10))
        with pytest.raises(Unauthenticated):
            await half.finish_sign_in(enrolled.code())


async def test_guessing_codes_is_slowed_down_over_several_sign_ins(enrolled: Grace) -> None:
    for _ in range(2):
        async with enrolled.halfway() as half:
            for _ in range(5):
                with pytest.raises(Unauthenticated):
                    await half.finish_sign_in("000000")
    async with enrolled.halfway() as half:
        with pytest.raises(Throttled):
            await half.finish_sign_in(enrolled.code())


async def test_whoever_guesses_codes_elsewhere_keeps_nobody_out_of_where_they_have_signed_in(enrolled: Grace) -> None:
    async with at(enrolled, "192.0.2.1", (await enrolled.password()).session) as home:
        whole = await home.finish_sign_in(enrolled.codes[0])
    assert whole.session
    for _ in range(2):
        async with at(enrolled, "203.0.113.9", (await enrolled.password()).session) as thief:
            for _ in range(5):
                with pytest.raises(Unauthenticated):
                    await thief.finish_sign_in("000000")
    async with at(enrolled, "203.0.113.9", (await enrolled.password()).session) as thief:
        with pytest.raises(Throttled):
            await thief.finish_sign_in("000000")
    async with at(enrolled, "192.0.2.1", (await enrolled.password()).session) as home:
        assert (await home.finish_sign_in(await enrolled.next_code())).session


async def test_accepting_an_invitation_goes_no_way_around_the_second_factor(enrolled: Grace) -> None:
    async with enrolled.world.person("globex", Role.OWNER) as other, visitor(enrolled.world) as anybody:
        code = code_of((await other.invite(NewInvitation(email=EMAIL))).link)
        session = await anybody.accept_invitation(Acceptance(code=code, password=PASSWORD))
    assert session.pending
    async with visitor(enrolled.world, session.session) as half:
        with pytest.raises(Unfinished):
            await half.me()
        whole = await half.finish_sign_in(await enrolled.next_code())
    async with visitor(enrolled.world, whole.session) as client:
        assert (await client.tenants()).items[1].name == "globex"


async def test_a_session_on_its_way_is_not_one_of_those_that_are_listed(enrolled: Grace) -> None:
    before = len((await enrolled.client.sessions()).items)
    await enrolled.password()
    assert len((await enrolled.client.sessions()).items) == before


# ---- codes


async def test_a_code_is_used_once(enrolled: Grace) -> None:
    code = await enrolled.next_code()
    async with enrolled.halfway() as half:
        await half.finish_sign_in(code)
    async with enrolled.halfway() as half:
        with pytest.raises(Unauthenticated, match="used already"):
            await half.finish_sign_in(code)
    with pytest.raises(NotAllowed, match="used already"):
        await enrolled.client.confirm(PASSWORD, code=code)


async def test_the_code_that_put_the_app_in_force_is_used_too(enrolled: Grace) -> None:
    async with enrolled.halfway() as half:
        with pytest.raises(Unauthenticated):
            await half.finish_sign_in(enrolled.code())


@pytest.mark.parametrize(("seconds", "opens"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
async def test_a_clock_may_be_wrong_by_one_step(enrolled: Grace, seconds: int, opens: bool) -> None:
    enrolled.world.hands.turn_to(enrolled.world.now + timedelta(minutes=5))
    code = enrolled.code(seconds=seconds)
    async with enrolled.halfway() as half:
        if opens:
            assert (await half.finish_sign_in(f"{code[:3]} {code[3:]}")).session
        else:
            with pytest.raises(Unauthenticated):
                await half.finish_sign_in(code)


async def test_an_older_code_than_the_last_is_void(enrolled: Grace) -> None:
    enrolled.world.hands.turn_to(enrolled.world.now + timedelta(minutes=5))
    older, newer = enrolled.code(seconds=-30), enrolled.code()
    async with enrolled.halfway() as half:
        await half.finish_sign_in(newer)
    async with enrolled.halfway() as half:
        with pytest.raises(Unauthenticated):
            await half.finish_sign_in(older)


@pytest.mark.both_databases
async def test_of_two_at_once_with_one_code_one_comes_in(enrolled: Grace) -> None:
    code = await enrolled.next_code()
    async with enrolled.halfway() as one, enrolled.halfway() as other:
        both = await asyncio.gather(one.finish_sign_in(code), other.finish_sign_in(code), return_exceptions=True)
    assert [type(answer) for answer in both if isinstance(answer, Exception)] == [Unauthenticated]


async def test_a_recovery_code_opens_once_and_is_told_of(enrolled: Grace) -> None:
    code = enrolled.codes[3]
    async with enrolled.halfway() as half:
        await half.finish_sign_in(code.upper().replace("-", " "))
    async with enrolled.halfway() as half:
        with pytest.raises(Unauthenticated):
            await half.finish_sign_in(code)
    assert (await enrolled.client.factors()).recovery_codes == 9
    entry = (await enrolled.client.audit(action="recovery-code.use")).items[0]
    assert (entry.actor, entry.changes["left"]) == (EMAIL, [10, 9])


@pytest.mark.both_databases
async def test_of_two_at_once_with_one_recovery_code_one_comes_in(enrolled: Grace) -> None:
    async with enrolled.halfway() as one, enrolled.halfway() as other:
        both = await asyncio.gather(
            *(client.finish_sign_in(enrolled.codes[0]) for client in (one, other)), return_exceptions=True
        )
    assert [type(answer) for answer in both if isinstance(answer, Exception)] == [Unauthenticated]


async def test_new_recovery_codes_make_the_old_ones_void(enrolled: Grace) -> None:
    fresh = (await enrolled.client.add_recovery_codes()).recovery_codes
    async with enrolled.halfway() as half:
        with pytest.raises(Unauthenticated):
            await half.finish_sign_in(enrolled.codes[0])
        assert (await half.finish_sign_in(fresh[0])).session


async def test_what_is_no_code_is_told_in_words(enrolled: Grace) -> None:
    async with enrolled.halfway() as half:
        for body in ({}, {"code": ""}, {"code": " "}, {"code": "1" * 51}):
            answer = await half.http.post("/sessions/current/second-factor", json=body)
            assert answer.status_code == 400, body
        for code in ("１２３４５６", "12345", "x" * 50, "\u202e123456", "123-456"):
            with pytest.raises((Unauthenticated, Throttled)):
                await half.finish_sign_in(code)


async def test_where_passkeys_cannot_be_it_is_said_why(enrolled: Grace) -> None:
    why = (await enrolled.client.factors()).no_passkeys
    assert why is not None
    assert "https" in why
    for refused in (enrolled.client.new_passkey_options(), enrolled.client.passkey_sign_in_options()):
        with pytest.raises(Conflict, match="authenticator app works everywhere"):
            await refused


# ---- showing it again


async def test_who_has_a_second_factor_shows_it_beside_the_password(enrolled: Grace) -> None:
    enrolled.world.hands.turn_to(enrolled.world.now + timedelta(minutes=11))
    with pytest.raises(Invalid, match="second factor, too"):
        await enrolled.client.confirm(PASSWORD)
    with pytest.raises(NotAllowed, match="not your password"):
        await enrolled.client.confirm("a wrong sentence", code=enrolled.code())
    with pytest.raises(NotAllowed, match="this code is wrong"):
        await enrolled.client.confirm(PASSWORD, code="000000")
    with pytest.raises(Unconfirmed, match="your password again, with your second factor"):
        await enrolled.client.add_own_token(NewOwnToken(name="cli"))
    await enrolled.client.confirm(PASSWORD, code=enrolled.code())
    assert (await enrolled.client.add_own_token(NewOwnToken(name="cli"))).token


# ---- where everybody must


@asynccontextmanager
async def strict(grace: Grace) -> AsyncIterator[Client]:
    """The client of an editor of a tenant that requires second factors, who has none."""
    await grace.client.edit_tenant(TenantPatch(require_second_factor=True))
    async with grace.world.person("acme", Role.EDITOR) as editor:
        yield editor


async def test_where_everybody_must_whoever_has_none_reaches_only_their_own_account(enrolled: Grace) -> None:
    there = await things(enrolled.world, slug="strict")
    async with strict(enrolled) as editor:
        me = await editor.me()
        assert (me.needs_second_factor, me.scopes) == (True, [])
        assert (await editor.factors()).needed
        for path, method, handler in document.operations(Litestar([api_router()], openapi_config=None)):
            if ":" in handler.opt["scope"]:
                address = there.fill(path).removeprefix("/api/v1")
                answer = await editor.http.request(method, address, content=body_of(str(handler.operation_id)))
                assert answer.status_code == 403, handler.operation_id
                assert answer.json()["type"].endswith("second-factor-needed"), handler.operation_id
        with pytest.raises(NotAllowed):
            await editor.add_own_token(NewOwnToken(name="a way around"))
        secret = (await editor.enrol_authenticator()).secret
        await editor.confirm_authenticator(pyotp.TOTP(secret).at(enrolled.world.now))
        assert frozenset((await editor.me()).scopes) == OF_ROLE[Role.EDITOR]
        await editor.remove_authenticator()
        assert (await editor.me()).scopes == []
    async with enrolled.world.signed_in("acme") as program:
        assert (await program.jobs()).items, "a program has no second factor, and works on"


async def test_a_token_of_a_person_who_must_have_one_and_has_none_opens_nothing(enrolled: Grace) -> None:
    async with enrolled.world.person("acme", Role.EDITOR) as editor:
        token = (await editor.add_own_token(NewOwnToken(name="cli"))).token
        await enrolled.client.edit_tenant(TenantPatch(require_second_factor=True))
        async with Client("http://crontopus.test", token=token, transport=editor.http._transport) as own:
            with pytest.raises(FactorNeeded, match="under Security"):
                await own.jobs()
            assert (await own.me()).needs_second_factor


async def test_only_an_owner_with_a_second_factor_says_that_everybody_must(world: World, grace: Grace) -> None:
    wish = TenantPatch(require_second_factor=True)
    with pytest.raises(Conflict, match="of your own first"):
        await grace.client.edit_tenant(wish)
    async with world.person("acme", Role.ADMIN) as admin, world.signed_in("acme") as program:
        for client in (admin, program):
            with pytest.raises(NotAllowed, match="only an owner"):
                await client.edit_tenant(wish)
    await grace.enrol()
    world.hands.turn_to(world.now + timedelta(minutes=11))
    with pytest.raises(Unconfirmed):
        await grace.client.edit_tenant(wish)
    await grace.client.confirm(PASSWORD, code=grace.code())
    assert (await grace.client.edit_tenant(wish)).require_second_factor
    assert (await grace.client.tenants()).items[0].require_second_factor
    entry = (await grace.client.audit(action="tenant.edit")).items[0]
    assert entry.changes == {"require_second_factor": [False, True]}


async def test_the_list_of_members_says_who_has_one(enrolled: Grace) -> None:
    has = {one.email: one.second_factor for one in (await enrolled.client.members()).items}
    assert has[EMAIL]
    assert not has["owner@acme.test"]


async def test_whoever_runs_the_installation_needs_one_where_the_setting_says_so(world: World) -> None:
    world.appliance.parts.operators_need_second_factor = True
    async with world.operator(SystemRole.SUPERADMIN) as operator:
        with pytest.raises(FactorNeeded):
            await operator.admin_config()
        secret = (await operator.enrol_authenticator()).secret
        await operator.confirm_authenticator(pyotp.TOTP(secret).at(world.now))
        assert await operator.admin_config()
    async with world.person("acme", Role.OWNER) as owner:
        assert frozenset((await owner.me()).scopes) == EVERYTHING, "members are none of its business"


# ---- lost


async def test_who_lost_them_gets_them_removed_and_signs_in_with_the_password_alone(enrolled: Grace) -> None:
    async with enrolled.world.appliance.db.write_all() as tx:
        await factors.reset(tx, await user_of(enrolled), Doer("the operator"))
    with pytest.raises(Unauthenticated):
        await enrolled.client.me()
    session = await enrolled.password()
    assert not session.pending
    async with visitor(enrolled.world, session.session) as client:
        held = await client.factors()
        assert (held.authenticator, held.passkeys, held.recovery_codes) == (None, [], 0)
        assert (await client.audit(action="factors.reset")).items[0].actor == "the operator"


async def user_of(grace: Grace) -> UUID:
    return await member_of(grace.client)


# ---- a stolen copy


async def test_a_stolen_database_shows_neither_the_apps_secret_nor_a_code(
    enrolled: Grace, world_data: tuple[Path, str]
) -> None:
    async with enrolled.world.appliance.db.read_all() as tx:
        app = await stored.authenticator(tx, await user_of(enrolled))
        assert app is not None
    assert enrolled.secret.encode() not in app.sealed
    with pytest.raises(Conflict):
        Sealer(bytes(32)).open(app.sealed, app.user_id, app.id)
    with pytest.raises(Conflict):
        enrolled.world.appliance.parts.sealer.open(app.sealed, app.id, app.user_id)


async def test_what_is_stored_of_a_recovery_code_opens_nothing(enrolled: Grace) -> None:
    async with enrolled.world.appliance.db.read_all() as tx:
        hashes = [bytes(row.hash) for row in await tx.sql.execute(text("SELECT hash FROM recovery_codes"))]
    assert len(hashes) == 10
    async with enrolled.halfway() as half:
        for form in (hashes[0].hex()[:50], base64.b32encode(hashes[0]).decode()[:50]):
            with pytest.raises(Unauthenticated):
                await half.finish_sign_in(form)


async def test_a_new_key_seals_the_apps_secrets_anew(enrolled: Grace) -> None:
    sealer, fresh = enrolled.world.appliance.parts.sealer, bytes(range(32))
    newer = Sealer(fresh)
    newer._keys += sealer._keys
    async with enrolled.world.appliance.db.write_all() as tx:
        await keys._seal_anew(tx, newer)
        app = await stored.authenticator(tx, await user_of(enrolled))
    assert app is not None
    assert Sealer(fresh).open(app.sealed, app.user_id, app.id).decode() == enrolled.secret


# ---- how things are shown


async def test_how_a_person_wants_things_shown_is_kept_with_them(grace: Grace) -> None:
    me = await grace.client.me()
    assert (me.zone, me.theme, me.language) == (None, None, None)
    await grace.client.edit_me(MePatch(zone="Asia/Tokyo", theme="dark", language="en-US"))
    async with visitor(grace.world, (await grace.password()).session) as elsewhere:
        me = await elsewhere.me()
        assert (me.zone, me.theme, me.language) == ("Asia/Tokyo", "dark", "en-US")
    await grace.client.edit_me(MePatch(zone=None))
    assert (await grace.client.me()).zone is None
    for body in ({"zone": "Atlantis"}, {"theme": "pink"}, {"language": "xx"}, {"zone": ""}, {"zone": "../etc"}):
        answer = await grace.client.http.patch("/me", json=body)
        assert answer.status_code == 400, body
        assert answer.json()["errors"][0]["pointer"] == "/" + next(iter(body))
