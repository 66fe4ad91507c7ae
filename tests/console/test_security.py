"""Second factors as pages: set up, asked for at the door, and where everybody must have one; and what is kept of how
things are shown.
"""

import base64
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pyotp
import pytest

from crontopus.client import SESSION_COOKIE
from crontopus.domain.access import Role
from crontopus.wire.people import NewInvitation
from tests.api.test_people import code_of
from tests.console.conftest import Visitor
from tests.console.test_roles import browsing, pages
from tests.things import things
from tests.world import BASE, World

PASSWORD = "a long sentence"
EMAIL = "grace@example.com"


def browser(world: World) -> Visitor:
    transport = httpx.ASGITransport(world.appliance.app)
    return Visitor(httpx.AsyncClient(transport=transport, base_url=BASE, follow_redirects=True))


@pytest.fixture
async def grace(world: World) -> AsyncIterator[Visitor]:
    """An owner with a password, signed in."""
    async with world.person("acme", Role.OWNER) as owner:
        link = (await owner.invite(NewInvitation(email=EMAIL, role=Role.OWNER))).link
    visitor = browser(world)
    fields = {"code": code_of(link), "password": PASSWORD, "again": PASSWORD}
    assert (await visitor.post("/invitation", fields)).status_code == 200
    yield visitor
    await visitor.http.aclose()


async def enrol(world: World, visitor: Visitor) -> tuple[str, list[str]]:
    """Through the pages: the app's secret, and the recovery codes."""
    page = (await visitor.post("/me/security/app")).text
    secret = re.search(r'id="secret"[^>]*><code>(\w+)', page)
    image = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert secret
    assert image
    assert base64.b64decode(image[1]).startswith(b"<svg")
    page = (await visitor.post("/me/security/app/confirm", {"code": pyotp.TOTP(secret[1]).at(world.now)})).text
    return secret[1], re.findall(r"(?:[a-z2-9]{4}-){3}[a-z2-9]{4}", page)


async def sign_in(visitor: Visitor, onward: str = "/members") -> httpx.Response:
    return await visitor.post("/sign-in", {"email": EMAIL, "password": PASSWORD, "next": onward})


async def test_the_door_asks_for_the_second_factor_and_leads_on(world: World, grace: Visitor) -> None:
    secret, codes = await enrol(world, grace)
    assert len(codes) == 10
    visitor = browser(world)
    asked = await sign_in(visitor)
    assert asked.url.path == "/sign-in/second-factor"
    assert "Use a passkey" not in asked.text, "there is none"
    before = visitor.http.cookies[SESSION_COOKIE]
    for page in ("/jobs", "/me", "/me/security", "/admin/config"):
        assert (await visitor.get(page)).url.path == "/sign-in/second-factor", page
    wrong = await visitor.post("/sign-in/second-factor", {"code": "000000", "next": "/members"})
    assert (wrong.status_code, "this code is wrong" in wrong.text) == (400, True)
    world.hands.turn_to(world.now + timedelta(seconds=30))
    done = await visitor.post("/sign-in/second-factor", {"code": pyotp.TOTP(secret).at(world.now), "next": "/members"})
    assert (done.url.path, done.status_code) == ("/members", 200)
    assert visitor.http.cookies[SESSION_COOKIE] != before
    assert (await visitor.get("/sign-in/second-factor?next=//evil.example")).url.path == "/jobs"


async def test_the_fifth_wrong_code_leads_back_to_the_password(world: World, grace: Visitor) -> None:
    await enrol(world, grace)
    visitor = browser(world)
    await sign_in(visitor)
    for _ in range(4):
        assert (await visitor.post("/sign-in/second-factor", {"code": "000000"})).status_code == 400
    last = await visitor.post("/sign-in/second-factor", {"code": "000000"})
    assert last.url.path == "/sign-in"
    assert "once too often, or too late" in last.text


async def test_whoever_used_a_recovery_code_is_told_that_it_is_gone(world: World, grace: Visitor) -> None:
    _, codes = await enrol(world, grace)
    visitor = browser(world)
    await sign_in(visitor)
    done = await visitor.post("/sign-in/second-factor", {"code": codes[0], "next": "/me/security"})
    assert "A recovery code was used up." in done.text
    assert "9 codes left" in done.text


async def test_somebody_else_can_sign_in_in_place_of_whoever_is_halfway(world: World, grace: Visitor) -> None:
    await enrol(world, grace)
    visitor = browser(world)
    await sign_in(visitor)
    assert (await visitor.post("/sign-out")).url.path == "/sign-in"
    assert (await visitor.get("/sign-in/second-factor")).url.path == "/sign-in"


