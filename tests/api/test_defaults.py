"""What holds where a job says nothing: its namespace's, and where that says nothing the tenant's."""

import pytest

from crontopus.domain.errors import Invalid
from crontopus.engine import namespaces
from crontopus.storage import namespaces as stored
from crontopus.wire.accounts import NamespacePatch, NewNamespace
from crontopus.wire.jobs import NewJob
from crontopus.wire.people import TenantPatch
from crontopus.wire.schedules import Schedule
from tests.world import World

NIGHTLY = Schedule(cron="0 2 * * *")
BERLIN, TOKYO = "Europe/Berlin", "Asia/Tokyo"


async def test_what_the_tenant_says_holds_in_namespaces_and_jobs_without_their_own(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_namespace(NewNamespace(slug="plain"))
        await acme.add_namespace(NewNamespace(slug="own", timezone=TOKYO, default_grace=60))
        jobs = {
            place: await acme.add_job(NewJob(slug="nightly", namespace=place, schedule=NIGHTLY))
            for place in ("plain", "own")
        }
        told = await acme.add_job(NewJob(slug="told", namespace="plain", schedule=NIGHTLY, timezone="UTC"))
        changed = await acme.edit_tenant(TenantPatch(timezone=BERLIN, default_grace="15m"))
        assert (changed.timezone, changed.default_grace) == (BERLIN, 900)
        plain, own = await acme.namespace("plain"), await acme.namespace("own")
        assert (plain.timezone, plain.default_grace, plain.own) == (BERLIN, 900, [])
        assert (own.timezone, own.default_grace, own.own) == (TOKYO, 60, ["timezone", "default_grace"])
        follower = await acme.job(jobs["plain"].id)
        assert (follower.timezone, follower.version) == (BERLIN, 2)
        assert follower.due_at != jobs["plain"].due_at
        assert (await acme.job(jobs["own"].id)).timezone == TOKYO
        assert ((await acme.job(told.id)).timezone, (await acme.job(told.id)).own) == ("UTC", ["timezone"])
        assert (await acme.job(jobs["own"].id)).own == []
        entry = next(one for one in (await acme.audit()).items if one.action == "tenant.edit")
        assert entry.changes["timezone"] == ["UTC", BERLIN]


async def test_a_namespace_takes_its_own_and_gives_it_back(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.edit_tenant(TenantPatch(timezone=BERLIN))
        job = await acme.add_job(NewJob(slug="nightly", schedule=NIGHTLY))
        assert job.timezone == BERLIN
        await acme.edit_namespace("default", NamespacePatch(timezone=TOKYO))
        assert (await acme.job(job.id)).timezone == TOKYO
        await acme.edit_tenant(TenantPatch(timezone="UTC"))
        assert (await acme.job(job.id)).timezone == TOKYO
        back = await acme.edit_namespace("default", NamespacePatch(timezone=None))
        assert (back.timezone, back.own) == ("UTC", [])
        assert (await acme.job(job.id)).timezone == "UTC"


async def test_a_job_that_a_ping_makes_has_the_tenants(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.edit_tenant(TenantPatch(timezone=BERLIN, default_grace=120))
        await world.ping(world.ping_url("acme", "made") + "?create=1")
        job = await acme.job("default/made")
        assert (job.timezone, job.grace) == (BERLIN, 120)


async def test_what_is_no_zone_and_no_time_is_refused_and_changes_nothing(world: World) -> None:
    async with world.signed_in("acme") as acme:
        with pytest.raises(Invalid) as caught:
            await acme.edit_tenant(TenantPatch(timezone="Mars/Base"))
        assert caught.value.faults[0].pointer == "/timezone"
        with pytest.raises(Invalid) as caught:
            await acme.edit_tenant(TenantPatch(default_grace="soon", timezone=BERLIN))
        assert caught.value.faults[0].pointer == "/default_grace"
        assert (await acme.tenant()).timezone == "UTC"


async def test_another_tenant_keeps_what_it_has(world: World) -> None:
    async with world.signed_in("acme") as acme, world.signed_in("globex") as globex:
        await acme.edit_tenant(TenantPatch(timezone=BERLIN))
        assert (await globex.tenant()).timezone == "UTC"
        assert (await globex.namespace("default")).timezone == "UTC"


async def test_more_jobs_than_one_transaction_takes_follow(world: World) -> None:
    async with world.signed_in("acme") as acme:
        for number in range(namespaces.BATCH + 3):
            await acme.add_job(NewJob(slug=f"job-{number}", schedule=NIGHTLY))
        await acme.edit_tenant(TenantPatch(timezone=BERLIN))
        assert {job.timezone for job in (await acme.jobs(limit=200)).items} == {BERLIN}


async def test_what_a_stopped_server_left_behind_follows_later(world: World) -> None:
    tenant = world.tenants["acme"].principal.tenant
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="nightly", schedule=NIGHTLY))
        async with world.appliance.db.write(tenant) as tx:
            home = await stored.find(tx, "default")
            await stored.change(tx, home.id, {"timezone": BERLIN, "own": ["timezone"]})
        assert (await acme.job(job.id)).timezone == "UTC"
        await namespaces.Followers(world.appliance.db).step()
        assert (await acme.job(job.id)).timezone == BERLIN
