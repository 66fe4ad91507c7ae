"""The live stream: what changes is told, in order, to those who may see it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from sqlalchemy import text

from crontopus.api import document, events
from crontopus.api.app import api_router
from crontopus.client import SESSION_COOKIE, Client
from crontopus.domain.access import Principal, Reach
from crontopus.engine.accounts import begin_session
from crontopus.engine.credentials import Caller
from crontopus.storage import accounts
from crontopus.storage import events as stored
from crontopus.storage.database import Changed
from crontopus.storage.events import Position
from crontopus.wire.accounts import CreatedToken, NewNamespace, NewToken
from crontopus.wire.jobs import NewJob
from crontopus.wire.problem import Problem
from crontopus.wire.runs import CheckIn
from tests.stream import WITHIN_SECONDS, Stream, bearer, followed, following
from tests.world import World

TOLD = document.document(Litestar([api_router()], openapi_config=None))


async def test_what_changes_is_told_with_its_id(world: World) -> None:
    async with world.signed_in("acme") as acme, following(world, "acme") as stream:
        job = await acme.add_job(NewJob(slug="backup"))
        [(noun, _, made)] = await stream.told(1)
        assert made is not None
        assert (noun, made.noun, made.id, made.job) == ("job", "job", job.id, job.id)
        run = (await acme.check_in(CheckIn(kind="start", job="default/backup"))).run
        told = await stream.told(2)
        assert {(noun, change.id) for noun, _, change in told if change} == {("job", job.id), ("run", run)}


async def test_the_stream_is_what_its_document_says(world: World) -> None:
    """Which the test of all other addresses leaves out, since it has no end."""
    promised = TOLD["paths"]["/api/v1/events"]["get"]
    good = promised["responses"]["200"]
    schema = TOLD["components"]["schemas"]["ChangeEvent"]
    async with world.signed_in("acme") as acme, following(world, "acme") as stream:
        headers = {name.decode().title(): value.decode() for name, value in stream.head["headers"]}
        assert [headers["Content-Type"].partition(";")[0]] == list(good["content"])
        assert {name.lower() for name in good["headers"]} <= {name.lower() for name in headers}
        assert await stream.text() == ": alive\n\n"
        await acme.add_job(NewJob(slug="backup"))
        await acme.check_in(CheckIn(kind="success", job="default/backup"))
        nouns: set[str] = set()
        while nouns != {"job", "run"}:
            for block in (await stream.text()).removesuffix("\n\n").split("\n\n"):
                event, id, data = block.split("\n")
                told = msgspec.json.decode(data.removeprefix("data: "))
                assert list(told) == list(schema["properties"]) == schema["required"]
                assert event == f"event: {told['noun']}"
                assert re.fullmatch(r"id: \d+\.\d+\.\d+", id)
                assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", told["at"])
                nouns.add(told["noun"])
        for more, status in (({"Authorization": ""}, 401), ({"Last-Event-ID": "1" * 101}, 400)):
            answer = await acme.http.get("/events", headers=more)
            assert answer.status_code == status
            assert list(promised["responses"][str(status)]["content"]) == [answer.headers["Content-Type"]]
            assert msgspec.json.decode(answer.content, type=Problem).status == status


async def test_another_tenant_is_told_nothing(world: World) -> None:
    theirs = following(world, "globex")
    async with world.signed_in("acme") as acme, world.signed_in("globex") as globex, theirs as stream:
        await acme.add_job(NewJob(slug="theirs"))
        mine = await globex.add_job(NewJob(slug="mine"))
        [(_, _, change)] = await stream.told(1)
        assert change is not None
        assert change.id == mine.id


async def test_a_stream_goes_on_where_it_broke_off(world: World) -> None:
    async with world.signed_in("acme") as acme:
        async with following(world, "acme") as stream:
            await acme.add_job(NewJob(slug="one"))
            [(_, last, _)] = await stream.told(1)
        two = await acme.add_job(NewJob(slug="two"))
        async with following(world, "acme", last) as stream:
            [(_, _, change)] = await stream.told(1)
            assert change is not None
            assert change.id == two.id


async def test_a_reader_goes_on_in_the_middle_of_what_one_transaction_changed(world: World) -> None:
    async with world.signed_in("acme") as acme:
        jobs = [await acme.add_job(NewJob(slug=slug)) for slug in ("one", "two")]
        async with following(world, "acme") as stream:
            await acme.check_ins([CheckIn(kind="start", job=f"default/{job.slug}") for job in jobs])
            told = await stream.told(4)
        for read in range(1, 4):
            async with following(world, "acme", told[read - 1][1]) as stream:
                assert await stream.told(4 - read) == told[read:]


async def test_what_is_no_longer_known_is_said(world: World) -> None:
    for lost in ("0.999999.1", "0.1", "nonsense", "1"):
        async with following(world, "acme", lost) as stream:
            assert (await stream.told(1))[0][0] == "resync"


async def test_there_are_only_so_many_streams_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_STREAMS", 1)
    async with world.signed_in("acme") as acme:
        async with following(world, "acme") as stream:
            await acme.add_job(NewJob(slug="one"))
            await stream.told(1)
            refused = await acme.http.get("/events")
            assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        async with following(world, "acme") as stream:
            await acme.add_job(NewJob(slug="two"))
            await stream.told(1)


async def test_a_stream_ends_when_the_server_stops(world: World) -> None:
    stream = Stream(world, bearer(world, "acme"), None)
    async with asyncio.timeout(WITHIN_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(stream.run())
        assert await stream.status() == 200
        world.appliance.parts.stopping.set()


async def _revoked(world: World, acme: Client, token: CreatedToken) -> None:
    await acme.revoke_token(token.id)


async def _expired(world: World, acme: Client, token: CreatedToken) -> None:
    world.hands.turn_to(world.now + timedelta(hours=1))


@pytest.mark.parametrize("end", [_revoked, _expired])
@pytest.mark.parametrize("something_changes", [True, False])
async def test_a_token_that_is_no_longer_valid_is_told_nothing_more(
    world: World, end: Callable[[World, Client, CreatedToken], Awaitable[None]], something_changes: bool
) -> None:
    async with world.signed_in("acme") as acme:
        token = await acme.add_token(NewToken(name="watcher", expires_at=world.now + timedelta(hours=1)))
        async with followed(Stream(world, ("authorization", f"Bearer {token.token}"), None)) as stream:
            await acme.add_job(NewJob(slug="before"))
            assert len(await stream.told(1)) == 1
            await end(world, acme, token)
            if something_changes:
                await acme.add_job(NewJob(slug="after"))
            assert "event:" not in await stream.rest()


@pytest.mark.parametrize("gone", ["session", "membership"])
async def test_a_person_who_is_gone_is_told_nothing_more(world: World, gone: str) -> None:
    async with world.signed_in("acme") as acme:
        session = await _session(world, "acme")
        async with followed(Stream(world, ("cookie", f"{SESSION_COOKIE}={session}"), None)) as stream:
            async with world.appliance.db.write_all() as tx:
                table = "sessions" if gone == "session" else "members"
                await tx.sql.execute(text(f"DELETE FROM {table}"))  # noqa: S608 # a name of ours
            await acme.add_job(NewJob(slug="after"))
            assert "event:" not in await stream.rest()


async def _session(world: World, tenant: str) -> str:
    async with world.appliance.db.write_all() as tx:
        login = await accounts.login_of(tx, f"owner@{tenant}.test")
        assert login is not None
        return (await begin_session(tx, login, Caller())).session


async def test_nothing_is_told_of_what_is_out_of_reach(world: World) -> None:
    async with world.signed_in("acme") as acme:
        place = Position(0, 0, 0)
        namespace = await acme.add_namespace(NewNamespace(slug="prod"))
        inside = await acme.add_job(NewJob(slug="in", namespace="prod"))
        await acme.add_job(NewJob(slug="out"))
        owner = world.tenants["acme"].principal
        narrow: Principal = msgspec.structs.replace(owner, reach=Reach(frozenset({namespace.id})))
        changes, after = await events._next(world.appliance.parts, narrow, place)
        assert [change.subject_id for change in changes] == [inside.id]
        assert after > place


@pytest.mark.both_databases
async def test_a_transaction_that_commits_late_is_not_passed_over(world: World) -> None:
    db, tenant = world.appliance.db, world.tenants["acme"].principal.tenant
    if db.is_sqlite:
        return
    late, early = await _job(world, "late"), await _job(world, "early")
    async with db.read(tenant) as tx:
        place = await stored.newest(tx)
    async with db.write(tenant) as first:
        await stored.add(first, late, 2)
        async with db.write(tenant) as second:
            await stored.add(second, early, 2)
        async with db.read(tenant) as tx:
            assert await stored.after(tx, place, 10) == [], "an older transaction is still open"
    async with db.read(tenant) as tx:
        assert [change.subject_id for change in await stored.after(tx, place, 10)] == [late, early]


async def _job(world: World, slug: str) -> Any:
    async with world.signed_in("acme") as acme:
        return (await acme.add_job(NewJob(slug=slug))).id


async def test_what_is_written_while_somebody_looks_is_not_missed() -> None:
    changed = Changed()
    coming = changed.coming
    changed.notify()
    async with asyncio.timeout(WITHIN_SECONDS):
        await coming.wait()
    assert not changed.coming.is_set()
