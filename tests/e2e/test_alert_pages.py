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


@pytest.fixture(scope="module")
def held(browser: Browser, served: Served, alert: str) -> dict[str, str]:
    """A silence, a window, a muted job, and an alert that all of them hold; the addresses of their pages by name."""
    with visitor(browser, served) as page:
        sign_in(page)
        job = made(page, "Held")
        ping(page, served, job, "/1")
        page.goto(job)
        page.get_by_text("Mute…").click()
        page.get_by_role("textbox", name="Why").fill("<b>being rebuilt</b>")
        page.get_by_role("button", name="Mute Held").click()
        expect(page.get_by_role("note")).to_contain_text("Muted until somebody ends it")
        page.goto("/silences/new?matcher=job:held")
        expect(page.locator("#preview")).to_contain_text("default/held")
        page.get_by_label("Hide alerts that match").fill("job:failed")
        expect(page.locator("#preview")).to_contain_text("default/failed")
        page.get_by_label("Hide alerts that match").fill("job:held")
        page.get_by_role("button", name="Silence them").click()
        page.goto("/maintenance-windows/new")
        page.get_by_label("Name").fill("Weekly upgrade")
        page.get_by_text("By a cron line").click()
        page.get_by_label("minute").fill("0 2 * * 7")
        page.get_by_label("For", exact=True).fill("2h")
        expect(page.locator("#preview")).to_contain_text("Sundays at 02:00")
        page.get_by_role("button", name="Plan it").click()
        silence = page.get_by_role("link", name="Change").get_attribute("href") or ""
        window = page.get_by_role("link", name="Edit Weekly upgrade").get_attribute("href") or ""
        page.goto("/alerts")
        of = page.get_by_role("row").filter(has=page.locator(f'a[href="{job}"]')).get_by_role("link").first
        found = {"silence": silence, "window": window, "job-muted": job, "alert-held": of.get_attribute("href") or ""}
        page.goto("/alert-routes")
        route = page.get_by_role("link", name="Everything").get_attribute("href") or ""
        forms = {"silence-new": "/silences/new", "window-new": "/maintenance-windows/new", "route": route}
        lists = {
            "silences": "/silences",
            "silences-over": "/silences?over=1",
            "alerts-held": "/alerts",
            "jobs": "/jobs",
        }
        return found | forms | lists | {"mute": f"{job}/mute", "who": "/alert-routes?job=default/held#who"}


@pytest.mark.parametrize(("theme", "width"), LOOKS, ids=[f"{theme} {width}" for theme, width in LOOKS])
def test_the_pages_of_what_holds_alerts_are_for_everyone(
    browser: Browser, served: Served, held: dict[str, str], theme: str, width: int
) -> None:
    wrong: dict[str, list[str]] = {}
    with visitor(browser, served, color_scheme=theme, viewport={"width": width, "height": 800}) as page:
        page.add_init_script(path=AXE)
        sign_in(page)
        for name, path in held.items():
            page.goto(path)
            page.evaluate("document.querySelectorAll('details.more').forEach((each) => (each.open = true))")
            for shape in ("Every week", "Until…") if name in ("window-new", "silence-new") else ():
                if page.get_by_text(shape, exact=True).count():
                    page.get_by_text(shape, exact=True).click()
            wrong[name] = judged(page, f"{name}-{width}-{theme}")
    assert not {name: found for name, found in wrong.items() if found}


def test_a_silence_is_previewed_made_and_ended_without_a_script(
    browser: Browser, served: Served, held: dict[str, str]
) -> None:
    with visitor(browser, served, java_script_enabled=False) as page:
        sign_in(page)
        page.goto("/silences/new")
        page.get_by_label("Hide alerts that match").fill("job:failed")
        page.get_by_text("1 day", exact=True).click()
        page.get_by_role("button", name="Preview").click()
        expect(page.locator("#preview")).to_contain_text("default/failed")
        page.get_by_role("button", name="Silence them").click()
        row = page.get_by_role("row").filter(has_text="job:failed")
        row.get_by_text("End…").click()
        row.get_by_role("button", name="End it now").click()
        expect(page.get_by_text("It is over")).to_be_visible()
        page.goto(held["job-muted"])
        page.get_by_role("button", name="Unmute").click()
        expect(page.get_by_text("Mute…")).to_be_visible()
