"""The installation's own log, and `crontopus admin audit verify` on data that no server uses."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from crontopus.storage.opening import FILE
from tests.cli.serving import in_process
from tests.served import Served, set_up


def told(data: Path) -> list[tuple[str, str]]:
    """Who did what, in the installation's own log of a database on SQLite."""
    with closing(sqlite3.connect(data / FILE)) as database:
        rows = database.execute(
            "SELECT actor, action FROM audit WHERE tenant_id = (SELECT min(tenant_id) FROM audit_heads) "
            "ORDER BY position"
        )
        return [(actor, action) for actor, action in rows]


def verified(*where: str) -> tuple[int, list[dict[str, Any]]]:
    done = in_process("admin", "audit", "verify", *where, "-o", "json")
    return done.exit_code, json.loads(done.stdout) if done.stdout else []


def test_starts_stops_and_deeds_at_the_data_are_in_one_chain(tmp_path: Path) -> None:
    data, itself = tmp_path / "data", "Crontopus itself"
    set_up(data)
    with Served(data):
        pass
    killed = Served(data)
    killed.start()
    killed.kill()
    assert in_process("admin", "rotate-key", "--data", str(data)).exit_code == 0
    with Served(data):
        pass
    assert told(data) == [
        (itself, "server.start"),
        (itself, "server.stop"),
        (itself, "server.start"),
        (itself, "key.rotate"),
        (itself, "server.start"),
        (itself, "server.stop"),
    ]
    code, verdicts = verified("--data", str(data))
    assert code == 0
    assert [(one["tenant_name"], one["broken"]) for one in verdicts] == [(None, None), ("Acme", None)]
    assert verdicts[0]["entries"] == 6


def test_a_restored_backup_can_be_verified_and_says_that_it_is_one(tmp_path: Path) -> None:
    data, new = tmp_path / "data", tmp_path / "new"
    set_up(data)
    made = in_process("admin", "backup", "--data", str(data), "--into", str(tmp_path / "backups"), "-o", "json")
    assert in_process("admin", "restore", json.loads(made.stdout)["file"], "--data", str(new)).exit_code == 0
    assert told(new) == [("the operator, at the data itself", "backup.restore")]
    assert verified("--data", str(new))[0] == 0
    with closing(sqlite3.connect(new / FILE)) as database:
        database.execute("UPDATE audit SET actor = 'nobody' WHERE action = 'tenant.create'")
        database.commit()
    code, verdicts = verified("--data", str(new))
    assert code == 5
    assert [one["broken"] for one in verdicts if one["tenant_name"] == "Acme"] == [1]


def test_verifying_needs_data_that_is_there_and_that_no_server_uses(tmp_path: Path) -> None:
    data = tmp_path / "data"
    set_up(data)
    assert verified("--data", str(tmp_path / "nothing"))[0] == 3
    assert not (tmp_path / "nothing").exists()
    with Served(data):
        assert verified("--data", str(data))[0] == 5


def test_logs_on_postgresql_are_verified_without_a_server_too(tmp_path: Path, postgres_url: str) -> None:
    set_up(tmp_path / "data", postgres_url)
    with Served(tmp_path / "data", postgres_url):
        pass
    code, verdicts = verified("--database-url", postgres_url)
    assert code == 0
    assert {one["tenant_name"] for one in verdicts} == {None, "Acme"}


@pytest.mark.parametrize("option", ["--data", "--database-url"])
def test_the_help_names_both_ways(option: str) -> None:
    assert option in in_process("admin", "audit", "verify", "--help").stdout
