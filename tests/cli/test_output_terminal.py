"""At a terminal: its width, its colours, its clock, and a question before something is deleted."""

import os
import pty
import re
import struct
import subprocess
import sys
from fcntl import ioctl
from termios import TIOCSWINSZ

import pytest

from crontopus.cli.table import cells
from tests.cli.launch import PROGRAM
from tests.cli.serving import Person

COLOUR = re.compile(r"\x1b\[[0-9;]*[mK]")


def at_terminal(server: Person, *arguments: str, typed: str = "", columns: int = 80, **environment: str) -> str:
    """All that a terminal of that width shows while the command runs."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**server.process_environment, "TERM": "xterm", **environment}
    for told in ("COLUMNS", "LINES"):  # The terminal itself is asked.
        env.pop(told, None)
    with subprocess.Popen([*PROGRAM, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        if typed:
            os.write(ours, typed.encode())
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # Linux says so when the other side is closed
            pass
        process.wait(timeout=20)
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


STEERING = "\x1b[2J\x9b31m\u202e"


@pytest.fixture
def named(server: Person, namespace: str) -> str:
    """A job that is described so as to steer the terminal."""
    name = "a very long name of a job that says nothing new " + "日本" * 10
    more = ("--description", STEERING, "-n", namespace, "--every", "1h")
    return str(server.json("jobs", "create", name, "--slug", "x" * 60, *more)["id"])


def test_no_line_is_wider_than_the_terminal(server: Person, named: str) -> None:
    shown = COLOUR.sub("", at_terminal(server, "jobs", "list", columns=60))
    assert "xxx…" in shown
    assert max(cells(line) for line in shown.split("\n")) <= 60


def test_colours_are_for_terminals_that_want_them(server: Person, named: str) -> None:
    assert "\x1b[34mnew\x1b[0m" in at_terminal(server, "jobs", "show", named)
    assert "\x1b" not in at_terminal(server, "jobs", "show", named, NO_COLOR="1")
    assert "\x1b" not in at_terminal(server, "jobs", "show", named, TERM="dumb")


@pytest.mark.parametrize("form", ["table", "json", "yaml", "csv"])
def test_what_somebody_wrote_cannot_steer_the_terminal(server: Person, named: str, form: str) -> None:
    shown = at_terminal(server, "jobs", "show", named, "-o", form)
    assert "\x1b[2J" not in shown
    assert not set(shown) & {"\x9b", "\u202e"}
    assert any(told in shown for told in ("␛[2J", "\\u001b[2J", "\\e[2J"))


def test_times_are_those_of_the_clock_on_the_wall(server: Person, namespace: str) -> None:
    server.ok("jobs", "create", "daily", "-n", namespace, "--cron", "0 2 * * *", "--tz", "UTC")
    shown = at_terminal(server, "jobs", "next", f"{namespace}/daily", columns=120, TZ="Asia/Kolkata")
    assert "07:30:00 IST" in shown


def test_a_person_is_asked_before_something_is_deleted(server: Person, named: str) -> None:
    assert "Aborted" in at_terminal(server, "jobs", "delete", named, typed="n\n")
    assert server.json("jobs", "show", named)["id"] == named
    assert "deleted" in at_terminal(server, "jobs", "delete", named, typed="y\n")
    assert server.call("jobs", "show", named).exit_code == 3


def test_a_closed_pipe_is_no_traceback(server: Person) -> None:
    command = f"{sys.executable} -m crontopus jobs list -o json | true"
    ended = subprocess.run(["sh", "-c", command], env=server.process_environment, capture_output=True)
    assert b"Traceback" not in ended.stderr


def test_what_the_encoding_does_not_know_becomes_a_question_mark(server: Person, namespace: str) -> None:
    server.ok("jobs", "create", "Grüße 日本", "--slug", "j", "-n", namespace)
    command = [*PROGRAM, "jobs", "show", f"{namespace}/j"]
    latin = {**server.process_environment, "PYTHONIOENCODING": "latin-1"}
    shown = subprocess.run(command, env=latin, capture_output=True)
    assert shown.returncode == 0, shown.stderr
    assert "Grüße ??\n".encode("latin-1") in shown.stdout
    as_json = subprocess.run([*command, "-o", "json"], env=latin, capture_output=True)
    assert "Grüße 日本".encode() in as_json.stdout
