"""Members, invitations, sessions, tenants: who comes in, what they may do, and how they leave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from crontopus.client import Client
from crontopus.domain.access import OF_ROLE, Principal, Role
from crontopus.domain.errors import Conflict, Invalid, NotAllowed, NotFound, Throttled, Unauthenticated, Unconfirmed
from crontopus.engine import credentials, people, tokens
from crontopus.engine.credentials import Caller
from crontopus.storage.database import Tx
from crontopus.wire.accounts import NewNamespace, NewOwnToken, NewToken, SignIn
from crontopus.wire.jobs import NewJob
from crontopus.wire.people import Acceptance, MemberPatch, MePatch, NewInvitation, TenantPatch
from tests.world import BASE, World

PASSWORD = "a long sentence"
NEW = "new@example.com"


@pytest.fixture
async def owner(world: World) -> AsyncIterator[Client]:
    async with world.person("acme", Role.OWNER) as person:
        yield person


def visitor(world: World, session: str = "") -> Client:
    return Client(BASE, session=session, transport=httpx.ASGITransport(world.appliance.app))


def code_of(link: str | None) -> str:
    assert link is not None
    assert link.startswith(f"{BASE}/invitation?")
    return parse_qs(urlsplit(link).query)["code"][0]


async def invited(owner: Client, role: Role = Role.EDITOR, email: str = NEW, **more: list[str]) -> str:
    return code_of((await owner.invite(NewInvitation(email=email, role=role, **more))).link)


async def joined(world: World, code: str, password: str = PASSWORD) -> Client:
    async with visitor(world) as anybody:
        session = await anybody.accept_invitation(Acceptance(code=code, password=password, name=" Grace "))
    return visitor(world, session.session)


async def id_of(client: Client, email: str) -> UUID:
    return next(one.id for one in (await client.members(limit=200)).items if one.email == email)


# ---- invitations


async def test_whoever_is_invited_joins_with_a_password_of_their_own(world: World, owner: Client) -> None:
    code = await invited(owner, email="New@Example.com")
    async with visitor(world) as anybody:
        state = await anybody.open_invitation(code)
        assert (state.email, state.tenant, state.role, state.known) == (NEW, "acme", Role.EDITOR, False)
        assert state.namespaces is None
    async with await joined(world, code) as grace:
        me = await grace.me()
        assert (me.email, me.name, me.role, me.tenant) == (NEW, "Grace", Role.EDITOR, "acme")
        assert "jobs:write" in me.scopes
        assert "members:write" not in me.scopes
    async with visitor(world) as anybody:
        assert (await anybody.sign_in(SignIn(email=NEW, password=PASSWORD))).session
    assert (await owner.invitations()).items == []
    told = (await owner.audit(action="member.join")).items[0]
    assert (told.actor, told.changes["role"]) == (NEW, [None, "editor"])


async def test_an_invitation_opens_once_and_for_seven_days(world: World, owner: Client) -> None:
    used, late, revoked = [await invited(owner, email=f"{name}@example.com") for name in ("used", "late", "revoked")]
    async with await joined(world, used):
        pass
    gone = next(one for one in (await owner.invitations()).items if one.email == "revoked@example.com")
    await owner.uninvite(gone.id)
    for code in (used, revoked, "", "x" * 40):
        with pytest.raises(NotFound, match="opens nothing"):
            await joined(world, code)
    world.hands.turn_to(world.now + timedelta(days=7))
    with pytest.raises(NotFound):
        await joined(world, late)


async def test_inviting_again_makes_the_older_link_worthless(world: World, owner: Client) -> None:
    older, newer = await invited(owner, Role.ADMIN), await invited(owner, Role.VIEWER)
    assert len((await owner.invitations()).items) == 1
    with pytest.raises(NotFound):
        await joined(world, older)
    async with await joined(world, newer) as grace:
        assert (await grace.me()).role is Role.VIEWER


async def test_an_address_that_is_known_joins_with_its_own_password_and_belongs_to_both(
    world: World, owner: Client
) -> None:
    async with await joined(world, await invited(owner)):
        pass
    async with world.person("globex", Role.OWNER) as other:
        code = await invited(other, Role.VIEWER)
    async with visitor(world) as anybody:
        assert (await anybody.open_invitation(code)).known
        with pytest.raises(Unauthenticated):
            await joined(world, code, "a sentence of somebody else")
    async with await joined(world, code) as grace:
        assert [(one.name, one.role, one.current) for one in (await grace.tenants()).items] == [
            ("acme", Role.EDITOR, False),
            ("globex", Role.VIEWER, True),
        ]
        acme = (await grace.tenants()).items[0].id
        assert (await grace.switch_tenant(acme)).name == "acme"
        assert (await grace.me()).tenant_id == acme
        with pytest.raises(NotFound):
            await grace.switch_tenant(uuid4())


async def test_guessing_codes_is_slowed_down(world: World) -> None:
    async with visitor(world) as anybody:
        for number in range(10):
            with pytest.raises(NotFound):
                await anybody.open_invitation(f"guess {number}")
        with pytest.raises(Throttled):
            await anybody.open_invitation("one more")


async def test_what_is_wrong_with_an_invitation_is_said(world: World, owner: Client) -> None:
    with pytest.raises(NotFound, match="no namespace 'none'") as missing:
        await invited(owner, namespaces=["none"])
    assert [fault.pointer for fault in missing.value.faults] == ["/namespaces/0"]
    with pytest.raises(Invalid, match="an owner is not limited"):
        await invited(owner, Role.OWNER, namespaces=["default"])
    with pytest.raises(Conflict, match="a member already"):
        await invited(owner, email="owner@acme.test")
    with pytest.raises(Invalid):
        await invited(owner, email="no address")
    with pytest.raises(Invalid, match="at least 12"):
        await joined(world, await invited(owner), "short")


# ---- who may


async def test_only_an_owner_makes_changes_and_removes_owners(world: World, owner: Client) -> None:
    founder = await id_of(owner, "owner@acme.test")
    async with world.person("acme", Role.ADMIN) as admin, world.signed_in("acme") as token:
        for client in (admin, token):
            for refused in (
                client.invite(NewInvitation(email=NEW, role=Role.OWNER)),
                client.edit_member(founder, MemberPatch(role=Role.VIEWER)),
                client.remove_member(founder),
            ):
                with pytest.raises(NotAllowed, match="only an owner"):
                    await refused
        me = await id_of(admin, str((await admin.me()).email))
        with pytest.raises(NotAllowed):
            await admin.edit_member(me, MemberPatch(role=Role.OWNER))
        await owner.edit_member(me, MemberPatch(role=Role.OWNER))
        assert (await admin.me()).role is Role.OWNER


async def test_the_last_owner_is_neither_removed_nor_demoted(world: World, owner: Client) -> None:
    founder, me = await id_of(owner, "owner@acme.test"), await id_of(owner, str((await owner.me()).email))
    await owner.remove_member(founder)
    for refused in (owner.remove_member(me), owner.edit_member(me, MemberPatch(role=Role.ADMIN))):
        with pytest.raises(Conflict, match="last owner"):
            await refused
    assert (await owner.me()).role is Role.OWNER


async def test_a_change_holds_from_the_next_request_on(world: World, owner: Client) -> None:
    await owner.add_namespace(NewNamespace(slug="mine"))
    async with world.person("acme", Role.EDITOR) as editor:
        them = await id_of(owner, str((await editor.me()).email))
        changed = await owner.edit_member(them, MemberPatch(namespaces=["mine"]))
        assert changed.namespaces == ["mine"]
        assert [one.slug for one in (await editor.namespaces()).items] == ["mine"]
        await owner.edit_member(them, MemberPatch(namespaces=None, role=Role.VIEWER))
        assert len((await editor.namespaces()).items) == 2
        with pytest.raises(NotAllowed):
            await editor.add_namespace(NewNamespace(slug="new"))
        await owner.remove_member(them)
        with pytest.raises(Unauthenticated):
            await editor.me()
    entry = (await owner.audit(action="member.edit")).items[0]
    assert entry.changes["role"] == ["editor", "viewer"]


async def test_a_member_of_some_namespaces_manages_nobody(world: World, owner: Client) -> None:
    namespace = await owner.namespace("default")
    async with world.person("acme", Role.ADMIN, namespace.id) as admin:
        with pytest.raises(NotAllowed, match="whole tenant, and you reach only a part"):
            await admin.invite(NewInvitation(email=NEW))
        with pytest.raises(NotAllowed):
            await admin.edit_tenant(TenantPatch(name="Mine"))


async def test_a_namespace_that_is_gone_leaves_a_limited_member_nothing(world: World, owner: Client) -> None:
    mine = await owner.add_namespace(NewNamespace(slug="mine"))
    async with world.person("acme", Role.EDITOR, mine.id) as editor:
        await owner.delete_namespace("mine")
        assert (await editor.namespaces()).items == []
        assert (await editor.jobs()).items == []
        assert (await editor.me()).namespaces == []


async def test_nothing_in_a_body_raises_anybody(world: World, owner: Client) -> None:
    async with world.person("acme", Role.VIEWER) as viewer:
        for path, body in (("/me", {"role": "owner"}), ("/me", {"system_role": "superadmin"})):
            answer = await viewer.http.patch(path, json=body)
            assert answer.status_code == 400, answer.text
        assert (await viewer.me()).role is Role.VIEWER
        mine = world.tenants["globex"].principal.tenant
        answer = await owner.http.post("/invitations", json={"email": NEW, "tenant_id": str(mine)})
        assert answer.status_code == 400


async def test_a_token_has_power_over_people_only_where_that_was_said(world: World, owner: Client) -> None:
    plain = await owner.add_token(NewToken(name="plain"))
    assert "members:write" not in plain.scopes
    named = await owner.add_token(NewToken(name="named", scopes=["members:write", *sorted(OF_ROLE[Role.VIEWER])]))
    async with Client(BASE, token=named.token, transport=httpx.ASGITransport(world.appliance.app)) as client:
        assert (await client.invite(NewInvitation(email=NEW))).invited_by == "token named"
        with pytest.raises(NotAllowed, match="a role more than they may"):
            await client.invite(NewInvitation(email=NEW, role=Role.ADMIN))


async def test_invitations_end_with_the_power_of_whoever_made_them(world: World, owner: Client) -> None:
    async with world.person("acme", Role.ADMIN) as removed, world.person("acme", Role.ADMIN) as demoted:
        codes = [await invited(one, Role.ADMIN, f"{n}@example.com") for n, one in enumerate((removed, demoted))]
        await owner.remove_member(await id_of(owner, str((await removed.me()).email)))
        await owner.edit_member(await id_of(owner, str((await demoted.me()).email)), MemberPatch(role=Role.VIEWER))
        for code in codes:
            with pytest.raises(NotFound):
                await joined(world, code)


async def test_an_admin_does_not_replace_what_an_owner_has_offered(world: World, owner: Client) -> None:
    code = await invited(owner, Role.OWNER)
    async with world.person("acme", Role.ADMIN) as admin:
        with pytest.raises(NotAllowed, match="only an owner"):
            await admin.invite(NewInvitation(email=NEW))
    async with await joined(world, code) as grace:
        assert (await grace.me()).role is Role.OWNER


async def test_where_others_are_limited_to_is_not_told_to_those_who_do_not_reach_it(
    world: World, owner: Client
) -> None:
    mine, theirs = [await owner.add_namespace(NewNamespace(slug=slug)) for slug in ("mine", "theirs")]
    await invited(owner, namespaces=["theirs"])
    async with world.person("acme", Role.VIEWER, mine.id) as viewer, world.person("acme", Role.EDITOR, theirs.id):
        told = str((await viewer.members(limit=200)).items) + str((await viewer.invitations()).items)
        assert "mine" in told
        assert "theirs" not in told


async def test_a_known_address_is_not_guessed_at_through_invitations(world: World, owner: Client) -> None:
    async with await joined(world, await invited(owner)):
        pass
    async with world.person("globex", Role.OWNER) as other:
        code = await invited(other)
    for number in range(12):
        transport = httpx.ASGITransport(world.appliance.app, client=(f"10.0.0.{number}", 1))
        async with Client(BASE, transport=transport) as guesser:
            with pytest.raises(Unauthenticated if number < 10 else Throttled):
                await guesser.accept_invitation(Acceptance(code=code, password="a guess"))


async def test_a_sign_in_that_began_with_the_old_password_ends_with_it(world: World, owner: Client) -> None:
    async with await joined(world, await invited(owner)) as grace, visitor(world) as thief:
        passwords = world.appliance.parts.passwords
        verified, changed = passwords.matches, "another long sentence"

        async def slowly(password: str, hashed: str | None) -> bool:
            """The thief's is verified, and then the password is changed before the session begins."""
            right = await verified(password, hashed)
            passwords.matches = verified  # type: ignore[method-assign] # as it was
            await grace.change_password(PASSWORD, changed)
            return right

        passwords.matches = slowly  # type: ignore[method-assign] # for the one sign-in
        with pytest.raises(Unauthenticated, match="changed meanwhile"):
            await thief.sign_in(SignIn(email=NEW, password=PASSWORD))
        assert (await thief.sign_in(SignIn(email=NEW, password=changed))).session


