"""Somebody at the command line of a real server."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner, Result

from crontopus.cli.commands import root
from tests.served import Served, SetUp, set_up


class Person(NamedTuple):
    """Works with the server at `url`, which `setup` has `made`; `home` is theirs, and holds the server's data."""

    url: str
    made: SetUp
    home: Path

    @property
    def environment(self) -> dict[str, str | None]:
        """Nothing of whoever runs the tests shines through."""
        return {
            "CRONTOPUS_URL": self.url,
            "CRONTOPUS_TOKEN": self.made.token,
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


@contextmanager
def serving(folder: Path) -> Iterator[Person]:
    made = set_up(folder / "data")
    with Served(folder / "data") as server:
        yield Person(server.url, made, folder)
        assert server.stop() == 0
