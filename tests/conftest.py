"""What tests of every floor may ask for."""

from collections.abc import Iterator

import pytest

from tests.postgres import Postgres


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
