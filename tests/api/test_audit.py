"""The audit log: everything that is done is told, in the same transaction, and no later hand goes unseen."""

import asyncio
import csv
import io
import json

import pytest
from sqlalchemy import text

from crontopus.client import Client
from crontopus.domain.access import Role
from crontopus.domain.errors import NotAllowed, NotFound
from crontopus.wire.accounts import NamespacePatch, NewNamespace, NewToken
from crontopus.wire.audit import AuditEntry
from crontopus.wire.jobs import Bulk, BulkAction, JobPatch, NewJob
from crontopus.wire.runs import CheckIn
from tests.world import World

pytestmark = pytest.mark.both_databases


async def newest(client: Client, count: int = 1) -> list[AuditEntry]:
    return (await client.audit(limit=count)).items


async def test_each_deed_is_told_with_what_it_changed(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="a", grace="15m"))
        await acme.edit_job(job.id, JobPatch(grace="30m"))
        (told,) = await newest(acme)
        assert (told.actor, told.action, told.target) == ("token tests", "job.edit", "default/a")
        assert (told.target_id, told.at) == (job.id, world.now)
        assert told.changes == {"grace": [900.0, 1800.0]}
        assert told.user == world.tenants["acme"].principal.user
        assert told.user_agent is not None


async def test_everything_that_can_be_done_is_told(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_namespace(NewNamespace(slug="n"))
        await acme.edit_namespace("n", NamespacePatch(name="N"))
        await acme.rotate_ping_key("n")
        job = await acme.add_job(NewJob(slug="a", namespace="n"))
        await acme.pause_job(job.id)
        await acme.resume_job(job.id)
        run = (await acme.check_in(CheckIn(kind="start", job="n/a"))).run
        assert run is not None
        await acme.settle_run(run, succeeded=True)
        for action, tags in ((BulkAction.TAG, ["x"]), (BulkAction.PAUSE, []), (BulkAction.RESUME, [])):
            await acme.change_jobs(Bulk(action=action, q="", tags=tags))
        await acme.delete_job(job.id)
        await acme.delete_namespace("n")
        token = await acme.add_token(NewToken(name="one"))
        await acme.revoke_token(token.id)
        told = [entry.action for entry in (await acme.audit()).items]
        assert list(reversed(told)) == [
            "namespace.create",
            "token.create",
            "namespace.create",
            "namespace.edit",
            "namespace.rotate_ping_key",
            "job.create",
            "job.pause",
            "job.resume",
            "run.settle",
            "job.edit",
            "job.pause",
            "job.resume",
            "job.delete",
            "namespace.delete",
            "token.create",
            "token.revoke",
        ]
        assert token.token not in str((await acme.audit()).items)
        assert (await acme.verify_audit()).entries == len(told)


async def test_what_changes_nothing_or_fails_is_not_told(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="a", grace="15m"))
        before = await newest(acme)
        await acme.edit_job(job.id, JobPatch(grace="15m"))
        await acme.resume_job(job.id)
        with pytest.raises(NotFound):
            await acme.delete_job("default:none")
        assert await newest(acme) == before


async def test_signing_in_and_out_is_told(world: World) -> None:
    async with world.person("acme", Role.AUDITOR) as person:
        email = (await person.me()).email
        await person.sign_out()
    async with world.signed_in("acme") as acme:
        ended, begun = await newest(acme, 2)
        assert (ended.action, begun.action) == ("session.end", "session.begin")
        assert ended.actor == begun.actor == begun.target == email
        assert ended.target_id == begun.target_id


async def test_the_log_is_searched_and_read_page_by_page(world: World) -> None:
    async with world.signed_in("acme") as acme:
        jobs = []
        for number in range(5):
            await world.passes(minutes=1)
            jobs.append(await acme.add_job(NewJob(slug=f"j{number}")))
        await acme.pause_job(jobs[2].id)
        assert [one.action for one in (await acme.audit(target=jobs[2].id)).items] == ["job.pause", "job.create"]
        assert len((await acme.audit(action="job.create")).items) == 5
        assert (await acme.audit(actor="nobody")).items == []
        then = (await acme.audit(target=jobs[3].id)).items[-1].at
        assert [one.target for one in (await acme.audit(action="job.create", since=then)).items] == [
            "default/j4",
            "default/j3",
        ]
        assert [one.target for one in (await acme.audit(action="job.create", until=then, limit=1)).items] == [
            "default/j2"
        ]
        first = await acme.audit(action="job.create", limit=3)
        second = await acme.audit(action="job.create", limit=3, cursor=first.next_cursor)
        assert [one.target[-1] for one in first.items + second.items] == ["4", "3", "2", "1", "0"]
        assert second.next_cursor is None


async def test_each_tenant_has_a_chain_of_its_own(world: World) -> None:
    async with world.signed_in("acme") as acme, world.signed_in("globex") as globex:
        await acme.add_job(NewJob(slug="secret"))
        assert "secret" not in str((await globex.audit()).items)
        assert [one.position for one in (await globex.audit()).items] == [2, 1]