# ---- confirming


async def test_what_a_stolen_session_must_not_do_needs_a_fresh_password(world: World, owner: Client) -> None:
    async with await joined(world, await invited(owner, Role.ADMIN)) as admin:
        await admin.add_token(NewToken(name="at once"))
        world.hands.turn_to(world.now + timedelta(minutes=11))
        for refused in (
            admin.add_token(NewToken(name="later")),
            admin.invite(NewInvitation(email="x@example.com")),
        ):
            with pytest.raises(Unconfirmed, match="give your password again, and repeat"):
                await refused
        with pytest.raises(NotAllowed, match="not your password"):
            await admin.confirm("a wrong sentence")
        await admin.confirm(PASSWORD)
        await admin.add_token(NewToken(name="later"))


# ---- sessions and one's own account


async def test_a_person_sees_and_ends_their_sessions(world: World, owner: Client) -> None:
    async with await joined(world, await invited(owner)) as first:
        async with visitor(world) as anybody:
            second = visitor(world, (await anybody.sign_in(SignIn(email=NEW, password=PASSWORD))).session)
        listed = (await first.sessions()).items
        assert [one.current for one in listed] == [False, True]
        await first.end_session(listed[0].id)
        async with second:
            with pytest.raises(Unauthenticated):
                await second.me()
        with pytest.raises(NotFound):
            await owner.end_session(listed[1].id)


