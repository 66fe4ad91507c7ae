"""What tests of every floor may ask for."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.world import World, world_in


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that all tests share. A test that stops its server starts one of its own."""
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty database for one test."""
    url = postgres.fresh_database()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """ "" for SQLite, else an empty PostgreSQL database: a test that asks for it runs on both."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    """The whole appliance in this process, once on each database."""
    async with world_in(tmp_path, database_url) as world:
        yield world
