"""What tests of every floor may ask for."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import settings

from tests.postgres import Postgres
from tests.scale import LONG
from tests.world import World, copied, found, world_in

settings.register_profile("crontopus", deadline=None, derandomize=not LONG)
settings.load_profile("crontopus")
"""No test is timed, and only the long run looks for new examples."""

MEMORY, ENOUGH_BYTES = Path("/dev/shm"), 8 * 1024**3  # noqa: S108 - every test makes a folder of its own in it
if not LONG and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
    os.environ["TMPDIR"], tempfile.tempdir = str(MEMORY), None
"""In the short run what tests write is kept in memory where there is room: thousands of small databases that sync at
every step make a disk stand still for seconds, and every test that has it wait. The long run is on the disk."""

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
"""Where it was set, each of the many processes that tests start would compile the whole program."""

signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""As at a terminal: whoever starts the tests by nohup would have every process that they start ignore it."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that all tests share. A test that stops its server starts one of its own."""
    with Postgres(durable=False) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty database for one test."""
    url = postgres.fresh_database()
    yield url
    postgres.drop(url)


DATABASES = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whoever asks for a database runs on both, unless the test itself names one.

    But of what is asked of the API, little is decided by the database. So in the short run each of its tests is on one
    of them, always the same for its name, unless it is marked `both_databases`.
    """
    test = metafunc.definition
    either = test.nodeid.startswith("tests/api/") and not test.get_closest_marker("both_databases")
    chosen = [DATABASES[crc32(test.nodeid.encode()) % 2]] if either and not LONG else DATABASES
    named = {name for mark in test.iter_markers("parametrize") for name in mark.args[0]}
    for fixture in {"database_url", "world_data"} & set(metafunc.fixturenames) - named:
        metafunc.parametrize(fixture, chosen, indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """ "" for SQLite, else an empty PostgreSQL database."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="session")
def first_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a world in which nothing has happened yet: others begin with a copy."""
    data = tmp_path_factory.mktemp("first-world")
    asyncio.run(found(data, ""))
    return data


@pytest.fixture(scope="session")
def first_postgres_world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Callable[[str], None]]:
    """Likewise on PostgreSQL: what remains in the data folder, and what prepares a database."""
    data = tmp_path_factory.mktemp("first-postgres-world")
    return data, lambda url: asyncio.run(found(data, url))


@pytest.fixture
def postgres_world(
    postgres: Postgres, first_postgres_world: tuple[Path, Callable[[str], None]]
) -> Iterator[tuple[Path, str]]:
    data, prepare = first_postgres_world
    url = postgres.fresh_database(prepare)
    yield data, url
    postgres.drop(url)


@pytest.fixture
def world_data(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """The data folder and the database URL of a world of its own, of the database that is asked for."""
    if request.param == "sqlite":
        first, url = request.getfixturevalue("first_world"), ""
    else:
        first, url = request.getfixturevalue("postgres_world")
    copied(first, tmp_path / "data")
    return tmp_path / "data", url


@pytest.fixture
async def world(world_data: tuple[Path, str]) -> AsyncIterator[World]:
    """The whole appliance in this process."""
    async with world_in(*world_data) as world:
        yield world


@pytest.fixture
async def sqlite_world(tmp_path: Path, first_world: Path) -> AsyncIterator[World]:
    """For what no database decides, or SQLite alone."""
    copied(first_world, tmp_path / "sqlite")
    async with world_in(tmp_path / "sqlite") as world:
        yield world
