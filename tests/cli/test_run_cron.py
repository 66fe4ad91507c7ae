"""Wrapped crontab lines under Debian's own cron: they do what they did."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crontopus.domain import crontab
from tests.domain import debian_cron

COMMANDS = (
    rb"echo a\%b",
    rb"echo a\\%b%c",
    rb"cat%one%two\%x%",
    rb"echo 'it''s' \"q\" $HOME `echo x` \\n \$HOME",
    rb"echo 'q\%q' | sed 's/q/z/'",
    rb"cat; echo trailing\\",
    rb"X='a  b'; echo \"$X\" $0 $SHELL $LOGNAME $PWD; exit 3",
    rb"""printf '\%s\n' "a'b" '\%' """,
    b"echo \xc3\xbc \xff",
)


@pytest.mark.skipif(bool(debian_cron.missing()), reason=debian_cron.missing() or "it can run")
def test_cron_runs_the_same_before_and_after(tmp_path: Path) -> None:
    head = f'SHELL=/bin/sh\nMAILTO=""\nCRONTOPUS_SPOOL={tmp_path}/spool\n'.encode()
    plain = head + b"".join(_line(tmp_path / f"plain{n}", command) for n, command in enumerate(COMMANDS))
    watched = head + b"".join(_line(tmp_path / f"watched{n}", command) for n, command in enumerate(COMMANDS))
    jobs = {number: "ns/x" for number in range(4, 4 + len(COMMANDS))}
    program = f"{sys.executable} -m crontopus"
    table = tmp_path / "table"
    table.write_bytes(plain + crontab.wrapped(watched, jobs, system=True, program=program)[len(head) :])
    with subprocess.Popen(
        [
            "unshare",
            "-m",
            "-p",
            "-f",
            "--kill-child",
            "sh",
            "-c",
            debian_cron.SETTING_UP,
            "sh",
            table,
            debian_cron._libfaketime(),
        ],
        env={"PATH": os.environ["PATH"], "FAKETIME": "@2026-06-01 11:59:55 x10"},
    ) as cron:
        try:
            for number in range(len(COMMANDS)):
                before, after = (_first(tmp_path / f"{kind}{number}") for kind in ("plain", "watched"))
                assert after == before, COMMANDS[number]
        finally:
            cron.kill()


def _line(file: Path, command: bytes) -> bytes:
    """Once: a second run finds the file, and leaves. What is printed is there whole, or not at all."""
    return b"* * * * * root set -C; exec 2>/dev/null >%s.new || exit; trap 'mv %s.new %s' EXIT; %s\n" % (
        *(os.fsencode(file),) * 3,
        command,
    )


def _first(file: Path) -> bytes:
    until = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < until, file
        time.sleep(0.05)
    return file.read_bytes()
