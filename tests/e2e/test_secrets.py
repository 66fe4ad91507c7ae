"""No secret in a log, an error or an address: a real server at its most talkative, every route and page of it, and all
that opens anything here.
"""

import base64
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyotp
import pytest
from litestar import Litestar
from msgspec import Struct

from crontopus.api import document
from crontopus.api.app import api_router
from crontopus.client import SESSION_COOKIE
from crontopus.domain.access import EVERYTHING
from crontopus.storage.opening import FILE
from tests.console.test_roles import pages
from tests.served import PASSWORD, Served
from tests.things import body_of

SAME = {"Sec-Fetch-Site": "same-origin"}
PASSPHRASE = "the phrase that seals the backups"
KEY = base64.b64encode(os.urandom(32)).decode()
FOR_LINKS = {"set-up code", "invitation", "password link"}
"""Stand in one link each, which is made to be opened; and the page behind it sends neither on."""
OPENING = ["/setup?code={set-up code}", "/invitation?code={invitation}", "/reset?code={password link}"]
SHOWN = re.compile(r'(?:href|src|action|hx-get|hx-post|data-[\w-]+)="([^"]*)"')
ENDLESS = {"/api/v1/events"}
LAST = ("sign_out", "delete_tenant", "admin_delete_tenant", "delete_me", "leave_tenant")


