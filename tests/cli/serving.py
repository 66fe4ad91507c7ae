"""The real server for tests of the command line: set up by `crontopus setup`, run by `crontopus serve`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
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

    @property
    def process_environment(self) -> dict[str, str]:
        """The same for a process of its own."""
        return {**os.environ, **{name: value for name, value in self.environment.items() if value is not None}}

    def call(self, *arguments: str, text: str | bytes | None = None, **environment: str | None) -> Result:
        """One command in this process. `environment` overrules; None takes a variable away."""
        return CliRunner().invoke(
            root, arguments, input=text, prog_name="crontopus", env={**self.environment, **environment}
        )

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
    with started(data) as printed:
        yield Served(address(printed), json.loads(ready.stdout), folder)


@contextmanager
def started(data: Path, port: int = 0) -> Iterator[Iterator[str]]:
    """The lines that `serve` prints on `data`. It must end well when it is told to."""
    command = [*PROGRAM, "serve", "--data", str(data), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield iter(process.stdout)
        finally:
            process.terminate()
            process.stdout.read()
            assert process.wait(timeout=15) == 0


def address(printed: Iterator[str]) -> str:
    """Where it listens, once it does."""
    url = next(word for line in printed for word in line.split() if word.startswith("http"))
    with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as client:
        assert client.get(f"{url}/livez").is_success
    return url
