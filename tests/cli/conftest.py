"""One real server for all tests of the command line."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.cli.serving import Served, serving

NUMBERS = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def namespace(server: Served) -> str:
    """An empty namespace for one test."""
    slug = f"team-{next(NUMBERS)}"
    server.ok("namespaces", "create", slug)
    return slug
