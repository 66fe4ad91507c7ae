"""Namespaces, tokens, set-up, signing in and contexts, against a real server."""

import json
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from tests.cli.launch import PATIENCE_SECONDS, PROGRAM
from tests.cli.serving import Person, in_process
from tests.served import PASSWORD, Served, set_up

EMAIL = "ada@example.org"


def test_me_says_who_the_server_takes_me_for(server: Person) -> None:
    me = server.json("me")
    assert me["tenant"] == server.made.tenant
    assert server.json("whoami") == me
    assert me["tenant"] in server.ok("me")


def test_a_namespace_is_made_changed_and_deleted(server: Person) -> None:
    made = server.json(
        "namespaces", "create", "prod-db", "--name", "Databases", "--tz", "Europe/Berlin", "--every", "1h"
    )
    assert (made["name"], made["timezone"], made["default_schedule"]) == ("Databases", "Europe/Berlin", {"every": 3600})
    changed = server.json("namespaces", "edit", "prod-db", "--default-grace", "5m", "--no-default-schedule")
    assert (changed["default_grace"], changed["default_schedule"], changed["name"]) == (300, None, "Databases")
    assert server.json("namespaces", "edit", "prod-db", "--slug", "prod-sql")["slug"] == "prod-sql"
    assert "prod-sql" in server.ok("namespaces", "list")
    assert server.call("namespaces", "delete", "prod-sql").exit_code == 2
    server.ok("namespaces", "delete", "prod-sql", "--yes")
    assert server.call("namespaces", "show", "prod-sql").exit_code == 3


def test_a_namespace_that_is_there_already_is_exit_code_5(server: Person, namespace: str) -> None:
    assert server.call("namespaces", "create", namespace).exit_code == 5


def test_a_new_ping_key_replaces_the_old_one(server: Person, namespace: str) -> None:
    server.ok("jobs", "create", "j", "-n", namespace)
    old = server.ok("namespaces", "ping-key", "show", namespace).strip()
    assert server.call("namespaces", "ping-key", "rotate", namespace).exit_code == 2
    new = server.ok("namespaces", "ping-key", "rotate", namespace, "--yes").strip()
    assert new == server.ok("namespaces", "ping-key", "show", namespace).strip() != old
    urllib.request.urlopen(f"{server.url}/ping/{new}/j", timeout=10).close()  # noqa: S310
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{server.url}/ping/{old}/j", timeout=10)  # noqa: S310


def test_a_token_is_printed_once_and_works_until_it_is_revoked(server: Person) -> None:
    token = server.ok("tokens", "create", "reader", "--scope", "jobs:read", "--expires", "90d").strip()
    assert token.startswith("ctp_s_")
    assert server.call("jobs", "list", CRONTOPUS_TOKEN=token).exit_code == 0
    assert server.call("namespaces", "create", "nope", CRONTOPUS_TOKEN=token).exit_code == 4
    listed = server.ok("tokens", "list")
    assert "reader" in listed
    assert "jobs:read" in listed
    assert token not in listed
    server.ok("tokens", "revoke", "reader", "--yes")
    assert server.call("jobs", "list", CRONTOPUS_TOKEN=token).exit_code == 4


def test_the_list_of_tokens_says_in_short_what_each_may(server: Person) -> None:
    server.ok("tokens", "create", "much")
    server.ok("tokens", "create", "little", "--scope", "runs:read", "--scope", "jobs:read")
    may = {line.split()[0]: line for line in server.ok("tokens", "list").splitlines()}
    assert "MAY" in may["NAME"]
    assert "all but members:write tenant:write" in may["much"]
    assert "jobs:read runs:read" in may["little"]
    assert may["set-up"].split()[3] == "all"
    for name in ("much", "little"):
        server.ok("tokens", "revoke", name, "--yes")


