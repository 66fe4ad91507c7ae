"""Who waits for another transaction decides by what that one left, not by what was there before the wait."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from crontopus.appliance import assembled
from crontopus.config import Config
from crontopus.domain.watch import Paused, Reason, Status
from crontopus.engine import jobs, watching
from crontopus.storage.ledger import Unreadable
from crontopus.storage.watches import Placed
from crontopus.wire.jobs import JobPatch, NewJob
from crontopus.wire.schedules import Schedule
from tests.postgres import Postgres
from tests.world import BASE, copied, world_in


@pytest.fixture(params=["read committed", "repeatable read"])
def on_postgres(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: Postgres, postgres_world: tuple[Path, str]
) -> tuple[Path, str]:
    """The data and the database of a world on PostgreSQL, whatever isolation that prefers."""
    data, url = postgres_world
    name = url.rpartition("/")[2]
    postgres.ask(url, f"ALTER DATABASE {name} SET default_transaction_isolation = '{request.param}'")
    copied(data, tmp_path / "data")
    return tmp_path / "data", url


async def test_a_ping_that_waits_for_an_edit_is_judged_by_it(on_postgres: tuple[Path, str], postgres: Postgres) -> None:
    async with world_in(*on_postgres) as world, world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="backup"))
        await world.ping(f"{job.ping_url}/start")
        await world.passes(minutes=1)
        owner = world.tenants["acme"].principal
        async with world.appliance.db.write(owner.tenant) as tx:
            await jobs.edit(tx, owner, str(job.id), JobPatch(min_runtime=600), None)
            ping = asyncio.create_task(world.ping(job.ping_url))
            await postgres.until_waiting(on_postgres[1])
        assert (await ping).text == "OK"
        down = await acme.job(job.id)
        assert (down.status, down.reasons) == (Status.DOWN, [Reason.TOO_SHORT])


async def test_an_edit_that_waits_for_its_watch_takes_nothing_back(
    on_postgres: tuple[Path, str], postgres: Postgres
) -> None:
    async with world_in(*on_postgres) as world, world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="backup"))
        owner = world.tenants["acme"].principal
        async with world.appliance.db.write(owner.tenant) as tx:
            await watching.apply(tx, job.id, Paused())
            edit = asyncio.create_task(acme.edit_job(str(job.id), JobPatch(grace=1200)))
            await postgres.until_waiting(on_postgres[1])
        assert (await edit).grace == 1200
        assert (await acme.job(job.id)).status is Status.PAUSED


SLOW_TO_LOOK = """
CREATE FUNCTION looks_slowly() RETURNS boolean LANGUAGE plpgsql VOLATILE
    AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN true; END';
CREATE ROLE {role} LOGIN;
GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role};
ALTER TABLE watches ENABLE ROW LEVEL SECURITY;
CREATE POLICY slowly ON watches TO {role} USING (looks_slowly());
"""
"""PostgreSQL then asks for the lock before it looks at a watch, but after it decided which commits it sees."""


async def test_what_is_due_is_judged_by_an_edit_that_came_while_it_was_looked_for(
    on_postgres: tuple[Path, str], postgres: Postgres, tmp_path: Path
) -> None:
    data, url = on_postgres
    role = f"slow_{url.rpartition('/')[2]}"
    async with world_in(data, url) as world, world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="hourly", schedule=Schedule(every=3600), grace=300))
        await world.ping(job.ping_url)
        postgres.ask(url, SLOW_TO_LOOK.format(role=role))
        owner = world.tenants["acme"].principal
        slow = Config(data=tmp_path / "slow", database_url=url.replace("crontopus@", f"{role}@"), public_url=BASE)
        copied(data, tmp_path / "slow")
        async with assembled(slow, world.hands) as other:

            async def sweep() -> list[Placed | Unreadable]:
                async with other.ledger.transaction() as tx:
                    return await tx.due(world.now + timedelta(days=1), 10)

            async with world.appliance.db.write_all() as looking:
                await looking.sql.exec_driver_sql("SELECT pg_advisory_xact_lock(1)")
                sweeping = asyncio.create_task(sweep())
                await postgres.until_waiting(url)
                async with world.appliance.db.write(owner.tenant) as edit:
                    await jobs.edit(edit, owner, str(job.id), JobPatch(grace=600), None)
            (due,) = await sweeping
    assert isinstance(due, Placed)
    assert due.watch.due_at == world.now + timedelta(hours=1, minutes=10)
    assert due.rule.grace == timedelta(minutes=10)
