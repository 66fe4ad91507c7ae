"""Every page of the console before the rules of accessibility and the security policy: both themes, two widths."""

import re
import subprocess
from itertools import product

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from crontopus.client import SESSION_COOKIE
from tests.e2e.console import AXE, EMAIL, SHOTS, axe, new_job, paste, set_up, sign_in, visitor
from tests.scale import LONG
from tests.served import Served

pytestmark = pytest.mark.xdist_group("chromium")
CRONTAB = "MAILTO=ops\n0 2 * * * /opt/dump --all\n@reboot /opt/once\n30 2 * * * date +\\%F > /tmp/day\n"
LOOKS = list(product(("light", "dark"), (1280, 360)))
if not LONG:
    LOOKS = [("dark", 360)]


@pytest.fixture(scope="module")
def paths(browser: Browser, served: Served) -> dict[str, str]:
    """A set-up appliance with a job in each state that a page can show; the addresses of all pages by their names."""
    assert AXE.exists(), "axe-core is missing: run make test, which installs it"
    with visitor(browser, served) as page:
        set_up(page, served)
        empty = {"setup": "/setup", "sign-in": "/sign-in", "error": "/nothing", "jobs-none": "/jobs?q=nothing"}
        waiting = made(page, "Waiting")
        failed = made(page, "Failed")
        ping(page, served, failed, "/start")
        ping(page, served, failed, "/1", "\x1b[31mno space left on device\x1b[0m\n<script>alert(1)</script>")
        running = made(page, "Running")
        paste(page)
        ping(page, served, running, "/start")
        link = invited(page, "grace@acme.example")
        page.goto("/members")
        member = page.locator("tbody th a").first.get_attribute("href") or ""
        page.goto("/admin/users")
        user = page.locator("tbody th a").first.get_attribute("href") or ""
        page.goto("/admin/tenants")
        tenant = page.locator("tbody th a").first.get_attribute("href") or ""
        tier = limited(page, tenant)
        provider = provided(page)
        look = looked(page, tenant)
        announcement = announced(page)
        alert = alerted(page)
        route = routed(page)
        page.goto("/channels")
        channel = page.get_by_role("link", name="Edit On call").get_attribute("href") or ""
        page.goto(f"{failed}/runs")
        run = page.locator("tbody th a").first.get_attribute("href") or ""
    pages = {
        "jobs": "/jobs",
        "jobs-bad": "/jobs?q=status:sideways",
        "job-new": waiting,
        "job-failed": failed,
        "job-running": running,
        "job-runs": f"{failed}/runs",
        "job-check-ins": f"{failed}/check-ins",
        "job-integrate": f"{failed}/integrate",
        "job-edit": f"{failed}/edit",
        "new-job": "/jobs/new",
        "import": "/jobs/import",
        "run": run,
        "alerts": "/alerts",
        "alerts-all": "/alerts?all=1",
        "alert": alert,
        "messages-none": "/messages",
        "channels": "/channels",
        "channel": channel,
        "channel-new": "/channels/new?kind=email",
        "alert-routes": "/alert-routes?job=default/failed&class=failed",
        "alert-routes-wrong": "/alert-routes?job=nothing",
        "alert-route": route,
        "alert-route-new": "/alert-routes/new",
        "unsubscribe-gone": "/unsubscribe?code=gone",
        "alert-link-gone": "/alert-link/acknowledge?code=gone",
        "namespaces": "/namespaces",
        "namespace": "/namespaces/default",
        "namespace-edit": "/namespaces/default/edit",
        "namespace-new": "/namespaces/new",
        "tokens": "/tokens",
        "token-new": "/tokens/new",
        "members": "/members",
        "member": member,
        "invite": "/members/invite",
        "invitation": link.removeprefix(served.url),
        "invitation-gone": "/invitation?code=gone",
        "forgot": "/forgot",
        "reset-gone": "/reset?code=gone",
        "audit": "/audit",
        "audit-none": "/audit?actor=nobody",
        "confirm": "/me/confirm?next=/tokens/new",
        "device": "/device?code=BCDF-GHJK",
        "me": "/me",
        "security": "/me/security",
        "settings": "/settings",
        "usage": "/settings/usage",
        "providers": "/settings/sign-in",
        "provider": provider,
        "provider-new": "/settings/sign-in/new",
        "sign-in-provider": provider.replace("/settings/sign-in/", "/sign-in/with/"),
        "sign-in-failed": "/sign-in/callback",
        "admin-tenants": "/admin/tenants",
        "admin-tenant": tenant,
        "admin-tenant-new": "/admin/tenants/new",
        "admin-usage": "/admin/usage",
        "admin-tiers": "/admin/tiers",
        "admin-tier": tier,
        "admin-tier-new": "/admin/tiers/new",
        "admin-config": "/admin/config",
        "admin-health": "/admin/health",
        "admin-backups": "/admin/backups",
        "admin-mail": "/admin/mail",
        "admin-audit": "/admin/audit",
        "admin-users": "/admin/users",
        "admin-user": user,
        "admin-diagnostics": "/admin/diagnostics",
        "admin-announcements": "/admin/announcements",
        "admin-announcement": announcement,
        "admin-announcement-new": "/admin/announcements/new",
        "admin-impersonations": "/admin/impersonations",
        "admin-impersonation-new": look,
    }
    return pages | empty


