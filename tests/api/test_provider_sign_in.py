"""Who somebody is that comes by a sign-in provider, what they may, and that it opens one tenant and nothing else."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from crontopus.client import Client
from crontopus.domain.access import OF_INSTALLATION, Role, SystemRole
from crontopus.domain.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    ProviderNeeded,
    Unauthenticated,
    Unconfirmed,
)
from crontopus.domain.providers import SESSION_LIFE
from crontopus.storage import accounts, members
from crontopus.storage.identity import new_id
from crontopus.wire.accounts import NewOwnToken, NewToken, SignIn
from crontopus.wire.people import Acceptance, MemberPatch, MePatch, NewInvitation
from crontopus.wire.providers import GroupRole, Provider, ProviderPatch
from tests.providers import Browser, Hostile, hostile, new, real, through_its_pages
from tests.things import member_of
from tests.world import BASE, Hands, World, world_in

PASSWORD = "a sentence that nobody guesses"
GRACE = "grace@example.com"


@pytest.fixture
def by(world: World) -> Iterator[Hostile]:
    with hostile(world.hands) as provider:
        yield provider


async def add(world: World, by: Hostile, tenant: str = "acme", **more: object) -> Provider:
    async with world.person(tenant, Role.OWNER) as owner:
        return await owner.add_provider(new(by.issuer, **more))


async def edit(world: World, provider: Provider, patch: ProviderPatch) -> None:
    async with world.person("acme", Role.OWNER) as owner:
        await owner.edit_provider(provider.id, patch)


def anybody(world: World) -> Client:
    return Client(BASE, transport=httpx.ASGITransport(world.appliance.app))


async def with_password(world: World, tenant: str, role: Role, email: str = GRACE, *, system: bool = False) -> None:
    """A member who signs in with a password."""
    hashed = await world.appliance.parts.passwords.hash(PASSWORD)
    async with world.appliance.db.write_all() as tx:
        known = await accounts.account(tx, email)
        user = known.user if known else new_id(tx.now)
        if known is None:
            await accounts.add_user(tx, user, email, hashed, SystemRole.SUPERADMIN if system else None)
        await members.add(tx.of(world.tenants[tenant].principal.tenant), user, role)


async def roles(world: World) -> dict[str, Role]:
    async with world.signed_in("acme") as acme:
        return {one.email: one.role for one in (await acme.members(limit=200)).items}


async def actions(world: World, tenant: str = "acme") -> list[str]:
    async with world.signed_in(tenant) as client:
        return [one.action for one in (await client.audit(limit=100)).items]


# ---- who it is


async def test_whoever_is_no_member_stays_outside_where_nothing_else_is_said(world: World, by: Hostile) -> None:
    provider = await add(world, by)
    answer = await Browser(world).signs_in(provider, by)
    assert answer.status_code == 403
    assert "no member here" in answer.text
    assert GRACE not in await roles(world)
    assert "session.refuse" in await actions(world)


async def test_a_newcomer_is_what_their_groups_say_else_the_default(world: World, by: Hostile) -> None:
    groups = [GroupRole(group="ops", role=Role.EDITOR), GroupRole(group="board", role=Role.AUDITOR)]
    provider = await add(world, by, default_role=Role.VIEWER, roles=groups)
    for number, (said, role) in enumerate(
        [(["ops", "board"], Role.EDITOR), (["board"], Role.AUDITOR), ("ops", Role.EDITOR), ({"x": 1}, Role.VIEWER)]
    ):
        by.claims = {"sub": str(number), "email": f"p{number}@example.com", "groups": said}
        assert (await Browser(world).signs_in(provider, by)).status_code == 303
        assert (await roles(world))[f"p{number}@example.com"] is role


async def test_groups_are_looked_at_anew_at_each_sign_in(world: World, by: Hostile) -> None:
    groups = [GroupRole(group="ops", role=Role.EDITOR), GroupRole(group="leads", role=Role.ADMIN)]
    provider = await add(world, by, roles=groups)
    by.claims = {"groups": ["leads"]}
    browser = Browser(world)
    await browser.signs_in(provider, by)
    assert (await roles(world))[GRACE] is Role.ADMIN
    by.claims = {"groups": ["ops"]}
    await Browser(world).signs_in(provider, by)
    async with browser.client() as client:  # it holds for sessions from before, too
        assert (await client.me()).role is Role.EDITOR
    by.claims = {"groups": ["others"]}
    answer = await Browser(world).signs_in(provider, by)
    assert (answer.status_code, "one of your groups may come in" in answer.text) == (403, True)
    assert "member.edit" in await actions(world)


async def test_groups_may_reach_some_namespaces_only(world: World, by: Hostile) -> None:
    groups = [GroupRole(group="ops", role=Role.EDITOR, namespaces=["default"])]
    provider = await add(world, by, roles=groups)
    by.claims = {"groups": ["ops"]}
    browser = Browser(world)
    await browser.signs_in(provider, by)
    async with browser.client() as client:
        assert (await client.me()).namespaces == ["default"]


async def test_groups_and_addresses_may_stand_in_the_user_info(world: World, by: Hostile) -> None:
    provider = await add(world, by, roles=[GroupRole(group="ops", role=Role.EDITOR)])
    by.claims = {"email": None, "email_verified": None, "groups": None}
    by.info = {"sub": "another", "email": GRACE, "email_verified": True, "groups": ["ops"]}
    assert "tells of another person" in (await Browser(world).signs_in(provider, by)).text
    by.info["sub"] = "1"
    assert (await Browser(world).signs_in(provider, by)).status_code == 303
    by.claims, by.info = {"email_verified": None, "sub": "2"}, {"sub": "2", "email": "x@y.test", "email_verified": True}
    answer = await Browser(world).signs_in(provider, by)
    assert "has not verified" in answer.text, "what is verified is the other address"


async def test_whoever_is_invited_comes_in_as_they_were_invited(world: World, by: Hostile) -> None:
    provider = await add(world, by)
    async with world.person("acme", Role.OWNER) as owner:
        await owner.invite(NewInvitation(email=GRACE, role=Role.RESPONDER))
    assert (await Browser(world).signs_in(provider, by)).status_code == 303
    assert (await roles(world))[GRACE] is Role.RESPONDER
    async with world.signed_in("acme") as acme:
        assert not (await acme.invitations()).items


async def test_a_member_is_found_by_their_address_once_and_then_by_their_subject(world: World, by: Hostile) -> None:
    await with_password(world, "acme", Role.EDITOR)
    provider = await add(world, by)
    assert (await Browser(world).signs_in(provider, by)).status_code == 303
    assert "provider.link" in await actions(world)
    by.claims = {"email": "married@example.com"}
    browser = Browser(world)
    await browser.signs_in(provider, by)
    async with browser.client() as client:
        assert (await client.me()).email == GRACE
    by.claims = {"sub": "another person who got the address"}
    answer = await Browser(world).signs_in(provider, by)
    assert (answer.status_code, "nother account of your provider" in answer.text) == (403, True)


async def test_who_was_removed_does_not_come_back_by_the_provider(world: World, by: Hostile) -> None:
    provider = await add(world, by, default_role=Role.VIEWER)
    browser = Browser(world)
    await browser.signs_in(provider, by)
    async with browser.client() as client, world.person("acme", Role.OWNER) as owner:
        await owner.remove_member(await member_of(client))
        with pytest.raises(Unauthenticated):
            await client.me()
    assert (await Browser(world).signs_in(provider, by)).status_code == 403


async def test_the_last_owner_stays_one_whatever_their_groups(world: World, by: Hostile) -> None:
    async with world.appliance.db.write_all() as tx:
        owner = await accounts.account(tx, "owner@acme.test")
        assert owner
    async with world.person("acme", Role.OWNER) as somebody:
        provider = await somebody.add_provider(
            new(by.issuer, domains=["acme.test"], roles=[GroupRole(group="ops", role=Role.VIEWER)])
        )
        me = await member_of(somebody)
    by.claims = {"email": "owner@acme.test", "groups": ["ops"]}
    async with world.appliance.db.write_all() as tx:
        await members.change(tx.of(world.tenants["acme"].principal.tenant), me, Role.VIEWER, [])
    assert (await Browser(world).signs_in(provider, by)).status_code == 303
    assert (await roles(world))["owner@acme.test"] is Role.OWNER
    async with world.person("acme", Role.OWNER):  # there is another one now
        assert (await Browser(world).signs_in(provider, by)).status_code == 303
        assert (await roles(world))["owner@acme.test"] is Role.VIEWER


@pytest.mark.both_databases
async def test_two_first_sign_ins_at_once_make_one_person(world: World, by: Hostile) -> None:
    provider = await add(world, by, default_role=Role.VIEWER)
    browsers = [Browser(world), Browser(world)]
    queries = [by.sends_back(await one.leaves(provider)) for one in browsers]
    answers = await asyncio.gather(*(one.comes_back(query) for one, query in zip(browsers, queries, strict=True)))
    assert [one.status_code for one in answers] == [303, 303]
    assert (await actions(world)).count("member.join") == 1


# ---- one tenant, and nothing else


async def test_a_provider_of_one_tenant_brings_nobody_into_another(world: World, by: Hostile) -> None:
    """Acme's provider says of somebody that they are a person who is in both, and runs the installation."""
    await with_password(world, "acme", Role.VIEWER, system=True)
    await with_password(world, "globex", Role.OWNER)
    provider, browser = await add(world, by), Browser(world)
    await browser.signs_in(provider, by)
    there = world.tenants["globex"].principal.tenant
    async with browser.client() as client:
        me = await client.me()
        assert (me.email, me.tenant, me.role, me.system_role) == (GRACE, "acme", Role.VIEWER, None)
        assert not OF_INSTALLATION & set(me.scopes)
        assert [one.name for one in (await client.tenants()).items] == ["acme"]
        with pytest.raises(NotFound):
            await client.switch_tenant(there)
        assert (await client.http.get("/admin/tenants")).status_code == 403
        assert (await client.http.get("/admin/config")).status_code == 403