class Site(Struct, frozen=True):
    served: Served
    secrets: dict[str, str]

    @property
    def cookies(self) -> dict[str, str]:
        return {SESSION_COOKIE: self.secrets["session"]}

    def browser(self) -> httpx.Client:
        return httpx.Client(base_url=self.served.url, cookies=self.cookies, headers=SAME)

    def script(self) -> httpx.Client:
        bearer = {"Authorization": f"Bearer {self.secrets['service token']}"}
        return httpx.Client(base_url=self.served.url, headers=bearer)

    def stranger(self) -> httpx.Client:
        return httpx.Client(base_url=self.served.url, headers=SAME)

    def found_in(self, text: str, *, but: frozenset[str] | set[str] = frozenset()) -> set[str]:
        """Names of the secrets that stand in `text`, in one form or another."""
        plain = text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
        return {name for name, secret in self.secrets.items() if name not in but and secret in plain}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("secrets")
    settings = {
        "LOG_LEVEL": "debug",
        "SECRET_KEY": KEY,
        "BACKUP_INTO": str(folder / "backups"),
        "BACKUP_PASSPHRASE": PASSPHRASE,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(f"CRONTOPUS_{name}", value)
        with Served(folder / "data", fresh=True) as served:
            yield Site(served, _made(served))


def _made(served: Served) -> dict[str, str]:
    """Everything that opens something, made as people make it."""
    code = served.link.partition("code=")[2]
    with httpx.Client(base_url=f"{served.url}/api/v1") as http:

        def told(path: str, **body: Any) -> Any:
            answer = http.post(path, json=body, headers=SAME)
            assert answer.is_success, answer.text
            return answer.json()

        session = told("/setup", code=code, email="ada@example.org", password=PASSWORD)["session"]
        http.cookies.set(SESSION_COOKIE, session)
        app = told("/me/factors/totp")["secret"]
        recovery = told("/me/factors/totp/confirm", code=pyotp.TOTP(app).now())["recovery_codes"]
        told("/jobs", slug="backup")
        return {
            "set-up code": code,
            "password": PASSWORD,
            "session": session,
            "authenticator": app,
            **{f"recovery code {number}": one for number, one in enumerate(recovery)},
            "invitation": told("/invitations", email="new@example.org")["link"].partition("code=")[2],
            "password link": _link_for(http, told),
            "service token": told("/tokens", name="s", scopes=sorted(EVERYTHING))["token"],
            "own token": told("/me/tokens", name="o")["token"],
            "metrics token": told("/tokens", name="m", kind="m")["token"],
            "ping key": http.get("/namespaces/default").json()["ping_key"],
            "device code": told("/device/code", name="a machine")["device_code"],
            "passphrase": PASSPHRASE,
            "secret key": KEY,
            "client secret": _of_provider(told),
        }


def _link_for(http: httpx.Client, told: Callable[..., Any]) -> str:
    """What an operator gives to somebody who has lost their password."""
    person = http.get("/admin/users").json()["items"][0]["id"]
    return str(told(f"/admin/users/{person}/password-link")["link"]).partition("code=")[2]


def _of_provider(told: Callable[..., Any]) -> str:
    """What a sign-in provider knows this server by."""
    secret = "known-to-the-provider-alone"
    wish = {"name": "Example", "issuer": "https://id.example.org", "client_id": "c", "domains": ["example.org"]}
    told("/providers", client_secret=secret, **wish)
    return secret


def _operations() -> list[tuple[str, str, str]]:
    """Method, path and name of each, those last after which nobody is who they were."""
    told = document.operations(Litestar([api_router()], openapi_config=None))
    found = [(method, path, str(one.operation_id)) for path, method, one in told if path not in ENDLESS]
    return sorted(found, key=lambda one: LAST.index(one[2]) + 1 if one[2] in LAST else 0)


def _asked(client: httpx.Client, method: str, path: str, content: bytes | None) -> httpx.Response:
    return client.request(method, re.sub(r"\{\w+\}", "00000000-0000-7000-8000-000000000001", path), content=content)


def _walked(site: Site) -> Iterator[tuple[str, httpx.Response]]:
    """Every route with every kind of credential, and every page, all that are refused among them."""
    with site.browser() as browser, site.script() as script, site.stranger() as stranger:
        for method, path, operation in _operations():
            for client in (stranger, script, browser):
                if operation not in LAST:
                    yield f"{method} {path}", _asked(client, method, path, body_of(operation))
        for page in pages():
            for client in (stranger, browser):
                yield f"GET {page}", _asked(client, "GET", page, None)


def _with_secrets(site: Site) -> Iterator[tuple[str, httpx.Response]]:
    """Where secrets are sent that are wrong, too late, or another's: the answer never says them again."""
    secret = site.secrets
    forms: list[tuple[str, dict[str, Any]]] = [
        ("/setup", {"code": secret["set-up code"], "email": "x@example.org", "password": secret["password"]}),
        ("/sessions", {"email": "ada@example.org", "password": secret["password"] + "?"}),
        ("/sessions/current/confirm", {"password": secret["password"], "code": secret["recovery code 0"] + "x"}),
        ("/sessions/current/second-factor", {"code": secret["recovery code 1"] + "x"}),
        ("/me/password", {"old": secret["password"] + "x", "new": secret["password"]}),
        ("/invitations/open", {"code": secret["invitation"] + "x"}),
        ("/invitations/accept", {"code": secret["invitation"], "password": "short"}),
        ("/password-resets/open", {"code": secret["password link"] + "x"}),
        ("/password-resets/use", {"code": secret["password link"], "password": "short"}),
        ("/device/token", {"device_code": secret["device code"]}),
        ("/sessions", {"email": secret["password"], "password": 7}),
        ("/sessions", {"email": "ada@example.org", "password": secret["password"], "unknown": 1}),
    ]
    with site.browser() as browser, site.stranger() as stranger:
        for path, body in forms:
            for client in (browser, stranger):
                yield path, client.post(f"/api/v1{path}", json=body)
        for page, fields in (
            ("/sign-in", {"email": "ada@example.org", "password": secret["password"] + "?"}),
            ("/me/confirm", {"password": secret["password"] + "?", "code": secret["recovery code 2"] + "x"}),
            ("/setup", {"code": secret["set-up code"], "password": secret["password"], "again": "x"}),
            ("/invitation", {"code": secret["invitation"], "password": "short"}),
            ("/reset", {"code": secret["password link"], "password": "short", "again": "short"}),
        ):
            for client in (browser, stranger):
                yield page, client.post(page, data=fields)
    with httpx.Client(base_url=site.served.url) as http:
        for name in ("session", "own token", "ping key", "metrics token", "password"):
            headers = {"Authorization": f"Bearer {secret[name]}x", "Cookie": f"{SESSION_COOKIE}={secret[name]}y"}
            yield name, http.get("/api/v1/me", headers={"Cookie": headers["Cookie"]})
            yield name, http.get("/api/v1/me", headers={"Authorization": headers["Authorization"]})
            yield name, http.get("/metrics", headers={"Authorization": headers["Authorization"]})
        yield "ping", http.get(f"/ping/{secret['ping key']}/nothing-of-this-name")
        yield "ping", http.get(f"/ping/{secret['ping key']}/backup/what")


def _misplaced(site: Site) -> None:
    """Where they do not belong, as when somebody pastes into the wrong field; the answer goes to who did."""
    with site.script() as http:
        for secret in site.secrets.values():
            http.get("/api/v1/jobs", params={"q": secret, "cursor": secret})
            http.get(f"/api/v1/jobs/{secret.replace('/', '')}")
            http.post("/api/v1/jobs", json={"name": secret, "timezone": secret}, headers={"Idempotency-Key": secret})
            http.get("/api/v1/me", headers={"Authorization": f"Basic {secret}", "If-None-Match": secret})
            http.get("/ping/" + secret.replace("/", ""), headers={"User-Agent": secret})
            http.get("/nowhere", params={"token": secret}, headers={"Referer": f"http://localhost/?code={secret}"})


def test_no_error_and_no_address_says_a_secret(site: Site) -> None:
    for where, answer in (*_walked(site), *_with_secrets(site)):
        if answer.is_error and "text/html" not in answer.headers.get("content-type", ""):
            assert not site.found_in(answer.text), f"{where}: {answer.text}"
        assert not site.found_in(answer.headers.get("location", "")), where
        assert not site.found_in(answer.headers.get("link", "")), where
        if "text/html" in answer.headers.get("content-type", ""):
            for address in SHOWN.findall(answer.text):
                assert not site.found_in(address, but={"ping key"}), f"{where}: {address}"
            assert not site.found_in(answer.text, but=FOR_LINKS | {"ping key"}), where


@pytest.mark.parametrize("page", OPENING)
def test_a_page_that_is_opened_by_a_secret_link_tells_no_other_site_of_it(site: Site, page: str) -> None:
    with site.stranger() as stranger:
        answer = stranger.get(page.format(**site.secrets))
    assert answer.headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert answer.headers["cache-control"] == "no-store"
    for address in SHOWN.findall(answer.text):
        assert not site.found_in(address), address
        assert address.startswith(("/", "#", "data:")) or not address.startswith("http"), address


def test_its_settings_say_none(site: Site) -> None:
    assert Path(site.served.data).exists()
    with site.browser() as browser:
        for path in ("/api/v1/admin/config", "/admin/config"):
            assert not site.found_in(browser.get(path).text, but={"ping key"})


BREAKING = (
    (
        "UPDATE jobs SET created_at = 'never'",
        "UPDATE tokens SET addresses = 'no JSON'",
        "UPDATE namespaces SET ping_key_sealed = x'00'",
        "UPDATE authenticators SET sealed = x'00'",
        "ALTER TABLE invitations RENAME TO gone_invitations",
        "ALTER TABLE recovery_codes RENAME TO gone_recovery_codes",
    ),
    ("ALTER TABLE users RENAME TO gone_users",),
)
"""First what some requests need, then what every one does."""


def test_the_log_says_none_also_where_everything_fails(site: Site) -> None:
    """At last the database is spoiled under the server, so that requests are bugs with their tracebacks."""
    for _ in (*_walked(site), *_with_secrets(site)):
        pass
    _misplaced(site)
    assert "request failed" not in site.served.log()
    for statements in BREAKING:
        with closing(sqlite3.connect(site.served.data / FILE)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()
        for _ in (*_walked(site), *_with_secrets(site)):
            pass
        _misplaced(site)
    log = site.served.log()
    assert "request failed" in log
    assert "request not served" in log
    assert "exc_type" in log
    assert not site.found_in(log)
    for line in log.splitlines():
        with suppress(msgspec.DecodeError):
            assert not site.found_in(str(msgspec.json.decode(line)))