async def test_a_new_password_ends_every_other_session(world: World, owner: Client) -> None:
    async with await joined(world, await invited(owner)) as first:
        async with visitor(world) as anybody:
            second = visitor(world, (await anybody.sign_in(SignIn(email=NEW, password=PASSWORD))).session)
            with pytest.raises(NotAllowed, match="not your password"):
                await first.change_password("a wrong sentence", "another long sentence")
            await first.change_password(PASSWORD, "another long sentence")
            async with second:
                with pytest.raises(Unauthenticated):
                    await second.me()
            with pytest.raises(Unauthenticated):
                await anybody.sign_in(SignIn(email=NEW, password=PASSWORD))
        assert (await first.me()).email == NEW


async def test_a_name_and_the_tenants_name_are_changed(world: World, owner: Client) -> None:
    await owner.edit_me(MePatch(name="Ada"))
    assert (await owner.me()).name == "Ada"
    assert (await owner.edit_tenant(TenantPatch(name="Acme Ltd."))).name == "Acme Ltd."
    assert (await owner.me()).tenant == "Acme Ltd."
    assert [one.action for one in (await owner.audit(limit=2)).items] == ["tenant.edit", "profile.edit"]


async def test_a_token_of_a_person_may_what_they_may_by_now_and_ends_with_them(world: World, owner: Client) -> None:
    await owner.add_namespace(NewNamespace(slug="mine"))
    async with await joined(world, await invited(owner, Role.ADMIN)) as grace:
        made = await grace.add_own_token(NewOwnToken(name="laptop"))
        them = await id_of(owner, NEW)
        assert [one.id for one in (await grace.own_tokens()).items] == [made.id]
    assert made.token.startswith("ctp_u_")
    async with Client(BASE, token=made.token, transport=httpx.ASGITransport(world.appliance.app)) as laptop:
        me = await laptop.me()
        assert (me.email, me.role, me.token) == (NEW, Role.ADMIN, made.id)
        assert "members:write" in me.scopes
        with pytest.raises(NotAllowed, match="sign in"):
            await laptop.add_own_token(NewOwnToken(name="another"))
        await owner.edit_member(them, MemberPatch(role=Role.EDITOR, namespaces=["mine"]))
        assert "members:write" not in (await laptop.me()).scopes
        assert [one.slug for one in (await laptop.namespaces()).items] == ["mine"]
        await laptop.add_job(NewJob(slug="a", namespace="mine"))
        told = (await owner.audit(action="job.create")).items[0]
        assert (told.actor, told.token) == (NEW, made.id)
        await owner.remove_member(them)
        with pytest.raises(Unauthenticated):
            await laptop.me()
    await owner.invite(NewInvitation(email=NEW))


