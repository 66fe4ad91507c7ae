"""What no page takes, and bugs: a page for a browser, a problem in JSON for a program."""

from collections.abc import Awaitable, Callable

import httpx
import pytest
from litestar import get
from structlog.testing import capture_logs

from crontopus.api.app import create_app, join
from crontopus.console.errors import error_page
from crontopus.console.headers import SECURITY_HEADERS
from crontopus.console.view import ENVIRONMENT
from tests.console.conftest import Visitor
from tests.world import BASE, World

Visits = Callable[[str], Awaitable[Visitor]]


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/nope", 404, "There is nothing here"),
        ("GET", "/docs", 404, "There is nothing here"),
        ("GET", "/runs", 404, "There is nothing here"),
        ("POST", "/nope", 405, "That cannot be done here"),
        ("PUT", "/jobs", 405, "That cannot be done here"),
        ("PATCH", "/sign-in", 405, "That cannot be done here"),
        ("POST", "/docs/api", 405, "That cannot be done here"),
    ],
)
async def test_what_no_page_takes_is_told_to_a_browser_as_a_page(
    visits: Visits, method: str, path: str, status: int, title: str
) -> None:
    browser = await visits("")
    answer = await browser.http.request(method, path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert f"<h1>{title}</h1>" in answer.text
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(("method", "path"), [("GET", "/api"), ("GET", "/api/v1/nope"), ("PUT", "/api/v1/jobs")])
async def test_the_api_tells_even_a_browser_its_problems_as_json(visits: Visits, method: str, path: str) -> None:
    browser = await visits("")
    answer = await browser.http.request(method, path, headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"
    told = await browser.http.request("POST", "/nope", headers={"Accept": "application/json"})
    assert (told.status_code, told.headers["content-type"]) == (405, "application/problem+json")


async def test_a_bug_is_told_to_a_browser_as_a_page_and_to_the_log_under_the_same_id(world: World) -> None:
    @get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    transport = httpx.ASGITransport(join(create_app([broken], error_page), world.appliance.parts))  # type: ignore[arg-type]
    with capture_logs() as logged:
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            answer = await http.get("/broken", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
    (entry,) = logged
    assert entry["event"] == "request failed"
    assert answer.headers["x-request-id"] == entry["request_id"]
    assert entry["request_id"] in answer.text
    assert "ZeroDivisionError" not in answer.text


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("start `crontopus login` again", "start <code>crontopus login</code> again"),
        ("`<b>` and `&`", "<code>&lt;b&gt;</code> and <code>&amp;</code>"),
        ("one ` alone, and <i>", "one ` alone, and &lt;i&gt;"),
        ("`a` and ` alone", "<code>a</code> and ` alone"),
    ],
)
def test_what_a_message_sets_between_backticks_is_shown_as_code(said: str, seen: str) -> None:
    assert ENVIRONMENT.from_string("{{ said | coded }}").render(said=said) == seen