def made(page: Page, name: str) -> str:
    new_job(page, name, every="1h", grace="10m")
    return page.url.removeprefix(page.url.partition("/jobs")[0])


def limited(page: Page, tenant: str) -> str:
    """The tenant comes into a tier with quotas."""
    page.goto("/admin/tiers/new")
    page.get_by_label("Name").fill("Small")
    page.get_by_label("Members, with those who are invited").fill("3")
    page.get_by_label("Jobs").fill("1000")
    page.get_by_role("button", name="Make it").click()
    tier = page.get_by_role("link", name="Small").get_attribute("href") or ""
    page.goto(tenant)
    page.get_by_label("Tier").select_option(label="Small")
    page.locator("form", has=page.get_by_label("Tier")).get_by_role("button", name="Save").click()
    return tier


def provided(page: Page) -> str:
    """The page of a sign-in provider, which is offered on the page of sign-in."""
    page.goto("/settings/sign-in/new")
    page.get_by_label("Name", exact=True).fill("Example SSO")
    page.get_by_label("Issuer").fill("https://login.example.com")
    page.get_by_label("Client ID").fill("crontopus")
    page.get_by_label("Client secret").fill("a secret of two")
    page.get_by_label("E-mail domains").fill("acme.example example.org")
    page.get_by_label("New people become").select_option(label="Viewer")
    page.get_by_label("Groups", exact=False).first.fill("operations = editor in default")
    page.get_by_role("button", name="Add it").click()
    page.wait_for_url("**/settings/sign-in/0*")
    return page.url.removeprefix(page.url.partition("/settings")[0])


def looked(page: Page, tenant: str) -> str:
    """The form that begins it, after the operator has looked as themselves and ended it."""
    page.goto(tenant)
    form = page.get_by_role("link", name="Look as a member").get_attribute("href") or ""
    begin_to_look(page, form)
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_role("heading", name="Impersonation")).to_be_visible()
    return form


def begin_to_look(page: Page, form: str) -> None:
    page.goto(form)
    page.get_by_label("Why").fill("The jobs of the night are late, and Robin asked me to look.")
    page.get_by_label("Or as this member").fill(EMAIL)
    page.get_by_role("button", name="Look", exact=True).click()
    page.wait_for_url("**/jobs")


def announced(page: Page) -> str:
    """A warning that stands on every page from now on."""
    page.goto("/admin/announcements/new")
    page.get_by_label("What people read").fill(
        "On Sunday at 06:00 there is an upgrade.\nCheck-ins are taken all the same."
    )
    page.get_by_text("A warning").click()
    page.get_by_role("button", name="Say it").click()
    return page.get_by_role("link", name="On Sunday").get_attribute("href") or ""


def alerted(page: Page) -> str:
    """The alert of the job that failed, which somebody knows of and has written something about."""
    page.goto("/alerts")
    row = page.locator("tbody tr", has=page.get_by_role("link", name="Failed", exact=True))
    expect(row).to_have_count(1)
    path = row.locator("th a").get_attribute("href") or ""
    page.goto(path)
    page.get_by_label("Write something down").fill("The disk is full. A new one comes on Monday.")
    page.get_by_role("button", name="Write it down").click()
    expect(page.locator("#events")).to_contain_text("A new one comes on Monday.")
    page.get_by_text("Snooze…").click()
    page.get_by_label("Put it off").select_option(label="for 4 hours")
    page.get_by_role("button", name="Snooze it").click()
    expect(page.locator("h1")).to_contain_text("Snoozed")
    return path