async def test_what_needs_it_asks_for_password_and_code(world: World, grace: Visitor) -> None:
    secret, codes = await enrol(world, grace)
    world.hands.turn_to(world.now + timedelta(minutes=11))
    asked = await grace.post("/me/security/codes")
    assert asked.url.path == "/me/confirm"
    assert "a code" in asked.text
    wrong = await grace.post("/me/confirm", {"password": PASSWORD, "next": "/me/security"})
    assert (wrong.status_code, "second factor, too" in wrong.text) == (400, True)
    fields = {"password": PASSWORD, "code": pyotp.TOTP(secret).at(world.now), "next": "/me/security"}
    assert (await grace.post("/me/confirm", fields)).url.path == "/me/security"
    fresh = (await grace.post("/me/security/codes")).text
    assert "Keep these recovery codes" in fresh
    assert codes[0] not in fresh


async def test_a_new_password_asks_whoever_has_a_second_factor_for_it(world: World, grace: Visitor) -> None:
    await enrol(world, grace)
    world.hands.turn_to(world.now + timedelta(minutes=11))
    fields = {"old": PASSWORD, "new": "another long sentence", "again": "another long sentence"}
    assert (await grace.post("/me/password", fields)).url.path == "/me/confirm"


async def test_a_new_password_that_is_tried_first_is_refused_with_a_reason(grace: Visitor) -> None:
    fields = {"old": PASSWORD, "new": "Password2027!", "again": "Password2027!"}
    answer = await grace.post("/me/password", fields)
    assert answer.status_code == 400
    assert "one of the most common passwords" in answer.text
    assert "choose a few words" in answer.text


async def test_where_everybody_must_every_page_leads_to_setting_one_up(world: World, grace: Visitor) -> None:
    there = await things(world)
    async with browsing(world.person("acme", Role.EDITOR)) as editor:
        assert "set up your own" in (await grace.get("/members")).text
        await enrol(world, grace)
        said = await grace.post("/members/second-factor")
        assert "Everybody here needs a second factor now." in said.text
        own = {
            "/device",
            "/me",
            "/me/security",
            "/me/confirm",
            "/setup",
            "/sign-in",
            "/sign-in/callback",
            "/sign-in/with/{provider}",
            "/sign-in/with/{provider}/go",
            "/invitation",
            "/forgot",
            "/reset",
            "/bell",
            "/unsubscribe",
            "/alert-link/acknowledge",
            "/alert-link/silence",
            "/",
        }
        for page in pages():
            if page not in own and "factor" not in page:
                answer = await editor.get(there.fill(page))
                assert answer.status_code in (303, 403), page
                if answer.status_code == 303:
                    assert re.match(r"/me/security$|/jobs$|/admin/", answer.headers["location"]), page
        page = (await editor.get("/me/security")).text
        assert "asks everybody for a second factor" in page
        assert (await editor.get("/me")).status_code == 200
    left = await grace.post("/members/second-factor")
    assert "Everybody decides for themselves now." in left.text


async def test_others_see_whether_everybody_must_and_cannot_change_it(world: World) -> None:
    async with browsing(world.person("acme", Role.ADMIN)) as admin:
        page = (await admin.get("/members")).text
        assert "An owner can change this." in page
        assert "/members/second-factor" not in page
        assert (await admin.post("/members/second-factor")).status_code == 400


async def test_how_things_are_shown_follows_the_person_to_another_browser(world: World, grace: Visitor) -> None:
    await grace.post("/me/zone", {"zone": "Asia/Tokyo"})
    await grace.post("/me/theme", {"theme": "dark"})
    await grace.post("/me/language", {"language": "en-US"})
    elsewhere = browser(world)
    elsewhere.http.cookies.set("crontopus_zone", "Europe/Berlin")
    elsewhere.http.cookies.set("crontopus_theme", "light")
    assert 'data-theme="light"' in (await elsewhere.get("/sign-in")).text
    page = (await sign_in(elsewhere, "/me")).text
    assert 'data-theme="dark"' in page
    assert "Asia/Tokyo" in page
    assert '<html lang="en-US"' in page
    await grace.post("/me/theme", {"theme": ""})
    assert "data-theme" not in (await elsewhere.get("/me")).text, "as the system says, also where a cookie says else"


async def test_a_passkey_form_without_a_script_is_told_so(grace: Visitor) -> None:
    for path in ("/me/security/passkeys", "/sign-in/passkey"):
        answer = await grace.post(path, {"name": "x"})
        assert answer.status_code == 400
        assert "JavaScript" in answer.text
