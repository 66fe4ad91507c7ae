"""What `crontopus run` loads, and when: the command starts before the network is there."""

import subprocess
import sys
from pathlib import Path

import pytest

from crontopus.cli.options import seconds
from tests.cli.launch import Launcher
from tests.cli.recorder import recording

HEAVY = {
    "anyio",
    "argparse",
    "asyncio",
    "click",
    "dataclasses",
    "email",
    "http.client",
    "httpx",
    "inspect",
    "litestar",
    "msgspec",
    "platformdirs",
    "sqlalchemy",
    "ssl",
    "typing",
}
LATER = {"enum", "functools", "json", "re", "signal", "socket", "subprocess", "threading"}


def loaded_by(code: str) -> set[str]:
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return set(said.split())


def test_the_command_starts_before_anything_of_the_network_is_loaded() -> None:
    ready = "import sys, crontopus.cli.run as run; run.read(['--', 'x']); run.Signals(); print(*sys.modules)"
    loaded = loaded_by(ready) - loaded_by("import sys; print(*sys.modules)")
    assert "crontopus.cli.run_child" in loaded
    assert (HEAVY | LATER) & loaded == set()


def test_the_script_itself_loads_nothing_more() -> None:
    assert "import re" not in Path(sys.executable).with_name("crontopus").read_text().splitlines()


@pytest.mark.parametrize("words", [("run", "--", "true"), ("ping",)])
def test_nothing_of_the_other_commands_is_ever_loaded(tmp_path: Path, words: tuple[str, ...]) -> None:
    with recording() as server:
        crontopus = Launcher(tmp_path, server.url)
        done = crontopus(*words, PYTHONPROFILEIMPORTTIME="1")
        loaded = {line.rpartition(b"|")[2].strip().decode() for line in done.stderr.splitlines()}
        assert "crontopus.cli.http1" in loaded
        assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90", 90),
        ("1.5s", 1.5),
        ("1h30m", 5400),
        ("1h 30 min", 5400),
        ("500ms", 0.5),
        ("2D", 172800),
        ("0", 0),
        ("1w", 604800),
    ],
)
def test_durations_are_read_as_they_are_written(text: str, meant: float) -> None:
    assert seconds(text) == meant


@pytest.mark.parametrize("text", ["", " ", "soon", "1hh", "-5", "1.2.3", "h", "5 6x", "1e3", "∞"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)
