"""Signing in by a provider as a browser does it: there and back, and every answer that must not be believed."""

import base64
import hmac
import html
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwt

from crontopus.client import SESSION_COOKIE
from crontopus.domain.access import Role
from crontopus.domain.providers import LEEWAY, VISIT_LIFE
from crontopus.engine import oidc
from crontopus.wire.providers import Provider, ProviderPatch
from tests.console.test_roles import visiting
from tests.providers import Browser, Hostile, hostile, key, new
from tests.world import BASE, World


@pytest.fixture
def by(world: World) -> Iterator[Hostile]:
    with hostile(world.hands) as provider:
        yield provider


@pytest.fixture
async def provider(world: World, by: Hostile) -> Provider:
    async with world.person("acme", Role.OWNER) as owner:
        return await owner.add_provider(new(by.issuer, default_role=Role.VIEWER))


@pytest.fixture
def browser(world: World) -> Browser:
    return Browser(world)


def unsigned(claims: dict[str, Any]) -> str:
    return ".".join(_encoded(part) for part in ({"alg": "none"}, claims)) + "."


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def by_the_public_key(claims: dict[str, Any]) -> str:
    """HS256, with what everybody knows as the secret."""
    signed = f"{_encoded({'alg': 'HS256', 'kid': 'first'})}.{_encoded(claims)}"
    made = hmac.digest(key("first").as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def by_another_key(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, key("second"))


def changed_after_signing(claims: dict[str, Any]) -> str:
    head, _, signature = jwt.encode({"alg": "RS256", "kid": "first"}, claims, key("first")).split(".")
    return f"{head}.{_encoded(claims | {'email': 'owner@acme.test'})}.{signature}"


async def is_refused(browser: Browser, answer: httpx.Response, status: int, why: str) -> None:
    assert answer.status_code == status, answer.text
    assert why.lower() in html.unescape(answer.text).lower()
    assert "You are not signed in" in answer.text
    assert not browser.session
    assert (await browser.http.get("/api/v1/me")).status_code == 401


async def test_somebody_comes_in_and_goes_where_they_wanted(world: World, by: Hostile, provider: Provider) -> None:
    browser = Browser(world)
    answer = await browser.signs_in(provider, by, next="/jobs?q=status:down")
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs?q=status:down")
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith(SESSION_COOKIE))
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    async with browser.client() as client:
        me = await client.me()
        assert (me.email, me.name, me.role, me.tenant) == ("grace@example.com", "Grace", Role.VIEWER, "acme")
        assert me.provider == provider.id
    assert "crontopus_visit" not in browser.http.cookies


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "http://127.0.0.1:1"}, "names another issuer"),
        ({"aud": "somebody-else"}, "meant for another client"),
        ({"aud": ["crontopus", "another"]}, "given to another client"),
        ({"azp": "another"}, "given to another client"),
        ({"aud": None}, "meant for another client"),
        ({"nonce": "of another sign-in"}, "of another sign-in"),
        ({"nonce": None}, "of another sign-in"),
        ({"exp": None}, "is over"),
        ({"exp": "tomorrow"}, "is over"),
        ({"exp": True}, "is over"),
        ({"iat": None}, "is over"),
        ({"sub": None}, "does not say who it is"),
        ({"sub": ""}, "does not say who it is"),
        ({"sub": 7}, "does not say who it is"),
        ({"sub": "x" * 256}, "does not say who it is"),
        ({"email": None}, "does not tell the e-mail address"),
        ({"email": "grace@example.com\nowner@acme.test"}, "does not tell the e-mail address"),
        ({"email_verified": False}, "has not verified"),
        ({"email_verified": "true"}, "has not verified"),
        ({"email_verified": None}, "has not verified"),
        ({"email": "grace@example.org"}, "people of this e-mail domain"),
        ({"email": "grace@sub.example.com"}, "people of this e-mail domain"),
        ({"email": "grace@example.com@evil.test"}, "does not tell the e-mail address"),
    ],
)
async def test_a_token_that_says_the_wrong_thing_opens_nothing(
    by: Hostile, provider: Provider, browser: Browser, claims: dict[str, Any], why: str
) -> None:
    by.claims, by.info = claims, {"sub": claims.get("sub", "1")}
    await is_refused(browser, await browser.signs_in(provider, by), 401, why)


@pytest.mark.parametrize(
    "sign", [unsigned, by_the_public_key, by_another_key, changed_after_signing, lambda _: "rubbish"]
)
async def test_a_token_that_the_provider_did_not_sign_opens_nothing(
    by: Hostile, provider: Provider, browser: Browser, sign: Callable[[dict[str, Any]], str]
) -> None:
    by.sign = sign
    await is_refused(browser, await browser.signs_in(provider, by), 401, "not signed by it")


