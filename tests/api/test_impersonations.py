"""Those who run the installation look at a tenant as one of its members: for a while, told, and without its secrets."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from crontopus.api import document
from crontopus.api.app import api_router
from crontopus.api.principal import ANYONE, SIGNED_IN
from crontopus.client import Client
from crontopus.domain.access import CONFIRMED_FOR, Role, Scope, SystemRole, of_look
from crontopus.domain.errors import (
    Closed,
    Conflict,
    FactorNeeded,
    Invalid,
    NotAllowed,
    NotFound,
    Unauthenticated,
    Unconfirmed,
)
from crontopus.engine import credentials, jobs
from crontopus.engine.credentials import Caller
from crontopus.engine.impersonations import LASTS
from crontopus.storage import accounts, impersonations, sessions, tenants
from crontopus.wire.accounts import NewOwnToken, NewToken
from crontopus.wire.impersonations import Impersonation, NewImpersonation
from crontopus.wire.installation import UserPatch
from crontopus.wire.jobs import JobPatch, NewJob
from crontopus.wire.people import TenantPatch
from tests.api.test_roles import BY_BODY, ENDLESS, GONE, NOT_ALLOWED, Row, _table
from tests.stream import Stream, followed
from tests.things import Things, body_of, things
from tests.world import BASE, World

WHY = "the jobs of the night are late"
ENDING = {"end_impersonation", "raise_impersonation"}
"""Tried by themselves."""


@asynccontextmanager
async def looking(
    world: World, role: Role = Role.OWNER, operator: SystemRole = SystemRole.SUPERADMIN, *, raised: bool = False
) -> AsyncIterator[tuple[Client, Impersonation]]:
    """At acme, as a role."""
    async with world.operator(operator) as client:
        made = await client.impersonate(NewImpersonation(tenant=_acme(world), why=WHY, role=role))
        if raised:
            await client.raise_impersonation(made.id, "they asked me to mend it")
        yield client, made


def _acme(world: World) -> UUID:
    return world.tenants["acme"].principal.tenant


async def _actions(client: Client) -> list[str]:
    return [one.action for one in (await client.audit(limit=200)).items]


async def test_an_operator_sees_what_a_member_sees_and_changes_nothing(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup"))
        assert job.ping_url
    async with looking(world) as (operator, made):
        me = await operator.me()
        assert (me.tenant, me.role, me.system_role) == ("acme", Role.OWNER, None)
        assert me.impersonation is not None
        assert me.impersonation.subject == "the role owner"
        seen = await operator.job(job.id)
        assert (seen.slug, seen.ping_url, seen.ping_url_by_slug) == ("backup", "", "")
        assert (await operator.namespace("default")).ping_key is None
        with pytest.raises(NotAllowed, match="in another's name"):
            await operator.edit_job(job.id, JobPatch(name="mine"))
        await operator.end_impersonation(made.id)
        assert (await operator.me()).tenant_id is None
        with pytest.raises(NotAllowed):
            await operator.job(job.id)


def _routes() -> list[tuple[Row, HTTPRouteHandler]]:
    """All but those that end it."""
    app = Litestar([api_router()], openapi_config=None)
    handlers = {str(one.operation_id): one for _, _, one in document.operations(app)}
    return [(row, handlers[row.operation]) for row in _table() if row.operation not in ENDLESS | ENDING]


def test_what_stays_open_to_whoever_looks_as_another_is_about_themselves() -> None:
    marked = {row.operation: one.opt["as_another"] for row, one in _routes() if "as_another" in one.opt}
    assert marked == {
        "me": True,
        "confirm": True,
        "passkey_options": True,
        "announcements": True,
        "export_audit": False,
    }


def _may(handler: HTTPRouteHandler, scopes: frozenset[Scope]) -> bool:
    opt, scope = handler.opt, handler.opt["scope"]
    if scope == ANYONE or opt.get("as_another"):
        return True
    if scope == SIGNED_IN or opt.get("as_another") is False or opt.get("owner") or opt.get("installation"):
        return False
    return Scope(scope) in scopes


async def _try_all(world: World, client: Client, there: Things, scopes: frozenset[Scope]) -> None:
    """Only what these scopes allow is done; and no answer holds what opens anything."""
    key = world.tenants["acme"].ping_key
    for row, handler in _routes():
        if handler.opt["scope"] == ANYONE:
            continue
        address = there.fill(row.path).removeprefix("/api/v1")
        answer = await client.http.request(row.method, address, content=body_of(row.operation))
        assert answer.status_code < 500, row.operation
        assert not re.search(r"/ping/[0-9A-Za-z-]{8}|ctp_[a-z]_\w{20}", answer.text), row.operation
        assert key not in answer.text, row.operation
        if not _may(handler, scopes):
            assert answer.status_code == NOT_ALLOWED, f"{row.operation} answers {answer.status_code}"
        elif row.operation not in BY_BODY:
            assert answer.status_code not in {NOT_ALLOWED, *GONE}, f"{row.operation} answers {answer.status_code}"


@pytest.mark.parametrize("operator", list(SystemRole))
@pytest.mark.parametrize("role", list(Role))
async def test_every_route_as_somebody_who_looks(world: World, role: Role, operator: SystemRole) -> None:
    there = await things(world)
    async with world.signed_in("acme") as acme:
        before = await _all_of(acme)
        async with looking(world, role, operator) as (client, _):
            await _try_all(world, client, there, of_look(role, raised=False))
        assert await _all_of(acme) == before
        assert [one.action for one in (await acme.audit(limit=1)).items] == ["impersonation.begin"]


async def _all_of(acme: Client) -> list[object]:
    return [
        (await acme.jobs()).items,
        (await acme.members(limit=200)).items,
        (await acme.invitations(limit=200)).items,
        (await acme.namespaces()).items,
        [one.id for one in (await acme.tokens(limit=200)).items],
        await acme.tenant(),
    ]


@pytest.mark.parametrize("role", list(Role))
async def test_every_route_as_somebody_whose_look_was_raised(world: World, role: Role) -> None:
    there = await things(world)
    async with looking(world, role, raised=True) as (client, _):
        await _try_all(world, client, there, of_look(role, raised=True))


async def test_both_identities_stand_in_both_logs(world: World) -> None:
    async with world.person("acme", Role.EDITOR) as person:
        email = (await person.me()).email
        async with world.operator(SystemRole.SUPERADMIN) as operator:
            own = (await operator.me()).email
            made = await operator.impersonate(NewImpersonation(tenant=_acme(world), why=WHY, member=email))
            await operator.raise_impersonation(made.id, "they asked me to mend it")
            await operator.add_job(NewJob(slug="made"))
            await operator.end_impersonation(made.id)
            async with world.signed_in("acme") as acme:
                told = (await acme.audit(limit=4)).items
                assert [(one.action, one.actor, one.via) for one in told] == [
                    ("impersonation.end", own, f"impersonation of {email}"),
                    ("job.create", own, f"impersonation of {email}"),
                    ("impersonation.raise", own, f"impersonation of {email}"),
                    ("impersonation.begin", own, None),
                ]
                assert told[-1].changes["why"] == [None, WHY]
                assert told[-1].target == email
                assert (await acme.verify_audit()).broken is None
            everywhere = (await operator.admin_audit(limit=200)).items
            assert [one.action for one in everywhere if one.tenant is None and one.action.startswith("imp")] == [
                "impersonation.end",
                "impersonation.raise",
                "impersonation.begin",
            ]
        (seen,) = (await person.own_impersonations()).items
        assert (seen.operator, seen.why, seen.active) == (own, WHY, False)
    async with world.person("acme", Role.OWNER) as owner:
        assert [one.id for one in (await owner.impersonations()).items] == [made.id]
    async with world.person("globex", Role.OWNER) as other:
        assert not (await other.impersonations()).items


async def test_it_ends_by_itself_and_is_not_prolonged(world: World) -> None:
    async with looking(world, raised=True) as (operator, made):
        assert made.until == world.now + LASTS
        world.hands.turn_to(made.until)
        assert (await operator.me()).impersonation is None
        assert not (await operator.admin_impersonations()).items[0].active
        with pytest.raises(Unconfirmed):
            await operator.impersonate(NewImpersonation(tenant=_acme(world), why=WHY, role=Role.VIEWER))


async def test_what_ends_it_ends_it_for_good(world: World) -> None:
    acme = _acme(world)
    async with world.operator(SystemRole.SUPERADMIN) as other, world.person("acme", Role.OWNER) as owner:
        async with looking(world) as (operator, _):
            await other.suspend_tenant(acme, "late with the bill")
            assert (await operator.me()).impersonation is None
            with pytest.raises(Closed):
                await operator.impersonate(NewImpersonation(tenant=acme, why=WHY, role=Role.VIEWER))
            await other.resume_tenant(acme)
            assert (await operator.me()).impersonation is None
        async with looking(world) as (operator, _):
            user = await _id_of(other, operator)
            await other.edit_user(user, UserPatch(system_role=None))
            assert (await operator.http.get("/me")).status_code == 401
            await other.edit_user(user, UserPatch(system_role=SystemRole.SUPPORT))
            assert (await operator.me()).impersonation is None
        async with looking(world) as (operator, _):
            await other.disable_user(await _id_of(other, operator))
            assert (await operator.http.get("/jobs")).status_code == 401
        async with looking(world) as (operator, _):
            await operator.sign_out()
            assert (await operator.http.get("/jobs")).status_code == 401
        async with looking(world) as (operator, _):
            await owner.edit_tenant(TenantPatch(forbid_impersonation=True))
            assert (await operator.me()).impersonation is None
            await owner.edit_tenant(TenantPatch(forbid_impersonation=False))
            assert (await operator.me()).impersonation is None
        assert not [one for one in (await other.admin_impersonations()).items if one.active]
        assert (await _actions(owner)).count("impersonation.end") == 5


async def _id_of(client: Client, person: Client) -> UUID:
    email = (await person.me()).email
    return next(one.id for one in (await client.admin_users(q=email)).items)


async def test_it_ends_with_the_membership_it_looks_through(world: World) -> None:
    async with world.person("acme", Role.VIEWER) as person, world.person("acme", Role.OWNER) as owner:
        email = (await person.me()).email
        member = next(one.id for one in (await owner.members(limit=200)).items if one.email == email)
        async with world.operator(SystemRole.SUPPORT) as operator:
            await operator.impersonate(NewImpersonation(tenant=_acme(world), why=WHY, member=email))
            assert (await operator.me()).role is Role.VIEWER
            await owner.remove_member(member)
            assert (await operator.me()).impersonation is None


async def test_a_tenant_may_forbid_it_and_is_told_of_who_tried(world: World) -> None:
    async with world.person("acme", Role.ADMIN) as admin:
        with pytest.raises(NotAllowed, match="only an owner"):
            await admin.edit_tenant(TenantPatch(forbid_impersonation=True))
    async with world.person("acme", Role.OWNER) as owner, world.operator(SystemRole.SUPERADMIN) as operator:
        assert (await owner.edit_tenant(TenantPatch(forbid_impersonation=True))).forbid_impersonation
        with pytest.raises(NotAllowed, match="does not allow anybody"):
            await operator.impersonate(NewImpersonation(tenant=_acme(world), why=WHY, role=Role.OWNER))
        entry = (await owner.audit(action="impersonation.refuse")).items[0]
        assert (entry.actor, entry.changes["why"][1]) == ((await operator.me()).email, WHY)
        with pytest.raises(NotAllowed, match="only an owner"):
            await operator.admin_edit_tenant(_acme(world), TenantPatch(forbid_impersonation=False))


async def test_only_a_superadmin_raises_their_own(world: World) -> None:
    async with looking(world, operator=SystemRole.SUPPORT) as (support, made):
        with pytest.raises(NotAllowed):
            await support.raise_impersonation(made.id, "let me change things")
        async with world.operator(SystemRole.SUPERADMIN) as other:
            with pytest.raises(NotAllowed, match="only the superadmin who looks"):
                await other.raise_impersonation(made.id, "let them change things")
    async with looking(world, Role.VIEWER, raised=True) as (operator, made):
        with pytest.raises(Conflict):
            await operator.raise_impersonation(made.id, "once more, with feeling")
        with pytest.raises(NotAllowed):
            await operator.add_job(NewJob(slug="no-viewer-makes-one"))


async def test_what_is_made_while_it_is_raised_shows_no_way_to_report(world: World) -> None:
    async with looking(world, raised=True) as (operator, _):
        made = await operator.add_job(NewJob(slug="made"))
        assert (made.ping_url, made.ping_url_by_slug) == ("", "")
        with pytest.raises(NotAllowed):
            await operator.rotate_ping_key("default")
        with pytest.raises(NotAllowed):
            await operator.add_token(NewToken(name="mine"))


async def test_it_asks_for_a_password_of_just_now_a_reason_and_one_subject(world: World) -> None:
    acme = _acme(world)
    async with world.operator(SystemRole.SUPPORT) as operator:
        for wrong in (
            NewImpersonation(tenant=acme, why="      ", role=Role.VIEWER),
            NewImpersonation(tenant=acme, why=WHY),
            NewImpersonation(tenant=acme, why=WHY, role=Role.VIEWER, member="a@b.test"),
        ):
            with pytest.raises(Invalid):
                await operator.impersonate(wrong)
        for nowhere in (
            NewImpersonation(tenant=acme, why=WHY, member="nobody@acme.test"),
            NewImpersonation(tenant=UUID(int=1), why=WHY, role=Role.VIEWER),
        ):
            with pytest.raises(NotFound):
                await operator.impersonate(nowhere)
        world.hands.turn_to(world.now + CONFIRMED_FOR + timedelta(seconds=1))
        with pytest.raises(Unconfirmed):
            await operator.impersonate(NewImpersonation(tenant=acme, why=WHY, role=Role.VIEWER))


async def test_no_token_begins_it(world: World) -> None:
    async with world.operator(SystemRole.SUPERADMIN) as operator:
        token = (await operator.add_own_token(NewOwnToken(name="line"))).token
    async with Client(BASE, token=token, transport=httpx.ASGITransport(world.appliance.app)) as line:
        assert (await line.me()).system_role is SystemRole.SUPERADMIN
        with pytest.raises(NotAllowed, match="no token has"):
            await line.impersonate(NewImpersonation(tenant=_acme(world), why=WHY, role=Role.VIEWER))


async def test_where_all_have_a_second_factor_nobody_looks_without(world: World) -> None:
    async with world.appliance.db.write_all() as tx:
        await tenants.change(tx, _acme(world), {"require_second_factor": True})
    async with world.operator(SystemRole.SUPERADMIN) as operator:
        with pytest.raises(FactorNeeded):
            await operator.impersonate(NewImpersonation(tenant=_acme(world), why=WHY, role=Role.VIEWER))


async def test_a_change_whose_look_ended_meanwhile_is_not_made(world: World) -> None:
    async with looking(world, raised=True) as (operator, made):
        db = world.appliance.db
        session = operator.http.headers["cookie"].partition("=")[2]
        caller = await credentials.of_session(db, session, Caller())
        async with db.write_all() as tx:
            await impersonations.end(tx, id=made.id)
        with pytest.raises(Unauthenticated):
            async with db.write(caller.tenant) as own:
                await jobs.create(own, caller, NewJob(slug="too-late"))
    async with world.signed_in("acme") as acme:
        assert not (await acme.jobs()).items


async def test_a_session_has_one_at_a_time(world: World) -> None:
    async with looking(world) as (operator, _):
        with pytest.raises(NotAllowed):
            await operator.impersonate(NewImpersonation(tenant=_acme(world), why=WHY, role=Role.VIEWER))


async def test_the_same_session_looks_again_once_it_is_over(world: World) -> None:
    async with looking(world) as (operator, first):
        world.hands.turn_to(first.until)
        me = await operator.me()
        async with world.appliance.db.write_all() as tx:
            account = await accounts.account(tx, me.email or "")
            assert account
            (session,) = await sessions.of_user(tx, account.user)
            await sessions.confirmed(tx, session.id)
        again = await operator.impersonate(NewImpersonation(tenant=_acme(world), why=WHY, role=Role.VIEWER))
        assert [one.active for one in (await _all(world))] == [True, False]
        assert again.id != first.id


async def _all(world: World) -> list[Impersonation]:
    async with world.operator(SystemRole.SUPPORT) as other:
        return (await other.admin_impersonations()).items


@pytest.mark.parametrize("something_changes", [True, False])
async def test_a_live_stream_ends_with_it(world: World, something_changes: bool) -> None:
    async with looking(world) as (operator, made), world.signed_in("acme") as acme:
        cookie = operator.http.headers["cookie"]
        async with followed(Stream(world, ("cookie", cookie), None)) as stream:
            await acme.add_job(NewJob(slug="before"))
            assert len(await stream.told(1)) == 1
            async with world.operator(SystemRole.SUPPORT) as other:
                await other.end_impersonation(made.id)
            if something_changes:
                await acme.add_job(NewJob(slug="after"))
            assert "event:" not in await stream.rest()