def test_a_namespace_that_is_not_there_is_exit_code_3(server: Person) -> None:
    for command in ("tokens create x", "jobs create x", "members invite x@example.org"):
        refused = server.call(*command.split(), "--namespace", "nowhere")
        assert (refused.exit_code, "no namespace 'nowhere'" in refused.stderr) == (3, True), command


@pytest.mark.parametrize(("kind", "begins"), [("check-ins", "ctp_c_"), ("metrics", "ctp_m_")])
def test_tokens_have_kinds(server: Person, namespace: str, kind: str, begins: str) -> None:
    only = ("--namespace", namespace) if kind == "check-ins" else ()
    made = server.json("tokens", "create", f"of {namespace} {kind}", "--kind", kind, *only)
    assert made["token"].startswith(begins)
    server.ok("tokens", "revoke", made["id"], "--yes")


def test_a_token_is_not_revoked_by_a_name_that_several_have(server: Person) -> None:
    ids = [server.json("tokens", "create", "twin")["id"] for _ in range(2)]
    refused = server.call("tokens", "revoke", "twin", "--yes")
    assert refused.exit_code == 5
    for one in ids:
        assert one in refused.stderr
        server.ok("tokens", "revoke", one, "--yes")
    assert server.call("tokens", "revoke", "twin", "--yes").exit_code == 3


def test_signing_in_makes_a_token_for_this_machine_and_a_context(server: Person, tmp_path: Path) -> None:
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path)}
    assert server.call("me", **own).exit_code != 0
    others = server.ok("tokens", "list").count("command line on ")
    server.ok("login", server.url, "--email", EMAIL, "--password-stdin", "--name", "home", text=PASSWORD + "\n", **own)
    assert json.loads(server.ok("me", "-o", "json", **own))["token"]
    assert server.ok("tokens", "list", **own).count("command line on ") == others + 1
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]
    assert PASSWORD not in kept[0].read_text()
    server.ok("logout", "--yes", **own)
    assert server.call("me", **own).exit_code != 0
    assert server.ok("tokens", "list").count("command line on ") == others


def test_a_machine_without_a_browser_is_signed_in_from_another(server: Person, tmp_path: Path) -> None:
    """The real command waits until somebody has allowed it elsewhere."""
    own = {**server.process_environment, "XDG_CONFIG_HOME": str(tmp_path)}
    command = [*PROGRAM, "login", server.url, "--name", "elsewhere"]
    with subprocess.Popen(command, env=own, stderr=subprocess.PIPE, text=True) as login:
        assert login.stderr is not None
        link = login.stderr.readline().split()[-1]
        code = link.partition("?code=")[2]
        assert code in login.stderr.readline()
        with httpx.Client(base_url=f"{server.url}/api/v1") as browser:
            form = {"email": EMAIL, "password": PASSWORD}
            session = browser.post("/sessions", json=form).raise_for_status().json()["session"]
            cookie = {"Cookie": f"crontopus_session={session}"}
            asked = browser.post("/device/open", json={"user_code": code}, headers=cookie).raise_for_status().json()
            assert asked["address"] == "127.0.0.1"
            allowed = {"user_code": code, "allow": True}
            browser.post("/device/decide", json=allowed, headers=cookie).raise_for_status()
        said = login.communicate(timeout=PATIENCE_SECONDS)[1]
    assert login.returncode == 0, said
    assert "signed in to" in said
    context = {"XDG_CONFIG_HOME": str(tmp_path), "CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None}
    assert EMAIL in server.ok("me", "--context", "elsewhere", **context)


def test_a_machine_that_is_denied_says_so(server: Person, tmp_path: Path) -> None:
    own = {**server.process_environment, "XDG_CONFIG_HOME": str(tmp_path)}
    with subprocess.Popen([*PROGRAM, "login", server.url], env=own, stderr=subprocess.PIPE, text=True) as login:
        assert login.stderr is not None
        code = login.stderr.readline().split()[-1].partition("?code=")[2]
        with httpx.Client(base_url=f"{server.url}/api/v1") as browser:
            form = {"email": EMAIL, "password": PASSWORD}
            session = browser.post("/sessions", json=form).raise_for_status().json()["session"]
            cookie = {"Cookie": f"crontopus_session={session}"}
            browser.post("/device/decide", json={"user_code": code, "allow": False}, headers=cookie).raise_for_status()
        said = login.communicate(timeout=PATIENCE_SECONDS)[1]
    assert (login.returncode, "denied" in said) == (1, True)
    assert json.loads(server.ok("context", "list", "-o", "json", XDG_CONFIG_HOME=str(tmp_path))) == []


def test_a_wrong_password_is_exit_code_4_and_no_context(server: Person, tmp_path: Path) -> None:
    own = {"XDG_CONFIG_HOME": str(tmp_path)}
    result = server.call("login", server.url, "--email", EMAIL, "--password-stdin", text="wrong\n", **own)
    assert result.exit_code == 4
    assert json.loads(server.ok("context", "list", "-o", "json", **own)) == []


def test_a_token_is_enough_to_sign_in(server: Person, tmp_path: Path) -> None:
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path)}
    server.ok("login", server.url, "--token-stdin", text=server.made.token + "\n", **own)
    server.ok("me", **own)


