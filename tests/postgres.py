"""A PostgreSQL server of the tests' own: its own folder, a free loopback port, nothing shared with the machine's."""

import asyncio
import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

HOST = "127.0.0.1"
OWNER = "crontopus"
STOP_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
PATIENCE_SECONDS = 60
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


class Postgres:
    """One server, for use with `with`. Its settings are PostgreSQL's own; so fsync is on, unless it need not be
    `durable`: where no power fails, nobody sees the difference but the clock.

    It ends with the thread that started it, also where that one was killed: keep the thread while the server is wanted.
    """

    def __init__(self, *, durable: bool = True) -> None:
        self.port = free_port()
        self._durable = durable
        self._programs = _newest_programs()
        self._folder = Path(tempfile.mkdtemp(prefix="crontopus-postgres-"))
        self._data = self._folder / "data"
        self._log = self._folder / "log"
        self._server: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self._templates: dict[Callable[[str], None], str] = {}

    def __enter__(self) -> Self:
        atexit.register(self.close)
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        options = ["--auth=trust", f"--username={OWNER}", "--encoding=UTF8", "--locale=C", "--no-sync"]
        _finish(self._command("initdb", *options))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops the server and removes its folder. Harmless when repeated."""
        atexit.unregister(self.close)
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Returns when connections are accepted. Also starts anew what was stopped, on the same port."""
        settings = {"listen_addresses": HOST, "port": self.port, "unix_socket_directories": ""}
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        command = self._command("postgres", *(f"--{name}={value}" for name, value in settings.items()))
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._accepts_connections():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start. Its log ends with:\n{self.log()[-2000:]}")
            time.sleep(0.02)

    def freeze(self) -> None:
        """It keeps its connections, and takes new ones, but answers nothing until `thaw`."""
        for process in self._processes():
            os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        """Harmless where it was not frozen. Of its processes one may end before its turn comes."""
        for process in self._processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """As `pg_ctl stop -m`: `fast` ends what is open in order; `immediate` as if the power had failed."""
        if self._server is not None:
            self.thaw()
            self._server.send_signal(STOP_SIGNALS[mode])
            self._server.wait(PATIENCE_SECONDS)
            self._server = None

    def url(self, database: str) -> str:
        return f"postgresql://{OWNER}@{HOST}:{self.port}/{database}"

    def fresh_database(self, prepared_by: Callable[[str], None] | None = None) -> str:
        """The URL of a new database, empty or as `prepared_by` leaves one.

        `prepared_by` gets a URL too. It is called once for each server, and leaves no connection open; every database
        prepared by it is a copy.
        """
        return self.url(self._create("template0" if prepared_by is None else self._template(prepared_by)))

    def drop(self, url: str) -> None:
        """Removes a database, and ends the connections to it."""
        self.ask(self.url("postgres"), f'DROP DATABASE "{urlsplit(url).path[1:]}" WITH (FORCE)')

    def ask(self, url: str, statement: str) -> str:
        """What psql prints of the answer, unaligned and without headings."""
        psql = [f"{self._programs}/psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]
        return _finish([*psql, "--set=ON_ERROR_STOP=1", "--dbname", url, "--command", statement])

    async def until_waiting(self, url: str, how_many: int = 1) -> None:
        """Until so many transactions in the database of `url` wait for a lock."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while int(await asyncio.to_thread(self.ask, url, WAITING)) < how_many:
                pass

    def log(self) -> str:
        """What the server has said until now."""
        return self._log.read_text(errors="replace")

    def _template(self, prepared_by: Callable[[str], None]) -> str:
        if prepared_by not in self._templates:
            name = self._create("template0")
            prepared_by(self.url(name))
            self._templates[prepared_by] = name
        return self._templates[prepared_by]

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self.ask(self.url("postgres"), f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def _processes(self) -> list[int]:
        """The postmaster first: it then makes no more of the others."""
        if self._server is None:
            return []
        postmaster = self._server.pid
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children")
        return [postmaster, *map(int, children.read_text().split())]

    def _accepts_connections(self) -> bool:
        """As pg_ctl sees it: the last line of the lock file says `ready`."""
        lock = self._data / "postmaster.pid"
        lines = lock.read_text().split() if lock.exists() else []
        return self._server is not None and lines[:1] == [str(self._server.pid)] and lines[-1] == "ready"

    def _command(self, program: str, *arguments: str) -> list[str]:
        """PostgreSQL refuses to run as root, so there it runs as the user its package made."""
        user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        return ["setpriv", *user, "--pdeathsig=INT", f"{self._programs}/{program}", "-D", f"{self._data}", *arguments]


_GIVEN: set[int] = set()


def free_port() -> int:
    """A loopback port that nothing listens on, below those the kernel gives to outgoing connections.

    So none of these can take it while a server that owned it restarts. No two servers of a run are given the same one,
    nor are those of two processes that run tests side by side.
    """
    worker, workers = (os.environ.get(f"PYTEST_XDIST_WORKER{more}", "") for more in ("", "_COUNT"))
    mine = range(20_000 + int(worker.removeprefix("gw") or 0), 32_000, int(workers or 1))
    for port in random.sample(mine, 100):
        with socket.socket() as probe:
            if port not in _GIVEN and probe.connect_ex((HOST, port)) != 0:
                _GIVEN.add(port)
                return port
    raise RuntimeError("of 100 loopback ports, each is taken")


def _newest_programs() -> Path:
    """The folder of PostgreSQL's programs, where Debian's package puts them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: run `make test`, or `apt-get install postgresql`")
    return found[-1].parent


def _finish(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")
    return done.stdout.strip()