async def test_a_token_is_good_for_as_long_as_it_says_and_a_little_longer(
    world: World, by: Hostile, provider: Provider
) -> None:
    now = int(world.now.timestamp())
    leeway = int(LEEWAY.total_seconds())
    for claims, status in (
        ({"exp": now - leeway + 1}, 303),
        ({"exp": now - leeway}, 401),
        ({"iat": now + leeway, "exp": now + 300}, 303),
        ({"iat": now + leeway + 1, "exp": now + 300}, 401),
        ({"nbf": now + leeway + 1}, 401),
    ):
        by.claims = claims
        assert (await Browser(world).signs_in(provider, by)).status_code == status, claims


async def test_a_new_key_is_fetched_once_and_not_at_every_unknown_name(
    world: World, by: Hostile, provider: Provider
) -> None:
    await Browser(world).signs_in(provider, by)
    by.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "second"}, claims, key("second"))
    for _ in range(3):
        answer = await Browser(world).signs_in(provider, by)
        assert "a key that it does not publish" in answer.text
    assert by.asked.count("/jwks") == 1  # it was asked less than a minute ago
    by.keys = [key("first"), key("second")]
    world.hands.turn_to(world.now + oidc.NEW_KEY_EVERY)
    assert (await Browser(world).signs_in(provider, by)).status_code == 303
    assert by.asked.count("/jwks") == 2


async def test_a_state_that_nobody_gave_out_opens_nothing(by: Hostile, provider: Provider, browser: Browser) -> None:
    url = await browser.leaves(provider)
    await is_refused(browser, await browser.comes_back(by.sends_back(url, state="guessed")), 401, "begin again")
    assert "/token" not in by.asked


async def test_an_answer_is_good_once(by: Hostile, provider: Provider, browser: Browser) -> None:
    query = by.sends_back(await browser.leaves(provider))
    cookies = dict(browser.http.cookies)
    assert (await browser.comes_back(query)).status_code == 303
    browser.http.cookies = httpx.Cookies(cookies)  # the browser, as it was before
    await is_refused(browser, await browser.comes_back(query), 401, "used already")
    assert by.asked.count("/token") == 1


async def test_a_code_that_was_used_elsewhere_opens_nothing(world: World, by: Hostile, provider: Provider) -> None:
    first, second = Browser(world), Browser(world)
    stolen = dict(part.split("=") for part in by.sends_back(await first.leaves(provider)).split("&"))
    url = await second.leaves(provider)
    answer = await second.comes_back(by.sends_back(url, code=stolen["code"]))
    await is_refused(second, answer, 401, "refused the sign-in")  # the code is bound to the first browser, by PKCE


async def test_an_answer_is_for_the_browser_that_asked(world: World, by: Hostile, provider: Provider) -> None:
    asked, other = Browser(world), Browser(world)
    query = by.sends_back(await asked.leaves(provider))
    await is_refused(other, await other.comes_back(query), 401, "begun in another browser")
    await other.leaves(provider)
    await is_refused(other, await other.comes_back(query), 401, "begun in another browser")
    assert (await asked.comes_back(query)).status_code == 303, "nobody else can use it up"


async def test_ten_minutes_are_the_most(world: World, by: Hostile, provider: Provider, browser: Browser) -> None:
    query = by.sends_back(await browser.leaves(provider))
    world.hands.turn_to(world.now + VISIT_LIFE)
    await is_refused(browser, await browser.comes_back(query), 401, "is over")


async def test_the_answer_of_another_provider_is_refused(by: Hostile, provider: Provider, browser: Browser) -> None:
    query = by.sends_back(await browser.leaves(provider), iss="http://127.0.0.1:1")
    await is_refused(browser, await browser.comes_back(query), 401, "another provider")


async def test_a_provider_that_always_says_who_it_is_must_say_so(world: World, by: Hostile, provider: Provider) -> None:
    by.document = {"authorization_response_iss_parameter_supported": True}
    silent, saying = Browser(world), Browser(world)
    await is_refused(silent, await silent.signs_in(provider, by), 401, "another provider")
    query = by.sends_back(await saying.leaves(provider), iss=by.issuer)
    assert (await saying.comes_back(query)).status_code == 303


@pytest.mark.parametrize(
    ("said", "shown"), [("access_denied", "did not let you in"), ("<b>x", "without signing you in.")]
)
async def test_a_provider_that_says_no_is_told(
    by: Hostile, provider: Provider, browser: Browser, said: str, shown: str
) -> None:
    query = by.sends_back(await browser.leaves(provider), code="", error=said)
    await is_refused(browser, await browser.comes_back(query), 403, shown)