def test_contexts_choose_between_servers(server: Person, tmp_path: Path) -> None:
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path)}
    for name in ("one", "two"):
        server.ok("login", server.url, "--token", server.made.token, "--name", name, **own)
    listed = json.loads(server.ok("context", "list", "-o", "json", **own))
    assert [(context["name"], context["current"]) for context in listed] == [("one", False), ("two", True)]
    server.ok("context", "use", "one", **own)
    assert "one" in server.ok("context", "show", **own)
    server.ok("context", "delete", "one", "--yes", **own)
    assert server.call("context", "use", "one", **own).exit_code == 3
    assert server.call("me", **own).exit_code != 0
    server.ok("me", "--context", "two", **own)
    assert server.made.token not in server.ok("context", "list", "-o", "json", **own)


def signed_in(server: Person, own: dict[str, str | None], *more: str) -> str:
    """As a person, by password: what it said."""
    words = ("login", server.url, "--email", EMAIL, "--password-stdin", *more)
    result = server.call(*words, text=PASSWORD + "\n", **own)
    assert result.exit_code == 0, result.output
    return result.stderr


def contexts(server: Person, own: Mapping[str, str | None]) -> dict[str, str]:
    """Whose each is, by name."""
    return {one["name"]: one["who"] for one in json.loads(server.ok("context", "list", "-o", "json", **own))}


def test_a_context_says_whose_it_is(server: Person, tmp_path: Path) -> None:
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path)}
    tenant = server.made.tenant
    assert f"signed in to {tenant} as {EMAIL}; the context is called home" in signed_in(server, own, "--name", "home")
    for listed in (server.ok("context", "list", **own), server.ok("context", "show", **own)):
        assert EMAIL in listed
        assert tenant in listed
    server.ok("context", "use", "home", **own)
    assert contexts(server, own) == {"home": EMAIL}


def test_the_context_of_somebody_else_is_not_replaced_by_itself(server: Person, tmp_path: Path) -> None:
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path)}
    host, program = server.url.partition("://")[2], f"token {server.made.token[:10]}"
    said = server.call("login", server.url, "--token", server.made.token, **own).stderr
    assert f"as {program}; the context is called {host}\n" in said
    for _ in range(2):
        assert f"as {EMAIL}; the context is called {host}-2\n" in signed_in(server, own)
    assert contexts(server, own) == {host: program, f"{host}-2": EMAIL}
    replaced = signed_in(server, own, "--name", host)
    assert f"it replaces the context {host} of {program} in {server.made.tenant} at {server.url}" in replaced
    assert "replaces" not in signed_in(server, own, "--name", host)
    assert contexts(server, own) == {host: EMAIL, f"{host}-2": EMAIL}


