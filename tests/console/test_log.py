"""The pages of the audit log: *Check it* says whether the log holds, and from which entry on it does not."""

import re

from sqlalchemy import text

from crontopus.domain.access import SystemRole
from crontopus.wire.jobs import NewJob
from crontopus.wire.people import TenantPatch
from tests.console.test_pages import Visits
from tests.console.test_roles import browsing
from tests.world import World


async def spoil(world: World) -> None:
    async with world.appliance.db.write_all() as tx:
        tenant = world.tenants["acme"].principal.tenant
        statement = text("UPDATE audit SET actor = 'nobody' WHERE position = 2 AND tenant_id = :tenant")
        assert (await tx.sql.execute(statement, {"tenant": tenant.bytes})).rowcount == 1


async def test_a_log_is_checked_where_it_is_read(world: World, visits: Visits) -> None:
    async with world.signed_in("acme") as acme:
        for slug in ("a", "b", "c"):
            await acme.add_job(NewJob(slug=slug))
    visitor = await visits("acme")
    assert "/audit?check=yes" in (await visitor.get("/audit")).text
    assert "This log says what was written: all " in (await visitor.get("/audit?check=yes")).text
    await spoil(world)
    assert "This log does not hold from entry 2 on" in (await visitor.get("/audit?check=yes")).text


async def test_an_operator_checks_all_of_them(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="a"))
        await acme.add_job(NewJob(slug="b"))
    async with browsing(world.operator(SystemRole.SUPPORT)) as visitor:
        assert "logs say what was written" in (await visitor.get("/admin/audit?check=yes")).text
        await spoil(world)
        page = (await visitor.get("/admin/audit?check=yes")).text
        assert "The log of acme does not hold from entry 2 on" in page
        assert "globex does not hold" not in page


async def test_an_operator_exports_what_the_page_of_all_logs_shows(world: World) -> None:
    tenant = world.tenants["acme"].principal.tenant
    async with world.signed_in("acme") as acme, browsing(world.operator(SystemRole.SUPERADMIN)) as visitor:
        await acme.edit_tenant(TenantPatch(name="Acme"))
        page = (await visitor.get(f"/admin/audit?action=tenant.edit&target={tenant}&tenant={tenant}")).text
        links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/api/v1/admin/audit/export[^"]+)"', page)]
        assert len(links) == 2
        for link in links:
            assert link.endswith(f"&action=tenant.edit&target={tenant}&tenant={tenant}")
            assert "tenant.edit" in (await visitor.get(link)).text