async def test_a_provider_changes_nothing_of_an_account_that_has_a_password(world: World, by: Hostile) -> None:
    await with_password(world, "acme", Role.OWNER)
    async with anybody(world) as client:
        password = await client.sign_in(SignIn(email=GRACE, password=PASSWORD))
    provider, browser = await add(world, by), Browser(world)
    await browser.signs_in(provider, by)
    async with browser.client() as client:
        for attempt in (
            client.enrol_authenticator(),
            client.confirm_authenticator("123456"),
            client.remove_authenticator(),
            client.add_recovery_codes(),
            client.factors(),
            client.change_password(PASSWORD, "another sentence nobody guesses"),
            client.edit_me(MePatch(name="Mallory")),
        ):
            with pytest.raises(NotAllowed, match="does not open your account"):
                await attempt
        with pytest.raises(NotAllowed, match="sign in by it once more"):
            await client.confirm(PASSWORD)
        assert len((await client.sessions()).items) == 1, "where else they are signed in is not told"
    async with Client(BASE, session=password.session, transport=httpx.ASGITransport(world.appliance.app)) as own:
        other = (await own.sessions()).items[0].id
        async with browser.client() as client:
            with pytest.raises(NotFound):
                await client.end_session(other)
        assert (await own.me()).email == GRACE


