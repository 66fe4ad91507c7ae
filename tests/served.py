"""A real server in a process of its own, for tests that must see it start, stop or be killed."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from tests.postgres import free_port

PASSWORD = "correct horse battery staple"
PATIENCE_SECONDS = 60


class SetUp(Struct, frozen=True):
    """What `crontopus setup --json` prints."""

    url: str
    tenant: str
    namespace: str
    ping_key: str
    token: str


def set_up(data: Path, database_url: str = "", port: int = 8000) -> SetUp:
    """Make the first person and a token, without a server."""
    given = ["--database-url", database_url] if database_url else []
    command = [sys.executable, "-m", "crontopus", "setup", "--data", str(data), *given, "--port", str(port)]
    command += ["--email", "ada@example.org", "--password-stdin", "--tenant", "Acme", "--json"]
    done = subprocess.run(command, input=PASSWORD + "\n", capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    return SetUp(**json.loads(done.stdout))


class Served:
    """`crontopus serve` on `data`, ready to answer when the `with` begins; stopped at its end.

    `fresh`: nobody has set it up, so it prints a `link`. `wrapper` is a command to run it under, such as strace,
    `program` what Python runs.
    """

    def __init__(
        self,
        data: Path,
        database_url: str = "",
        port: int | None = None,
        *,
        fresh: bool = False,
        wrapper: tuple[str, ...] = (),
        program: tuple[str, ...] = ("-m", "crontopus"),
        more: tuple[str, ...] = (),
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.link = ""
        self._fresh = fresh
        given = ["--database-url", database_url] if database_url else []
        self._command = [*wrapper, sys.executable, *program, "serve", "--data", str(data), *given]
        self._command += ["--port", str(self.port), *more]
        self._log = data.parent / f"{data.name}-serve-{self.port}.log"
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns once it says that it serves."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first.startswith("Crontopus "), self.log()
        if self._fresh:
            self.link = self.process.stdout.readline().rpartition(" ")[2].strip()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.ended()

    def stop(self) -> int:
        """Its exit code, after SIGTERM."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(PATIENCE_SECONDS)

    def log(self) -> str:
        return self._log.read_text(errors="replace")
