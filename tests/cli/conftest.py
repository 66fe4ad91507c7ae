"""One real server for all tests of the command line, and for each that asks a recorder of reports in its place."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.cli.launch import Launcher
from tests.cli.recorder import Recorder, recording
from tests.cli.serving import Person, serving

NUMBERS = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    with serving(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def namespace(server: Person) -> str:
    """An empty namespace for one test."""
    slug = f"team-{next(NUMBERS)}"
    server.ok("namespaces", "create", slug)
    return slug


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def crontopus(recorder: Recorder, tmp_path: Path) -> Launcher:
    """The executable, which reports to `recorder`."""
    return Launcher(tmp_path, recorder.url)
