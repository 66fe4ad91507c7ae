"""A disk that is full or read-only, a database that others hold or have harmed: said in words, and nothing lost.

What is mounted here needs root; elsewhere these tests are skipped.
"""

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import IO
from uuid import uuid4

import httpx
import pytest
from msgspec import Struct

from crontopus.client import Client
from crontopus.domain.errors import Unavailable
from crontopus.wire.jobs import Job, NewJob
from tests.postgres import Postgres
from tests.served import Served, SetUp, set_up

PATIENCE_SECONDS = 60
FILE = "crontopus.db"
BODY_BYTES = 50_000


def _ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    words = list(map(str, command))
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


@contextmanager
def _mounted(place: Path, *command: str) -> Iterator[Path]:
    place.mkdir()
    done = _ran("mount", *command, place)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        assert _ran("umount", place).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with _mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=16m", "tmpfs") as place:
        yield place


class Site(Struct, frozen=True):
    """A server, its API, a job of it, and what was acknowledged."""

    served: Served
    made: SetUp
    api: Client
    job: Job
    acknowledged: set[str]

    async def ping(self) -> httpx.Response:
        rid = str(uuid4())
        answer = await self.api.http.post(f"{self.job.ping_url}?rid={rid}", content=os.urandom(BODY_BYTES))
        if answer.status_code == 200:
            self.acknowledged.add(rid)
        return answer

    async def ping_until(self, status: int) -> httpx.Response:
        """Every other answer on the way is 200 or 503."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (answer := await self.ping()).status_code != status:
                assert answer.status_code in (200, 503), answer.text
        return answer

    async def ready(self) -> dict[str, bool]:
        """Which checks hold; the status goes with them."""
        answer = await self.api.http.get(f"{self.served.url}/readyz")
        told = {name: check["ok"] for name, check in answer.json()["checks"].items()}
        assert (answer.status_code == 200) == answer.json()["ready"] == all(told.values())
        assert ("retry-after" in answer.headers) == (answer.status_code == 503)
        return told

    async def stored(self) -> list[str]:
        found, cursor = [], None
        while True:
            page = await self.api.job_check_ins(self.job.id, limit=200, cursor=cursor)
            found += [str(check_in.run_id) for check_in in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return found


@asynccontextmanager
async def _site(data: Path) -> AsyncIterator[Site]:
    made = set_up(data)
    with Served(data) as served:
        async with Client(served.url, token=made.token) as api:
            job = await api.add_job(NewJob(name="on disk"))
            yield Site(served, made, api, job, set())


async def _until(wanted: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if await wanted():
                return
            await asyncio.sleep(0.1)


def _fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096):
            with pytest.raises(OSError, match="No space left"):
                _write_for_ever(file, b"\1" * size)
    return filler


def _write_for_ever(file: IO[bytes], block: bytes) -> None:
    while True:
        file.write(block)


def _is_whole(data: Path) -> bool:
    with closing(sqlite3.connect(data / FILE)) as database:
        (answer,) = database.execute("PRAGMA integrity_check").fetchone()
        return answer == "ok" and not database.execute("PRAGMA foreign_key_check").fetchall()


# ---- no room


async def test_a_full_disk_is_told_and_outlived(small_disk: Path) -> None:
    async with _site(small_disk) as site:
        assert set((await site.ready()).values()) == {True}
        await site.ping_until(200)
        filler = _fill(small_disk)
        refused = await site.ping_until(503)
        assert int(refused.headers["retry-after"]) > 0
        assert refused.text
        await _until(
            lambda: _red(site, {"database": False, "disk": False, "sweep": True, "alerts": True, "outbox": True})
        )
        with pytest.raises(Unavailable):
            await _write_until_refused(site)
        assert (await site.api.job(site.job.id)).id == site.job.id
        filler.unlink()
        await site.ping_until(200)
        await _until(
            lambda: _red(site, {"database": True, "disk": True, "sweep": True, "alerts": True, "outbox": True})
        )
        assert sorted(await site.stored()) == sorted(site.acknowledged)
        assert site.served.stop() == 0
    assert _is_whole(small_disk)


async def _red(site: Site, checks: dict[str, bool]) -> bool:
    return await site.ready() == checks


async def _is_without_database(site: Site) -> bool:
    return not (await site.ready())["database"]


async def _write_until_refused(site: Site) -> None:
    for number in range(1000):
        await site.api.add_job(NewJob(name=f"no room {number}", description="x" * 2000))


# ---- read-only


async def test_a_disk_that_the_system_made_read_only_is_told_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    if _ran("mkfs.ext4", "-q", image).returncode != 0:
        pytest.skip("there is no mkfs.ext4 here")
    with _mounted(tmp_path / "disk", "-o", "loop", str(image)) as disk:
        async with _site(disk) as site:
            for _ in range(20):
                assert (await site.ping()).status_code == 200
            # As the kernel does after an error of the disk; an administrator's remount waits for open files.
            assert _ran("mount", "-o", "remount,abort", disk).returncode == 0
            refused = await site.ping_until(503)
            assert int(refused.headers["retry-after"]) > 0
            await _until(
                lambda: _red(site, {"database": False, "disk": True, "sweep": True, "alerts": True, "outbox": True})
            )
            assert await site.stored()
    _ran("e2fsck", "-p", image)
    with _mounted(tmp_path / "mended", "-o", "loop", str(image)) as disk:
        with Served(disk, port=site.served.port) as again:
            async with Client(again.url, token=site.made.token) as api:
                assert site.acknowledged <= set(await Site(again, site.made, api, site.job, set()).stored())
        assert _is_whole(disk)


# ---- held by another program


async def test_a_database_that_another_program_locks_is_told_and_outlived(tmp_path: Path) -> None:
    async with _site(tmp_path / "data") as site:
        await site.ping_until(200)
        with closing(sqlite3.connect(tmp_path / "data" / FILE, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            command = ["curl", "-sS", "--retry", "20", site.job.ping_url]
            curl = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            refused = await site.ping()
            assert refused.status_code == 503
            await _until(lambda: _is_without_database(site))
            assert int(refused.headers["retry-after"]) > 0
            assert "locked by another program" in refused.text
            assert (await site.api.job(site.job.id)).status == "up"
            other.execute("ROLLBACK")
        await site.ping_until(200)
        await _until(
            lambda: _red(site, {"database": True, "disk": True, "sweep": True, "alerts": True, "outbox": True})
        )
        said, _ = await curl.communicate()
        assert said.endswith(b"OK")
        anonymous = [rid for rid in await site.stored() if rid == "None"]
        assert len(anonymous) == 1
        assert sorted(set(await site.stored()) - {"None"}) == sorted(site.acknowledged)


# ---- what keeps it from starting


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database as a set-up leaves it."""
    data = tmp_path_factory.mktemp("first") / "data"
    set_up(data)
    return (data / FILE).read_bytes()


