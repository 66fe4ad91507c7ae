"""The release test: drives the executable it is given from set-up to restart, as a user would; stdlib alone.

`python packaging/smoke.py dist/crontopus`. Ends with the size and the start times of what it drove.
"""

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

EMAIL, PASSWORD = "smoke@example.com", "correct horse battery staple"
START_SECONDS, STOP_SECONDS, JUDGED_SECONDS = 60.0, 10.0, 20.0
PINGS = 5


class Installation:
    """The executable with a data folder, a port and a home of its own."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary = binary
        self.folder = folder
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.token = ""

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder)}
        command = [f"{self.binary}", *arguments]
        return subprocess.run(command, input=stdin, env=environment, capture_output=True, text=True, timeout=60)

    def set_up(self) -> None:
        arguments = ["setup", "--data", f"{self.folder}/data", "--email", EMAIL, "--password-stdin", "--json"]
        done = self.run(*arguments, stdin=PASSWORD + "\n")
        assert done.returncode == 0, done.stderr
        self.token = json.loads(done.stdout)["token"]

    @contextmanager
    def serving(self) -> Iterator[float]:
        """Yields the seconds until it was ready. Afterwards it stops on SIGTERM, in time and with exit code 0."""
        port = self.url.rpartition(":")[2]
        begun = time.monotonic()
        with (self.folder / "log").open("ab") as log:
            server = subprocess.Popen(
                [self.binary, "serve", "--data", f"{self.folder}/data", "--port", port], stdout=log, stderr=log
            )
        try:
            _wait("ready", START_SECONDS, lambda: server.poll() is not None or self._is_ready())
            assert server.poll() is None, "it ended instead of serving"
            yield time.monotonic() - begun
            server.send_signal(signal.SIGTERM)
            assert server.wait(STOP_SECONDS) == 0, f"exit code {server.returncode} after SIGTERM"
        except BaseException:
            print((self.folder / "log").read_text()[-4000:], file=sys.stderr)
            raise
        finally:
            server.kill()
            server.wait()

    def _is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, str, str]:
        """Status, content type and body, redirects followed; no credential."""
        request = urllib.request.Request(self.url + path, headers={"Accept": "text/html, */*"})
        try:
            answer = urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode(errors="replace")

    def api(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + "/api/v1" + path, content, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def drive(installation: Installation) -> None:
    """The whole path; then size and start times, of the server with what its first life left behind."""
    installation.set_up()
    with installation.serving():
        job = installation.api("POST", "/jobs", {"name": "Nightly backup", "schedule": {"every": 2}, "grace": 2})
        _pings_turn_it_up(installation, job)
        _silence_turns_it_late_and_down(installation, job)
        _a_command_runs_under_watch(installation, job)
        _pages_answer(installation)
        before = _check_ins(installation, job)
    assert len(before) >= PINGS, f"{len(before)} check-ins of {PINGS} pings"
    with installation.serving() as ready:
        assert _check_ins(installation, job) == before, "the restart changed what was checked in"
        _say(f"restarted, with all {len(before)} check-ins")
        _say(f"{_megabytes(installation.binary):.0f} MB, ready in {ready:.1f} s")
        for arguments in (["--version"], ["run", "--url", job["ping_url"], "--", "true"]):
            _say(f"{arguments[0]}: {_milliseconds(installation, *arguments):.0f} ms")


def _pings_turn_it_up(installation: Installation, job: dict[str, Any]) -> None:
    path = job["ping_url"].removeprefix(installation.url)
    for _ in range(PINGS):
        status, _, body = installation.get(path)
        assert (status, body) == (200, "OK"), (status, body)
    assert _status(installation, job) == "up"
    _say(f"{PINGS} pings, and the job is up")


def _silence_turns_it_late_and_down(installation: Installation, job: dict[str, Any]) -> None:
    _wait("late", JUDGED_SECONDS, lambda: _status(installation, job) == "late")
    _wait("down", JUDGED_SECONDS, lambda: _status(installation, job) == "down")
    _say("silence made it late, and then down")


def _a_command_runs_under_watch(installation: Installation, job: dict[str, Any]) -> None:
    watched = ["run", "--url", job["ping_url"], "--"]
    assert installation.run(*watched, "sh", "-c", "exit 7").returncode == 7
    done = installation.run(*watched, "echo", "from the job")
    assert (done.returncode, done.stdout) == (0, "from the job\n"), done
    newest = installation.api("GET", f"/jobs/{job['id']}/runs?limit=2")["items"]
    assert [run["state"] for run in newest] == ["succeeded", "failed"], newest
    _say("run keeps exit code and output, and reports both runs")


def _pages_answer(installation: Installation) -> None:
    for path in ("/", "/sign-in", "/docs/api"):
        status, kind, page = installation.get(path)
        assert (status, kind.split(";")[0]) == (200, "text/html"), (path, status, kind)
        for asset in set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page)):
            assert installation.get(asset)[0] == 200, f"{asset} of {path}"
    _say("console and API reference answer, with all they load")


def _check_ins(installation: Installation, job: dict[str, Any]) -> list[str]:
    return [item["id"] for item in installation.api("GET", f"/jobs/{job['id']}/check-ins?limit=200")["items"]]


def _status(installation: Installation, job: dict[str, Any]) -> str:
    return str(installation.api("GET", f"/jobs/{job['id']}")["status"])


def _wait(what: str, seconds: float, arrived: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not arrived():
        assert time.monotonic() < deadline, f"not {what} within {seconds:.0f} s"
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _milliseconds(installation: Installation, *arguments: str) -> float:
    """Median of seven starts."""
    taken = []
    for _ in range(7):
        begun = time.monotonic()
        done = installation.run(*arguments)
        taken.append((time.monotonic() - begun) * 1000)
        assert done.returncode == 0, done.stderr
    return statistics.median(taken)


def _megabytes(binary: Path) -> float:
    """Of the file, or of the folder where the executable has its libraries beside it."""
    files = binary.parent.rglob("*") if (binary.parent / "_internal").is_dir() else [binary]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def main(binary: Path) -> None:
    print(f"{binary}:", flush=True)
    with TemporaryDirectory(prefix="crontopus-smoke-") as folder:
        drive(Installation(binary, Path(folder)))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(strict=True))