@pytest.mark.parametrize(
    ("path", "body", "status", "why"),
    [
        ("/token", b"<html>", 200, "something else than JSON"),
        ("/token", b"[1]", 200, "something else than a JSON object"),
        ("/token", b"{}", 200, "no ID token"),
        ("/token", b"oops", 500, "status 500"),
        ("/token", b" " * (oidc.MOST_BYTES + 1), 200, "too long"),
        ("/jwks", b'{"keys": 7}', 200, "its keys"),
        ("/jwks", b"[" * 100_000, 200, "something else than JSON"),
        ("/.well-known/openid-configuration", b"{}", 200, "not complete"),
        ("/.well-known/openid-configuration", b"gone", 404, "status 404"),
    ],
)
async def test_a_provider_that_answers_rubbish_is_told_and_nothing_is_lost(
    by: Hostile, provider: Provider, browser: Browser, path: str, body: bytes, status: int, why: str
) -> None:
    by.bodies, by.statuses = {path: body}, {path: status}
    if path == "/token":
        answer = await browser.signs_in(provider, by)
    else:
        answer = await browser.http.get(f"/sign-in/with/{provider.id}/go")
    await is_refused(browser, answer, 503, why)
    by.bodies, by.statuses = {}, {}
    assert (await browser.signs_in(provider, by)).status_code == 303


async def test_a_provider_that_is_slow_or_away_is_told_soon(
    by: Hostile, provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "WITHIN_SECONDS", 0.3)
    by.delay = 1.0
    await is_refused(browser, await browser.http.get(f"/sign-in/with/{provider.id}/go"), 503, "has not answered")


async def test_a_provider_that_many_ask_at_once_keeps_them_waiting_nowhere(
    by: Hostile, provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "AT_ONCE", 0)
    await is_refused(browser, await browser.http.get(f"/sign-in/with/{provider.id}/go"), 503, "too many sign in")


async def test_no_redirect_of_a_provider_is_followed(by: Hostile, provider: Provider, browser: Browser) -> None:
    for path in ("/.well-known/openid-configuration", "/jwks"):
        by.statuses, by.locations = {path: 302}, {path: f"{by.issuer}/elsewhere"}
        answer = await browser.http.get(f"/sign-in/with/{provider.id}/go")
        await is_refused(browser, answer, 503, "status 302")
    assert "/elsewhere" not in by.asked


