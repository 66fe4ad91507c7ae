"""Logs: JSON off a terminal, and never a local variable."""

import json
import logging
import subprocess
import sys

import pytest
import structlog

from crontopus import logs


def _fail(password: str) -> None:
    raise ValueError("no")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_shows_no_local_variable(capsys: pytest.CaptureFixture[str], form: str) -> None:
    logs.configure("info", form)
    try:
        _fail(" ".join(["correct", "horse"]))
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("library").exception("failed too")
    printed = capsys.readouterr().err
    assert "ValueError" in printed
    assert "correct horse" not in printed


def test_off_a_terminal_every_line_is_json_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "auto")
    structlog.get_logger().info("hello", count=3)
    logging.getLogger("library").warning("careful")
    ours, theirs = map(json.loads, capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["count"], ours["level"]) == ("hello", 3, "info")
    assert (theirs["event"], theirs["level"]) == ("careful", "warning")
    assert ours["timestamp"].endswith("Z")


def test_a_log_that_finds_no_room_stops_nothing() -> None:
    program = """
import logging, structlog
from crontopus import logs
logs.configure("info", "json")
for _ in range(3):
    structlog.get_logger().warning("nobody reads this")
    logging.getLogger("library").warning("nor this")
print("still here")
"""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, text=True, timeout=60
        )
    assert done.stdout == "still here\n"
