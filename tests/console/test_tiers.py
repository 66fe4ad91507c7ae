"""Tiers and usage as pages: made, given, seen, and said where output is not kept."""

import re

from crontopus.domain.access import Role, SystemRole
from crontopus.domain.tiers import UNLIMITED
from crontopus.wire.jobs import NewJob
from tests.console.test_roles import browsing
from tests.world import World


def acme(world: World) -> str:
    return f"/admin/tenants/{world.tenants['acme'].principal.tenant}"


async def test_an_operator_makes_gives_changes_and_deletes_a_tier(world: World) -> None:
    async with browsing(world.operator(SystemRole.SUPERADMIN)) as visitor:
        made = await visitor.post("/admin/tiers/new", {"name": "<i>Small", "jobs": "1,000", "tokens": ""})
        assert (made.status_code, made.headers["location"].partition("?")[0]) == (303, "/admin/tiers")
        page = (await visitor.get("/admin/tiers")).text
        assert "&lt;i&gt;Small" in page
        assert re.search(r"jobs 1.?000", page)
        own = next(one for one in re.findall(r"/admin/tiers/([0-9a-f-]{36})", page) if one != str(UNLIMITED))
        assert (await visitor.post(f"{acme(world)}/tier", {"tier": own})).status_code == 303
        assert "tier &lt;i&gt;Small" in (await visitor.get(acme(world))).text
        assert "Not while organisations are in it" in (await visitor.get(f"/admin/tiers/{own}")).text
        refused = await visitor.post(f"/admin/tiers/{own}/delete")
        assert (refused.status_code, "give them another first" in refused.text) == (400, True)
        await visitor.post(f"/admin/tiers/{own}", {"name": "Large", "jobs": ""})
        assert "Large" in (await visitor.get("/admin/usage?sort=name")).text
        await visitor.post(f"{acme(world)}/tier", {"tier": str(UNLIMITED)})
        assert (await visitor.post(f"/admin/tiers/{own}/delete")).status_code == 303
        assert "Large" not in (await visitor.get("/admin/tiers")).text.partition("<tbody>")[2]


async def test_what_is_no_number_is_said_at_its_field_and_nothing_is_lost(world: World) -> None:
    async with browsing(world.operator(SystemRole.SUPERADMIN)) as visitor:
        fields = {"name": "Small", "jobs": "many", "retention_days": "0", "members": "7"}
        answer = await visitor.post("/admin/tiers/new", fields)
        assert answer.status_code == 400
        assert 'value="many"' in answer.text
        assert 'value="7"' in answer.text
        assert "Give a whole number, or nothing for no limit." in answer.text
        answer = await visitor.post("/admin/tiers/new", fields | {"jobs": "3"})
        assert "a whole number from 1 to" in answer.text
        assert (await visitor.post(f"{acme(world)}/tier", {"tier": "nonsense"})).status_code == 400


async def test_the_tier_without_limits_has_no_form(world: World) -> None:
    async with browsing(world.operator(SystemRole.SUPERADMIN)) as visitor:
        page = (await visitor.get(f"/admin/tiers/{UNLIMITED}")).text
        assert "It is always there" in page
        assert f'action="/admin/tiers/{UNLIMITED}' not in page


async def test_support_sees_tiers_and_no_form(world: World) -> None:
    async with browsing(world.operator(SystemRole.SUPPORT)) as visitor:
        for page in ("/admin/tiers", f"/admin/tiers/{UNLIMITED}", "/admin/usage", acme(world)):
            text = (await visitor.get(page)).text
            assert 'method="post" action="/admin' not in text, page


async def test_usage_is_shown_and_what_gets_tight_is_said_to_owners_and_admins(world: World) -> None:
    async with browsing(world.operator(SystemRole.SUPERADMIN)) as visitor:
        await visitor.post("/admin/tiers/new", {"name": "Small", "jobs": "5", "output_bytes_per_day": "12"})
        page = (await visitor.get("/admin/tiers")).text
        own = next(one for one in re.findall(r"/admin/tiers/([0-9a-f-]{36})", page) if one != str(UNLIMITED))
        await visitor.post(f"{acme(world)}/tier", {"tier": own})
    await world.appliance.usage.step()
    async with world.signed_in("acme") as client:
        jobs = [await client.add_job(NewJob(slug=f"job-{number}")) for number in range(4)]
        for _ in range(2):
            await world.ping(jobs[0].ping_url, "POST", content=b"ten bytes!")
        await world.appliance.usage.step()
        run = (await client.job_runs(jobs[0].id)).items[0]
    for role in Role:
        async with browsing(world.person("acme", role)) as visitor:
            page = (await visitor.get("/settings/usage")).text
            assert "The tier of this organisation is Small" in page
            assert "4" in page
            assert "<meter" in page
            told = role in (Role.OWNER, Role.ADMIN)
            assert ("Whoever runs this installation can give another tier" in page) == told, role
            assert 'href="/settings/usage"' in (await visitor.get("/settings")).text
            shown = (await visitor.get(f"/runs/{run.id}")).text
            assert "Not kept: the organisation was over its quota of output on that day" in shown
            assert "succeeded" in shown.lower()


async def test_who_sees_a_part_alone_is_led_to_no_page_of_the_whole(world: World) -> None:
    async with world.signed_in("acme") as client:
        namespace = (await client.namespaces()).items[0].id
    async with browsing(world.person("acme", Role.EDITOR, namespace)) as visitor:
        assert "/settings/usage" not in (await visitor.get("/settings")).text
        assert (await visitor.get("/settings/usage")).status_code == 403


async def test_usage_is_sorted_by_what_is_asked_and_nonsense_is_pings(world: World) -> None:
    async with browsing(world.operator(SystemRole.SUPPORT)) as visitor:
        for sort, column in (("name", "name"), ("storage", "storage"), ("'", "pings")):
            page = (await visitor.get(f"/admin/usage?sort={sort}")).text
            assert re.search(rf'aria-sort="\w+"><a href="/admin/usage\?sort={column}"', page), sort
