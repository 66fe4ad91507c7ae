"""What the database says when something goes wrong, and what it must not say."""

import pytest
from sqlalchemy.exc import IntegrityError

from crontopus.storage import accounts
from tests.world import World


async def test_what_was_to_be_stored_does_not_stand_in_an_error(world: World) -> None:
    """Errors are logged, and values may be secrets."""
    tenant = world.tenants["acme"].principal.tenant
    with pytest.raises(IntegrityError) as caught:
        async with world.appliance.db.write_all() as tx:
            await accounts.add_tenant(tx, tenant, "what nobody may read")
    assert "what nobody may read" not in str(caught.value)
