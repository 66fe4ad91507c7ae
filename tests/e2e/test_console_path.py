"""The first path of a new user, with and without JavaScript: link, job, line, green, silence, late, down on time."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.console import new_job, paste, set_up, visitor
from tests.served import Served

pytestmark = pytest.mark.xdist_group("chromium")
EVERY, GRACE = 3, 6
SECONDS = 1000


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path / "data", fresh=True)


def by_itself(page: Page, locator: Locator, text: str) -> None:
    """Waits for what the page shows without being touched."""
    expect(locator).to_contain_text(text, timeout=20 * SECONDS)


def by_looking_again(page: Page, locator: Locator, text: str) -> None:
    """What a person without JavaScript does."""
    end = time.monotonic() + 20
    while text not in locator.inner_text():
        assert time.monotonic() < end, f"{text!r} never came"
        page.wait_for_timeout(200)
        page.reload()


@pytest.mark.parametrize(
    ("scripts", "comes"), [(True, by_itself), (False, by_looking_again)], ids=["with scripts", "without scripts"]
)
def test_from_the_set_up_link_to_an_alarm_on_time(
    browser: Browser, served: Served, scripts: bool, comes: Callable[[Page, Locator, str], None]
) -> None:
    with served, visitor(browser, served, java_script_enabled=scripts) as page:
        set_up(page, served)
        new_job(page, "Ledger snapshot", every=f"{EVERY}s", grace=f"{GRACE}s")
        paste(page)
        status = page.locator(".why > p .st")
        comes(page, status, "Up")
        expect(page.locator("#wait.done")).to_contain_text("First ping at")
        comes(page, status, "Late")
        expect(page.locator(".why")).to_contain_text("nothing arrived yet")
        comes(page, status, "Down")
        expect(page.locator(".why")).to_contain_text("nothing arrived for")
        assert was_down_on_time(page)


def was_down_on_time(page: Page) -> bool:
    """By the server's own clock: at most a second after period and grace have passed since the only ping."""
    job = page.request.get("/api/v1/jobs?limit=1").json()["items"][0]
    waited = seconds(job["down_since"]) - seconds(job["seen_at"])
    return EVERY + GRACE <= waited < EVERY + GRACE + 1


def seconds(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()
