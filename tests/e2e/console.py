"""A browser before a served appliance: what a page may not do is noted wherever a test goes."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.served import PASSWORD, Served

ROOT = Path(__file__).parents[2]
AXE = ROOT / "tests/clients/node_modules/axe-core/axe.min.js"
SHOTS = ROOT / "tests/e2e/shots"
EMAIL = "robin@acme.example"
WATCH_THE_POLICY = """
addEventListener("securitypolicyviolation", (event) =>
  console.error("CSP", event.violatedDirective, event.blockedURI, event.sourceFile, event.lineNumber));
"""


@contextmanager
def visitor(browser: Browser, served: Served, **options: Any) -> Iterator[Page]:
    """A page whose every violation of the policy, script error and foreign request fails the test at its end."""
    context = browser.new_context(base_url=served.url, timezone_id="Europe/Berlin", **options)
    context.add_init_script(WATCH_THE_POLICY)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if _is_wrong(message.type, message.text) else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(served.url) else wrong.append(request.url))
    page.set_default_timeout(15_000)
    try:
        yield page
        assert not wrong, wrong
    finally:
        context.close()


def _is_wrong(kind: str, text: str) -> bool:
    """Every error and warning but that a page was answered with 4xx, which the browser logs by itself."""
    return kind in ("error", "warning") and not re.match(r"Failed to load resource: .* status of 4\d\d", text)


def set_up(page: Page, served: Served) -> None:
    """From the link that serve printed to the empty list of jobs."""
    page.goto(served.link)
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Set up Crontopus").click()
    expect(page.get_by_role("heading", name="Nothing is watched yet")).to_be_visible()


def sign_in(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/jobs")


def new_job(page: Page, name: str, *, every: str, grace: str) -> None:
    """Through the form, up to the page that waits for the first ping."""
    page.goto("/jobs/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_text("Every…", exact=True).click()
    page.get_by_role("textbox", name="Every", exact=True).fill(every)
    page.get_by_label("Grace").fill(grace)
    page.get_by_role("button", name="Create job").click()
    expect(page.locator("#wait")).to_contain_text("Waiting for the first ping")


def paste(page: Page) -> None:
    """Runs the line that the page shows, as a person would."""
    line = page.locator("#once-curl").inner_text()
    subprocess.run(["bash", "-c", line], check=True, timeout=20)


def axe(page: Page) -> list[str]:
    """Every violation of the accessibility rules, with its elements. The rules came with an init script."""
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {json.dumps([node['html'][:160] for node in rule['nodes'][:3]])}"
        for rule in found["violations"]
    ]