async def test_tokens_made_after_a_provider_are_nothing_to_the_installation(world: World, by: Hostile) -> None:
    await with_password(world, "acme", Role.OWNER, system=True)
    provider, browser = await add(world, by), Browser(world)
    await browser.signs_in(provider, by)
    transport = httpx.ASGITransport(world.appliance.app)
    async with browser.client() as client:
        own = (await client.add_own_token(NewOwnToken(name="own"))).token
        service = (await client.add_token(NewToken(name="s"))).token
        device = await client.ask_for_device("laptop")
        await client.decide_device(device.user_code, allow=True)
        machine = (await client.fetch_device_token(device.device_code)).token
    for token in (own, service, machine):
        async with Client(BASE, token=token, transport=transport) as program:
            me = await program.me()
            assert me.system_role is None
            assert not OF_INSTALLATION & set(me.scopes)
            assert me.tenant == "acme"
        headers = {"Authorization": f"Bearer {token}"}
        assert (await world.http.get("/metrics", headers=headers)).status_code == 403


async def test_a_person_whom_a_provider_made_is_not_taken_over_by_who_invites_them(world: World, by: Hostile) -> None:
    """Globex invites an address that only acme's provider has vouched for, and opens the link itself."""
    provider = await add(world, by, default_role=Role.OWNER)
    await Browser(world).signs_in(provider, by)
    async with world.person("globex", Role.OWNER) as owner:
        link = (await owner.invite(NewInvitation(email=GRACE))).link
    async with anybody(world) as thief:
        code = (link or "").partition("code=")[2]
        assert not (await thief.open_invitation(code)).known
        session = await thief.accept_invitation(Acceptance(code=code, password=PASSWORD))
    async with Client(BASE, session=session.session, transport=httpx.ASGITransport(world.appliance.app)) as client:
        assert (await client.me()).tenant == "globex"
        assert [one.name for one in (await client.tenants()).items] == ["globex"]
        with pytest.raises(NotFound):
            await client.switch_tenant(world.tenants["acme"].principal.tenant)
    async with anybody(world) as client:
        again = await client.sign_in(SignIn(email=GRACE, password=PASSWORD))
    async with Client(BASE, session=again.session, transport=httpx.ASGITransport(world.appliance.app)) as client:
        assert (await client.me()).tenant == "globex"


