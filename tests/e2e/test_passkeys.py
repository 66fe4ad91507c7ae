"""Passkeys in a real browser, whose authenticator is virtual; and the same doors without JavaScript."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pyotp
import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.e2e.console import AXE, EMAIL, set_up, visitor
from tests.e2e.test_console import judged
from tests.postgres import free_port
from tests.served import PASSWORD, Served

pytestmark = pytest.mark.xdist_group("chromium")
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
ASK = """async ([challenge, rpId]) => {
  const swapped = (text, pairs) => pairs.reduce((so, [one, other]) => so.replaceAll(one, other), text);
  const bytes = (text) => Uint8Array.from(atob(swapped(text, [["-", "+"], ["_", "/"]])), (one) => one.charCodeAt(0));
  const plain = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
  const text = (buffer) => swapped(plain(buffer), [["+", "-"], ["/", "_"], ["=", ""]]);
  const publicKey = { challenge: bytes(challenge), rpId, userVerification: "required" };
  const { id, rawId, type, response } = await navigator.credentials.get({ publicKey });
  const parts = ["clientDataJSON", "authenticatorData", "signature", "userHandle"];
  const written = Object.fromEntries(parts.map((part) => [part, text(response[part])]));
  return { id, rawId: text(rawId), type, response: written };
}"""


def at_localhost(folder: Path) -> Served:
    """Browsers do passkeys at a name."""
    port = free_port()
    served = Served(folder / "data", port=port, fresh=True, more=("--public-url", f"http://localhost:{port}"))
    served.url = f"http://localhost:{port}"
    return served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with at_localhost(tmp_path) as served:
        yield served


def authenticator(page: Page) -> tuple[CDPSession, str]:
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return devtools, made["authenticatorId"]


def add_passkey(page: Page) -> list[str]:
    """Through the page, as a person does; the recovery codes that it shows."""
    page.goto("/me/security")
    page.get_by_label("Name of the new one").fill("Laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    codes = page.locator("#codes").inner_text().split()
    page.get_by_role("link", name="I have them").click()
    expect(page.get_by_role("rowheader", name="Laptop")).to_be_visible()
    return codes


def sign_out(page: Page) -> None:
    page.goto("/me")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def give_password(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Show your second factor")).to_be_visible()


def with_passkey(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()


def change_counter(served: Served, counter: int) -> None:
    with closing(sqlite3.connect(served.data / "crontopus.db", timeout=20)) as database, database:
        assert database.execute("UPDATE passkeys SET counter = ?", (counter,)).rowcount == 1


def test_a_passkey_opens_the_door_alone_and_beside_the_password(browser: Browser, served: Served) -> None:
    with visitor(browser, served) as page:
        set_up(page, served)
        authenticator(page)
        codes = add_passkey(page)
        assert len(codes) == 10
        sign_out(page)
        with_passkey(page)
        page.wait_for_url("**/jobs")
        sign_out(page)
        give_password(page)
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/jobs")
        page.goto("/me/confirm?next=/tokens/new")
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url(f"{served.url}/tokens/new")
        sign_out(page)
        give_password(page)
        page.get_by_label("Code").fill(codes[0])
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url("**/jobs")
        page.goto("/me/security")
        expect(page.locator("#codes")).to_contain_text("9 codes left")
        page.get_by_text("Remove…").click()
        page.get_by_role("button", name="Remove Laptop").click()
        expect(page.locator(".said")).to_contain_text("it opens nothing any more")


def test_a_person_who_is_not_recognised_stays_outside_and_is_told(browser: Browser, served: Served) -> None:
    with visitor(browser, served) as page:
        set_up(page, served)
        devtools, key = authenticator(page)
        add_passkey(page)
        sign_out(page)
        devtools.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
        with_passkey(page)
        expect(page.locator("[data-said]")).to_contain_text("it was cancelled, or it took too long")
        expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()


def test_a_counter_that_goes_back_is_refused_and_told(browser: Browser, served: Served) -> None:
    with visitor(browser, served) as page:
        set_up(page, served)
        authenticator(page)
        add_passkey(page)
        sign_out(page)
        change_counter(served, 1000)
        with_passkey(page)
        expect(page.get_by_role("alert")).to_contain_text("this passkey opens nothing here")
        change_counter(served, 0)
        with_passkey(page)
        page.wait_for_url("**/jobs")
        page.goto("/audit?action=passkey.refuse")
        expect(page.get_by_role("main")).to_contain_text("Laptop")


def test_what_a_browser_answered_is_taken_once(browser: Browser, served: Served) -> None:
    sent: list[str] = []
    with visitor(browser, served) as page:
        set_up(page, served)
        authenticator(page)
        add_passkey(page)
        sign_out(page)
        page.on("request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None)
        with_passkey(page)
        page.wait_for_url("**/jobs")
        form = next(body for body in sent if body.startswith("next=") and "passkey=" in body)
        sign_out(page)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": served.url}
        again = page.request.post("/sign-in/passkey", data=form, headers=headers)
        assert again.status == 400
        assert "opens nothing here, or took too long" in again.text()


def test_what_was_signed_at_another_origin_opens_nothing(
    browser: Browser, served: Served, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Another port of the same name is another origin, of which the browser knows the same passkeys."""
    with at_localhost(tmp_path_factory.mktemp("evil")) as evil, visitor(browser, served) as page:
        set_up(page, served)
        devtools, key = authenticator(page)
        add_passkey(page)
        sign_out(page)
        credentials = devtools.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]
        options = page.request.post("/api/v1/sessions/passkey-options").json()["public_key"]
        with visitor(browser, evil) as there:
            theirs, their_key = authenticator(there)
            for credential in credentials:
                theirs.send("WebAuthn.addCredential", {"authenticatorId": their_key, "credential": known(credential)})
            there.goto("/sign-in")
            signed = there.evaluate(ASK, [options["challenge"], "localhost"])
        answer = page.request.post("/api/v1/sessions/passkey", data={"passkey": signed})
        assert answer.status == 401, answer.text()
        honest = page.request.post("/api/v1/sessions/passkey-options").json()["public_key"]
        page.goto("/sign-in")
        signed = page.evaluate(ASK, [honest["challenge"], "localhost"])
        answer = page.request.post("/api/v1/sessions/passkey", data={"passkey": signed})
        assert answer.status == 201, "signed here it does"


