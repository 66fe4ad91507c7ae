"""What the tests of the API share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.world import World, world_in


@pytest.fixture
async def sqlite_world(tmp_path: Path) -> AsyncIterator[World]:
    """For what is refused before any database is asked."""
    async with world_in(tmp_path) as world:
        yield world
