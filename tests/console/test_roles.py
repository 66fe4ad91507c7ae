"""Every page as every role: what is shown, what is refused in words, and that nothing of another tenant is seen."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from crontopus.client import SESSION_COOKIE, Client
from crontopus.console.app import console_router
from crontopus.console.namespaces import LIMITED
from crontopus.domain.access import OF_ROLE, OF_SYSTEM, OPERATES_FOR, Role, Scope, SystemRole
from tests.console.conftest import Visitor
from tests.things import MARKER, things
from tests.world import BASE, World

NEEDS = {
    "/jobs/new": Scope.JOBS_WRITE,
    "/jobs/import": Scope.JOBS_WRITE,
    "/jobs/{job}/edit": Scope.JOBS_WRITE,
    "/namespaces/new": Scope.NAMESPACES_WRITE,
    "/namespaces/{slug}/edit": Scope.NAMESPACES_WRITE,
    "/tokens": Scope.TOKENS_READ,
    "/tokens/new": Scope.TOKENS_WRITE,
    "/members/invite": Scope.MEMBERS_WRITE,
    "/audit": Scope.AUDIT_READ,
    "/channels/new": Scope.ALERTS_WRITE,
    "/channels/{channel}": Scope.ALERTS_WRITE,
    "/alert-routes/new": Scope.ALERTS_WRITE,
    "/alert-routes/{route}": Scope.ALERTS_WRITE,
    "/silences/new": Scope.ALERTS_OPERATE,
    "/silences/{silence}": Scope.ALERTS_OPERATE,
    "/maintenance-windows/new": Scope.ALERTS_WRITE,
    "/maintenance-windows/{window}": Scope.ALERTS_WRITE,
    "/jobs/{job}/mute": Scope.ALERTS_OPERATE,
    "/settings/sign-in": Scope.TENANT_WRITE,
    "/settings/sign-in/{provider}": Scope.TENANT_WRITE,
    "/admin/config": Scope.INSTALLATION_READ,
    "/admin/health": Scope.INSTALLATION_READ,
    "/admin/backups": Scope.INSTALLATION_READ,
    "/admin/mail": Scope.INSTALLATION_READ,
    "/admin/audit": Scope.INSTALLATION_READ,
    "/admin/users": Scope.INSTALLATION_READ,
    "/admin/users/{user}": Scope.INSTALLATION_READ,
    "/admin/tenants": Scope.INSTALLATION_READ,
    "/admin/impersonations": Scope.INSTALLATION_READ,
    "/admin/impersonations/new": Scope.INSTALLATION_READ,
    "/admin/announcements": Scope.INSTALLATION_READ,
    "/admin/announcements/{announcement}": Scope.INSTALLATION_READ,
    "/admin/announcements/new": Scope.INSTALLATION_WRITE,
    "/admin/diagnostics": Scope.INSTALLATION_READ,
    "/admin/diagnostics/download": Scope.INSTALLATION_READ,
    "/admin/usage": Scope.INSTALLATION_READ,
    "/admin/tiers": Scope.INSTALLATION_READ,
    "/admin/tiers/{tier}": Scope.INSTALLATION_READ,
    "/admin/tiers/new": Scope.INSTALLATION_WRITE,
    "/admin/tenants/{tenant}": Scope.INSTALLATION_READ,
    "/admin/tenants/new": Scope.INSTALLATION_WRITE,
}
"""Pages that some roles may not open; all others are for every member."""
OWNERS_ONLY = {"/settings/exports/{export}", "/settings/sign-in/new"}
TO_NOBODY = {
    "/invitation": 404,
    "/reset": 404,
    "/unsubscribe": 404,
    "/alert-link/acknowledge": 404,
    "/alert-link/silence": 404,
    "/sign-in/with/{provider}": 404,
    "/sign-in/with/{provider}/go": 404,
    "/sign-in/callback": 401,
}
"""Pages that open to nobody without the code of a link, or of a provider that is off."""
TELL_OF_ALL = {
    "/admin/audit",
    "/admin/impersonations",
    "/admin/announcements",
    "/admin/announcements/{announcement}",
}
"""What was done and said anywhere."""


def pages() -> list[str]:
    """The address of every page, from the routes."""
    app = Litestar([console_router(public_url=BASE, hosts=[])], openapi_config=None)
    routes = (route for route in app.routes if isinstance(route, HTTPRoute) and "GET" in route.methods)
    found = {route.path_format for route in routes}
    return sorted(path for path in found if "{rest}" not in path and not path.startswith("/static"))


def visiting(world: World, tenant: str, role: Role) -> AbstractAsyncContextManager[Visitor]:
    return browsing(world.person(tenant, role))


@asynccontextmanager
async def browsing(of: AbstractAsyncContextManager[Client]) -> AsyncIterator[Visitor]:
    """A browser with the session of a client."""
    async with of as person:
        cookies = {SESSION_COOKIE: person.http.headers["cookie"].partition("=")[2]}
        transport = person.http._transport
        async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=cookies) as http:
            yield Visitor(http)


@pytest.mark.parametrize("role", list(Role))
async def test_every_page_as_this_role_and_what_it_leads_to(world: World, role: Role) -> None:
    there = await things(world)
    async with visiting(world, "acme", role) as visitor:
        for page in pages():
            answer = await visitor.get(there.fill(page))
            allowed = role is Role.OWNER if page in OWNERS_ONLY else page not in NEEDS or NEEDS[page] in OF_ROLE[role]
            expected = {200, 303} if allowed else {403}
            wanted = {TO_NOBODY[page]} if page in TO_NOBODY else expected
            assert answer.status_code in wanted, f"{page}: {answer.text}"
            for path in re.findall(r'href="(/[^"?#]*)', answer.text):
                found = next((known for known in NEEDS if path == there.fill(known)), None)
                assert found is None or NEEDS[found] in OF_ROLE[role], f"{page} leads to {path}"


@pytest.mark.parametrize("role", list(Role))
async def test_no_page_shows_anything_of_another_tenant(world: World, role: Role) -> None:
    there = await things(world)
    async with visiting(world, "globex", role) as visitor:
        for page in pages():
            answer = await visitor.get(there.fill(page))
            if "{" in page:
                assert answer.status_code in (404, 403), page
            assert MARKER not in answer.text, page


@pytest.mark.parametrize("role", list(SystemRole))
async def test_an_operator_who_is_in_no_tenant_sees_the_dashboard_and_no_tenant(world: World, role: SystemRole) -> None:
    there = await things(world)
    async with browsing(world.operator(role)) as visitor:
        assert (await visitor.get("/jobs")).headers["location"] == "/admin"
        for page in pages():
            answer = await visitor.get(there.fill(page))
            assert MARKER not in answer.text or page in TELL_OF_ALL, page
            if page.startswith("/admin") or page == "/me":
                allowed = page not in NEEDS or NEEDS[page] in OF_SYSTEM[role]
                assert answer.status_code in ((200, 303) if allowed else (403,)), page
        assert "Installation" in (await visitor.get("/me")).text


async def test_who_showed_their_password_too_long_ago_shows_it_again_before_the_dashboard(world: World) -> None:
    async with browsing(world.operator(SystemRole.SUPERADMIN)) as visitor:
        world.hands.turn_to(world.now + OPERATES_FOR + timedelta(seconds=1))
        answer = await visitor.get("/admin/config")
        assert (answer.status_code, answer.headers["location"]) == (303, "/me/confirm?next=%2Fadmin%2Fconfig")


async def test_what_a_role_does_not_allow_is_refused_in_words_beside_the_way_about(world: World) -> None:
    async with visiting(world, "acme", Role.EDITOR) as visitor:
        for page in ("/tokens", "/audit"):
            refused = (await visitor.get(page)).text
            assert "Your role here does not allow it." in refused
            assert 'aria-label="Main"' in refused
        refused = (await visitor.get("/admin/health")).text
        assert "This is for whoever runs the installation." in refused
        assert 'aria-label="Main"' in (await visitor.get("/nothing")).text


async def test_who_may_make_no_namespace_is_told_why(world: World) -> None:
    async with visiting(world, "acme", Role.VIEWER) as visitor:
        assert "An editor makes and changes namespaces." in (await visitor.get("/namespaces")).text
    async with world.signed_in("acme") as acme:
        place = (await acme.namespace("default")).id
    async with browsing(world.person("acme", Role.EDITOR, place)) as visitor:
        assert LIMITED in (await visitor.get("/namespaces")).text
        refused = await visitor.get("/namespaces/new")
        assert (refused.status_code, LIMITED in refused.text) == (403, True)


async def test_what_one_may_not_do_is_said(world: World) -> None:
    there = await things(world)
    async with visiting(world, "acme", Role.VIEWER) as visitor:
        assert "You look on here" in (await visitor.get(f"/jobs/{there.job}")).text
        assert "An editor makes and changes jobs" in (await visitor.get("/jobs")).text
        refused = await visitor.get("/jobs/new")
        assert "Your role here does not allow it" in refused.text