async def test_a_token_of_a_person_is_revoked_by_them_alone(world: World, owner: Client) -> None:
    mine = await owner.add_own_token(NewOwnToken(name="mine", scopes=["jobs:read"], namespaces=["default"]))
    assert (mine.scopes, mine.namespaces) == (["jobs:read"], ["default"])
    async with world.person("acme", Role.VIEWER) as viewer:
        with pytest.raises(NotFound):
            await viewer.revoke_own_token(mine.id)
        with pytest.raises(NotAllowed, match="more than they may"):
            await viewer.add_own_token(NewOwnToken(name="more", scopes=["jobs:write"]))
    other = await owner.add_own_token(NewOwnToken(name="other"))
    async with Client(BASE, token=mine.token, transport=httpx.ASGITransport(world.appliance.app)) as narrow:
        assert [one.id for one in (await narrow.own_tokens()).items] == [mine.id]
        with pytest.raises(NotFound):
            await narrow.revoke_own_token(other.id)
        await narrow.revoke_own_token(mine.id)
    assert [one.id for one in (await owner.own_tokens()).items] == [other.id]


async def test_guessing_elsewhere_does_not_lock_a_person_out_of_where_they_were(world: World, owner: Client) -> None:
    def at(address: str) -> Client:
        return Client(BASE, transport=httpx.ASGITransport(world.appliance.app, client=(address, 1)))

    code = await invited(owner)
    async with at("10.0.0.1") as home, at("10.0.0.2") as thief, at("10.0.0.3") as hotel:
        await home.accept_invitation(Acceptance(code=code, password=PASSWORD))
        for _ in range(10):
            with pytest.raises(Unauthenticated):
                await thief.sign_in(SignIn(email=NEW, password="a guess"))
        for elsewhere in (thief, hotel):
            with pytest.raises(Throttled):
                await elsewhere.sign_in(SignIn(email=NEW, password=PASSWORD))
        assert (await home.sign_in(SignIn(email=NEW, password=PASSWORD))).session