def routed(page: Page) -> str:
    """A route of two steps, the second on a channel of its own, which falls back on the first."""
    page.goto("/channels/new")
    page.get_by_label("Name", exact=True).fill("On call")
    page.get_by_label("To", exact=True).fill("oncall@example.org")
    page.get_by_label("If it fails").select_option(label=EMAIL)
    page.get_by_role("button", name="Make the channel").click()
    page.goto("/alert-routes/new")
    page.get_by_label("Name", exact=True).fill("Production at night")
    page.get_by_role("textbox", name="Takes").fill("ns:prod,staging severity:critical -tag:test")
    first, second = page.get_by_role("group", name="Step 1"), page.get_by_role("group", name="Step 2")
    first.get_by_label(EMAIL).check()
    second.get_by_label("Tell after").fill("15m")
    second.get_by_label("On call").check()
    page.get_by_label("Tell it again every").fill("4h")
    page.get_by_role("button", name="Make the route").click()
    return page.get_by_role("link", name="Production at night").get_attribute("href") or ""


def invited(page: Page, email: str) -> str:
    """The link for somebody who may edit, in one namespace only."""
    page.goto("/members/invite")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("radio", name="Editor").check()
    page.get_by_text("Only some namespaces").click()
    page.get_by_role("checkbox", name="default").check()
    page.get_by_role("button", name="Make the link").click()
    return page.locator("#link").inner_text().strip()


def ping(page: Page, served: Served, job: str, suffix: str, body: str = "") -> None:
    url = page.request.get(f"/api/v1{job}").json()["ping_url"]
    subprocess.run(["curl", "-fsS", "-o", "/dev/null", "--data-binary", body, url + suffix], check=True, timeout=20)


@pytest.mark.parametrize(("theme", "width"), LOOKS, ids=[f"{theme} {width}" for theme, width in LOOKS])
def test_every_page_is_for_everyone(
    browser: Browser, served: Served, paths: dict[str, str], theme: str, width: int
) -> None:
    wrong: dict[str, list[str]] = {}
    with visitor(browser, served, color_scheme=theme, viewport={"width": width, "height": 800}) as page:
        page.add_init_script(path=AXE)
        sign_in(page)
        for name, path in paths.items():
            page.goto(path)
            wrong[name] = judged(page, f"{name}-{width}-{theme}")
        for name, walk in {"import-choose": choose_lines, "bulk": preview_a_change, "faults": leave_faults}.items():
            walk(page)
            wrong[name] = judged(page, f"{name}-{width}-{theme}")
    assert not {name: found for name, found in wrong.items() if found}


@pytest.mark.parametrize(("theme", "width"), LOOKS, ids=[f"{theme} {width}" for theme, width in LOOKS])
def test_pages_seen_as_another_are_for_everyone(
    browser: Browser, served: Served, paths: dict[str, str], theme: str, width: int
) -> None:
    wrong: dict[str, list[str]] = {}
    with visitor(browser, served, color_scheme=theme, viewport={"width": width, "height": 800}) as page:
        page.add_init_script(path=AXE)
        sign_in(page)
        begin_to_look(page, paths["admin-impersonation-new"])
        for name in ("jobs", "job-failed", "settings", "me", "new-job"):
            page.goto(paths[name])
            expect(page.get_by_role("complementary", name="You look as another")).to_be_visible()
            wrong[name] = judged(page, f"looking-{name}-{width}-{theme}")
        page.goto("/jobs")
        page.get_by_role("button", name="End it").click()
        expect(page.get_by_text("You are yourself again.")).to_be_visible()
    assert not {name: found for name, found in wrong.items() if found}


def test_the_rules_of_accessibility_are_in_force(browser: Browser, served: Served, paths: object) -> None:
    with visitor(browser, served) as page:
        page.add_init_script(path=AXE)
        page.goto("/sign-in")
        page.evaluate("document.querySelector('label[for=email]').remove()")
        assert [fault.partition(":")[0] for fault in axe(page)] == ["label"]


def test_the_security_policy_is_in_force(browser: Browser, served: Served, paths: object) -> None:
    def break_it() -> None:
        with visitor(browser, served) as page:
            page.goto("/sign-in")
            page.evaluate("document.body.setAttribute('style', 'color: red')")

    with pytest.raises(AssertionError, match="style-src"):
        break_it()


def judged(page: Page, name: str) -> list[str]:
    """What is wrong with the page as it stands, which is also kept as a picture."""
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return axe(page) + ([f"{wider} px wider than the window"] if wider > 0 else [])


def choose_lines(page: Page) -> None:
    page.goto("/jobs/import")
    page.get_by_label("Crontab", exact=True).fill(CRONTAB)
    page.get_by_role("button", name="Explain the lines").click()
    expect(page.get_by_role("heading", name="2 lines can become jobs")).to_be_visible()


