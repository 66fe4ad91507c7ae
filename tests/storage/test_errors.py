"""What the database says when something goes wrong, and what it must not say."""

from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from crontopus.storage import accounts
from tests.world import World


async def test_what_was_to_be_stored_does_not_stand_in_an_error(world: World) -> None:
    """Errors are logged, and values may be secrets."""
    with pytest.raises(IntegrityError) as caught:
        async with world.appliance.db.write_all() as tx:
            await accounts.add_user(tx, uuid4(), "owner@acme.test", "the hash of a password")
    assert "the hash of a password" not in str(caught.value)