async def test_an_account_elsewhere_is_not_joined_by_its_address(world: World, by: Hostile) -> None:
    await with_password(world, "globex", Role.OWNER)
    provider = await add(world, by, default_role=Role.VIEWER)
    answer = await Browser(world).signs_in(provider, by)
    assert (answer.status_code, "no member here" in answer.text) == (403, True)
    assert GRACE not in await roles(world)


async def test_a_session_ends_after_twelve_hours_however_it_is_used(world: World, by: Hostile) -> None:
    provider, browser = await add(world, by, default_role=Role.VIEWER), Browser(world)
    await browser.signs_in(provider, by)
    end = world.now + SESSION_LIFE
    async with browser.client() as client:
        while world.now + timedelta(hours=1) < end:
            world.hands.turn_to(world.now + timedelta(hours=1))
            await client.me()
        world.hands.turn_to(end)
        with pytest.raises(Unauthenticated):
            await client.me()


async def test_a_provider_sees_to_second_factors_itself(world: World, by: Hostile) -> None:
    provider, browser = await add(world, by, default_role=Role.EDITOR), Browser(world)
    async with world.appliance.db.write_all() as tx:
        from crontopus.storage import tenants

        await tenants.change(tx, world.tenants["acme"].principal.tenant, {"require_second_factor": True})
    await browser.signs_in(provider, by)
    async with browser.client() as client:
        me = await client.me()
        assert not me.needs_second_factor
        assert "jobs:write" in me.scopes


# ---- everybody must come by it


