"""Tenants as a whole: made, suspended, deleted, had back, exported, and gone in the end."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from crontopus.client import Client
from crontopus.domain.access import Role, SystemRole
from crontopus.domain.errors import Closed, Conflict, NotAllowed, NotFound, Unauthenticated, Unconfirmed
from crontopus.domain.ids import NOWHERE
from crontopus.domain.standing import UNDO, State
from crontopus.engine.accounts import begin_session
from crontopus.engine.credentials import Caller
from crontopus.engine.exports import Exports
from crontopus.storage import accounts, dumping
from crontopus.storage import exports as stored
from crontopus.storage.tables import metadata
from crontopus.wire.accounts import NewToken
from crontopus.wire.jobs import NewJob
from crontopus.wire.people import Acceptance, NewInvitation, TenantPatch
from crontopus.wire.runs import CheckIn, OutputText
from crontopus.wire.tenants import Export, NewTenant
from tests.api.test_people import code_of, visitor
from tests.things import MARKER, things
from tests.world import World

DAY = timedelta(days=1)


@pytest.fixture
async def operator(world: World) -> AsyncIterator[Client]:
    async with world.operator(SystemRole.SUPERADMIN) as client:
        yield client


@pytest.fixture
async def owner(world: World) -> AsyncIterator[Client]:
    async with world.person("acme", Role.OWNER) as client:
        yield client


def acme(world: World) -> UUID:
    return world.tenants["acme"].principal.tenant


async def told(world: World, tenant: UUID, action: str) -> list[str]:
    """Who did this, by the log of `tenant`."""
    audit = metadata.tables["audit"]
    async with world.appliance.db.read_all() as tx:
        query = select(audit.c.actor).where(audit.c.tenant_id == tenant, audit.c.action == action)
        return list((await tx.sql.scalars(query)).all())


# ---- made


async def test_an_operator_makes_a_tenant_and_its_owner_comes_in_by_the_link(world: World, operator: Client) -> None:
    made = await operator.add_tenant(NewTenant(name="Initech", owner="Bill@initech.test"))
    async with visitor(world) as anybody:
        joined = await anybody.accept_invitation(Acceptance(code=code_of(made.link), password="a dull tuesday evening"))
    async with visitor(world, joined.session) as bill:
        me = await bill.me()
        assert (me.tenant, me.role, me.email) == ("Initech", Role.OWNER, "bill@initech.test")
        assert [one.slug for one in (await bill.namespaces()).items] == ["default"]
        assert (await bill.jobs()).items == []
    listed = await operator.admin_tenants(q="initec")
    assert [(one.name, one.members, one.state) for one in listed.items] == [("Initech", 1, State.ACTIVE)]
    me = await operator.me()
    assert await told(world, made.id, "tenant.create") == await told(world, NOWHERE, "tenant.create") == [me.email]


async def test_tenants_come_in_pages_by_name_also_those_of_one_name(world: World, operator: Client) -> None:
    for name in ("beta", "beta", "alpha"):
        await operator.add_tenant(NewTenant(name=name, owner="somebody@example.com"))
    seen, cursor = [], None
    while True:
        page = await operator.admin_tenants(cursor=cursor, limit=2)
        seen += [one.name for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["acme", "alpha", "beta", "beta", "globex"]


async def test_an_operator_needs_a_fresh_password_to_do_what_they_may_look_at(world: World, operator: Client) -> None:
    world.hands.turn_to(world.now + timedelta(minutes=11))
    assert (await operator.admin_tenant(acme(world))).name == "acme"
    with pytest.raises(Unconfirmed):
        await operator.suspend_tenant(acme(world), "")
    async with world.operator(SystemRole.SUPPORT) as support:
        assert (await support.admin_tenant(acme(world))).name == "acme"
        with pytest.raises(NotAllowed, match="installation:write"):
            await support.suspend_tenant(acme(world), "")


# ---- closed


async def test_check_ins_of_a_suspended_tenant_are_stored_and_its_people_are_told_why(
    world: World, operator: Client, owner: Client
) -> None:
    async with world.signed_in("acme") as program:
        job = await program.add_job(NewJob(slug="backup"))
        await operator.suspend_tenant(acme(world), "the bill of June is not paid")
        assert (await world.ping(world.ping_url("acme", "backup"))).status_code == 200
        assert (await program.check_in(CheckIn(kind="success", job=str(job.id)))).run is not None
        for refused in (program.jobs(), owner.jobs(), owner.members(), owner.add_job(NewJob(slug="b"))):
            with pytest.raises(Closed, match=r"the bill of June is not paid.*ask whoever runs this installation"):
                await refused
        me = await owner.me()
        assert "the bill of June" in me.closed
        assert (await owner.tenants()).items[0].state is State.SUSPENDED
        assert (await owner.tenant()).suspended_why == "the bill of June is not paid"
        with pytest.raises(Closed):
            await owner.edit_tenant(TenantPatch(name="Free"))

        resumed = await operator.resume_tenant(acme(world))
        assert resumed.state is State.ACTIVE
        assert (await program.job(job.id)).last_run is not None
    assert (
        len(await told(world, acme(world), "tenant.suspend")) == len(await told(world, NOWHERE, "tenant.suspend")) == 1
    )


async def test_an_operator_runs_the_installation_also_while_their_own_tenant_is_closed(world: World) -> None:
    async with world.appliance.db.write_all() as tx:
        login = await accounts.login_of(tx, "owner@acme.test")
        assert login is not None
        session = (await begin_session(tx, login, Caller())).session
    async with visitor(world, session) as owner:
        await owner.suspend_tenant(acme(world), "tidying")
        with pytest.raises(Closed, match="tidying"):
            await owner.jobs()
        assert (await owner.resume_tenant(acme(world))).state is State.ACTIVE
        with pytest.raises(Conflict, match="not suspended"):
            await owner.resume_tenant(acme(world))
        assert (await owner.jobs()).items == []


async def test_an_owner_deletes_their_tenant_and_has_it_back(world: World, owner: Client) -> None:
    async with world.signed_in("acme") as program:
        job = await program.add_job(NewJob(slug="backup"))
        gone = await owner.delete_tenant()
        assert (gone.state, gone.restorable_until) == (State.DELETED, world.now + UNDO)
        with pytest.raises(Conflict, match="deleted already"):
            await owner.delete_tenant()
        with pytest.raises(Closed, match="until 18 January 2027 an owner can restore it"):
            await program.jobs()
        assert (await world.ping(world.ping_url("acme", "backup"))).status_code == 200

        world.hands.turn_to(world.now + UNDO - timedelta(minutes=1))
        assert not await world.appliance.purge.step()
        with pytest.raises(Unconfirmed):
            await owner.restore_tenant()
    async with world.person("acme", Role.OWNER) as another:
        assert (await another.restore_tenant()).state is State.ACTIVE
        assert (await another.job(job.id)).last_run is not None


@pytest.mark.parametrize("role", [Role.ADMIN, Role.EDITOR, Role.AUDITOR])
async def test_only_an_owner_deletes_exports_or_restores(world: World, role: Role) -> None:
    async with world.person("acme", role) as person, world.signed_in("acme") as program:
        for client in (person, program):
            for refused in (client.delete_tenant(), client.restore_tenant(), client.export_tenant(), client.exports()):
                with pytest.raises(NotAllowed):
                    await refused
        assert (await person.tenant()).state is State.ACTIVE


async def test_an_invitation_to_a_deleted_tenant_opens_nothing(world: World, owner: Client) -> None:
    code = code_of((await owner.invite(NewInvitation(email="late@example.com"))).link)
    await owner.delete_tenant()
    async with visitor(world) as anybody:
        with pytest.raises(NotFound):
            await anybody.open_invitation(code)


@pytest.mark.both_databases
async def test_what_contradicts_itself_is_done_once_by_two_operators_at_once(world: World) -> None:
    async with world.operator(SystemRole.SUPERADMIN) as one, world.operator(SystemRole.SUPERADMIN) as two:
        for deed in ("admin_delete_tenant", "admin_restore_tenant"):
            ended = await asyncio.gather(
                *(getattr(client, deed)(acme(world)) for client in (one, two)), return_exceptions=True
            )
            assert sorted(isinstance(one, Conflict) for one in ended) == [False, True], ended
    assert len(await told(world, acme(world), "tenant.delete")) == 1


# ---- gone


async def _rows_of(world: World, tenant: UUID) -> dict[str, int]:
    """How many there are of it, by table."""
    counts = {}
    async with world.appliance.db.read_all() as tx:
        for table in metadata.sorted_tables:
            key = table.c.id if table.name == "tenants" else table.c.get("tenant_id")
            if key is not None:
                counts[table.name] = len((await tx.sql.execute(select(key).where(key == tenant))).all())
    return {name: count for name, count in counts.items() if count}


async def test_after_fourteen_days_nothing_of_it_is_left_anywhere(
    world: World, operator: Client, owner: Client
) -> None:
    there = await things(world)
    async with world.signed_in("acme") as program:
        for number in range(30):
            await program.add_job(NewJob(slug=f"job-{number}"))
        output = OutputText(head="what it printed")
        await program.check_in(CheckIn(kind="fail", job=str(there.job), output=output))
        await world.passes(hours=30)
    session = owner.http.headers["cookie"].partition("=")[2]
    before = await _rows_of(world, acme(world))
    assert {"jobs", "runs", "check_ins", "outputs", "flips", "audit", "members", "tokens", "exports"} <= set(before)
    others = await _rows_of(world, world.tenants["globex"].principal.tenant)

    await operator_again(world, "admin_delete_tenant")
    world.hands.turn_to(world.now + UNDO)
    assert await world.appliance.purge.step()
    assert not await world.appliance.purge.step()
    assert await _rows_of(world, acme(world)) == {}
    assert await _rows_of(world, world.tenants["globex"].principal.tenant) == others
    assert (await world.ping(world.ping_url("acme", "backup"))).status_code == 404
    async with visitor(world, session) as gone:
        with pytest.raises(Unauthenticated):
            await gone.me()
    assert await told(world, NOWHERE, "tenant.purge") == ["Crontopus itself"]
    async with world.operator(SystemRole.SUPERADMIN) as again:
        with pytest.raises(NotFound):
            await again.admin_restore_tenant(acme(world))


async def operator_again(world: World, deed: str) -> None:
    """Signed in just now."""
    async with world.operator(SystemRole.SUPERADMIN) as client:
        await getattr(client, deed)(acme(world))


@pytest.mark.both_databases
async def test_people_who_belong_nowhere_else_go_with_it_and_others_stay(world: World, owner: Client) -> None:
    email = str((await owner.me()).email)
    both = "both@example.com"
    users = metadata.tables["users"]
    async with world.person("globex", Role.OWNER) as globex:
        for inviting in (owner, globex):
            code = code_of((await inviting.invite(NewInvitation(email=both))).link)
            async with visitor(world) as anybody:
                await anybody.accept_invitation(Acceptance(code=code, password="a dull tuesday evening"))
    await owner.delete_tenant()
    world.hands.turn_to(world.now + UNDO)
    assert await world.appliance.purge.step()
    async with world.appliance.db.read_all() as tx:
        left = set((await tx.sql.scalars(select(users.c.email))).all())
    assert email not in left
    assert {both, "owner@acme.test"} <= left, "whoever runs the installation stays too"


@pytest.mark.both_databases
async def test_two_processes_that_remove_a_tenant_remove_it_once(world: World, owner: Client) -> None:
    await things(world)
    await owner.delete_tenant()
    world.hands.turn_to(world.now + UNDO)
    await asyncio.gather(*(world.appliance.purge.step() for _ in range(3)))
    assert await _rows_of(world, acme(world)) == {}
    assert len(await told(world, NOWHERE, "tenant.purge")) == 1


# ---- exported


async def _downloaded(owner: Client, export: Export) -> bytes:
    async with owner.download_export(export.id) as response:
        return await response.aread()


async def _exported(world: World, owner: Client) -> tuple[Export, bytes]:
    await owner.export_tenant()
    assert await world.appliance.exports.step()
    found = (await owner.exports()).items[0]
    return found, await _downloaded(owner, found)


async def test_an_export_has_all_of_the_tenant_and_nothing_of_others(world: World, owner: Client) -> None:
    await things(world, "globex", marker="marker-of-globex")
    there = await things(world)
    async with world.signed_in("acme") as program:
        await program.check_in(CheckIn(kind="fail", job=str(there.job), output=OutputText(head="what it printed")))
    export, content = await _exported(world, owner)
    assert (export.size_bytes, export.sha256) == (len(content), sha256(content).hexdigest())
    assert export.expires_at == world.now + DAY
    archive = zipfile.ZipFile(io.BytesIO(content))
    manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["format"], manifest["tenant"]) == (1, str(acme(world)))
    assert set(manifest["files"]) | {"manifest.json"} == set(archive.namelist())
    rows = {}
    for name, said in manifest["files"].items():
        text = archive.read(name)
        assert sha256(text).hexdigest() == said["sha256"]
        rows[name.removesuffix(".ndjson")] = [json.loads(line) for line in text.splitlines()]
        assert len(rows[name.removesuffix(".ndjson")]) == said["lines"]
    assert rows["tenant"][0]["name"] == "acme"
    assert {one["name"] for one in rows["jobs"]} == {MARKER}
    assert "owner@acme.test" in {one["email"] for one in rows["members"]}
    assert "what it printed" in {one["head"].strip() for one in rows["outputs"]}
    assert {"audit", "runs", "check_ins", "members", "namespaces", "tokens"} <= {name for name in rows if rows[name]}
    whole = b"".join(archive.read(name) for name in archive.namelist())
    assert b"marker-of-globex" not in whole


async def test_nothing_in_an_export_opens_anything(world: World, owner: Client) -> None:
    there = await things(world)
    async with world.signed_in("acme") as program:
        job = await program.job(there.job)
        secret = await program.add_token(NewToken(name="one"))
        space = await program.namespace("default")
    invited = await owner.invite(NewInvitation(email="new@example.com"))
    _, content = await _exported(world, owner)
    archive = zipfile.ZipFile(io.BytesIO(content))
    whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
    session = owner.http.headers["cookie"].partition("=")[2]
    assert job.ping_url is not None
    for opens in (job.ping_url.rpartition("/")[2], secret.token, str(space.ping_key), code_of(invited.link), session):
        assert opens not in whole


async def test_an_export_is_there_for_a_day_for_owners_alone(world: World, owner: Client) -> None:
    export, _ = await _exported(world, owner)
    async with world.person("globex", Role.OWNER) as stranger, world.person("acme", Role.ADMIN) as admin:
        with pytest.raises(NotFound):
            await _downloaded(stranger, export)
        with pytest.raises(NotAllowed):
            await _downloaded(admin, export)
    async with visitor(world) as anybody:
        with pytest.raises(Unauthenticated):
            await _downloaded(anybody, export)
    world.hands.turn_to(world.now + DAY)
    async with world.person("acme", Role.OWNER) as again:
        with pytest.raises(NotFound, match="not any more"):
            await _downloaded(again, export)
        assert (await again.exports()).items == []
    while await world.appliance.exports.step():
        pass
    assert "exports" not in await _rows_of(world, acme(world))


async def test_one_export_at_a_time_and_none_before_it_is_whole(world: World, owner: Client) -> None:
    asked = await owner.export_tenant()
    with pytest.raises(Conflict, match="under way already"):
        await owner.export_tenant()
    with pytest.raises(Conflict, match="not finished yet"):
        await _downloaded(owner, asked)
    assert (await owner.exports()).items[0].sha256 is None


@pytest.mark.both_databases
async def test_an_export_that_a_process_left_is_begun_anew_by_the_next(world: World, owner: Client) -> None:
    """The first wrote a part, and was killed."""
    await things(world)
    asked = await owner.export_tenant()
    db, dead = world.appliance.db, uuid4()
    async with db.write_all() as tx:
        claimed = await stored.claim(tx, dead, alone=False)
        assert claimed is not None
        assert await stored.keep(tx, claimed, dead, 0, b"half of something")
    later = Exports(db, uuid4())
    if not db.is_sqlite:
        assert not await later.step(), "its lease is not over"
        world.hands.turn_to(world.now + stored.LEASE + timedelta(seconds=1))
    assert await later.step()
    found = (await owner.exports()).items[0]
    assert found.id == asked.id
    content = await _downloaded(owner, found)
    assert sha256(content).hexdigest() == found.sha256
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    async with db.write_all() as tx:
        assert not await stored.keep(tx, claimed, dead, 1, b"the dead one writes no more")


async def test_an_export_is_read_by_job_in_batches_and_misses_nothing(
    world: World, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumping, "BATCH", 3)
    monkeypatch.setattr(dumping, "JOBS", 2)
    async with world.signed_in("acme") as program:
        for number in range(5):
            await program.add_job(NewJob(slug=f"job-{number}"))
        for number in (0, 0, 0, 0, 1, 1, 1, 3, 4, 4):
            await program.check_in(CheckIn(kind="fail", job=f"default/job-{number}", output=OutputText(head="x")))
        await program.delete_job("default/job-4")
    _, content = await _exported(world, owner)
    archive = zipfile.ZipFile(io.BytesIO(content))
    count = {
        name: len(archive.read(f"{name}.ndjson").splitlines()) for name in ("check_ins", "outputs", "runs", "jobs")
    }
    assert count == {"check_ins": 10, "outputs": 10, "runs": 10, "jobs": 5}


async def test_a_lease_is_renewed_also_while_no_part_is_full(world: World, owner: Client) -> None:
    await owner.export_tenant()
    db, me = world.appliance.db, uuid4()
    async with db.write_all() as tx:
        claimed = await stored.claim(tx, me, alone=False)
    assert claimed is not None
    world.hands.turn_to(world.now + stored.LEASE)
    async with db.write_all() as tx:
        assert await stored.renew(tx, claimed.id, me)
    world.hands.turn_to(world.now + stored.LEASE)
    async with db.write_all() as tx:
        assert await stored.claim(tx, uuid4(), alone=False) is None
        assert not await stored.renew(tx, claimed.id, uuid4())


async def test_loops_with_nothing_to_do_write_nothing(world: World) -> None:
    writes = world.appliance.db.writes
    assert not await world.appliance.exports.step()
    assert not await world.appliance.purge.step()
    assert world.appliance.db.writes == writes


async def test_an_export_that_was_cut_is_no_zip(world: World, owner: Client) -> None:
    _, content = await _exported(world, owner)
    for end in (len(content) // 2, len(content) - 30):
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(io.BytesIO(content[:end]))


async def test_a_download_says_what_it_is(world: World, owner: Client) -> None:
    export, content = await _exported(world, owner)
    answer: httpx.Response = await owner.http.get(f"/tenants/current/exports/{export.id}/content")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="crontopus-2027-01-04-0800.zip"'
    assert int(answer.headers["content-length"]) == len(content)
