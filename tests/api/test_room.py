"""Bodies of requests beside pings: they come in time and within bounds, or are refused; pings get through meanwhile."""

import json

import pytest
from structlog.testing import capture_logs

from crontopus.api import room
from crontopus.api.room import Room
from crontopus.wire.jobs import NewJob
from tests.api.sender import Sender, sending
from tests.world import World

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
SIGN_IN = json.dumps({"email": "x@example.org", "password": "x"}).encode()


def _room(world: World, **limits: int) -> None:
    """Little of it, so that it is soon full."""
    world.appliance.app._room = Room(world.appliance.parts.patience, **limits)


async def _is_refused(sender: Sender, status: int, code: str) -> dict[str, str]:
    told, headers, body = await sender.answer()
    problem = json.loads(body)
    assert (told, headers["content-type"]) == (status, "application/problem+json")
    assert (problem["status"], problem["type"]) == (status, f"/docs/problems#{code}")
    assert problem["request_id"] == headers["x-request-id"]
    return headers


@pytest.mark.parametrize("path", ["/api/v1/sessions", "/api/v1/setup"])
async def test_a_body_that_does_not_come_in_time_is_refused(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(room, "MOST_SECONDS", 0.01)
    async with sending(sqlite_world, "POST", path, content_type=JSON) as sender:
        sender.send(b"{")
        await _is_refused(sender, 408, "too-slow")


async def test_a_form_that_does_not_come_in_time_is_answered_with_a_page(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_SECONDS", 0.01)
    async with sending(sqlite_world, "POST", "/sign-in", content_type=FORM) as sender:
        status, headers, body = await sender.answer()
        assert (status, headers["content-type"]) == (408, "text/html; charset=utf-8")
        assert b"That took too long" in body


async def test_a_body_that_comes_slowly_but_in_time_is_taken(sqlite_world: World) -> None:
    async with sending(sqlite_world, "POST", "/api/v1/sessions", content_type=JSON) as sender:
        for byte in SIGN_IN:
            sender.send(bytes([byte]))
        sender.send(b"", more=False)
        await _is_refused(sender, 401, "unauthenticated")


async def test_beyond_so_many_others_are_told_to_come_again_and_pings_get_through(sqlite_world: World) -> None:
    _room(sqlite_world, most_requests=2)
    signing_in = ("POST", "/api/v1/sessions")
    async with sending(sqlite_world, *signing_in, content_type=JSON) as first:
        async with sending(sqlite_world, *signing_in, content_type=JSON):
            async with sending(sqlite_world, *signing_in, content_type=JSON) as third:
                assert (await _is_refused(third, 503, "unavailable"))["retry-after"] == "2"
                assert third.taken_bytes == 0
            assert (await sqlite_world.http.get("/livez")).text == "ok"
            key = sqlite_world.ping_url("acme", "backup")
            assert (await sqlite_world.ping(f"{key}?create=1", "POST", content=b"done")).status_code == 201
        first.send(SIGN_IN, more=False)
        assert (await first.answer())[0] == 401
    assert (await sqlite_world.http.post("/api/v1/sessions", content=SIGN_IN)).status_code == 401, "there is room again"


async def test_beyond_so_many_bytes_others_are_told_to_come_again(sqlite_world: World) -> None:
    async with sqlite_world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="backup"))
    _room(sqlite_world, most_bytes=1000)
    token = f"Bearer {sqlite_world.tenants['acme'].token}"
    new_job = ("POST", "/api/v1/jobs")
    async with sending(sqlite_world, *new_job, content_type=JSON, authorization=token) as first:
        first.send(b" " * 900)
        await first.taken(900)
        async with sending(sqlite_world, *new_job, content_type=JSON, authorization=token) as second:
            second.send(b" " * 200)
            assert (await _is_refused(second, 503, "unavailable"))["retry-after"] == "2"
            assert (await sqlite_world.ping(job.ping_url, "POST", content=b"x" * 5000)).text == "OK"
        first.send(b'{"name": "first"}', more=False)
        assert (await first.answer())[0] == 201
    async with sqlite_world.signed_in("acme") as acme:
        assert (await acme.add_job(NewJob(name="x" * 100))).slug, "there is room again"


@pytest.mark.parametrize("path", ["/api/v1/sessions", "/api/v1/setup", "/sign-in", "/setup", "/me/theme"])
async def test_what_anybody_may_send_is_small(sqlite_world: World, path: str) -> None:
    kind = {"Content-Type": JSON if path.startswith("/api") else FORM}
    answer = await sqlite_world.http.post(path, content=b"x" * 100_000, headers=kind)
    assert answer.status_code == 413


async def test_who_leaves_within_the_body_is_no_fault_of_the_server(sqlite_world: World) -> None:
    with capture_logs() as logged:
        for path, kind in (("/api/v1/sessions", JSON), ("/sign-in", FORM)):
            async with sending(sqlite_world, "POST", path, content_type=kind) as sender:
                sender.send(b"the beg")
                sender.leave()
                assert (await sender.answer())[0] == 400
    assert logged == []


async def test_a_body_that_is_under_way_when_the_server_stops_is_refused(sqlite_world: World) -> None:
    async with sending(sqlite_world, "POST", "/api/v1/sessions", content_type=JSON) as sender:
        sender.send(b"{")
        sqlite_world.appliance.parts.stop()
        assert "retry-after" in await _is_refused(sender, 503, "unavailable")
