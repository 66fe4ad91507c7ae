"""What holds on every answer of the console, whatever the API says: headers, origin, static files, pages of errors."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.testing import TestClient

from crontopus.console.app import console_router
from crontopus.console.assets import ASSETS
from crontopus.console.headers import SECURITY_HEADERS

HOST = "http://testserver.local"


@pytest.fixture(scope="module")
def browser() -> Iterator[TestClient[Litestar]]:
    """A browser before a console whose API is not there."""
    router = console_router(public_url="https://cron.example", hosts=["testserver.local"])
    app = Litestar([router], state=State({"clock": lambda: datetime(2026, 11, 23, tzinfo=UTC)}))
    with TestClient(app, base_url=HOST) as client:
        client.follow_redirects = False
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/jobs/x/y/z", "/namespaces/x/y", ASSETS.url("icons.svg"), "/static/0/missing.css"]
)
def test_every_answer_carries_the_security_headers(browser: TestClient[Litestar], path: str) -> None:
    sent = browser.get(path).headers
    assert {name: sent.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_the_policy_has_no_exception() -> None:
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "*" not in policy


def test_a_page_is_nobodys_to_keep_and_a_hashed_file_is_for_ever(browser: TestClient[Litestar]) -> None:
    assert browser.get("/nothing").headers["cache-control"] == "no-store"
    assert "immutable" in browser.get(ASSETS.url("console.js")).headers["cache-control"]
    assert browser.get("/static/000000000000/console.js").headers["cache-control"] == "no-cache"


def test_a_file_is_sent_once_and_compressed(browser: TestClient[Litestar]) -> None:
    url = ASSETS.url("vendor/htmx.min.js")
    first = browser.get(url)
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["content-type"].startswith("text/javascript")
    assert first.text == browser.get(url, headers={"Accept-Encoding": "identity"}).text
    again = browser.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/static/0/../../console/base.html", "/static/0/%2e%2e/console/base.html", "/static/0"]
)
def test_only_what_is_static_can_be_asked_for(browser: TestClient[Litestar], path: str) -> None:
    assert browser.get(path).status_code == 404


def test_an_unknown_address_is_answered_with_a_page(browser: TestClient[Litestar]) -> None:
    answer = browser.get("/nothing", headers={"X-Request-Id": "r-1"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is nothing here" in answer.text
    assert "r-1" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": HOST},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_deed_from_elsewhere_is_refused(browser: TestClient[Litestar], headers: dict[str, str]) -> None:
    answer = browser.post("/me/theme", data={"theme": "dark"}, headers=headers)
    assert answer.status_code == 403
    assert "crontopus_theme" not in answer.cookies


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {},
        {"Origin": HOST},
        {"Origin": "https://cron.example"},
    ],
)
def test_a_deed_of_our_own_pages_is_done(browser: TestClient[Litestar], headers: dict[str, str]) -> None:
    answer = browser.post("/me/theme", data={"theme": "dark", "back": "//evil.example"}, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
    assert "crontopus_theme=dark" in answer.headers["set-cookie"]
    assert "Secure" in answer.headers["set-cookie"]


def test_what_a_cookie_says_wrongly_is_not_believed(browser: TestClient[Litestar]) -> None:
    cookie = 'crontopus_theme="><script>; crontopus_zone=../../etc/passwd; crontopus_note=%3Cscript%3E'
    page = browser.get("/nothing", headers={"Cookie": cookie})
    assert page.status_code == 404
    assert "data-theme" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "<script>" not in page.text
