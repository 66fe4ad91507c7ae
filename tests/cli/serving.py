"""The real server for tests of the command line: set up by `crontopus setup`, run by `crontopus serve`."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner, Result

from crontopus.cli.commands import root

PROGRAM = (sys.executable, "-m", "crontopus")
EMAIL, PASSWORD = "ada@example.com", "correct horse battery"


class Served(NamedTuple):
    """A running server, and what `setup --json` printed of it."""

    url: str
    ready: dict[str, str]
    home: Path

    @property
    def environment(self) -> dict[str, str | None]:
        """Of a person who works with it: nothing of whoever runs the tests shines through."""
        return {
            "CRONTOPUS_URL": self.url,
            "CRONTOPUS_TOKEN": self.ready["token"],
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "TZ": "UTC",
        }

    def call(self, *arguments: str, text: str | bytes | None = None, **environment: str | None) -> Result:
        """One command in this process. `environment` overrules; None takes a variable away."""
        return CliRunner().invoke(root, arguments, input=text, prog_name="crontopus", env={**self.environment, **environment})

    def ok(self, *arguments: str, text: str | bytes | None = None, **environment: str | None) -> str:
        """What it printed on stdout, where it went well."""
        result = self.call(*arguments, text=text, **environment)
        assert result.exit_code == 0, (arguments, result.output, result.exception)
        return result.stdout

    def json(self, *arguments: str, text: str | bytes | None = None) -> Any:
        return json.loads(self.ok(*arguments, "-o", "json", text=text))


def in_process(*arguments: str, environment: Mapping[str, str | None] | None = None, text: str | None = None) -> Result:
    return CliRunner().invoke(root, arguments, input=text, env=environment, prog_name="crontopus")


def set_up(data: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    command: Sequence[str] = (*PROGRAM, "setup", "--data", str(data), "--email", EMAIL, "--password-stdin", "--json")
    return subprocess.run([*command, *more], input=PASSWORD + "\n", capture_output=True, text=True, timeout=60)


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    data = folder / "data"
    ready = set_up(data)
    assert ready.returncode == 0, ready.stderr
    with served(data) as url:
        yield Served(url, json.loads(ready.stdout), folder)


@contextmanager
def served(data: Path) -> Iterator[str]:
    """The address of a server on `data`, as it prints it when it is ready."""
    command = [*PROGRAM, "serve", "--data", str(data), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(word.rstrip(".,") for line in process.stdout for word in line.split() if word.startswith("http"))
        finally:
            process.terminate()
            process.stdout.read()
            assert process.wait(timeout=15) == 0