@pytest.mark.parametrize("lives", [True, False])
def test_of_a_context_without_a_name_in_it_the_server_says_whose_it_is(
    server: Person, tmp_path: Path, lives: bool
) -> None:
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path)}
    host, token = server.url.partition("://")[2], server.made.token if lives else "ctp_s_revoked"
    file = tmp_path / "crontopus" / "config.toml"
    file.parent.mkdir()
    file.write_text(f'current = "{host}"\n[contexts."{host}"]\nurl = "{server.url}"\ntoken = "{token}"\n')
    assert contexts(server, own) == {host: ""}
    assert server.call("me", **own).exit_code == (0 if lives else 4)
    signed_in(server, own)
    assert contexts(server, own) == ({host: "", f"{host}-2": EMAIL} if lives else {host: EMAIL})


@pytest.mark.parametrize("given", ["", "\n"])
def test_an_empty_token_is_asked_for_in_words(server: Person, tmp_path: Path, given: str) -> None:
    own = {"XDG_CONFIG_HOME": str(tmp_path)}
    for words, text in ((["--with-token"], given), (["--token", ""], None)):
        refused = server.call("login", server.url, *words, text=text, **own)
        assert refused.exit_code == 4
        assert "standard input" in refused.stderr or "--token is empty" in refused.stderr
    assert contexts(server, own) == {}


def test_what_is_set_up_already_is_exit_code_5(tmp_path: Path) -> None:
    set_up(tmp_path / "data")
    again = _set_up_again(tmp_path / "data")
    assert again.returncode == 5
    assert again.stderr.startswith("Error: ")
    assert "Traceback" not in again.stderr


def test_set_up_beside_a_running_server_is_exit_code_5(server: Person) -> None:
    assert _set_up_again(server.home / "data").returncode == 5


def _set_up_again(data: Path) -> "subprocess.CompletedProcess[str]":
    """In a process of its own, as a person would."""
    command = [*PROGRAM, "setup", "--data", str(data), "--email", EMAIL, "--password-stdin"]
    return subprocess.run(command, input=PASSWORD, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


def test_a_running_server_is_set_up_by_the_link_it_prints(tmp_path: Path) -> None:
    with Served(tmp_path / "data", fresh=True) as served:
        command = ("setup", "--link", served.link, "--email", EMAIL, "--password-stdin", "--json")
        result = in_process(*command, text=PASSWORD + "\n")
        ready = json.loads(result.stdout)
        assert ready["namespace"] == "default"
        listed = in_process("tokens", "list", "--url", ready["url"], "--token", ready["token"])
        assert "set-up" in listed.stdout
        assert in_process(*command, text=PASSWORD + "\n").exit_code == 5


def test_a_wrong_link_is_exit_code_4(tmp_path: Path) -> None:
    with Served(tmp_path / "data", fresh=True) as served:
        link = f"{served.url}/setup?code=wrong"
        result = in_process("setup", "--link", link, "--email", EMAIL, "--password-stdin", text=PASSWORD)
        assert result.exit_code == 4


@pytest.mark.parametrize("link", ["", " "])
def test_an_empty_link_sets_up_nothing(tmp_path: Path, link: str) -> None:
    data = tmp_path / "data"
    words = ("setup", "--data", str(data), "--link", link, "--email", EMAIL, "--password-stdin")
    result = in_process(*words, text=PASSWORD + "\n")
    assert result.exit_code == 2
    assert "--link is empty: give the link that the server printed" in result.stderr
    assert not data.exists()


def test_a_short_password_is_refused_in_words(tmp_path: Path, server: Person) -> None:
    result = server.call("setup", "--data", str(tmp_path / "d"), "--email", EMAIL, "--password-stdin", text="short\n")
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    assert "password: write at least 12 characters" in result.stderr