def known(credential: dict[str, Any]) -> dict[str, Any]:
    """As the protocol takes it back."""
    fields = ("credentialId", "isResidentCredential", "rpId", "privateKey", "userHandle", "signCount")
    return {name: credential[name] for name in fields if name in credential}


def test_without_javascript_codes_open_the_same_doors(browser: Browser, served: Served) -> None:
    with visitor(browser, served, java_script_enabled=False) as page:
        set_up(page, served)
        page.goto("/me/security")
        expect(page.get_by_role("button", name="Add a passkey")).to_be_hidden()
        expect(page.get_by_text("A passkey needs JavaScript")).to_be_visible()
        page.get_by_role("button", name="Set up an app").click()
        secret = page.locator("#secret").inner_text().strip()
        expect(page.get_by_role("img", name="QR code")).to_be_visible()
        page.get_by_label("Code that the app shows").fill("000000")
        page.get_by_role("button", name="Put it in force").click()
        expect(page.locator(".fault")).to_contain_text("clock of the phone")
        assert page.locator("#secret").inner_text().strip() == secret, "what was scanned still holds"
        page.get_by_label("Code that the app shows").fill(pyotp.TOTP(secret).now())
        page.get_by_role("button", name="Put it in force").click()
        code = page.locator("#codes").inner_text().split()[0]
        sign_out(page)
        give_password(page)
        page.goto("/jobs")
        expect(page.get_by_role("heading", name="Show your second factor")).to_be_visible()
        page.get_by_label("Code").fill("000000")
        page.get_by_role("button", name="Go on").click()
        expect(page.locator("span.fault")).to_contain_text("wrong, or was used already")
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url("**/jobs")
        page.goto("/me/confirm?next=/members")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Code").fill("wrong")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("main")).to_contain_text("this code is wrong")


def test_every_page_about_factors_is_for_everyone(browser: Browser, served: Served) -> None:
    wrong: dict[str, list[str]] = {}
    with visitor(browser, served) as page:
        page.add_init_script(path=AXE)

        def look(name: str) -> None:
            themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
            for theme, width in product(themes, (1280, 360)):
                page.emulate_media(color_scheme=theme)
                page.set_viewport_size({"width": width, "height": 800})
                if found := judged(page, f"{name}-{width}-{theme}"):
                    wrong[f"{name} {theme} {width}"] = found

        set_up(page, served)
        authenticator(page)
        page.goto("/me/security")
        look("security-none")
        page.get_by_role("button", name="Set up an app").click()
        look("authenticator")
        secret = page.locator("#secret").inner_text().strip()
        page.get_by_label("Code that the app shows").fill(pyotp.TOTP(secret).now())
        page.get_by_role("button", name="Put it in force").click()
        look("recovery-codes")
        page.goto("/me/security")
        page.get_by_label("Name of the new one").fill("Laptop")
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.get_by_role("rowheader", name="Laptop")).to_be_visible()
        look("security")
        page.goto("/me/confirm?next=/tokens/new")
        look("confirm-factor")
        page.goto("/members")
        look("members-factor")
        sign_out(page)
        look("sign-in-passkey")
        give_password(page)
        look("second-factor")
    assert not wrong