async def test_where_it_is_enforced_passwords_open_nothing_but_for_owners(world: World, by: Hostile) -> None:
    await with_password(world, "acme", Role.EDITOR)
    await with_password(world, "acme", Role.OWNER, "ada@example.com")
    provider = await add(world, by)
    async with anybody(world) as client:
        before = await client.sign_in(SignIn(email=GRACE, password=PASSWORD))
    await edit(world, provider, ProviderPatch(enforced=True))
    transport = httpx.ASGITransport(world.appliance.app)
    async with Client(BASE, session=before.session, transport=transport) as client:
        with pytest.raises(Unauthenticated):
            await client.me()
    async with anybody(world) as client:
        with pytest.raises(ProviderNeeded, match="acme asks its people") as refused:
            await client.sign_in(SignIn(email=GRACE, password=PASSWORD))
        assert refused.value.faults[0].pointer == f"/sign-in/with/{provider.id}"
        assert "password" not in str(refused.value), "a proxy may have let them in"
        with pytest.raises(Unauthenticated) as wrong:
            await client.sign_in(SignIn(email=GRACE, password="not the password"))
        assert not isinstance(wrong.value, ProviderNeeded), "a stranger is not told"
        assert (await client.sign_in(SignIn(email="ada@example.com", password=PASSWORD))).session, "the way back"
    page = await Browser(world).http.post("/sign-in", data={"email": GRACE, "password": PASSWORD})
    assert (page.status_code, f'href="/sign-in/with/{provider.id}?next=/jobs"' in page.text) == (403, True)
    browser = Browser(world)
    assert (await browser.signs_in(provider, by)).status_code == 303
    async with browser.client() as client:
        assert (await client.me()).role is Role.EDITOR


async def test_who_is_elsewhere_too_comes_in_there_with_their_password(world: World, by: Hostile) -> None:
    await with_password(world, "acme", Role.EDITOR)
    await with_password(world, "globex", Role.VIEWER)
    await add(world, by, enforced=True)
    async with anybody(world) as client:
        session = await client.sign_in(SignIn(email=GRACE, password=PASSWORD))
    async with Client(BASE, session=session.session, transport=httpx.ASGITransport(world.appliance.app)) as client:
        assert (await client.me()).tenant == "globex"
        with pytest.raises(NotFound):
            await client.switch_tenant(world.tenants["acme"].principal.tenant)


async def test_who_runs_the_installation_still_does_so_with_their_password(world: World, by: Hostile) -> None:
    await with_password(world, "acme", Role.EDITOR, system=True)
    await add(world, by, enforced=True)
    async with anybody(world) as client:
        session = await client.sign_in(SignIn(email=GRACE, password=PASSWORD))
    async with Client(BASE, session=session.session, transport=httpx.ASGITransport(world.appliance.app)) as client:
        me = await client.me()
        assert (me.system_role, me.tenant_id, me.role) == (SystemRole.SUPERADMIN, None, None)


async def test_whoever_accepts_an_invitation_there_is_sent_to_the_provider(world: World, by: Hostile) -> None:
    await add(world, by, enforced=True)
    async with world.person("acme", Role.OWNER) as owner:
        link = (await owner.invite(NewInvitation(email=GRACE))).link
    async with anybody(world) as client:
        with pytest.raises(ProviderNeeded):
            await client.accept_invitation(Acceptance(code=(link or "").partition("code=")[2], password=PASSWORD))
    assert (await roles(world))[GRACE] is Role.VIEWER


async def test_nobody_locks_everybody_out(world: World, by: Hostile) -> None:
    provider = await add(world, by, default_role=Role.OWNER)
    browser = Browser(world)
    await browser.signs_in(provider, by)
    by.claims = {"auth_time": int(world.now.timestamp())}
    async with browser.client() as brought, world.person("acme", Role.OWNER) as invited:
        for one in (await invited.members(limit=200)).items:
            if one.role is Role.OWNER and one.email not in (GRACE, (await invited.me()).email):
                await invited.edit_member(one.id, MemberPatch(role=Role.VIEWER))
        await brought.edit_provider(provider.id, ProviderPatch(enforced=True))
        last = await member_of(invited)
        with pytest.raises(Conflict, match="without the sign-in provider"):
            await brought.remove_member(last)
        with pytest.raises(Conflict, match="without the sign-in provider"):
            await brought.edit_member(last, MemberPatch(role=Role.ADMIN))
        await brought.edit_provider(provider.id, ProviderPatch(enforced=False))
        await brought.remove_member(last)
        with pytest.raises(Conflict, match="invite an owner"):
            await brought.edit_provider(provider.id, ProviderPatch(enforced=True))