# ---- tokens: where from, and their successors


async def test_a_token_works_only_from_where_it_was_said(world: World, owner: Client) -> None:
    made = await owner.add_token(NewToken(name="host", addresses=["10.1.2.3/8", "::1", "192.0.2.7"]))
    assert made.addresses == ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]
    for address, works in (
        ("10.9.9.9", True),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("::1", True),
        ("::2", False),
    ):
        transport = httpx.ASGITransport(world.appliance.app, client=(address, 1))
        async with Client(BASE, token=made.token, transport=transport) as host:
            if works:
                assert (await host.me()).token == made.id
            else:
                with pytest.raises(Unauthenticated, match="not valid at this address"):
                    await host.me()
    with pytest.raises(Invalid, match="neither an address nor a network"):
        await owner.add_token(NewToken(name="host", addresses=["10.0.0.0/40"]))


async def test_a_token_is_replaced_and_the_old_one_works_on_for_a_while(world: World, owner: Client) -> None:
    old = await owner.add_token(NewToken(name="backup", scopes=["jobs:read"], namespaces=["default"]))
    new = await owner.rotate_token(old.id, "1h")
    assert (new.name, new.scopes, new.namespaces, new.kind) == ("backup", ["jobs:read"], ["default"], "s")
    assert new.token != old.token
    transport = httpx.ASGITransport(world.appliance.app)
    async with (
        Client(BASE, token=old.token, transport=transport) as before,
        Client(BASE, token=new.token, transport=transport) as after,
    ):
        assert (await before.jobs()).items == (await after.jobs()).items
        world.hands.turn_to(world.now + timedelta(hours=1))
        with pytest.raises(Unauthenticated):
            await before.me()
        assert (await after.me()).token == new.id
    told = (await owner.audit(action="token.rotate")).items[0]
    assert told.changes["hint"] == [old.hint, new.hint]
    assert new.token not in str(told)


