"""Signing in by a real provider in a browser: by a link, under the strict policy, with the provider's own pages."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.console import WATCH_THE_POLICY, set_up
from tests.postgres import free_port
from tests.providers import CLIENT_ID, SECRET, real
from tests.served import Served

pytestmark = pytest.mark.xdist_group("chromium")


def at_the_provider(page: Page, name: str) -> None:
    """Who it is."""
    page.get_by_placeholder("Enter any login").fill(name)
    page.get_by_placeholder("and password").fill("anything")
    page.get_by_role("button", name="Sign-in").click()


def test_somebody_comes_in_by_their_provider_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    settings = tmp_path / "crontopus.toml"
    settings.write_text('provider_hosts = ["127.0.0.1"]\n')
    with (
        real(f"http://127.0.0.1:{port}/sign-in/callback") as issuer,
        Served(tmp_path / "data", port=port, fresh=True, more=("--config", str(settings))) as served,
    ):
        context = browser.new_context(base_url=served.url)
        page = context.new_page()
        set_up(page, served)
        page.goto("/settings/sign-in/new")
        for label, value in (
            ("Name", "Example SSO"),
            ("Issuer", issuer),
            ("Client ID", CLIENT_ID),
            ("Client secret", SECRET),
            ("E-mail domains", "example.com"),
            ("Scopes", "openid email profile groups"),
        ):
            page.get_by_label(label, exact=True).fill(value)
        page.locator("#roles").fill("ops = editor")
        page.get_by_role("button", name="Add it").click()
        page.get_by_role("button", name="Ask it").click()
        expect(page.get_by_text("Example SSO answers as it should")).to_be_visible()
        context.close()

        context = browser.new_context(base_url=served.url)
        context.add_init_script(WATCH_THE_POLICY)
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if "CSP" in message.text else None)
        page.goto("/members")
        page.get_by_role("link", name="Sign in with Example SSO").click()
        at_the_provider(page, "ada+ops")
        page.get_by_role("button", name="Continue").click()  # Crontopus may know
        page.wait_for_url(f"{served.url}/members")
        expect(page.get_by_text("ada@example.com").first).to_be_visible()
        page.goto("/me")
        expect(page.get_by_role("heading", name="ada of Example")).to_be_visible()
        expect(page.get_by_text("sign-in provider says that it is you")).to_be_visible()
        expect(page.get_by_label("New password")).to_have_count(0)
        page.goto("/me/confirm?next=/me")
        page.get_by_role("link", name="Go on to your provider").click()
        at_the_provider(page, "ada+ops")
        expect(page).to_have_url(re.compile(r"/me$"))
        assert not wrong
        context.close()
