"""What all addresses of the API have in common: conditions, pages, methods, and the id by which a request is found."""

import base64
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar import Litestar, get
from structlog.testing import capture_logs

from crontopus.api import document, problems
from crontopus.api.app import api_router
from crontopus.domain.errors import Unavailable
from crontopus.wire.accounts import NewNamespace
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from tests.world import BASE, World

OPERATIONS = list(document.operations(Litestar([api_router()], openapi_config=None)))
CONDITIONAL = ["edit_job", "delete_job", "edit_namespace", "delete_namespace", "rotate_ping_key"]
ID = "00000000-0000-0000-0000-000000000001"


# ---- conditions


def test_whatever_changes_a_thing_with_a_version_takes_if_match() -> None:
    """But for pauses and resumptions, which change what is believed of a job and not its definition."""
    taking = [str(one.operation_id) for _, _, one in OPERATIONS if "if_match" in one.parsed_fn_signature.parameters]
    assert sorted(taking) == sorted(CONDITIONAL)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/jobs/prod:backup"),
        ("DELETE", "/jobs/prod:backup"),
        ("PATCH", "/namespaces/prod"),
        ("DELETE", "/namespaces/empty"),
        ("POST", "/namespaces/prod/rotate-ping-key"),
    ],
)
async def test_what_somebody_else_has_changed_is_left_as_it_is(world: World, method: str, path: str) -> None:
    thing = path.removesuffix("/rotate-ping-key")
    async with world.signed_in("acme") as acme:
        for slug in ("prod", "empty"):
            await acme.add_namespace(NewNamespace(slug=slug))
        await acme.add_job(NewJob(slug="backup", namespace="prod"))
        read = await acme.http.get(thing)
        assert (await acme.http.patch(thing, json={"name": "changed meanwhile"})).status_code == 200
        body: dict[str, Any] = {"json": {"name": "mine"}} if method == "PATCH" else {}
        for old in (read.headers["ETag"], '"1"', 'W/"2"', '"1", "3"'):
            answer = await acme.http.request(method, path, headers={"If-Match": old}, **body)
            assert (answer.status_code, answer.json()["type"]) == (412, "/docs/problems#lost-race")
        now = await acme.http.get(thing)
        assert now.json()["name"] == "changed meanwhile"
        answer = await acme.http.request(method, path, headers={"If-Match": f'"1", {now.headers["ETag"]}'}, **body)
        assert answer.is_success


async def test_each_line_of_if_none_match_counts(world: World) -> None:
    async with world.signed_in("acme") as acme:
        tag = (await acme.http.get("/me")).headers["ETag"]
        for tags in ([tag, '"other"'], ['"other"', tag], [f'W/{tag}, "other"'], ["*"]):
            for method in ("GET", "HEAD"):
                answer = await acme.http.request(method, "/me", headers=[("If-None-Match", one) for one in tags])
                assert (answer.status_code, answer.content) == (304, b"")
        assert (await acme.http.get("/me", headers={"If-None-Match": '"other"'})).status_code == 200


# ---- pages


def _cursor(**place: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/runs", {"at": "2027-01-01T00:00:00", "id": ID}),
        ("/runs", {"at": "2027-01-01T00:00:00Z"}),
        ("/runs", {"at": "2027-01-01T00:00:00Z", "id": "x"}),
        ("/gaps", {"at": "2027-01-01T00:00:00"}),
        ("/gaps", {"at": "2027-01-01T00:00:00Z", "id": ID}),
        ("/gaps", {"at": 5}),
        ("/gaps", {"at": "0001-01-01T00:00:00+14:00"}),
        ("/runs", {"at": "9999-12-31T23:59:59-14:00", "id": ID}),
        ("/jobs/backup/runs", {"number": 0}),
        ("/jobs/backup/runs", {"number": -1}),
        ("/jobs/backup/runs", {"number": 2**32}),
        ("/jobs/backup/runs", {"number": True}),
        ("/jobs/backup/check-ins", {"id": 1}),
        ("/jobs", {"sort": "name", "key": "a\x00", "id": ID}),
        ("/jobs", {"sort": "created_at", "key": "a", "id": ID}),
        ("/namespaces", {"slug": "\x00"}),
        ("/namespaces", {}),
        ("/tokens", {"id": None}),
        ("/tokens", []),
    ],
)
async def test_a_cursor_that_no_page_gave_is_refused(world: World, path: str, place: Any) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        cursor = base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")
        answer = await acme.http.get(path, params={"cursor": cursor})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"].startswith("/cursor")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z"])
