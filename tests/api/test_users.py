"""Everybody who has an account, and what operators do about them."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from crontopus.client import Client
from crontopus.domain.access import Role, SystemRole
from crontopus.domain.errors import Conflict, NotAllowed, NotFound, Unauthenticated, Unconfirmed
from crontopus.domain.ids import NOWHERE
from crontopus.engine import credentials, tenants, users
from crontopus.engine.resets import LIFE
from crontopus.wire.accounts import NewOwnToken, NewToken, SignIn
from crontopus.wire.installation import PasswordLink, UserPatch
from crontopus.wire.people import Acceptance, NewInvitation
from tests.api.test_people import code_of, visitor
from tests.api.test_tenants import told
from tests.world import World

EMAIL, PASSWORD = "grace@example.com", "a dull tuesday evening"


@pytest.fixture
async def operator(world: World) -> AsyncIterator[Client]:
    async with world.operator(SystemRole.SUPERADMIN) as client:
        yield client


@pytest.fixture
async def grace(world: World) -> AsyncIterator[Client]:
    """An admin of acme with a password."""
    async with world.person("acme", Role.OWNER) as owner:
        code = code_of((await owner.invite(NewInvitation(email=EMAIL, role=Role.ADMIN))).link)
    async with visitor(world) as anybody:
        session = await anybody.accept_invitation(Acceptance(code=code, password=PASSWORD, name="Grace Hopper"))
    async with visitor(world, session.session) as client:
        yield client


async def id_of(operator: Client, email: str) -> UUID:
    return next(one.id for one in (await operator.admin_users(q=email)).items if one.email == email)


async def test_everybody_is_listed_by_address_and_found_by_a_part_of_address_or_name(
    world: World, operator: Client, grace: Client
) -> None:
    emails, cursor = [], None
    while True:
        page = await operator.admin_users(cursor=cursor, limit=2)
        emails += [one.email for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert emails == sorted(emails)
    assert {EMAIL, "owner@acme.test", "owner@globex.test"} <= set(emails)
    for words in ("GRACE@", "hopper", "e@exam"):
        assert [one.email for one in (await operator.admin_users(q=words)).items] == [EMAIL]
    for words in ("%", "_", "nobody"):
        assert (await operator.admin_users(q=words)).items == []
    shown = await operator.admin_user(await id_of(operator, EMAIL))
    assert shown.tenants is not None
    assert [(one.name, one.role) for one in shown.tenants] == [("acme", Role.ADMIN)]
    assert (shown.name, shown.sessions, shown.second_factor) == ("Grace Hopper", 1, False)


async def test_who_is_disabled_is_out_at_once_and_comes_in_again_when_enabled(
    world: World, operator: Client, grace: Client
) -> None:
    own = await grace.add_own_token(NewOwnToken(name="mine"))
    service = await grace.add_token(NewToken(name="host", scopes=["jobs:read"]))
    user = await id_of(operator, EMAIL)
    assert (await operator.disable_user(user)).disabled_at == world.now
    with pytest.raises(Unauthenticated):
        await grace.me()
    answers = {
        name: (await world.http.get("/api/v1/jobs", headers={"Authorization": f"Bearer {token}"})).status_code
        for name, token in (("own", own.token), ("service", service.token))
    }
    assert answers == {"own": 401, "service": 200}, "what programs have is the tenant's"
    async with visitor(world) as anybody:
        with pytest.raises(Unauthenticated, match="is disabled: ask whoever runs"):
            await anybody.sign_in(SignIn(email=EMAIL, password=PASSWORD))
        with pytest.raises(Unauthenticated, match="is wrong"):
            await anybody.sign_in(SignIn(email=EMAIL, password="something else"))
        assert (await operator.enable_user(user)).disabled_at is None
        assert (await anybody.sign_in(SignIn(email=EMAIL, password=PASSWORD))).session
    for log in (world.tenants["acme"].principal.tenant, NOWHERE):
        assert len(await told(world, log, "user.disable")) == len(await told(world, log, "user.enable")) == 1


async def test_whoever_is_disabled_joins_nothing_by_an_invitation(
    world: World, operator: Client, grace: Client
) -> None:
    await operator.disable_user(await id_of(operator, EMAIL))
    async with world.person("globex", Role.OWNER) as owner, visitor(world) as anybody:
        code = code_of((await owner.invite(NewInvitation(email=EMAIL))).link)
        with pytest.raises(Unauthenticated, match="is disabled"):
            await anybody.accept_invitation(Acceptance(code=code, password=PASSWORD))
        assert len((await owner.invitations()).items) == 1, "it is not used up"


async def test_somebody_is_signed_out_everywhere(operator: Client, grace: Client) -> None:
    assert (await operator.end_sessions_of_user(await id_of(operator, EMAIL))).sessions == 0
    with pytest.raises(Unauthenticated):
        await grace.me()


async def test_a_system_role_is_given_and_taken_and_holds_at_once(
    world: World, operator: Client, grace: Client
) -> None:
    user = await id_of(operator, EMAIL)
    with pytest.raises(NotAllowed):
        await grace.admin_health()
    assert (await operator.edit_user(user, UserPatch(system_role=SystemRole.SUPPORT))).system_role is SystemRole.SUPPORT
    assert (await grace.admin_health()).items
    with pytest.raises(NotAllowed, match="installation:write"):
        await grace.edit_user(user, UserPatch(system_role=SystemRole.SUPERADMIN))
    await operator.edit_user(user, UserPatch(system_role=None))
    with pytest.raises(NotAllowed):
        await grace.admin_health()


@pytest.mark.both_databases
async def test_the_last_superadmin_stays_one_also_where_two_go_for_each_other(world: World, operator: Client) -> None:
    async with world.operator(SystemRole.SUPERADMIN) as other:
        for name in ("acme", "globex"):
            await operator.edit_user(await id_of(operator, f"owner@{name}.test"), UserPatch(system_role=None))
        mine, theirs = [await id_of(operator, str((await one.me()).email)) for one in (operator, other)]
        ended = await asyncio.gather(operator.disable_user(theirs), other.disable_user(mine), return_exceptions=True)
        assert sum(isinstance(one, Exception) for one in ended) == 1, ended
        left = operator if isinstance(ended[1], Exception) else other
        for deed in (left.disable_user, lambda user: left.edit_user(user, UserPatch(system_role=None))):
            with pytest.raises(Conflict, match="last superadmin"):
                await deed(mine if left is operator else theirs)


async def test_nobody_is_found_by_an_id_that_nobody_has(operator: Client) -> None:
    for deed in (operator.admin_user, operator.disable_user, operator.enable_user, operator.end_sessions_of_user):
        with pytest.raises(NotFound):
            await deed(NOWHERE)


async def test_an_operator_who_is_one_no_more_by_the_time_their_body_comes_does_nothing(
    world: World, operator: Client, grace: Client
) -> None:
    """The headers were there before, the body comes after."""
    user, tenant = await id_of(operator, EMAIL), world.tenants["acme"].principal.tenant
    await operator.edit_user(user, UserPatch(system_role=SystemRole.SUPERADMIN))
    session = grace.http.headers["cookie"].partition("=")[2]
    caller = await credentials.of_session(world.appliance.db, session, credentials.Caller())
    await operator.edit_user(user, UserPatch(system_role=SystemRole.SUPPORT))
    target = await id_of(operator, "owner@globex.test")
    for deed in (
        lambda tx: tenants.suspend(tx, caller, tenant, "revenge"),
        lambda tx: tenants.delete(tx, caller, tenant),
        lambda tx: users.disable(tx, caller, target),
        lambda tx: users.edit(tx, caller, user, UserPatch(system_role=SystemRole.SUPERADMIN)),
    ):
        with pytest.raises(Unauthenticated, match="changed meanwhile"):
            async with world.appliance.db.write_all() as tx:
                await deed(tx)
    assert (await operator.admin_tenant(tenant)).suspended_at is None


async def test_somebody_who_lost_their_password_chooses_another_by_a_link_from_an_operators_hand(
    world: World, operator: Client, grace: Client
) -> None:
    user = await id_of(operator, EMAIL)
    older = _code(await operator.link_for_password(user))
    made = await operator.link_for_password(user)
    assert (made.email, made.expires_at) == (EMAIL, world.now + LIFE)
    async with visitor(world) as anybody:
        with pytest.raises(NotFound):
            await anybody.open_password_reset(older)
        await anybody.use_password_reset(_code(made), "another long sentence, of theirs")
        with pytest.raises(NotFound):
            await anybody.use_password_reset(_code(made), "and yet another sentence")
        assert (await grace.http.get("/me")).status_code == 401
        assert (await anybody.sign_in(SignIn(email=EMAIL, password="another long sentence, of theirs"))).session
    async with world.signed_in("acme") as acme:
        told = [(one.action, one.target) for one in (await acme.audit(limit=20)).items]
        assert told.count(("password.link", EMAIL)) == 2
    everywhere = (await operator.admin_audit(action="password.link")).items
    assert {one.tenant_name for one in everywhere} >= {None, "acme"}
    assert made.link not in "".join(map(str, everywhere))


async def test_a_link_for_a_password_ends_after_an_hour_and_is_for_superadmins_to_make(
    world: World, operator: Client, grace: Client
) -> None:
    user = await id_of(operator, EMAIL)
    made = await operator.link_for_password(user)
    async with world.operator(SystemRole.SUPPORT) as support:
        with pytest.raises(NotAllowed):
            await support.link_for_password(user)
    world.hands.turn_to(world.now + LIFE)
    async with visitor(world) as anybody:
        with pytest.raises(NotFound):
            await anybody.open_password_reset(_code(made))
    with pytest.raises(Unconfirmed):
        await operator.link_for_password(user)


async def test_whoever_is_disabled_gets_no_link(operator: Client, grace: Client) -> None:
    user = await id_of(operator, EMAIL)
    await operator.disable_user(user)
    with pytest.raises(Conflict, match="let them in again first"):
        await operator.link_for_password(user)


def _code(made: PasswordLink) -> str:
    return made.link.partition("/reset?code=")[2]