def preview_a_change(page: Page) -> None:
    """By its form itself: on a phone there is nothing to pick with."""
    page.goto("/jobs")
    page.evaluate("""() => {
      document.querySelectorAll('input[name=job]').forEach((box) => { box.checked = true; });
      document.querySelector('form[action="/jobs/bulk/preview"]').requestSubmit();
    }""")
    expect(page.get_by_role("heading", name="would be paused")).to_be_visible()


def leave_faults(page: Page) -> None:
    page.goto("/jobs/new")
    page.get_by_label("Name", exact=True).fill("Wrong")
    page.get_by_label("hour", exact=True).fill("25")
    page.get_by_label("Grace").fill("soon")
    page.get_by_role("button", name="Create job").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()


def test_somebody_is_invited_joins_and_sees_only_what_they_may(browser: Browser, served: Served, paths: object) -> None:
    with visitor(browser, served) as owner, visitor(browser, served) as viewer:
        sign_in(owner)
        owner.goto("/members/invite")
        owner.get_by_label("E-mail address").fill("hedy@acme.example")
        owner.get_by_role("button", name="Make the link").click()
        viewer.goto(owner.locator("#link").inner_text().strip())
        expect(viewer.get_by_role("heading", name="Join")).to_be_visible()
        viewer.get_by_label("Your name").fill("Hedy")
        viewer.get_by_label("Password", exact=True).fill("another long sentence")
        viewer.get_by_label("The same again").fill("another long sentence")
        viewer.get_by_role("button", name="Join").click()
        expect(viewer.get_by_role("heading", name="Jobs")).to_be_visible()
        expect(viewer.get_by_role("link", name="New job")).to_have_count(0)
        expect(viewer.get_by_text("An editor makes and changes jobs.")).to_be_visible()
        owner.goto("/members")
        owner.get_by_role("link", name="hedy@acme.example").click()
        owner.get_by_role("radio", name="Editor").check()
        owner.get_by_role("button", name="Save").click()
        expect(owner.locator(".said")).to_contain_text("hedy@acme.example is editor now.")
        viewer.reload()
        expect(viewer.get_by_role("link", name="New job")).to_be_visible()
        owner.get_by_role("link", name="hedy@acme.example").click()
        owner.get_by_text("Remove…").click()
        owner.get_by_role("button", name="Remove hedy@acme.example").click()
        viewer.reload()
        expect(viewer.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_preview_follows_what_is_typed_and_leaves_the_focus(
    browser: Browser, served: Served, paths: object
) -> None:
    with visitor(browser, served) as page:
        sign_in(page)
        page.goto("/jobs/new")
        hour = page.get_by_label("hour", exact=True)
        hour.fill("3")
        expect(page.locator("#preview .nexts")).to_contain_text("03:00")
        hour.fill("25")
        expect(page.locator("#preview .fault")).to_be_visible()
        expect(hour).to_be_focused()


def test_a_row_of_the_list_changes_by_itself_and_what_was_picked_stays(
    browser: Browser, served: Served, paths: dict[str, str]
) -> None:
    with visitor(browser, served) as page:
        sign_in(page)
        expect(page.locator(".live")).to_have_text("Live")
        page.get_by_role("checkbox", name="Select default/waiting").check()
        row = page.locator("tr", has=page.get_by_role("link", name="Running", exact=True))
        expect(row.locator(".c-st")).not_to_contain_text("Down")
        ping(page, served, paths["job-running"], "/fail")
        expect(row.locator(".c-st")).to_contain_text("Down")
        expect(page.get_by_role("checkbox", name="Select default/waiting")).to_be_checked()
        expect(page.locator(".bulk")).to_contain_text("picked")


def _refreshed_until(page: Page, light: str) -> None:
    """Changes are told again and again: of those that come at once the page takes some."""
    changes = "htmx.trigger('#live', 'changed')"
    told = f"() => {{ {changes}; return document.querySelector('.live').textContent.startsWith('{light}'); }}"
    page.wait_for_function(told, polling=200)


def test_a_list_whose_refresh_is_refused_stays_and_says_since_when_it_is_old(
    browser: Browser, served: Served, paths: object
) -> None:
    with visitor(browser, served) as page:
        sign_in(page)
        expect(page.locator(".live")).to_have_text("Live")
        rows = page.locator("tr[data-row]")
        before = rows.count()
        assert before
        page.route("**/jobs", lambda route: route.fulfill(status=429, body="<h1>Too many</h1>"))
        _refreshed_until(page, "Not live since")
        assert rows.count() == before
        page.unroute("**/jobs")
        _refreshed_until(page, "Live")


def test_a_page_that_was_refused_does_not_ask_again_at_once(browser: Browser, served: Served, paths: object) -> None:
    asked: list[str] = []

    def refused(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=429, body="<h1>Too many</h1>")

    with visitor(browser, served) as page:
        page.clock.install()
        page.route("**/api/v1/events", lambda route: None)  # What changes meanwhile would be asked for at once.
        sign_in(page)
        page.route("**/jobs", refused)
        page.evaluate("document.getElementById('live').dataset.refreshIn = 300")
        with page.expect_event("response", lambda answer: answer.status == 429):
            page.evaluate("htmx.trigger('#live', 'changed')")
        page.clock.run_for(9_000)
        assert len(asked) == 1
        with page.expect_request("**/jobs"):
            page.clock.run_for(2_000)


def test_a_session_that_is_gone_leads_to_sign_in_and_back(browser: Browser, served: Served, paths: object) -> None:
    with visitor(browser, served) as page:
        sign_in(page)
        session = next(cookie for cookie in page.context.cookies() if cookie["name"] == SESSION_COOKIE)
        assert (session["httpOnly"], session["sameSite"], session["path"]) == (True, "Lax", "/")
        page.goto("about:blank")  # A page that is open finds out by itself, and leaves, too.
        page.context.clear_cookies()
        page.goto("/namespaces/default")
        expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fnamespaces%2Fdefault$"))
        page.get_by_label("E-mail address").fill("robin@acme.example")
        page.get_by_label("Password", exact=True).fill("this is not it at all")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("do not belong together")


def test_a_page_that_outlives_its_session_leaves_for_sign_in(browser: Browser, served: Served, paths: object) -> None:
    with visitor(browser, served) as page:
        sign_in(page)
        page.context.clear_cookies()
        page.evaluate("htmx.trigger('#live', 'changed')")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_token_is_shown_once_and_revoked(browser: Browser, served: Served, paths: object) -> None:
    with visitor(browser, served) as page:
        sign_in(page)
        page.goto("/tokens/new")
        page.get_by_label("Name", exact=True).fill("deploy")
        page.get_by_role("button", name="Make the token").click()
        token = page.locator("#token").inner_text()
        assert token.startswith("ctp_s_")
        page.get_by_role("link", name="I have it").click()
        expect(page.get_by_role("main")).to_contain_text("deploy")
        expect(page.get_by_role("main")).not_to_contain_text(token)
        page.get_by_text("Revoke…").click()
        page.get_by_role("button", name="Revoke it").click()
        expect(page.get_by_role("main")).not_to_contain_text("deploy")


def test_a_page_that_shows_a_token_is_the_list_when_it_is_reloaded(
    browser: Browser, served: Served, paths: object
) -> None:
    with visitor(browser, served) as page:
        sign_in(page)
        page.goto("/tokens/new")
        page.get_by_label("Name", exact=True).fill("only-once")
        page.get_by_role("button", name="Make the token").click()
        expect(page.locator("#token")).to_contain_text("ctp_s_")
        page.reload()
        expect(page).to_have_url(re.compile(r"/tokens$"))
        expect(page.get_by_role("heading", name="Tokens")).to_be_visible()
        expect(page.get_by_role("rowheader", name="only-once")).to_have_count(1)


def test_a_ping_key_is_revealed_and_rotated(browser: Browser, served: Served, paths: object) -> None:
    with visitor(browser, served) as page:
        sign_in(page)
        page.goto("/namespaces/default")
        page.get_by_text("Reveal the key").click()
        key = page.locator("#ping-key").inner_text()
        page.get_by_text("Rotate the key…").click()
        page.get_by_role("button", name="Rotate the key").click()
        page.get_by_text("Reveal the key").click()
        assert page.locator("#ping-key").inner_text() != key


def test_a_crontab_becomes_jobs(browser: Browser, served: Served, paths: object) -> None:
    with visitor(browser, served) as page:
        sign_in(page)
        choose_lines(page)
        page.get_by_role("button", name="Make these jobs").click()
        expect(page.get_by_role("heading", name="2 jobs made")).to_be_visible()
        expect(page.locator("#lines")).to_contain_text("( /opt/dump --all ); curl")


def test_a_theme_is_chosen_and_kept(browser: Browser, served: Served, paths: object) -> None:
    with visitor(browser, served, java_script_enabled=False) as page:
        sign_in(page)
        page.goto("/me")
        page.get_by_role("button", name="Dark").click()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        page.goto("/jobs")
        assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_keyboard_reaches_the_content_at_once(browser: Browser, served: Served, paths: object) -> None:
    with visitor(browser, served) as page:
        sign_in(page)
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
