"""What those who run the installation do to people and tenants at the command line, and what these see of it there."""

import json
import stat
import zipfile
from pathlib import Path

import httpx

from tests.cli.serving import Person, in_process
from tests.served import PASSWORD, Served, set_up

WHY = "the jobs of the night are late"


def test_an_operator_lists_and_ends_what_was_begun_in_a_browser(server: Person, tmp_path: Path) -> None:
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    login = ("login", server.url, "--email", "ada@example.org", "--password-stdin", "--name", "home")
    server.ok(*login, text=PASSWORD + "\n", **own)
    with httpx.Client(base_url=f"{server.url}/api/v1") as browser:
        form = {"email": "ada@example.org", "password": PASSWORD}
        browser.cookies.set("crontopus_session", browser.post("/sessions", json=form).json()["session"])
        wish = {"tenant": browser.get("/me").json()["tenant_id"], "member": "ada@example.org", "why": WHY}
        made = browser.post("/admin/impersonations", json=wish).json()
        for words in (("admin", "impersonations", "list"), ("tenants", "impersonations"), ("me", "impersonations")):
            told = server.ok(*words, **own)
            assert WHY in told
            assert "lasts" in told
        assert browser.get("/me").json()["impersonation"]["id"] == made["id"]
        assert server.call("admin", "impersonations", "end", made["id"], **own).stderr == "it is over\n"
        assert browser.get("/me").json()["impersonation"] is None
    assert "lasts" not in server.ok("admin", "impersonations", "list", **own)
    assert server.call("admin", "impersonations", "end", "0190a5c2-5b1e-7c3f-8a4d-2f1e6b7c8d90", **own).exit_code == 3
    assert server.call("tenants", "impersonation", "forbidden", **own).exit_code == 0
    assert "forbidden" in server.ok("tenants", "show", **own)
    assert server.call("tenants", "impersonation", "allowed", **own).exit_code == 0


def test_an_operator_says_something_and_takes_it_back(server: Person, tmp_path: Path) -> None:
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    login = ("login", server.url, "--email", "ada@example.org", "--password-stdin", "--name", "home")
    server.ok(*login, text=PASSWORD + "\n", **own)
    said = server.ok("admin", "announcements", "create", "On Sunday", "--until", "3d", "--tenant", "Acme", **own)
    one = said.partition(" ")[0]
    assert "On Sunday" in server.ok("admin", "announcements", "list", **own)
    assert one in server.ok("me", "announcements", **own)
    server.ok("admin", "announcements", "edit", one, "--text", "On Monday", "--severity", "warning", **own)
    assert "On Monday" in server.ok("me", "announcements", **own)
    server.ok("me", "dismiss", one, **own)
    assert "On Monday" not in server.ok("me", "announcements", **own)
    server.ok("admin", "announcements", "delete", one, **own)
    assert one not in server.ok("admin", "announcements", "list", **own)


def test_an_operator_makes_a_link_for_whoever_has_lost_their_password(server: Person, tmp_path: Path) -> None:
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    login = ("login", server.url, "--email", "ada@example.org", "--password-stdin", "--name", "home")
    server.ok(*login, text=PASSWORD + "\n", **own)
    assert server.call("admin", "users", "password-link", "ada@example.org", **own).exit_code == 2, "nobody is asked"
    made = server.call("admin", "users", "password-link", "ada@example.org", "--yes", **own)
    assert made.stdout.startswith(f"{server.url}/reset?code=")
    assert "nobody else" in made.stderr


def test_an_operator_takes_diagnostics_once_into_a_new_file(server: Person, tmp_path: Path) -> None:
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    login = ("login", server.url, "--email", "ada@example.org", "--password-stdin", "--name", "home")
    server.ok(*login, text=PASSWORD + "\n", **own)
    into = tmp_path / "crontopus.zip"
    assert "Look through it" in server.call("admin", "diagnostics", "--into", str(into), **own).stderr
    assert stat.S_IMODE(into.stat().st_mode) == 0o600
    with zipfile.ZipFile(into) as archive:
        assert {"settings.json", "health.json", "log.json", "tables.json"} <= set(archive.namelist())
        assert "ada@" not in "".join(archive.read(name).decode() for name in archive.namelist())
    assert server.call("admin", "diagnostics", "--into", str(into), **own).exit_code == 5


def test_diagnostics_are_taken_from_the_data_where_no_server_runs(tmp_path: Path) -> None:
    data, into = tmp_path / "data", tmp_path / "crontopus.zip"
    set_up(data)
    with Served(data):
        assert in_process("admin", "diagnose", "--data", str(data), "--into", str(into)).exit_code == 5
    done = in_process("admin", "diagnose", "--data", str(data), "--into", str(into))
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(into) as archive:
        rows = {one["name"]: one["rows"] for one in json.loads(archive.read("tables.json"))}
        assert rows["users"] == 1
        assert str(data) not in "".join(archive.read(name).decode() for name in archive.namelist())
