"""Reports that a server did not get wait, and `crontopus spool flush` delivers them."""

import subprocess
from pathlib import Path

from tests.cli.launch import PROGRAM
from tests.cli.serving import Person
from tests.served import Served, set_up


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