async def test_who_sees_a_part_of_the_tenant_does_not_see_its_log(world: World) -> None:
    async with world.signed_in("acme") as acme:
        namespace = await acme.namespace("default")
    async with world.person("acme", Role.AUDITOR, namespace.id) as person:
        with pytest.raises(NotAllowed, match="whole tenant"):
            await person.audit()
        with pytest.raises(NotAllowed):
            await person.verify_audit()


async def test_the_log_leaves_as_json_and_as_csv_that_no_spreadsheet_runs(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_token(NewToken(name="=1+1"))
        async with acme.export_audit() as response:
            lines = [json.loads(line) for line in (await response.aread()).splitlines()]
        assert [line["position"] for line in lines] == [3, 2, 1]
        async with acme.export_audit("csv") as response:
            rows = list(csv.DictReader(io.StringIO((await response.aread()).decode())))
        assert [row["position"] for row in rows] == ["3", "2", "1"]
        assert rows[0]["target"] == "'=1+1"
        assert json.loads(rows[0]["changes"])["kind"] == [None, "s"]


TENANT = "(SELECT id FROM tenants WHERE name = 'acme')"
TAMPERED = {
    "edited": ("UPDATE audit SET actor = 'nobody' WHERE tenant_id = {tenant} AND position = 3", 3),
    "its changes edited": ("UPDATE audit SET changes = '{{}}' WHERE tenant_id = {tenant} AND position = 3", 3),
    "removed": ("DELETE FROM audit WHERE tenant_id = {tenant} AND position = 3", 3),
    "removed at the end": ("DELETE FROM audit WHERE tenant_id = {tenant} AND position >= 5", 5),
    "swapped": (
        "UPDATE audit SET position = CASE position WHEN 3 THEN -4 ELSE -3 END "
        "WHERE tenant_id = {tenant} AND position IN (3, 4);"
        "UPDATE audit SET position = -position WHERE tenant_id = {tenant} AND position < 0",
        3,
    ),
    "all removed": ("DELETE FROM audit WHERE tenant_id = {tenant}", 1),
    "moved in from another tenant": (
        "DELETE FROM audit WHERE tenant_id = {tenant} AND position = 1;"
        "UPDATE audit SET tenant_id = {tenant} WHERE position = 1 AND tenant_id <> {tenant}",
        1,
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
async def test_an_entry_that_somebody_touched_is_found(world: World, how: str) -> None:
    statements, first = TAMPERED[how]
    async with world.signed_in("acme") as acme:
        for slug in ("a", "b", "c", "d"):
            await acme.add_job(NewJob(slug=slug))
        assert (await acme.verify_audit()).broken is None
        async with world.appliance.db.write_all() as tx:
            for statement in statements.split(";"):
                await tx.sql.execute(text(statement.format(tenant=TENANT)))
        found = await acme.verify_audit()
        assert found.broken == first
        assert found.why


async def test_many_at_once_make_one_chain(world: World) -> None:
    """Each waits for the one before: no position is given twice, and none is left out."""
    async with world.signed_in("acme") as acme:
        await asyncio.gather(*(acme.add_job(NewJob(slug=f"j{number}")) for number in range(12)))
        positions = [one.position for one in (await acme.audit()).items]
        assert positions == list(range(14, 0, -1))
        assert (await acme.verify_audit()).broken is None


async def test_a_job_that_a_ping_makes_is_told_of_with_who_sent_it(world: World) -> None:
    """In the transaction that makes it, and in one chain with what people do."""
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="before"))
        for slug in ("one", "two"):
            url = world.ping_url("acme", slug)
            assert (await world.ping(f"{url}?create=1&tags=db", headers={"User-Agent": "curl/8"})).status_code == 201
            assert (await world.ping(f"{url}?create=1&tags=db")).status_code == 200
        await acme.add_job(NewJob(slug="after"))
        told = [one for one in (await acme.audit()).items if one.action == "job.create"]
        assert [one.target for one in told] == [f"default/{slug}" for slug in ("after", "two", "one", "before")]
        assert [one.actor for one in told[1:3]] == ["a ping", "a ping"]
        assert (told[1].user_agent, told[1].address) == ("curl/8", "127.0.0.1")
        assert told[1].changes["tags"] == [None, ["db"]]
        assert (await acme.verify_audit()).broken is None
    async with world.signed_in("globex") as globex:
        assert not [one for one in (await globex.audit()).items if one.actor == "a ping"]


async def test_many_pings_at_once_that_make_jobs_keep_every_chain_whole(world: World) -> None:
    await asyncio.gather(
        *(
            world.ping(world.ping_url(tenant, f"job-{number}") + "?create=1")
            for number in range(20)
            for tenant in ("acme", "globex")
        )
    )
    for tenant in ("acme", "globex"):
        async with world.signed_in(tenant) as own:
            told = [one for one in (await own.audit(limit=200)).items if one.actor == "a ping"]
            assert len(told) == 20
            assert (await own.verify_audit()).broken is None
