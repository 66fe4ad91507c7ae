"""Announcements in the console: written once, shown on every page as they were written, put away by a button."""

import re

from crontopus.domain.access import Role, SystemRole
from tests.console.test_roles import browsing
from tests.world import World

NEW = "/admin/announcements/new"


async def test_a_superadmin_says_something_to_everybody_who_puts_it_away(world: World) -> None:
    async with (
        browsing(world.operator(SystemRole.SUPERADMIN)) as operator,
        browsing(world.person("acme", Role.VIEWER)) as person,
        browsing(world.person("globex", Role.VIEWER)) as other,
    ):
        assert (await operator.post(NEW, {"text": "<b>Sunday</b>", "severity": "warning"})).status_code == 303
        page = (await person.get("/namespaces")).text
        assert "&lt;b&gt;Sunday&lt;/b&gt;" in page
        away = re.search(
            r'action="(/announcements/[0-9a-f-]+/dismiss)"><input type="hidden" name="back" value="(.+?)"', page
        )
        assert away
        assert away[2] == "/namespaces"
        gone = await person.post(away[1], {"back": away[2]})
        assert (gone.status_code, gone.headers["location"]) == (303, "/namespaces")
        assert "Sunday" not in (await person.get("/namespaces")).text
        assert "Sunday" in (await other.get("/jobs")).text
        assert (await person.post(away[1], {"back": "https://elsewhere.test"})).headers["location"] == "/jobs"


async def test_a_form_with_faults_comes_back_with_all_that_was_typed(world: World) -> None:
    acme = str(world.tenants["acme"].principal.tenant)
    typed = {"text": "Sunday", "since": "2027-01-05T08:00", "until": "2027-01-04T08:00", "tenants": acme}
    async with browsing(world.operator(SystemRole.SUPERADMIN)) as operator:
        answer = await operator.post(NEW, typed)
        assert answer.status_code == 400
        assert "it ends before it begins" in answer.text
        assert 'value="2027-01-05T08:00"' in answer.text
        assert f'value="{acme}" checked' in answer.text
        assert (await operator.post(NEW, typed | {"until": "soon"})).status_code == 400
        assert (await operator.post(NEW, typed | {"until": "2027-01-06T08:00"})).status_code == 303
        page = (await operator.get("/admin/announcements")).text
        own = re.search(r'href="(/admin/announcements/[0-9a-f-]{36})"', page)
        assert own
        assert "to come" in page
        assert (await operator.post(own[1], {"text": "Monday"})).status_code == 303
        edited = (await operator.get(own[1])).text
        assert "Monday" in edited
        assert 'value="2027-01-05T08:00"' in edited
        assert (await operator.post(f"{own[1]}/delete")).status_code == 303
        assert (await operator.get(own[1])).status_code == 404
