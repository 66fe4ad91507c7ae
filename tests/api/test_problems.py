"""Whatever is wrong with a request: a 4xx as problem+json, never a 5xx, and the request's id."""

from contextlib import AsyncExitStack

import httpx
import pytest
from sqlalchemy import text

from crontopus.wire.jobs import NewJob
from tests.world import World

JSON = {"Content-Type": "application/json"}


def _is_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["type"].startswith("/docs/problems#")
    assert told["detail"]
    assert told["request_id"]


async def test_an_address_that_does_not_exist(world: World) -> None:
    async with world.signed_in("acme") as acme:
        for path in ("/nothing", "/jobs/x/y/z", "/runs/x", "/tokens/%00", "/jobs/%2e%2e", "/jobs/%ff", "/jobs/x%00"):
            answer = await acme.http.get(path)
            assert answer.status_code in (400, 404, 405), path
            _is_problem(answer, answer.status_code)


async def test_a_method_that_an_address_does_not_take(world: World) -> None:
    async with world.signed_in("acme") as acme:
        answer = await acme.http.put("/jobs", content=b"{}")
        _is_problem(answer, 405)
        assert "POST" in answer.headers["Allow"]
        told = await world.http.options("/api/v1/jobs")
        assert (told.status_code, told.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"name": "\xff"}',
        b'{"name": "\xed\xa0\x80"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000b"}',
        b'{"labels": {"a\\u0000": "b"}, "name": "x"}',
        b'{"name": "x", "nonsense": 1}',
        b'{"name": 1}',
        b'{"name": "x", "grace": 1e400}',
        b'{"name": "x", "grace": -1}',
        b'{"name": "x", "grace": "soon"}',
        b'{"name": "x", "fail_after": "1"}',
        b'{"name": "x", "fail_after": 1.5}',
        b'{"name": "x", "schedule": {}}',
        b'{"name": "x", "schedule": {"every": 60, "cron": "* * * * *"}}',
        b'{"name": "x", "schedule": {"cron": "0 0 31 2 *"}}',
        b'{"name": "x", "schedule": {"cron": "\\u0000"}}',
        b'{"name": "x", "schedule": [{"every": 60}, {"every": 90}]}',
        b'{"name": "x", "timezone": "../../etc/passwd"}',
        b'{"name": "x", "timezone": ""}',
        b'{"name": "x", "first_by": "2027-01-01T00:00:00"}',
        b'{"name": "x", "first_by": "0001-01-01T00:00:00+14:00"}',
        b'{"name": "x", "first_by": "9999-12-31T23:59:59-14:00"}',
        b'{"name": "' + b"x" * 300 + b'"}',
        b'{"name": "x", "tags": ["' + b'","'.join(b"t%d" % i for i in range(60)) + b'"]}',
        b"[" * 100_000,
        b'{"name":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
async def test_a_body_that_cannot_be_understood(sqlite_world: World, body: bytes) -> None:
    async with sqlite_world.signed_in("acme") as acme:
        _is_problem(await acme.http.post("/jobs", content=body, headers=JSON), 400)
        assert (await acme.jobs()).items == []


@pytest.mark.parametrize("stored", ["no JSON", '{"of": "another shape"}'])
async def test_a_row_that_cannot_be_read_is_no_mistake_of_whoever_asks(world: World, stored: str) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="damaged"))
        async with world.appliance.db.write_all() as tx:
            await tx.sql.execute(text("UPDATE jobs SET tags = :stored"), {"stored": stored})
        for path in ("/jobs", f"/jobs/{job.id}"):
            answer = await acme.http.get(path)
            _is_problem(answer, 500)
            assert stored not in answer.text


async def test_the_place_of_a_fault_is_a_pointer(world: World) -> None:
    async with world.signed_in("acme") as acme:
        answer = await acme.http.post("/jobs", content=b'{"name": "x", "tags": ["a", 1]}', headers=JSON)
        assert answer.json()["errors"] == [{"pointer": "/tags/1", "detail": "write text, not a number"}]


async def test_text_of_every_kind_is_kept_as_it_is(world: World) -> None:
    name, said = (
        "Ünïcode \U0001f980 \\u0000 'quotes\" %s <b>",
        "Ünïcode \U0001f980 \u202e rtl \\u0000 \x7f \t 'quotes\" %s",
    )
    async with world.signed_in("acme") as acme:
        wish = NewJob(slug="x", name=name, description=said, tags=[name], labels={name: name})
        job = await acme.add_job(wish)
        again = await acme.job(job.id)
        assert (again.name, again.description, again.labels) == (name, said, {name: name})
        assert [one.id for one in (await acme.jobs(q='"Ünïcode"')).items] == [job.id]


