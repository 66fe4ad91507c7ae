"""The organisation's settings, and every organisation as the operator sees it."""

import re
from contextlib import AbstractAsyncContextManager

from crontopus.client import Client
from crontopus.domain.access import Role, SystemRole
from tests.console.test_roles import browsing
from tests.world import World


def operator(world: World) -> AbstractAsyncContextManager[Client]:
    return world.operator(SystemRole.SUPERADMIN)


async def test_an_operator_makes_suspends_opens_deletes_and_restores_an_organisation(world: World) -> None:
    async with browsing(operator(world)) as visitor:
        made = await visitor.post("/admin/tenants/new", {"name": "<b>Initech", "owner": "bill@initech.test"})
        assert "/invitation?code=" in made.text
        assert "&lt;b&gt;Initech is there" in made.text
        page = (await visitor.get("/admin/tenants?q=INITECH")).text
        assert "acme" not in page.partition("<tbody>")[2]
        own = re.search(r'href="(/admin/tenants/[0-9a-f-]{36})"', page)
        assert own
        for deed, fields, seen in (
            ("suspend", {"why": "the bill of June"}, "Its people are told: the bill of June"),
            ("resume", {}, "Suspend it"),
            ("rename", {"name": "Initrode"}, "<h1>Initrode</h1>"),
            ("delete", {"typed": "Initrode"}, "it can be restored"),
            ("restore", {}, "Delete it"),
        ):
            done = await visitor.post(f"{own[1]}/{deed}", fields)
            assert done.status_code == 303, deed
            assert seen in (await visitor.get(own[1])).text, deed
        assert (await visitor.post(f"{own[1]}/nonsense")).status_code == 404


async def test_whoever_deletes_types_the_name_as_it_stands(world: World) -> None:
    tenant = world.tenants["acme"].principal.tenant
    async with browsing(operator(world)) as visitor, browsing(world.person("acme", Role.OWNER)) as owner:
        for one, path in ((visitor, f"/admin/tenants/{tenant}"), (owner, "/settings")):
            for typed in ("", "Acme", "globex"):
                answer = await one.post(f"{path}/delete", {"typed": typed})
                assert answer.status_code == 400
                assert "Type the name as it stands here: acme" in answer.text
                assert "Delete it" in answer.text


async def test_support_looks_and_is_offered_nothing(world: World) -> None:
    tenant = world.tenants["acme"].principal.tenant
    async with browsing(world.operator(SystemRole.SUPPORT)) as visitor:
        page = (await visitor.get(f"/admin/tenants/{tenant}")).text
        assert "You may look." in page
        assert 'action="/admin' not in page
        assert "/admin/tenants/new" not in (await visitor.get("/admin/tenants")).text
        assert (await visitor.post(f"/admin/tenants/{tenant}/suspend", {"why": "x"})).status_code == 400


async def test_people_of_a_suspended_organisation_see_why_on_every_page(world: World) -> None:
    tenant = world.tenants["acme"].principal.tenant
    async with browsing(world.person("acme", Role.EDITOR)) as editor, operator(world) as client:
        await client.suspend_tenant(tenant, "the bill of June is not paid")
        for page in ("/jobs", "/members", "/namespaces"):
            answer = await editor.get(page)
            assert answer.status_code == 403, page
            assert "This organisation is closed" in answer.text
            assert "the bill of June is not paid" in answer.text
        for page in ("/me", "/settings", "/jobs/new"):
            answer = await editor.get(page)
            assert "the bill of June is not paid" in answer.text, page


async def test_an_owner_exports_deletes_and_restores(world: World) -> None:
    async with browsing(world.person("acme", Role.OWNER)) as owner:
        assert (await owner.post("/settings/export")).status_code == 303
        assert "being written" in (await owner.get("/settings")).text
        await world.appliance.exports.step()
        link = re.search(r'href="(/settings/exports/[^"]+)"', (await owner.get("/settings")).text)
        assert link
        to_file = (await owner.get(link[1])).headers["location"]
        assert (await owner.get(to_file)).content.startswith(b"PK")
        assert (await owner.post("/settings/delete", {"typed": "acme"})).status_code == 303
        page = (await owner.get("/settings")).text
        assert "Restore it" in page
        assert "Delete it" not in page
        assert (await owner.post("/settings/restore")).status_code == 303
        assert (await owner.get("/jobs")).status_code == 200


async def test_a_stale_password_is_asked_for_before_a_download(world: World) -> None:
    async with browsing(world.person("acme", Role.OWNER)) as owner:
        await owner.post("/settings/export")
        await world.appliance.exports.step()
        link = re.search(r'href="(/settings/exports/[^"]+)"', (await owner.get("/settings")).text)
        assert link
        await world.passes(minutes=11)
        assert (await owner.get(link[1])).headers["location"].startswith("/me/confirm?next=%2Fsettings%2Fexports%2F")
        assert (await owner.post("/settings/export")).headers["location"].startswith("/me/confirm")


async def test_an_operator_disables_and_lets_in_again(world: World) -> None:
    async with browsing(operator(world)) as visitor, world.person("acme", Role.VIEWER) as person:
        email = str((await person.me()).email)
        page = (await visitor.get(f"/admin/users?q={email}")).text
        own = re.search(r'href="(/admin/users/[0-9a-f-]{36})"', page)
        assert own
        for deed, fields, seen in (
            ("role", {"role": "support"}, "selected>As support"),
            ("disable", {}, "Disabled: nobody comes in as them."),
            ("enable", {}, "Disable…"),
            ("end-sessions", {}, "0 sessions"),
            ("reset-factors", {}, "no second factor"),
        ):
            assert (await visitor.post(f"{own[1]}/{deed}", fields)).status_code == 303, deed
            assert seen in (await visitor.get(own[1])).text, deed
        assert (await visitor.post(f"{own[1]}/nonsense")).status_code == 404
