"""Looking as another, in the console: how it begins, what is seen of it on every page, and how it ends."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product

import pytest

from crontopus.domain.access import Role, SystemRole, of_look
from tests.console.conftest import Visitor
from tests.console.test_roles import NEEDS, OWNERS_ONLY, TO_NOBODY, browsing, pages
from tests.scale import LONG
from tests.things import Things, things
from tests.world import World

LOOKS = list(product(Role, (False, True)))
if not LONG:
    LOOKS = LOOKS[::3]  # Of either kind.
WHY = "the jobs of the night are late"
NOT_THEIRS = {"/device", "/me/confirm", "/me/security", "/me/security/authenticator"} | OWNERS_ONLY
"""Of the person: refused, or answered about the operator alone."""

DOORS = ("/sign-in", "/setup", "/forgot")
"""Pages before one is anybody."""
HARMLESS = {"/impersonation/end", "/impersonation/raise", "/sign-out", "/me/plain", "/me/theme", "/jobs/bulk/preview"}
"""Forms that change nothing of the tenant; the last only shows what would be changed."""


@asynccontextmanager
async def looking(world: World, role: Role, *, raised: bool = False) -> AsyncIterator[Visitor]:
    """At acme."""
    async with browsing(world.operator(SystemRole.SUPERADMIN)) as visitor:
        fields = {"tenant": str(world.tenants["acme"].principal.tenant), "why": WHY, "role": role}
        assert (await visitor.post("/admin/impersonations/new", fields)).headers["location"] == "/jobs"
        if raised:
            done = await visitor.post("/impersonation/raise", {"why": "they asked me to mend it"})
            assert done.headers["location"] == "/jobs"
        yield visitor


@pytest.mark.parametrize(("role", "raised"), LOOKS)
async def test_every_page_says_so_shows_no_secret_and_offers_nothing_forbidden(
    world: World, role: Role, raised: bool
) -> None:
    there = await things(world)
    key, scopes = world.tenants["acme"].ping_key, of_look(role, raised=raised)
    async with looking(world, role, raised=raised) as visitor:
        for page in pages():
            answer = await visitor.get(there.fill(page))
            assert answer.status_code < 500, page
            assert key not in answer.text, page
            assert not re.search(r"/ping/[0-9A-Za-z]{8}|ctp_[a-z]_\w{20}", answer.text), page
            if page in NOT_THEIRS or page in TO_NOBODY or answer.status_code == 303:
                continue
            allowed = page not in NEEDS or NEEDS[page] in scopes
            assert answer.status_code == (200 if allowed else 403), f"{page}: {answer.status_code}"
            if 'id="main"' in answer.text and not page.startswith(DOORS):
                _offers_nothing_forbidden(page, answer.text, there, role, raised=raised)
                assert "You look at acme as" in answer.text, page
                assert WHY in answer.text, page


def _offers_nothing_forbidden(page: str, text: str, there: Things, role: Role, *, raised: bool) -> None:
    scopes = of_look(role, raised=raised)
    for path in re.findall(r'href="(/[^"?#]*)', text):
        found = next((known for known in NEEDS if path == there.fill(known)), None)
        assert found is None or NEEDS[found] in scopes, f"{page} leads to {path}"
    if not raised:
        forms = set(re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)', text))
        assert forms <= HARMLESS, page


async def test_it_begins_at_an_organisation_and_ends_by_a_button(world: World) -> None:
    tenant = world.tenants["acme"].principal.tenant
    async with browsing(world.operator(SystemRole.SUPPORT)) as visitor:
        form = f"/admin/impersonations/new?tenant={tenant}"
        assert form in (await visitor.get(f"/admin/tenants/{tenant}")).text
        assert "Its people read this." in (await visitor.get(form)).text
        short = await visitor.post("/admin/impersonations/new", {"tenant": str(tenant), "why": "<b>", "role": "viewer"})
        assert short.status_code == 400
        assert "&lt;b&gt;" in short.text
        unknown = {"tenant": str(tenant), "why": WHY, "member": "nobody@acme.test"}
        assert "nobody in acme has this address" in (await visitor.post("/admin/impersonations/new", unknown)).text
        least = await visitor.post("/admin/impersonations/new", {"tenant": str(tenant), "why": WHY, "role": "king"})
        assert least.status_code == 303
        await visitor.post("/impersonation/end")
        known = {"tenant": str(tenant), "why": WHY, "member": "owner@acme.test"}
        assert (await visitor.post("/admin/impersonations/new", known)).status_code == 303
        page = (await visitor.get("/impersonation")).text
        assert "as owner@acme.test does" in page
        assert "Only a superadmin can." in page
        ended = await visitor.post("/impersonation/end")
        assert ended.headers["location"] == "/admin/impersonations"
        listed = (await visitor.get("/admin/impersonations")).text
        assert WHY in listed
        assert "You look at acme" not in listed
    async with browsing(world.person("acme", Role.AUDITOR)) as auditor:
        assert WHY in (await auditor.get("/settings")).text
    async with browsing(world.person("acme", Role.VIEWER)) as viewer:
        assert WHY not in (await viewer.get("/settings")).text


async def test_an_owner_forbids_it_in_the_settings(world: World) -> None:
    tenant = str(world.tenants["acme"].principal.tenant)
    async with browsing(world.person("acme", Role.OWNER)) as owner:
        assert (await owner.post("/settings/impersonation")).status_code == 303
        assert "Allow it again" in (await owner.get("/settings")).text
        async with browsing(world.operator(SystemRole.SUPERADMIN)) as visitor:
            fields = {"tenant": tenant, "why": WHY, "role": "viewer"}
            refused = await visitor.post("/admin/impersonations/new", fields)
            assert "does not allow anybody" in refused.text
        assert (await owner.post("/settings/impersonation")).status_code == 303
    async with browsing(world.person("acme", Role.ADMIN)) as admin:
        assert "Only an owner can forbid it." in (await admin.get("/settings")).text


async def test_an_operator_ends_the_look_of_another(world: World) -> None:
    async with looking(world, Role.VIEWER) as visitor, browsing(world.operator(SystemRole.SUPPORT)) as other:
        end = re.search(
            r'action="(/admin/impersonations/[0-9a-f-]+/end)"', (await other.get("/admin/impersonations")).text
        )
        assert end
        assert (await other.post(end[1])).status_code == 303
        assert (await visitor.get("/jobs")).headers["location"] == "/admin"
