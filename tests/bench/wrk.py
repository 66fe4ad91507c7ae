"""Load by wrk, which asks for far more than a server in Python can answer."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

_SCRIPT = Path(__file__).with_name("pings.lua")
_PATIENCE_SECONDS = 60


class Answers(Struct, frozen=True):
    """What one round of load saw. Latencies in milliseconds; `refused`: every answer but 200, and none at all."""

    per_second: float
    p50: float
    p99: float
    refused: int


class Load:
    """Pings `paths` in random order."""

    def __init__(self, folder: Path, paths: Iterable[str]) -> None:
        self._paths = folder / "paths"
        self._paths.write_text("\n".join(paths))

    def __call__(self, urls: Sequence[str], connections: int, seconds: int) -> Answers:
        """The servers at `urls` share the kept-alive connections."""
        started = [self._start(url, connections // len(urls), seconds) for url in urls]
        seen = [_answers(each, seconds) for each in started]
        return Answers(
            per_second=sum(each.per_second for each in seen),
            p50=max(each.p50 for each in seen),
            p99=max(each.p99 for each in seen),
            refused=sum(each.refused for each in seen),
        )

    def _start(self, url: str, connections: int, seconds: int) -> subprocess.Popen[str]:
        command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
        command += ["--script", str(_SCRIPT), url, "--", str(self._paths)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _answers(wrk: subprocess.Popen[str], seconds: int) -> Answers:
    said, _ = wrk.communicate(timeout=seconds + _PATIENCE_SECONDS)
    return Answers(**json.loads(said.splitlines()[-1]))


def need() -> None:
    """Installs wrk on Debian as root; else says what is missing."""
    if shutil.which("wrk") is not None:
        return
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        raise SystemExit("The benchmarks need the program wrk. On Debian or Ubuntu: sudo apt-get install wrk")
    for command in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", "wrk"]):
        subprocess.run(["apt-get", *command], check=True, stdout=subprocess.DEVNULL)
