"""Reports that a server did not get wait, and `crontopus spool flush` delivers them."""

import json
import subprocess
from pathlib import Path

from crontopus.http import free_port
from tests.cli.serving import PROGRAM, Served, address, set_up, started


def test_what_waited_while_the_server_was_away_is_delivered_once(tmp_path: Path) -> None:
    ready, port = json.loads(set_up(tmp_path / "data").stdout), free_port("127.0.0.1")
    there = Served(f"http://127.0.0.1:{port}", ready, tmp_path)
    with started(tmp_path / "data", port) as printed:
        address(printed)
        there.ok("jobs", "create", "backup")
    ping = [*PROGRAM, "ping", "--job", "default/backup"]
    assert subprocess.run(ping, env=there.process_environment, capture_output=True).returncode == 0
    away = there.call("spool", "flush")
    assert away.exit_code == 69
    assert "0 delivered, 0 refused, 1 waiting" in away.stderr
    with started(tmp_path / "data", port) as printed:
        address(printed)
        assert "1 delivered, 0 refused, 0 waiting" in there.call("spool", "flush").stderr
        assert there.call("spool", "flush").exit_code == 0
        assert [check_in["kind"] for check_in in there.json("jobs", "check-ins", "default/backup")] == ["success"]