# ---- keeping them


async def test_only_an_owner_who_has_shown_who_they_are_keeps_providers(world: World, by: Hostile) -> None:
    provider = await add(world, by)
    async with world.person("acme", Role.ADMIN) as admin:
        assert [one.name for one in (await admin.providers()).items] == ["Example SSO"]
        for attempt in (
            admin.add_provider(new(by.issuer)),
            admin.edit_provider(provider.id, ProviderPatch(enabled=False)),
            admin.remove_provider(provider.id),
            admin.check_provider(provider.id),
        ):
            with pytest.raises(NotAllowed, match="owner"):
                await attempt
    async with world.person("acme", Role.OWNER) as owner:
        world.hands.turn_to(world.now + timedelta(minutes=11))
        with pytest.raises(Unconfirmed):
            await owner.edit_provider(provider.id, ProviderPatch(name="x"))
    async with world.signed_in("acme") as program:
        with pytest.raises(NotAllowed):
            await program.remove_provider(provider.id)


async def test_no_two_providers_have_the_same_name(world: World, by: Hostile) -> None:
    provider = await add(world, by)
    async with world.person("acme", Role.OWNER) as owner:
        with pytest.raises(Conflict, match="has this name"):
            await owner.add_provider(new(by.issuer, name=provider.name.upper()))
        other = await owner.add_provider(new(by.issuer, name="Another"))
        with pytest.raises(Conflict, match="has this name"):
            await owner.edit_provider(other.id, ProviderPatch(name=provider.name))
        await owner.edit_provider(other.id, ProviderPatch(name="ANOTHER"))


async def test_each_reason_for_which_somebody_is_refused_is_told(world: World, by: Hostile) -> None:
    provider, browser = await add(world, by), Browser(world)
    for claims in ({"email_verified": False}, {"email": "ada@elsewhere.example"}, {"email_verified": False}):
        by.claims = claims
        await browser.signs_in(provider, by)
    async with world.person("acme", Role.OWNER) as owner:
        told = [one for one in (await owner.audit()).items if one.action == "session.refuse"]
    assert len({one.changes["why"][1] for one in told}) == len(told) == 2


async def test_a_word_that_a_visitor_makes_up_is_no_reason_by_itself(world: World, by: Hostile) -> None:
    provider, browser = await add(world, by), Browser(world)
    for word in ("one", "two", "three"):
        await browser.comes_back(by.sends_back(await browser.leaves(provider), error=word))
    async with world.person("acme", Role.OWNER) as owner:
        told = [one.changes for one in (await owner.audit()).items if one.action == "session.refuse"]
    assert len(told) == 1


async def test_what_a_provider_must_be(world: World, by: Hostile) -> None:
    async with world.person("acme", Role.OWNER) as owner:
        for wrong, place in (
            ({"issuer": "http://login.example.com"}, "/issuer"),
            ({"issuer": "https://elsewhere.example.org"}, "/issuer"),
            ({"issuer": "https://user:secret@login.example.com"}, "/issuer"),
            ({"issuer": "ftp://login.example.com"}, "/issuer"),
            ({"issuer": "https://[::1"}, "/issuer"),
            ({"issuer": "not an address"}, "/issuer"),
            ({"domains": ["not a domain"]}, "/domains/0"),
            ({"domains": ["com"]}, "/domains/0"),
            ({"domains": []}, "/domains"),
            ({"scopes": ["email"]}, "/scopes"),
            ({"roles": [GroupRole(group="x", role=Role.EDITOR, namespaces=["nowhere"])]}, "/roles/0/namespaces/0"),
            ({"roles": [GroupRole(group="x", role=Role.OWNER, namespaces=["default"])]}, "/roles/0/namespaces"),
        ):
            with pytest.raises(NotFound if "namespaces/0" in place else Invalid) as refused:
                await owner.add_provider(new(**({"issuer": by.issuer} | wrong)))
            assert [fault.pointer for fault in refused.value.faults] == [place], wrong
        assert not (await owner.providers()).items


