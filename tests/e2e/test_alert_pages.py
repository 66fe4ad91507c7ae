"""The pages of what is told of alerts, on a server that would mail and finds nobody where its mail server should be."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.console import AXE, set_up, sign_in, visitor
from tests.e2e.test_console import LOOKS, judged, made, ping
from tests.postgres import free_port
from tests.served import Served

pytestmark = pytest.mark.xdist_group("chromium")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("mailing")
    settings = folder / "crontopus.toml"
    settings.write_text(f'smtp_url = "smtp+plain://127.0.0.1:{free_port()}"\nmail_from = "crontopus@example.org"\n')
    with Served(folder / "data", fresh=True, more=("--config", str(settings))) as appliance:
        yield appliance
        assert appliance.stop() == 0


@pytest.fixture(scope="module")
def alert(browser: Browser, served: Served) -> str:
    """The address of one whose message was tried, and will be again."""
    with visitor(browser, served) as page:
        set_up(page, served)
        ping(page, served, made(page, "Failed"), "/1", "dumping\ndisk full\n")
        page.goto("/alerts")
        row = page.get_by_role("link", name="Failed Failed")
        expect(row).to_be_visible()
        path = row.get_attribute("href") or ""
        page.goto(path)
        expect(page.locator("#told .st-late")).to_contain_text("Delayed")
    return path


def try_a_channel(page: Page) -> None:
    page.goto("/channels")
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_role("alert")).to_contain_text("did not arrive")


@pytest.mark.parametrize(("theme", "width"), LOOKS, ids=[f"{theme} {width}" for theme, width in LOOKS])
def test_the_pages_of_messages_are_for_everyone(
    browser: Browser, served: Served, alert: str, theme: str, width: int
) -> None:
    wrong: dict[str, list[str]] = {}
    with visitor(browser, served, color_scheme=theme, viewport={"width": width, "height": 800}) as page:
        page.add_init_script(path=AXE)
        sign_in(page)
        page.goto("/messages")
        message = page.get_by_role("link", name="that it began").get_attribute("href") or ""
        page.goto(alert)
        job = page.locator("dl.keys").get_by_role("link", name="Failed").get_attribute("href") or ""
        told = {"alerts": "/alerts", "alert-told": alert, "messages": "/messages", "message": message, "job-told": job}
        for name, path in told.items():
            page.goto(path)
            wrong[name] = judged(page, f"{name}-{width}-{theme}")
        try_a_channel(page)
        wrong["channel-tested"] = judged(page, f"channel-tested-{width}-{theme}")
    assert not {name: found for name, found in wrong.items() if found}


def test_an_alert_is_acknowledged_snoozed_and_resolved_without_a_script(
    browser: Browser, served: Served, alert: str
) -> None:
    with visitor(browser, served, java_script_enabled=False) as page:
        sign_in(page)
        page.goto(alert)
        page.get_by_role("button", name="Acknowledge").click()
        expect(page.locator("h1")).to_contain_text("Acknowledged")
        page.get_by_text("Snooze…").click()
        page.get_by_label("Put it off").select_option(label="for a week")
        page.get_by_role("button", name="Snooze it").click()
        expect(page.locator("h1")).to_contain_text("Snoozed")
        page.get_by_role("button", name="Take it back").click()
        expect(page.locator("h1")).to_contain_text("Open")
        page.get_by_text("Resolve…").click()
        page.get_by_role("button", name="Resolve it").click()
        expect(page.locator("h1")).to_contain_text("Resolved")
        page.goto("/alerts")
        expect(page.get_by_role("heading", name="Nothing is wrong.")).to_be_visible()


def test_the_bell_and_the_pages_follow_what_happens(browser: Browser, served: Served, alert: str) -> None:
    """None of them would look by itself within a minute."""
    with visitor(browser, served) as page, visitor(browser, served) as other:
        for one in (page, other):
            sign_in(one)
        ended = page.request.post(f"/api/v1{alert}/resolve", headers={"Origin": served.url})
        assert ended.status in (200, 409), "it may be over already"
        job = made(other, "Followed")
        page.goto("/alerts?q=Followed")
        bell = page.locator(".rail .bell")
        expect(page.locator("[data-live]")).to_have_text("Live")
        expect(bell).to_have_attribute("aria-label", "No open alerts")
        ping(other, served, job, "/fail")
        row = page.locator("tbody tr")
        expect(row).to_contain_text("Open")
        expect(bell).to_have_attribute("aria-label", "1 open alert")
        other.goto("/messages")
        page.goto(other.get_by_role("link", name="that it began").first.get_attribute("href") or "")
        page.get_by_text("Put it away…").click()
        page.get_by_role("button", name="Put it away").click()
        expect(other.locator("tbody tr").first).to_contain_text("Put away")
        bell.click()
        page.get_by_role("link", name="Failed Followed").click()
        other.goto(job)
        expect(other.locator("#alerts tbody")).to_contain_text("Open")
        page.get_by_role("button", name="Acknowledge").click()
        expect(other.locator("#alerts tbody")).to_contain_text("Acknowledged")
        expect(other.locator(".rail .bell")).to_have_attribute("aria-label", "No open alerts")
