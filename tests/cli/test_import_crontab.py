"""`crontopus jobs import-crontab`: explains a crontab, makes its jobs, and leaves every other byte as it was."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from crontopus.cli import crontab_source
from crontopus.domain.errors import Conflict
from tests.cli.serving import Person

USERS = (
    b"# nightly things, by Jos\xe9 (latin-1)\n"
    b"MAILTO=ops@example.com\n"
    b"\n"
    b"0 2 * * *\t/usr/local/bin/backup.sh --all   # keep\n"
    b"@hourly  /opt/sync  >/dev/null 2>&1\n"
    b"@reboot /opt/start\n"
    b"*/5 * * * * /bin/date +\\%F >> /tmp/log"
)
SYSTEM = (
    b"SHELL=/bin/sh\n17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n25 6 * * * www-data /opt/rotate\n"
)


def lines_changed(before: bytes, after: bytes) -> list[int]:
    """Their numbers, from 0. There must be as many lines after as before."""
    pairs = list(zip(before.split(b"\n"), after.split(b"\n"), strict=True))
    return [number for number, (one, other) in enumerate(pairs) if one != other]


def imported(server: Person, namespace: str, text: bytes, *options: str) -> bytes:
    result = server.call("jobs", "import-crontab", "-", "-n", namespace, "--tz", "UTC", *options, text=text)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout_bytes


def test_each_line_becomes_a_job_and_nothing_else_changes(server: Person, namespace: str) -> None:
    after = imported(server, namespace, USERS)
    assert lines_changed(USERS, after) == [3, 4, 6]
    jobs = server.json("jobs", "list", "-q", f"ns:{namespace}")
    assert sorted(job["schedule"]["cron"] for job in jobs) == ["*/5 * * * *", "0 2 * * *", "@hourly"]
    for job in jobs:
        assert f"{namespace}/{job['slug']}".encode() in after


def test_each_line_is_explained(server: Person, namespace: str) -> None:
    result = server.call("jobs", "import-crontab", "-", "-n", namespace, "--tz", "UTC", "--dry-run", text=USERS)
    assert "Every day at 02:00" in result.stderr
    assert "next: " in result.stderr
    assert "@reboot" in result.stderr


def test_a_dry_run_makes_nothing_and_prints_the_crontab_as_it_would_be(server: Person, namespace: str) -> None:
    would_be = imported(server, namespace, USERS, "--dry-run")
    assert server.json("jobs", "list", "-q", f"ns:{namespace}") == []
    assert would_be == imported(server, namespace, USERS)


def test_a_line_under_watch_does_what_it_did_and_reports_it(server: Person, namespace: str) -> None:
    program = str(Path(sys.executable).with_name("crontopus"))
    after = imported(server, namespace, b'0 2 * * * echo "it\'s done"; exit 3\n', "--program", program)
    as_cron_would = ["sh", "-c", after.split(None, 5)[5].decode()]
    ended = subprocess.run(as_cron_would, env=server.process_environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (3, "it's done\n")
    (run,) = server.json("runs", "list", "-q", f"ns:{namespace}")
    assert (run["state"], run["exit_code"]) == ("failed", 3)
    assert server.ok("runs", "logs", run["id"]) == "it's done\n"


def test_each_line_is_explained_a_zone_too(server: Person, namespace: str) -> None:
    text = b"CRON_TZ=Asia/Tokyo\nMAILTO=ops\n# nightly\n0 5 * * * /opt/a\n61 * * * * /opt/b\n"
    said = server.call("jobs", "import-crontab", "-", "-n", namespace, "--tz", "UTC", text=text).stderr
    assert "line 1: CRON_TZ=Asia/Tokyo\n    Debian's cron does not know CRON_TZ" in said
    assert "Where another cron does, say that zone with --tz.\nline 2: MAILTO=ops\n    mails what" in said
    assert "line 4: 0 5 * * * /opt/a\n    a: Every day at 05:00 (UTC)\n    next: " in said
    assert "line 5: 61 * * * * /opt/b\n    The minute '61' is not from 0 to 59." in said


def test_twice_is_once(server: Person, namespace: str) -> None:
    once = imported(server, namespace, USERS)
    assert imported(server, namespace, once) == once
    assert imported(server, namespace, USERS) == once
    assert len(server.json("jobs", "list", "-q", f"ns:{namespace}")) == 3


def test_a_system_crontab_keeps_its_users(server: Person, namespace: str) -> None:
    after = imported(server, namespace, SYSTEM, "--system")
    assert lines_changed(SYSTEM, after) == [1, 2]
    assert after.split(b"\n")[1].split()[5] == b"root"
    assert after.split(b"\n")[2].split()[5] == b"www-data"


def test_lines_are_results_for_programs(server: Person, namespace: str) -> None:
    text = imported(server, namespace, USERS, "-o", "json", "--dry-run")
    lines = json.loads(text)
    assert [line["line"] for line in lines] == [4, 5, 6, 7]
    assert [line["fault"] is None for line in lines] == [True, True, False, True]


def test_a_prefix_keeps_machines_apart(server: Person, namespace: str) -> None:
    imported(server, namespace, b"0 1 * * * /opt/backup\n")
    clash = server.call("jobs", "import-crontab", "-", "-n", namespace, "--tz", "UTC", text=b"0 3 * * * /opt/backup\n")
    assert clash.exit_code == 5
    assert clash.stdout_bytes == b"0 3 * * * /opt/backup\n"
    after = imported(server, namespace, b"0 3 * * * /opt/backup\n", "--prefix", "web2-")
    assert f"{namespace}/web2-".encode() in after


def test_a_file_is_written_only_when_asked_and_after_a_backup(server: Person, namespace: str, tmp_path: Path) -> None:
    file = tmp_path / "crontab"
    file.write_bytes(USERS)
    file.chmod(0o640)
    printed = server.call("jobs", "import-crontab", str(file), "-n", namespace, "--tz", "UTC").stdout_bytes
    assert file.read_bytes() == USERS
    state = str(tmp_path / "state")
    server.ok("jobs", "import-crontab", str(file), "-n", namespace, "--tz", "UTC", "--write", XDG_STATE_HOME=state)
    assert file.read_bytes() == printed
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    (backup,) = (path for path in Path(state).rglob("*") if path.is_file())
    assert backup.read_bytes() == USERS
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["crontab"]


@pytest.fixture
def own_crontab(tmp_path: Path) -> Path:
    """The file behind a crontab(1) of this test; the real one would change the crontab of whoever runs the tests."""
    program, file = tmp_path / "bin" / "crontab", tmp_path / "spool"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ncase "$1" in\n'
        f'-l) cat {file} 2>/dev/null || {{ echo "no crontab for me" >&2; exit 1; }};;\n'
        f"-) cat > {file};;\n"
        f"esac\n"
    )
    program.chmod(0o755)
    return file


def test_my_own_crontab_is_read_and_installed(server: Person, namespace: str, own_crontab: Path) -> None:
    own_crontab.write_bytes(USERS)
    path = f"{own_crontab.parent}/bin:{os.environ['PATH']}"
    asked = ("jobs", "import-crontab", "-n", namespace, "--tz", "UTC")
    printed = server.call(*asked, PATH=path).stdout_bytes
    assert own_crontab.read_bytes() == USERS
    server.ok(*asked, "--write", PATH=path)
    assert own_crontab.read_bytes() == printed
    assert "needs no change" in server.call(*asked, "--write", PATH=path).stderr


def test_no_crontab_is_exit_code_3(server: Person, own_crontab: Path) -> None:
    result = server.call("jobs", "import-crontab", PATH=f"{own_crontab.parent}/bin:{os.environ['PATH']}")
    assert result.exit_code == 3
    assert "no crontab for me" in result.stderr
    assert server.call("jobs", "import-crontab", PATH="/nowhere").exit_code == 3
    assert server.call("jobs", "import-crontab", "/nowhere/crontab").exit_code == 3


def test_standard_input_cannot_be_written_back(server: Person, namespace: str) -> None:
    result = server.call("jobs", "import-crontab", "-", "-n", namespace, "--write", text=b"0 1 * * * /opt/x\n")
    assert result.exit_code == 1
    assert "name a file" in result.stderr


def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "crontab"
    file.write_bytes(b"theirs\n")
    with pytest.raises(Conflict, match="nothing was written"):
        crontab_source.replace(crontab_source.source(str(file), None), b"before\n", b"after\n")
    assert file.read_bytes() == b"theirs\n"


@pytest.mark.parametrize(
    ("path", "system"), [("/etc/crontab", True), ("/etc/cron.d/backup", True), ("/home/me/crontab", False)]
)
def test_the_place_of_a_crontab_tells_whether_it_has_users(path: str, system: bool) -> None:
    assert crontab_source.source(path, None).system is system
    assert crontab_source.source(path, not system).system is not system
