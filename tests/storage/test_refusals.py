"""What PostgreSQL refuses is told alike on both roads to it: what passes is Unavailable, a bug of ours stays one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg  # type: ignore[import-untyped] # it comes without types
import pytest
from sqlalchemy.exc import DBAPIError

from crontopus.domain.errors import Unavailable
from crontopus.storage.ledger.postgres import PostgresLedger
from crontopus.storage.refusals import Contended
from tests.world import World, copied, world_in

Ask = Callable[[str], Awaitable[None]]


@pytest.fixture
async def world(tmp_path: Path, postgres_world: tuple[Path, str]) -> AsyncIterator[World]:
    copied(postgres_world[0], tmp_path / "data")
    async with world_in(tmp_path / "data", postgres_world[1]) as world:
        yield world


@pytest.fixture(params=["the API's road", "the ledger's road"])
def ask(request: pytest.FixtureRequest, world: World) -> Ask:
    """One statement, by one of the two."""

    async def of_the_api(statement: str) -> None:
        async with world.appliance.db.write_all() as tx:
            await tx.sql.exec_driver_sql(statement)

    async def of_the_ledger(statement: str) -> None:
        ledger = world.appliance.ledger
        assert isinstance(ledger, PostgresLedger)
        async with ledger.transaction() as tx:
            await tx._connection.execute(statement)

    return of_the_api if request.param == "the API's road" else of_the_ledger


def _refused(sqlstate: str) -> str:
    return f"DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '{sqlstate}'; END $$"


async def test_what_may_pass_is_unavailable_with_the_reason(ask: Ask) -> None:
    for sqlstate in ("53100", "53300", "57014", "58030", "25006", "55P03"):
        with pytest.raises(Unavailable, match="cannot be used now: so it is"):
            await ask(_refused(sqlstate))
    with pytest.raises(Unavailable):
        await ask("SELECT pg_terminate_backend(pg_backend_pid())")
    await ask("SELECT 1")


async def test_who_is_not_let_in_is_told_no_name(ask: Ask) -> None:
    for sqlstate in ("28P01", "3D000"):
        with pytest.raises(Unavailable, match="does not let this server in") as told:
            await ask(_refused(sqlstate))
        assert "so it is" not in str(told.value)


async def test_what_others_stood_in_the_way_of_can_be_repeated(ask: Ask) -> None:
    for sqlstate in ("40001", "40P01"):
        with pytest.raises(Contended):
            await ask(_refused(sqlstate))


async def test_a_bug_stays_one(ask: Ask) -> None:
    with pytest.raises((DBAPIError, asyncpg.PostgresError)):
        await ask(_refused("22012"))