async def test_a_token_is_replaced_at_once_where_nothing_else_is_said(world: World, owner: Client) -> None:
    old = await owner.add_token(NewToken(name="leaked"))
    await owner.rotate_token(old.id)
    async with Client(BASE, token=old.token, transport=httpx.ASGITransport(world.appliance.app)) as thief:
        with pytest.raises(Unauthenticated):
            await thief.me()
    with pytest.raises(NotFound):
        await owner.rotate_token(old.id)
    with pytest.raises(Invalid, match="duration from"):
        await owner.rotate_token((await owner.add_token(NewToken(name="x"))).id, "31d")


async def test_nobody_replaces_a_token_that_may_more_than_they_or_is_a_persons(world: World, owner: Client) -> None:
    mighty = await owner.add_token(NewToken(name="mighty"))
    weak = await owner.add_token(NewToken(name="weak", scopes=["tokens:write"]))
    own = await owner.add_own_token(NewOwnToken(name="own"))
    async with Client(BASE, token=weak.token, transport=httpx.ASGITransport(world.appliance.app)) as client:
        with pytest.raises(NotAllowed, match="more than they may"):
            await client.rotate_token(mighty.id)
    with pytest.raises(NotAllowed, match="a person's"):
        await owner.rotate_token(own.id)


# ---- who is made less while they send


async def _as_they_came(world: World, person: Client) -> Principal:
    session = person.http.headers["cookie"].partition("=")[2]
    return await credentials.of_session(world.appliance.db, session, Caller())


@pytest.mark.parametrize("change", ["demoted", "limited", "removed", "signed out"])
async def test_whoever_is_made_less_while_their_request_comes_gives_nobody_anything(
    world: World, owner: Client, change: str
) -> None:
    """The headers were there before, the body comes after."""
    space = await owner.add_namespace(NewNamespace(slug="one"))
    async with world.person("acme", Role.ADMIN) as admin, world.person("acme", Role.VIEWER) as viewer:
        caller, me = await _as_they_came(world, admin), await id_of(admin, str((await admin.me()).email))
        other = await id_of(owner, str((await viewer.me()).email))
        match change:
            case "demoted":
                await owner.edit_member(me, MemberPatch(role=Role.EDITOR))
            case "limited":
                await owner.edit_member(me, MemberPatch(namespaces=[space.slug]))
            case "removed":
                await owner.remove_member(me)
            case _:
                await admin.sign_out()

        async def of(deed: Callable[[Tx], Awaitable[object]]) -> None:
            async with world.appliance.db.write(caller.tenant) as tx:
                await deed(tx)

        deeds: list[Callable[[Tx], Awaitable[object]]] = [
            lambda tx: people.invite(tx, caller, world.appliance.parts.post, NewInvitation(email=NEW)),
            lambda tx: people.edit(tx, caller, other, MemberPatch(role=Role.ADMIN)),
            lambda tx: people.remove(tx, caller, other),
            lambda tx: tokens.create(tx, caller, NewToken(name="one")),
            lambda tx: tokens.create_own(tx, caller, NewOwnToken(name="one")),
        ]
        for deed in deeds:
            with pytest.raises(Unauthenticated, match="changed meanwhile"):
                await of(deed)
        assert (await owner.member(other)).role is Role.VIEWER
        assert (await owner.invitations()).items == []


@pytest.mark.both_databases
async def test_many_guesses_at_once_are_counted_each(world: World, owner: Client) -> None:
    async with await joined(world, await invited(owner)):
        pass
    async with visitor(world) as anybody:
        guesses = (anybody.sign_in(SignIn(email=NEW, password=f"guess {number}")) for number in range(25))
        ended = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(error, Unauthenticated) for error in ended) == 10
    assert sum(isinstance(error, Throttled) for error in ended) == 15