async def test_the_audit_log_tells_what_changed_and_no_secret(world: World, by: Hostile) -> None:
    provider = await add(world, by)
    await edit(world, provider, ProviderPatch(client_secret="another secret", enforced=True))
    async with world.signed_in("acme") as acme:
        entries = (await acme.audit(limit=100)).items
        told = next(one for one in entries if one.action == "provider.edit")
        assert list(told.changes["enforced"]) == [False, True]
        assert list(told.changes["client_secret"]) == ["(hidden)", "(hidden)"]
        assert "a secret of two" not in str(entries)
        assert "another secret" not in str(entries)


async def test_another_issuer_means_other_people(world: World, by: Hostile) -> None:
    provider, browser = await add(world, by, default_role=Role.VIEWER), Browser(world)
    await browser.signs_in(provider, by)
    with hostile(world.hands) as other:
        await edit(world, provider, ProviderPatch(issuer=other.issuer))
        assert (await browser.http.get("/api/v1/me")).status_code == 401
        other.claims = {"email": "hugo@example.com"}  # whose `sub` is the same as Grace's over there
        again = Browser(world)
        await again.signs_in(provider, other)
        async with again.client() as client:
            assert (await client.me()).email == "hugo@example.com"


async def test_whoever_a_removed_provider_has_brought_comes_in_by_another(world: World, by: Hostile) -> None:
    first, browser = await add(world, by, default_role=Role.EDITOR), Browser(world)
    await browser.signs_in(first, by)
    async with world.person("acme", Role.OWNER) as owner:
        await owner.remove_provider(first.id)
    assert (await browser.http.get("/api/v1/me")).status_code == 401
    second = await add(world, by)
    assert (await Browser(world).signs_in(second, by)).status_code == 303
    assert (await roles(world))[GRACE] is Role.EDITOR


async def test_what_an_operator_recovers_opens_with_a_password(world: World, by: Hostile) -> None:
    from crontopus.engine import accounts as engine

    provider = await add(world, by, default_role=Role.OWNER)
    await Browser(world).signs_in(provider, by)
    async with world.appliance.db.write_all() as tx:
        hashed = await world.appliance.parts.passwords.hash(PASSWORD)
        await engine.recover(tx, GRACE, hashed, superadmin=False, without_factors=False)
    async with anybody(world) as client:
        assert (await client.sign_in(SignIn(email=GRACE, password=PASSWORD))).session


# ---- a real one


async def test_a_real_provider_with_groups_newcomers_and_enforcement(tmp_path: Path) -> None:
    with real() as issuer:
        async with world_in(tmp_path, hands=Hands(datetime.now(UTC))) as world:
            async with world.person("acme", Role.OWNER) as owner:
                provider = await owner.add_provider(
                    new(
                        issuer,
                        scopes=["openid", "email", "profile", "groups"],
                        roles=[GroupRole(group="ops", role=Role.EDITOR), GroupRole(group="admins", role=Role.ADMIN)],
                        enforced=True,
                    )
                )
                assert (await owner.check_provider(provider.id)).keys > 0
            browser = Browser(world)
            back = await through_its_pages(await browser.leaves(provider, next="/runs"), "ada+ops+admins")
            answer = await browser.http.get(back)
            assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
            async with browser.client() as client:
                me = await client.me()
                assert (me.email, me.name, me.role) == ("ada@example.com", "ada of Example", Role.ADMIN)
                assert me.confirmed_until is not None
            again = await through_its_pages(
                await browser.leaves(provider, again="1", next="/tokens/new"), "ada+ops+admins"
            )
            assert (await browser.http.get(again)).headers["location"] == "/tokens/new"
            for name, why in (("eve", "none of your groups may"), ("unverified+ops", "not verified")):
                stranger = Browser(world)
                answer = await stranger.http.get(await through_its_pages(await stranger.leaves(provider), name))
                assert why in answer.text, answer.text
                assert not stranger.session
