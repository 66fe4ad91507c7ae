"""`crontopus admin reset-password`: for the operator who is locked out, on both databases."""

import json
from pathlib import Path

import httpx
import pytest

from tests.cli.serving import in_process
from tests.served import PASSWORD, Served, set_up

EMAIL, NEW = "ada@example.org", "another long sentence"


def signs_in(server: Served, password: str) -> bool:
    answer = httpx.post(f"{server.url}/api/v1/sessions", json={"email": EMAIL, "password": password})
    return answer.status_code == 201


def reset(data: Path, database_url: str, *more: str, email: str = EMAIL, password: str = NEW) -> tuple[int, str]:
    given = ["--database-url", database_url] if database_url else []
    words = ["admin", "reset-password", "--data", str(data), *given, "--email", email, "--password-stdin", *more]
    done = in_process(*words, text=password + "\n")
    return done.exit_code, done.stderr


def test_somebody_who_is_locked_out_gets_a_new_password(tmp_path: Path, database_url: str) -> None:
    data = tmp_path / "data"
    made = set_up(data, database_url)
    with Served(data, database_url) as server:
        session = httpx.post(f"{server.url}/api/v1/sessions", json={"email": EMAIL, "password": PASSWORD}).json()
    code, said = reset(data, database_url, email="Ada@Example.org")
    assert (code, said) == (0, "Ada@Example.org has a new password, and signs in to Acme\n")
    with Served(data, database_url) as server:
        assert signs_in(server, NEW)
        assert not signs_in(server, PASSWORD)
        me = f"{server.url}/api/v1/me"
        assert httpx.get(me, cookies={"crontopus_session": session["session"]}).status_code == 401
        own = {"Authorization": f"Bearer {made.token}"}
        (told,) = httpx.get(f"{server.url}/api/v1/audit?action=password.reset", headers=own).json()["items"]
        assert told["actor"] == "the operator, at the data itself"
        assert told["target"] == EMAIL
        assert httpx.get(f"{server.url}/api/v1/audit/verify", headers=own).json()["broken"] is None


def test_a_server_that_runs_on_the_folder_keeps_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    set_up(data)
    with Served(data) as server:
        code, said = reset(data, "")
        assert code == 5
        assert "Traceback" not in said
        assert signs_in(server, PASSWORD)


def test_a_new_key_is_put_in_front_of_the_old_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    set_up(data)
    old = (data / "secret.key").read_text()
    done = in_process("admin", "rotate-key", "--data", str(data))
    assert "begins with a new key. Back it up" in done.stderr
    assert (data / "secret.key").read_text().endswith(old)
    assert (data / "secret.key").read_text() != old
    with Served(data) as server:
        assert signs_in(server, PASSWORD)


def test_a_key_file_that_is_not_the_one_of_the_database_gets_no_new_key(tmp_path: Path) -> None:
    data = tmp_path / "data"
    set_up(data)
    (data / "secret.key").write_text("ab" * 32)
    done = in_process("admin", "rotate-key", "--data", str(data))
    assert (done.exit_code, (data / "secret.key").read_text()) == (1, "ab" * 32)
    assert "is not the one of this database" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("rotate-key",),
        ("reset-password", "--email", EMAIL, "--password-stdin"),
        ("diagnose", "--into", "it.zip"),
        ("audit", "verify"),
        ("backup", "--into", "backups"),
    ],
)
def test_a_folder_that_was_mistyped_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = in_process("admin", *words, "--data", "nowhere", text=f"{NEW}\n")
    assert done.exit_code in (1, 3)
    assert "there is no database in nowhere: name its folder with --data" in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_key_that_is_a_setting_is_left_to_whoever_set_it(tmp_path: Path) -> None:
    words = ("admin", "rotate-key", "--data", str(tmp_path))
    done = in_process(*words, environment={"CRONTOPUS_SECRET_KEY": "ab" * 32})
    assert done.exit_code == 1
    assert "put a new key in front of it there" in done.stderr


@pytest.mark.parametrize(
    ("email", "password", "exit_code", "why"),
    [
        ("nobody@example.org", NEW, 3, "nobody here has the address nobody@example.org"),
        (EMAIL, "short", 1, "password"),
        ("no address", NEW, 1, "email"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, email: str, password: str, exit_code: int, why: str) -> None:
    data = tmp_path / "data"
    set_up(data)
    code, said = reset(data, "", email=email, password=password)
    assert code == exit_code
    assert why in said


def test_a_backup_is_made_of_a_running_server_verified_and_restored(tmp_path: Path, database_url: str) -> None:
    data, kept, phrase = tmp_path / "data", tmp_path / "kept", tmp_path / "phrase"
    made, given = set_up(data, database_url), ["--database-url", database_url] if database_url else []
    phrase.write_text("a long sentence\n")
    sealed = ("--passphrase-file", str(phrase))
    with Served(data, database_url) as server:
        assert httpx.get(f"{server.url}/ping/{made.ping_key}/nightly?create=1").status_code == 201
        done = in_process("admin", "backup", "--data", str(data), *given, "--into", str(kept), *sealed, "-o", "json")
    told = json.loads(done.stdout)
    assert (told["tables"]["check_ins"], told["has_key"]) == (1, True)
    verified = in_process("admin", "verify", told["file"], *sealed)
    assert told["sha256"] in verified.stdout
    assert in_process("admin", "verify", told["file"]).exit_code == 1
    if database_url:
        return
    new = tmp_path / "new"
    assert in_process("admin", "restore", told["file"], "--data", str(new), *sealed).exit_code == 0
    assert in_process("admin", "restore", told["file"], "--data", str(new), *sealed).exit_code == 5
    with Served(new) as server:
        assert signs_in(server, PASSWORD)
        assert httpx.get(f"{server.url}/ping/{made.ping_key}/nightly").status_code == 200


def test_a_passphrase_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    set_up(data)
    words = ("admin", "backup", "--data", str(data), "--into", str(tmp_path / "kept"), "--passphrase-file")
    (tmp_path / "empty").write_text("")
    for file, why in ((tmp_path / "none", "cannot be read"), (tmp_path / "empty", "begins with no passphrase")):
        done = in_process(*words, str(file))
        assert done.exit_code == 1
        assert why in done.stderr
    assert not (tmp_path / "kept").exists()
