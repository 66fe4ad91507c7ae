"""What `crontopus run -- true` costs beside the bare interpreter: until `true` starts, and until all is reported."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from msgspec import Struct

from tests.bench.lines import Line, below
from tests.served import Served, set_up

ROUNDS = 31
WARM_UP = 2
"""Rounds that do not count: the first one compiles what was changed since."""
ROOT = Path(__file__).parents[2]
FROZEN = ROOT / "dist" / "unpacked" / "crontopus"


class Program(Struct, frozen=True):
    """One form of the command line, with its limits in milliseconds."""

    name: str
    command: tuple[str, ...]
    start_below: float
    total_below: float


VENV = Program("venv", (str(Path(sys.executable).with_name("crontopus")),), 20, 80)
UNPACKED = Program("unpacked", (str(FROZEN),), 70, 130)


def lines(folder: Path) -> list[Line]:
    data = folder / "run"
    made = set_up(data)
    with Served(data) as server:
        job = ("run", "--url", f"{server.url}/ping/{made.ping_key}/bench", "--create", "--")
        found = [Line("bare interpreter, `-c pass`", f"{_total((sys.executable, '-c', 'pass')):.1f} ms")]
        found += _of(VENV, job)
        if not FROZEN.exists():
            return [*found, Line("unpacked executable", "not built: `make frozen`")]
        return [*found, *_of(UNPACKED, job)]


def _of(program: Program, job: tuple[str, ...]) -> list[Line]:
    command = (*program.command, *job)
    return [
        below(f"{program.name}: until the command starts", _start(command), program.start_below, "ms"),
        below(f"{program.name}: until all is reported", _total((*command, "true")), program.total_below, "ms"),
    ]


def _start(command: Sequence[str]) -> float:
    """Milliseconds; `date` says when it runs, which is a millisecond after it started."""
    return median([_started(command) for _ in range(WARM_UP + ROUNDS)][WARM_UP:])


def _started(command: Sequence[str]) -> float:
    begun = time.time_ns()
    said = subprocess.run([*command, "date", "+%s%N"], capture_output=True, check=True, env=_environment()).stdout
    return (int(said) - begun) / 1e6


def _total(command: Sequence[str]) -> float:
    return median([_took(command) for _ in range(WARM_UP + ROUNDS)][WARM_UP:])


def _took(command: Sequence[str]) -> float:
    begun = time.monotonic_ns()
    subprocess.run(command, capture_output=True, check=True, env=_environment())
    return (time.monotonic_ns() - begun) / 1e6


def _environment() -> dict[str, str]:
    """As wherever Python is let keep what it has compiled."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