@pytest.mark.parametrize(
    "document",
    [
        {"token_endpoint": "http://169.254.169.254/latest"},
        {"jwks_uri": "file://localhost/keys"},
        {"jwks_uri": "https://elsewhere.example.org/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "http://localhost:22/"},
    ],
)
async def test_a_provider_leads_nowhere_but_where_it_may(
    by: Hostile, provider: Provider, browser: Browser, document: dict[str, str]
) -> None:
    by.document = document
    answer = await browser.http.get(f"/sign-in/with/{provider.id}/go")
    await is_refused(browser, answer, 503, "discovery document cannot be used")


async def test_a_provider_that_calls_itself_otherwise_is_refused(world: World, by: Hostile, provider: Provider) -> None:
    by.document = {"issuer": f"{by.issuer}/"}
    async with world.person("acme", Role.OWNER) as owner:
        assert "calls itself otherwise" in (await owner.check_provider(provider.id)).problem


@pytest.mark.parametrize("wanted", ["https://evil.test/", "//evil.test/", "/\\evil.test", "/\tevil", "jobs", ""])
async def test_nobody_is_sent_elsewhere_afterwards(
    by: Hostile, provider: Provider, browser: Browser, wanted: str
) -> None:
    assert (await browser.signs_in(provider, by, next=wanted)).headers["location"] == "/jobs"


async def test_a_session_from_before_is_not_taken_over_and_ends(world: World, by: Hostile, provider: Provider) -> None:
    browser = Browser(world)
    await browser.signs_in(provider, by)
    planted = browser.session
    await browser.signs_in(provider, by)
    assert browser.session != planted
    async with httpx.AsyncClient(
        transport=browser.http._transport, base_url=BASE, cookies={SESSION_COOKIE: planted}
    ) as thief:
        assert (await thief.get("/api/v1/me")).status_code == 401


async def test_another_sites_page_signs_nobody_in(by: Hostile, provider: Provider, browser: Browser) -> None:
    answer = await browser.http.get(
        f"/sign-in/with/{provider.id}/go?next=/me", headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.headers["location"] == f"/sign-in/with/{provider.id}?next=%2Fme"
    assert "crontopus_visit" not in browser.http.cookies
    assert not by.asked


async def test_strangers_are_not_told_which_organisations_there_are(world: World, provider: Provider) -> None:
    browser = Browser(world)
    assert "Example SSO" not in (await browser.http.get("/sign-in")).text
    page = await browser.http.get(f"/sign-in/with/{provider.id}?next=/me")
    assert "Sign in to acme" in page.text
    assert f'href="/sign-in/with/{provider.id}/go?next=/me"' in page.text
    assert (await browser.http.get(f"/sign-in/with/{world.tenants['acme'].principal.id}")).status_code == 404


async def test_a_browser_is_offered_what_it_came_by_before(by: Hostile, provider: Provider, browser: Browser) -> None:
    await browser.signs_in(provider, by)
    await browser.http.post("/sign-out")
    page = (await browser.http.get("/sign-in?next=/runs")).text
    assert f'href="/sign-in/with/{provider.id}/go?next=/runs"' in page
    assert "Sign in with Example SSO" in page


async def test_a_provider_that_is_off_lets_nobody_in(world: World, by: Hostile, provider: Provider) -> None:
    before, after = Browser(world), Browser(world)
    await before.signs_in(provider, by)
    query = by.sends_back(await after.leaves(provider))
    async with world.person("acme", Role.OWNER) as owner:
        await owner.edit_provider(provider.id, ProviderPatch(enabled=False))
    assert (await before.http.get("/api/v1/me")).status_code == 401
    await is_refused(after, await after.comes_back(query), 404, "nobody signs in by this provider")
    assert (await after.http.get(f"/sign-in/with/{provider.id}")).status_code == 404


async def test_whoever_came_by_it_shows_again_who_they_are_there(
    world: World, by: Hostile, provider: Provider, browser: Browser
) -> None:
    await browser.signs_in(provider, by)
    page = (await browser.http.get("/me/confirm?next=/tokens/new")).text
    go = re.search(r'href="(/sign-in/with/[^"]+)"', page)
    assert go
    assert "Password" not in page
    path = go[1].replace("&amp;", "&")
    url = (await browser.http.get(path)).headers["location"]
    assert "prompt=login" in url
    assert "max_age=0" in url
    answer = await browser.comes_back(by.sends_back(url))
    assert "has not asked again who you are" in answer.text
    by.claims = {"auth_time": int(world.now.timestamp())}
    answer = await browser.comes_back(by.sends_back((await browser.http.get(path)).headers["location"]))
    assert answer.headers["location"] == "/tokens/new"


async def test_a_long_visit_to_a_provider_confirms_nothing_here(
    world: World, by: Hostile, provider: Provider, browser: Browser
) -> None:
    by.claims = {"auth_time": int((world.now - timedelta(hours=3)).timestamp())}
    await browser.signs_in(provider, by)
    async with browser.client() as client:
        me = await client.me()
        assert me.confirmed_until is not None
        assert me.confirmed_until < world.now


async def test_owners_keep_providers_on_pages_and_others_see_why_not(world: World, by: Hostile) -> None:
    async with visiting(world, "acme", Role.OWNER) as owner:
        form = {
            "name": "Example SSO",
            "issuer": by.issuer,
            "client_id": "crontopus",
            "client_secret": "a secret of two",
            "domains": "example.com, example.org",
            "roles": "cn=ops,dc=example = editor in default\nboard = viewer",
            "default_role": "none",
            "enabled": "yes",
        }
        assert f"{BASE}/sign-in/callback" in (await owner.get("/settings/sign-in/new")).text
        bad = await owner.post("/settings/sign-in/new", form | {"roles": "ops: editor", "issuer": "http://x.test"})
        assert bad.status_code == 400
        assert "is not of the form: group = role" in bad.text
        assert "http://x.test" in bad.text
        assert "a secret of two" not in bad.text
        made = await owner.post("/settings/sign-in/new", form)
        assert made.status_code == 303, made.text
        page = (await owner.get(made.headers["location"])).text
        assert "cn=ops,dc=example = editor in default" in page
        assert f"{BASE}/sign-in/callback" in page
        assert "a secret of two" not in page
        well = await owner.post(f"{made.headers['location']}/check")
        assert well.status_code == 303
        kept = await owner.post(made.headers["location"], form | {"client_secret": "", "name": "Example login"})
        assert kept.status_code == 303
        assert "Example login" in (await owner.get("/settings/sign-in")).text
    async with visiting(world, "acme", Role.ADMIN) as admin:
        assert "An owner can change this" in (await admin.get("/settings/sign-in")).text
        assert "An owner can change this" in (await admin.get(made.headers["location"])).text
        assert (await admin.get("/settings/sign-in/new")).status_code == 403
        assert (await admin.post("/settings/sign-in/new", form)).status_code in (400, 403)
    async with visiting(world, "acme", Role.OWNER) as owner:
        assert (await owner.post(f"{made.headers['location']}/remove")).headers["location"] == "/settings/sign-in"