async def test_a_body_of_another_kind_or_too_large(world: World) -> None:
    async with world.signed_in("acme") as acme:
        _is_problem(await acme.http.post("/jobs", content=b"name=x", headers={"Content-Type": "text/plain"}), 415)
        _is_problem(await acme.http.post("/jobs", content=b" " * 10_500_000, headers=JSON), 413)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=",
        "limit=99999999999999999999999",
        "limit=%00",
        "q=%00",
        "q=%ff%3a",
        "q=status:broken",
        "q=nonsense:x",
        "q=%22",
        "q=label:%3d",
        "q=tag:",
        "q=" + "x" * 1001,
        "q=" + "+".join("x" * 21),
        "sort=random",
        "cursor=%ff",
        "statuss=down",
    ],
)
async def test_a_parameter_that_cannot_be_understood(sqlite_world: World, query: str) -> None:
    async with sqlite_world.signed_in("acme") as acme:
        _is_problem(await acme.http.get(f"/jobs?{query}"), 400)


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer x", "Bearer ctp_s_x", "Bearer ctp_s_é", "\xff"]
)
async def test_a_credential_that_is_none(sqlite_world: World, authorization: str) -> None:
    headers = {b"Authorization": authorization.encode("latin-1")}
    _is_problem(await sqlite_world.http.get("/api/v1/me", headers=headers), 401)
    for cookie in ("crontopus_session=x", "crontopus_session=", "crontopus_session=\xff"):
        answer = await sqlite_world.http.get("/api/v1/me", headers={b"Cookie": cookie.encode("latin-1")})
        _is_problem(answer, 401)


@pytest.mark.parametrize("key", [b"", b"\xff", b"x" * 256])
async def test_an_idempotency_key_that_is_none(sqlite_world: World, key: bytes) -> None:
    async with sqlite_world.signed_in("acme") as acme:
        headers = {b"Content-Type": b"application/json", b"Idempotency-Key": key}
        _is_problem(await acme.http.post("/jobs", content=b'{"name": "x"}', headers=headers), 400)


@pytest.mark.parametrize("tag", ["x", '"x"', "é", '"99"', 'W/"99"', ","])
async def test_a_condition_that_matches_nothing_changes_nothing(sqlite_world: World, tag: str) -> None:
    async with sqlite_world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="x"))
        headers = {b"Content-Type": b"application/json", b"If-Match": tag.encode("latin-1")}
        _is_problem(await acme.http.patch("/jobs/default:x", content=b'{"grace": 1}', headers=headers), 412)


async def test_who_waits_too_long_for_the_database_is_told_to_come_again(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = sqlite_world.appliance.db
    monkeypatch.setattr(db._reader.pool, "_timeout", 0.01)
    async with sqlite_world.signed_in("acme") as acme:
        async with AsyncExitStack() as readers:
            for _ in range(db._reader.pool.size()):  # type: ignore[attr-defined] # a queue pool has a size
                await readers.enter_async_context(db.read_all())
            answer = await acme.http.get("/jobs")
            _is_problem(answer, 503)
            assert "Retry-After" in answer.headers
        assert (await acme.http.get("/jobs")).status_code == 200


async def test_what_is_polled_is_sent_once(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="x"))
        for path in ("/jobs", "/jobs/default:x", "/jobs/counts", "/namespaces", "/runs", "/tokens"):
            first = await acme.http.get(path)
            tag = first.headers["ETag"]
            again = await acme.http.get(path, headers={"If-None-Match": tag})
            assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        tag = (await acme.http.get("/jobs/default:x")).headers["ETag"]
        assert tag.startswith('"1-')
        changed = await acme.http.patch("/jobs/default:x", json={"grace": 1}, headers={"If-Match": tag})
        assert changed.status_code == 200
        assert (await acme.http.get("/jobs/default:x", headers={"If-None-Match": tag})).status_code == 200


async def test_every_answer_has_the_id_of_its_request(world: World) -> None:
    async with world.signed_in("acme") as acme:
        good = await acme.http.get("/jobs")
        bad = await acme.http.get("/jobs/default:nothing")
        assert good.headers["X-Request-Id"] != bad.headers["X-Request-Id"] == bad.json()["request_id"]
