"""The real executable, in a home of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PATIENCE_SECONDS = 60
PROGRAM = (sys.executable, "-m", "crontopus")


class Launcher(NamedTuple):
    """Starts `crontopus` with nothing of this environment but PATH, as cron would."""

    home: Path
    url: str

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    def environment(self, **more: str) -> dict[str, str]:
        usual = {"HOME": str(self.home), "CRONTOPUS_SPOOL": str(self.spool), "PATH": os.environ["PATH"]}
        return {**usual, "CRONTOPUS_PING_URL": self.url, **more}

    def __call__(self, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        return self.fed(b"", *words, **environment)

    def fed(self, given: bytes, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        """With `given` as its standard input."""
        return subprocess.run(
            [*PROGRAM, *words],
            input=given,
            capture_output=True,
            env=self.environment(**environment),
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    @contextmanager
    def started(self, *words: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """Running, its stdout and stderr at hand; killed at the end of the block if it still runs."""
        with subprocess.Popen(
            [*PROGRAM, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(**environment),
        ) as program:
            try:
                yield program
            finally:
                program.kill()

    def waiting(self) -> list[Path]:
        return sorted(self.spool.glob("[0-9]*.report"))


def told(program: subprocess.Popen[bytes]) -> bytes:
    """The next line that it prints."""
    assert program.stdout is not None
    return program.stdout.readline()