def _serve(data: Path, *more: str) -> tuple[int, str]:
    """How it ends, and the one sentence it says of that."""
    done = _ran(sys.executable, "-m", "crontopus", "serve", "--data", data, "--port", "0", *more)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("Error: "), done.stderr
    return done.returncode, done.stderr.removeprefix("Error: ").rstrip()


def _newer(content: bytes, folder: Path) -> bytes:
    file = folder / "newer"
    file.write_bytes(content)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    return file.read_bytes()


def _overwritten(content: bytes, folder: Path) -> bytes:
    """The first page, which holds the names of the tables, is lost but for its header."""
    return content[:100] + b"\xaa" * 3996 + content[4096:]


HARMED: dict[str, tuple[Callable[[bytes, Path], bytes], str]] = {
    "half of it": (lambda content, _: content[: len(content) // 2], "truncated. Restore it from a backup"),
    "50 bytes of it": (lambda content, _: content[:50], "truncated. Restore it from a backup"),
    "text": (lambda _, __: b"These are my notes.\n" * 500, "is not a database of Crontopus. Move it away"),
    "nothing but zeros": (lambda content, _: bytes(len(content)), "is not a database of Crontopus. Move it away"),
    "overwritten": (_overwritten, "Restore"),
    "newer": (_newer, "written by a newer Crontopus (its version is 9999). Start that program"),
}


@pytest.mark.parametrize("harm", HARMED)
def test_a_file_that_is_harmed_foreign_or_newer_is_refused_and_left_as_it_is(
    first: bytes, tmp_path: Path, harm: str
) -> None:
    harmed, sentence = HARMED[harm]
    content = harmed(first, tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    (data / FILE).write_bytes(content)
    code, said = _serve(data)
    assert code == 5
    assert sentence in said
    assert (data / FILE).read_bytes() == content
    assert {file.name for file in data.iterdir()} <= {FILE, "lock", "key"}


def test_the_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with closing(sqlite3.connect(data / FILE)) as database, database:
        database.execute("CREATE TABLE jobs (mine TEXT)")
    content = (data / FILE).read_bytes()
    code, said = _serve(data)
    assert (code, "is not a database of Crontopus" in said) == (5, True)
    assert (data / FILE).read_bytes() == content


def test_a_data_folder_in_use_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    set_up(data)
    with Served(data):
        content = (data / FILE).read_bytes()
        code, said = _serve(data)
        assert (code, "another Crontopus already uses the data folder" in said) == (5, True)
        assert (data / FILE).read_bytes() == content


def test_a_database_locked_by_another_program_is_told_at_the_start(first: bytes, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / FILE).write_bytes(first)
    with closing(sqlite3.connect(data / FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        code, said = _serve(data)
        other.execute("ROLLBACK")
    assert (code, "locked" in said) == (1, True)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    code, said = _serve(tmp_path / "file" / "data")
    assert (code, "cannot be made" in said) == (1, True)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("empty", [True, False])
def test_a_folder_that_cannot_be_written_is_told(first: bytes, small_disk: Path, empty: bool) -> None:
    data = small_disk / "data"
    data.mkdir()
    if not empty:
        (data / FILE).write_bytes(first)
    assert _ran("mount", "-o", "remount,ro", small_disk).returncode == 0
    code, said = _serve(data)
    assert (code, "Read-only file system" in said) == (1, True)
    assert empty or (data / FILE).read_bytes() == first


def test_a_full_disk_at_the_start_is_told(small_disk: Path) -> None:
    (small_disk / "data").mkdir()
    filler = _fill(small_disk)
    code, said = _serve(small_disk / "data")
    assert (code, "full" in said) == (1, True)
    filler.unlink()
    with Served(small_disk / "data"):
        pass


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, said = _serve(tmp_path / "data", "--port", str(port))
    assert (code, said) == (5, f"port {port} of 127.0.0.1 is taken by another program; choose one with --port")


def test_a_postgresql_that_is_away_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    code, said = _serve(tmp_path / "data", "--database-url", f"postgresql://me:secret@127.0.0.1:{port}/crontopus")
    assert (code, "cannot be" in said, "secret" in said) == (1, True, False)


def test_a_postgresql_that_refuses_the_password_is_told(tmp_path: Path) -> None:
    with Postgres() as postgres:
        own = postgres.url("postgres")
        postgres.ask(own, "CREATE ROLE guest LOGIN PASSWORD 'right'")
        rules = Path(postgres.ask(own, "SHOW hba_file"))
        rules.write_text(f"host all guest 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        postgres.ask(own, "SELECT pg_reload_conf()")
        guest = own.replace("crontopus@", "guest:wrong@")
        code, said = _serve(tmp_path / "data", "--database-url", guest)
        assert (code, "password" in said, "wrong" in said) == (1, True, False)
        code, said = _serve(tmp_path / "data", "--database-url", own.replace("/postgres", "/nowhere"))
        assert (code, '"nowhere" does not exist' in said) == (1, True)
