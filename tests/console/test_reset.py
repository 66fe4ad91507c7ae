"""The door for whoever has lost their password, as a browser without JavaScript sees it."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from crontopus.domain.access import Role, SystemRole
from crontopus.wire.people import NewInvitation
from tests.api.test_mail import GRACE, OTHER, SENDER, Site
from tests.console.test_roles import browsing
from tests.console.test_security import browser
from tests.smtp import mail_server
from tests.world import world_in


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with mail_server() as box:
        smtp = f"smtp+plain://127.0.0.1:{box.port}"
        async with world_in(tmp_path / "data", smtp_url=smtp, mail_from=SENDER) as world:
            yield Site(world, box)


async def test_a_new_password_is_chosen_by_the_link_in_a_letter(site: Site) -> None:
    await site.grace()
    visitor = browser(site.world)
    assert "Forgot your password?" in (await visitor.get("/sign-in")).text
    said = (await visitor.post("/forgot", {"email": GRACE})).text
    assert "Look into your mailbox" in said
    link = f"/reset?code={await site.code()}"
    assert GRACE in (await visitor.get(link)).text
    code = {"code": link.partition("=")[2]}
    differ = await visitor.post("/reset", {**code, "password": OTHER, "again": "something else"})
    assert (differ.status_code, "not the same password" in differ.text) == (400, True)
    short = await visitor.post("/reset", {**code, "password": "short", "again": "short"})
    assert (short.status_code, 'id="password-fault"' in short.text or "at least" in short.text) == (400, True)
    done = await visitor.post("/reset", {**code, "password": OTHER, "again": OTHER})
    assert "Your password is changed" in done.text
    page = await visitor.post("/sign-in", {"email": GRACE, "password": OTHER})
    assert page.url.path == "/jobs"
    again = await visitor.get(link)
    assert (again.status_code, "opens nothing" in again.text) == (404, True)
    await visitor.http.aclose()


async def test_a_stranger_is_told_the_same(site: Site) -> None:
    visitor = browser(site.world)
    assert "Look into your mailbox" in (await visitor.post("/forgot", {"email": "nobody@example.com"})).text
    await site.post()
    assert site.box.taken == []
    await visitor.http.aclose()


async def test_whoever_invites_sees_that_the_link_went_by_letter_and_what_became_of_it(site: Site) -> None:
    site.box.strangers.add("nobody@example.com")
    async with browsing(site.world.person("acme", Role.OWNER)) as visitor:
        form = {"email": "nobody@example.com", "role": "viewer", "reach": "all"}
        said = (await visitor.post("/members/invite", form)).text
        assert "nobody@example.com is invited" in said
        assert "code=" not in said
        assert "on its way" in (await visitor.get("/members")).text
        await site.post()
        page = (await visitor.get("/members")).text
        assert "not delivered" in page
        assert "nobody has this address" in page


async def test_an_operator_sees_what_was_not_delivered_and_tries_a_letter(site: Site) -> None:
    site.box.strangers.add("nobody@example.com")
    async with site.world.person("acme", Role.OWNER) as owner:
        await owner.invite(NewInvitation(email="nobody@example.com"))
    await site.post()
    async with browsing(site.world.operator(SystemRole.SUPERADMIN)) as visitor:
        page = (await visitor.get("/admin/mail")).text
        assert re.search(r"nobody@example\.com.*given up.*nobody has this address", page, re.DOTALL)
        sent = await visitor.post("/admin/mail", {"to": "ops@example.org"})
        assert (sent.status_code, sent.headers["location"]) == (303, "/admin/mail")
        assert site.box.taken[-1]["To"] == "ops@example.org"
        refused = await visitor.post("/admin/mail", {"to": "nobody@example.com"})
        assert (refused.status_code, "nobody has this address" in refused.text) == (400, True)
        site.world.hands.turn_to(site.world.now + timedelta(minutes=11))
        asked = await visitor.post("/admin/mail", {"to": "ops@example.org"})
        assert asked.headers["location"].startswith("/me/confirm")