async def test_a_cursor_from_the_ends_of_the_calendar_is_a_place_too(world: World, at: str) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        await acme.check_in(CheckIn(kind="success", job="default/backup"))
        for path, place in (("/runs", _cursor(at=at, id=ID)), ("/gaps", _cursor(at=at))):
            answer = await acme.http.get(path, params={"cursor": place})
            assert answer.status_code == 200
            assert answer.json()["items"] == []


async def test_a_parameter_that_is_given_twice_is_refused(world: World) -> None:
    async with world.signed_in("acme") as acme:
        answer = await acme.http.get("/jobs?limit=1&limit=2")
        assert answer.status_code == 400
        assert answer.json()["errors"] == [{"pointer": "/limit", "detail": "give it once"}]


# ---- methods and forms


@pytest.mark.parametrize("path", ["/jobs", "/jobs/backup", "/jobs/backup/pause", "/me", "/events", "/metrics"])
async def test_allow_names_every_method_of_an_address(world: World, path: str) -> None:
    async with world.signed_in("acme") as acme:
        refused = await acme.http.request("TRACE", path)
        told = await acme.http.options(path)
        assert (refused.status_code, told.status_code) == (405, 204)
        assert refused.headers["Allow"] == told.headers["Allow"]
        methods = told.headers["Allow"].split(", ")
        assert methods == sorted(methods)
        assert ("GET" in methods) == ("HEAD" in methods)
        for method in {"GET", "POST", "PATCH", "PUT", "DELETE"} - set(methods):
            assert (await acme.http.request(method, path)).status_code == 405


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/json;q=0", "garbage;;,", "*/*;q=inf"])
async def test_answers_are_json_whatever_is_asked_for(world: World, accept: str) -> None:
    async with world.signed_in("acme") as acme:
        for path, status, kind in (("/me", 200, "application/json"), ("/jobs/x", 404, problems.MEDIA_TYPE)):
            answer = await acme.http.get(path, headers={"Accept": accept})
            assert (answer.status_code, answer.headers["Content-Type"]) == (status, kind)


async def test_a_merge_patch_may_be_called_one(world: World) -> None:
    """RFC 7396: what an object holds is merged, null takes away, and all else is replaced."""
    headers = {"Content-Type": "application/merge-patch+json"}
    async with world.signed_in("acme") as acme:
        await acme.add_job(
            NewJob(slug="x", labels={"team": "data", "tier": "1"}, tags=["a", "b"], grace=5, owner="ada")
        )
        for patch, field, left in (
            ({"labels": {"tier": None, "new": "2"}}, "labels", {"team": "data", "new": "2"}),
            ({"labels": {}}, "labels", {"team": "data", "new": "2"}),
            ({"tags": ["c"]}, "tags", ["c"]),
            ({"tags": None}, "tags", []),
            ({"labels": None}, "labels", {}),
            ({"grace": None}, "grace", 600),
            ({"owner": None}, "owner", ""),
        ):
            answer = await acme.http.patch("/jobs/x", json=patch, headers=headers)
            assert (answer.status_code, answer.json()[field]) == (200, left)
        answer = await acme.http.patch("/jobs/x", json={"labels": {"team": 1}}, headers=headers)
        assert answer.json()["errors"] == [{"pointer": "/labels", "detail": "write text, not a number"}]


# ---- the id of a request


@pytest.mark.parametrize(
    ("error", "status", "event", "level"),
    [
        (RuntimeError("a bug"), 500, "request failed", "error"),
        (Unavailable("gone"), 503, "request not served", "warning"),
    ],
)
async def test_what_went_wrong_here_is_logged_with_the_id_that_the_caller_was_told(
    error: Exception, status: int, event: str, level: str
) -> None:
    @get("/")
    async def fails() -> None:
        raise error

    app = Litestar([fails], exception_handlers={Exception: problems.answer}, openapi_config=None, logging_config=None)
    with capture_logs() as logs:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(cast(Any, app)), base_url=BASE) as client:
            answer = await client.get("/")
    assert answer.status_code == status
    (logged,) = logs
    assert (logged["event"], logged["log_level"], logged["path"]) == (event, level, "/")
    assert logged["request_id"] == answer.json()["request_id"] == answer.headers["X-Request-Id"]
