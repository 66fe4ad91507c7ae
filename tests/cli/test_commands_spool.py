"""Reports that a server did not get wait: `crontopus spool` lists, delivers and drops them."""

import subprocess
from pathlib import Path

from crontopus.cli.spool import Spool
from tests.cli.launch import PROGRAM
from tests.cli.serving import Person
from tests.served import Served, set_up


def _away(tmp_path: Path) -> Person:
    """Somebody whose server is away, with two reports that wait: of a job, and to a ping URL."""
    served = Served(tmp_path / "data")
    person = Person(served.url, set_up(tmp_path / "data"), tmp_path)
    for where in (["--job", "default/backup"], ["--url", f"{served.url}/ping/top-secret"]):
        said = subprocess.run([*PROGRAM, "ping", *where], env=person.process_environment, capture_output=True)
        assert said.returncode == 0, said.stderr
    return person


def test_what_waits_is_listed_and_no_ping_url_is_shown(tmp_path: Path) -> None:
    away = _away(tmp_path)
    by_job, by_url = away.json("spool", "list")
    assert (by_job["kind"], by_job["job"], by_job["problem"]) == ("success", "default/backup", None)
    assert (by_url["kind"], by_url["job"]) == ("success", None)
    assert by_job["server"] == by_url["server"] == away.url
    assert by_job["size_bytes"] > 0
    assert "top-secret" not in away.call("spool", "list").output
    assert by_job["id"] in away.call("spool", "list").stdout


def test_what_cannot_be_read_is_listed_with_the_reason_and_kept(tmp_path: Path) -> None:
    away = _away(tmp_path)
    (spool,) = {path.parent for path in tmp_path.rglob("*.report")}
    (spool / "0-1-success.report").write_bytes(b"no report")
    strange, *_ = away.json("spool", "list")
    assert strange["id"] == "0-1-success"
    assert strange["problem"]
    assert "cannot be read" in away.call("spool", "list").stdout
    assert len(away.json("spool", "list")) == 3


def test_what_waits_is_thrown_away_by_its_id_or_all_of_it(tmp_path: Path) -> None:
    away = _away(tmp_path)
    first, second = [waiting["id"] for waiting in away.json("spool", "list")]
    assert away.call("spool", "drop", first).exit_code == 2, "nobody can be asked"
    assert away.call("spool", "drop").exit_code == 2
    assert away.call("spool", "drop", first, "--all").exit_code == 2
    assert away.call("spool", "drop", "../data", "--yes").exit_code == 3
    assert len(away.json("spool", "list")) == 2
    assert "1 thrown away" in away.call("spool", "drop", first, "--yes").stderr
    assert [waiting["id"] for waiting in away.json("spool", "list")] == [second]
    assert "1 thrown away" in away.call("spool", "drop", "--all", "--yes").stderr
    assert away.json("spool", "list") == []
    assert "0 thrown away" in away.call("spool", "drop", "--all").stderr


def test_what_another_program_delivers_is_not_thrown_away(tmp_path: Path) -> None:
    away = _away(tmp_path)
    (spool,) = {path.parent for path in tmp_path.rglob("*.report")}
    entry = Spool(spool).claim(min(spool.glob("*.report")))
    assert entry is not None
    dropped = away.call("spool", "drop", "--all", "--yes")
    assert (dropped.exit_code, "1 thrown away" in dropped.stderr) == (5, True)
    entry.leave()
    assert len(away.json("spool", "list")) == 1


def test_what_waited_while_the_server_was_away_is_delivered_once(tmp_path: Path) -> None:
    served = Served(tmp_path / "data")
    there = Person(served.url, set_up(tmp_path / "data"), tmp_path)
    with served:
        there.ok("jobs", "create", "backup")
    ping = [*PROGRAM, "ping", "--job", "default/backup"]
    assert subprocess.run(ping, env=there.process_environment, capture_output=True).returncode == 0
    away = there.call("spool", "flush")
    assert away.exit_code == 69
    assert "0 delivered, 0 refused, 1 waiting" in away.stderr
    with served:
        assert "1 delivered, 0 refused, 0 waiting" in there.call("spool", "flush").stderr
        assert there.call("spool", "flush").exit_code == 0
        assert [check_in["kind"] for check_in in there.json("jobs", "check-ins", "default/backup")] == ["success"]
