"""The table of exit codes in docs/command-line.md: a real command ends with each of them."""

import re
import sys
from pathlib import Path

import pytest

from crontopus.cli import main
from tests.cli.serving import Person

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
TABLE = dict(re.findall(r"^\| (\d+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE))
ENDINGS = {
    "0": ("jobs", "list"),
    "1": ("jobs", "create", "backup", "--cron", "60 * * * *"),
    "2": ("jobs", "list", "--no-such-option"),
    "3": ("jobs", "show", "no/such-job"),
    "4": ("jobs", "list", "--token", "ctp_s_nobody"),
    "5": ("jobs", "create", "here", "--slug", "here"),
    "69": ("jobs", "list", "--url", "http://127.0.0.1:1"),
}


@pytest.mark.parametrize("code", TABLE)
def test_a_command_ends_as_the_table_says(server: Person, code: str) -> None:
    server.call("jobs", "create", "here", "--slug", "here")
    result = server.call(*ENDINGS[code])
    assert result.exit_code == int(code), result.output
    assert bool(result.stderr) == (code != "0")


@pytest.mark.parametrize("command", ["run", "ping"])
def test_what_works_on_linux_only_says_so(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(sys, "argv", ["crontopus", command, "--job", "backup"])
    assert main() == 2
    assert "this works on Linux only" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("jbs",), "jobs"),
        (("jobs", "lst"), "list"),
        (("jobs", "list", "--lmit", "3"), "--limit"),
        (("run", "--tmeout", "3", "--", "true"), "--timeout"),
        (("ping", "--sucess"), "--success"),
    ],
)
def test_what_was_mistyped_is_guessed(server: Person, typed: tuple[str, ...], meant: str) -> None:
    result = server.call(*typed)
    assert result.exit_code == 2
    assert re.search(rf"[Dd]id you mean '?{meant}\b", result.stderr), result.stderr
