"""Second factors at the command line: asked for by `login`, shown by `me factors`, removed for whoever lost them."""

import json
import time
from pathlib import Path

import httpx
import pyotp

from tests.cli.serving import Person, in_process
from tests.served import PASSWORD, Served, set_up

EMAIL = "ada@example.org"


def enrolled(url: str) -> tuple[pyotp.TOTP, list[str]]:
    """The app of the person who has set the server up, and the recovery codes."""
    with httpx.Client(base_url=f"{url}/api/v1") as http:
        session = http.post("/sessions", json={"email": EMAIL, "password": PASSWORD}).json()["session"]
        http.cookies.set("crontopus_session", session)
        app = pyotp.TOTP(http.post("/me/factors/totp").json()["secret"])
        confirmed = http.post("/me/factors/totp/confirm", json={"code": app.now()})
        assert confirmed.status_code == 200, confirmed.text
        return app, confirmed.json()["recovery_codes"]


def next_code(app: pyotp.TOTP) -> str:
    """The one after that with which the app was put in force; a clock may be ahead by one step."""
    return app.at(int(time.time()) + 30)


def test_login_asks_whoever_has_a_second_factor_for_a_code(tmp_path: Path) -> None:
    made = set_up(tmp_path / "data")
    with Served(tmp_path / "data") as served:
        ada = Person(served.url, made, tmp_path)
        own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None}
        app, codes = enrolled(served.url)
        login = ("login", served.url, "--email", EMAIL, "--password-stdin")
        for wrong in ("", "000000\n"):
            refused = ada.call(*login, text=f"{PASSWORD}\n{wrong}", **own)
            assert refused.exit_code == 4
            assert ("code" if wrong else "give its code on the second line") in refused.stderr
            assert "Traceback" not in refused.stderr
        ada.ok(*login, text=f"{PASSWORD}\n{next_code(app)}\n", **own)
        held = json.loads(ada.ok("me", "factors", "-o", "json", **own))
        assert held["authenticator"]["used_at"]
        assert (held["passkeys"], held["recovery_codes"]) == ([], 10)
        assert "10 left" in ada.ok("me", "factors", **own)
        assert json.loads(ada.ok("me", "-o", "json", **own))["second_factor"]
        ada.ok(*login, text=f"{PASSWORD}\n{codes[0]}\n", **own)
        assert "9 left" in ada.ok("me", "factors", **own)
        assert "yes" in ada.ok("members", "list", **own)
        assert json.loads(ada.ok("tenants", "second-factor", "required", "-o", "json", **own))["require_second_factor"]
        assert "required of everybody" in ada.ok("tenants", "show", **own)
        refused = ada.call("tenants", "second-factor", "optional")
        assert (refused.exit_code, "only an owner" in refused.stderr) == (4, True), "a program is none"
        ada.ok("tenants", "second-factor", "optional", **own)


def test_the_operator_removes_the_factors_of_somebody_who_lost_them(tmp_path: Path, database_url: str) -> None:
    data = tmp_path / "data"
    made = set_up(data, database_url)
    with Served(data, database_url) as served:
        enrolled(served.url)
    words = ["admin", "reset-password", "--data", str(data), "--email", EMAIL, "--password-stdin"]
    words += ["--database-url", database_url] if database_url else []
    assert in_process(*words, text="another long sentence\n").exit_code == 0
    assert pending(data, database_url), "a new password alone opens nothing"
    assert in_process(*words, "--factors", text="another long sentence\n").exit_code == 0
    assert not pending(data, database_url)
    with Served(data, database_url) as served:
        own = {"Authorization": f"Bearer {made.token}"}
        told = httpx.get(f"{served.url}/api/v1/audit?action=factors.reset", headers=own).json()["items"]
        assert [entry["target"] for entry in told] == [EMAIL]


def pending(data: Path, database_url: str) -> bool:
    with Served(data, database_url) as served:
        form = {"email": EMAIL, "password": "another long sentence"}
        answer = httpx.post(f"{served.url}/api/v1/sessions", json=form)
        assert answer.status_code == 201, answer.text
        return bool(answer.json()["pending"])


def test_a_password_that_is_tried_first_is_refused_without_a_browser_too(tmp_path: Path) -> None:
    words = ("setup", "--data", str(tmp_path / "data"), "--email", EMAIL, "--password-stdin")
    refused = in_process(*words, text="Password2027!\n")
    assert refused.exit_code == 1
    assert "one of the most common passwords" in refused.stderr
    set_up(tmp_path / "data")
    reset = ("admin", "reset-password", "--data", str(tmp_path / "data"), "--email", EMAIL, "--password-stdin")
    refused = in_process(*reset, text="ada@example.org\n")
    assert refused.exit_code == 1
    assert "your own name or address" in refused.stderr
