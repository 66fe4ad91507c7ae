"""Every instant in every answer has one form: RFC 3339 in UTC, with milliseconds."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from litestar import Litestar
from msgspec.structs import replace

from crontopus.api import document
from crontopus.api.app import api_router
from crontopus.api.examples import BODIES
from crontopus.appliance import assembled
from crontopus.client import Client
from crontopus.config import Config
from crontopus.domain.access import Role, SystemRole
from crontopus.engine import setup
from crontopus.wire.accounts import NewToken, SetUp
from crontopus.wire.encoding import encoded
from crontopus.wire.events import ChangeEvent
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from crontopus.wire.silences import NewWindow, OnceTimes, WindowTimes
from tests.things import Things, things
from tests.world import BASE, World

TOLD = document.document(Litestar([api_router()], openapi_config=None))
SCHEMAS = TOLD["components"]["schemas"]
FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NEVER = {
    ("CreatedToken", "last_used_at"),
    *(("CreatedTenant", name) for name in ("suspended_at", "deleted_at", "restorable_until")),
}
BY_SCHEMA = {
    *((kind, f"{name}_at") for kind in ("Authenticator", "Passkey") for name in ("created", "used")),
    *(("Device", f"{name}_at") for name in ("asked", "expires")),
    *(("MadeBackup", f"{name}_at") for name in ("asked", "finished")),
    ("Backups", "next_at"),
    *(("Letter", f"{name}_at") for name in ("made", "next")),
    ("MailState", "oldest_at"),
    *((kind, "expires_at") for kind in ("PasswordResetState", "ProvidedSession", "ProviderRedirect")),
    *((kind, "until") for kind in ("Announced", "Looking")),
    *(("Impersonation", f"{name}_at") for name in ("ended", "raised")),
    *(("Channel", name) for name in ("broken_at", "closed_until", "delivered_at")),
    ("Attempt", "at"),
    ("Digest", "next_at"),
}
OF_PEOPLE = {("Me", "confirmed_until"), *(("SessionInfo", f"{name}_at") for name in ("created", "expires", "used"))}
ELSEWHERE = {("Session", "expires_at"), *OF_PEOPLE, *BY_SCHEMA}
"""Tested below: what the walk over all operations does not meet."""

STREAMED = ("events", "metrics", "export_audit", "export_admin_audit", "download_export", "diagnostics")

Found = tuple[str, str, str]
"""A schema, its field, and the text that stands there."""


def _instants(schema: dict[str, Any], value: Any, named: str = "", field: str = "") -> Iterator[Found]:
    """Every instant of `value`, as its schema has it."""
    if "$ref" in schema:
        named = schema["$ref"].rpartition("/")[2]
        yield from _instants(SCHEMAS[named], value, named)
    elif "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _instants(one, value, named, field)
    elif schema.get("format") == "date-time" and isinstance(value, str):
        yield named, field, value
    elif isinstance(value, list):
        for one in value:
            yield from _instants(schema.get("items", {}), one, named, field)
    elif isinstance(value, dict):
        for name, one in schema.get("properties", {}).items():
            yield from _instants(one, value.get(name), named, name)


def _promised() -> set[tuple[str, str]]:
    """Each field of an answer that is an instant."""
    answers = [
        answer["content"]["application/json"]["schema"]
        for methods in TOLD["paths"].values()
        for operation in methods.values()
        for status, answer in operation["responses"].items()
        if status < "300" and "application/json" in answer.get("content", {})
    ]
    names, more = set[str](), [{"answers": answers}]
    while more:
        found = set(re.findall(r"schemas/(\w+)", str(more))) - names
        names |= found
        more = [SCHEMAS[name] for name in found]
    fields = {(name, field): schema for name in names for field, schema in SCHEMAS[name].get("properties", {}).items()}
    return {place for place, schema in fields.items() if "'format': 'date-time'" in str(schema)}


async def _lived(world: World, acme: Client) -> Things:
    """A world in which everything has happened that has a time."""
    await world.passes(milliseconds=120)
    missed = await acme.add_job(NewJob(slug="missed", schedule=Schedule(every=60), grace=0))
    away = timezone(timedelta(hours=2))
    await acme.add_job(NewJob(slug="new", schedule=Schedule(every=60), first_by=datetime(2027, 2, 1, 9, tzinfo=away)))
    await acme.add_job(NewJob(slug="paused"))
    await acme.check_in(CheckIn(kind="success", job="default/paused"))
    await acme.pause_job("default/paused", world.now + timedelta(days=1))
    for kind in ("start", "success"):
        await acme.check_in(CheckIn(kind=kind, job=str(missed.id)))
    await world.passes(minutes=10)
    await acme.check_in(CheckIn(kind="success", job=str(missed.id)))
    job = await acme.add_job(NewJob(slug="backup", schedule=Schedule(cron="0 2 * * *")))
    rid = uuid4()
    await acme.check_in(CheckIn(kind="start", job=str(job.id), run_id=rid))
    await world.passes(seconds=3)
    await acme.check_in(CheckIn(kind="fail", job=str(job.id), run_id=rid))
    run = (await acme.check_in(CheckIn(kind="start", job=str(job.id)))).run
    token = await acme.add_token(NewToken(name="short", expires_at=world.now + timedelta(days=1)))
    world.hands.turn_unwatched_to(world.now + timedelta(hours=1))
    await world.appliance.absence.beat()
    move = OnceTimes(since=world.now, until=world.now + timedelta(days=1))
    await acme.add_maintenance_window(NewWindow(name="move", times=WindowTimes(once=move)))
    assert run is not None
    return replace(await things(world), job=job.id, run=run, token=token.id)


async def test_every_instant_of_every_answer(world: World) -> None:
    seen: set[tuple[str, str]] = set()
    async with world.signed_in("acme") as acme:
        there = await _lived(world, acme)
    async with (
        world.signed_in("acme") as acme,
        world.person("acme", Role.OWNER) as owner,
        world.operator(SystemRole.SUPERADMIN) as operator,
    ):
        await operator.suspend_tenant(world.tenants["globex"].principal.tenant, "the bill is not paid")
        await operator.disable_user(world.tenants["globex"].principal.id)
        calls = [(path, method, op) for path, methods in TOLD["paths"].items() for method, op in methods.items()]
        for path, method, operation in sorted(calls, key=lambda call: call[1] == "delete"):
            if operation["operationId"] in STREAMED:
                continue
            client = operator if "/admin/" in path else owner if "/tenants/current" in path else acme
            address = there.fill(path)
            body = BODIES.get(operation["operationId"])
            sent = None if body is None else msgspec.json.encode(body)
            answer = await client.http.request(method, address.removeprefix("/api/v1"), content=sent)
            answered = operation["responses"][str(answer.status_code)].get("content", {}).get("application/json")
            for schema, field, text in _instants(answered["schema"], answer.json()) if answered else ():
                assert FORM.fullmatch(text), f"{operation['operationId']}: {schema}.{field} is {text}"
                seen.add((schema, field))
    assert _promised() - seen == NEVER | ELSEWHERE


async def test_what_only_people_are_answered(world: World) -> None:
    seen: set[tuple[str, str]] = set()
    async with world.person("acme", Role.VIEWER) as person:
        for path, shape in (("/me", "Me"), ("/sessions", "Page_SessionInfo_")):
            answer = (await person.http.get(path)).json()
            for schema, field, text in _instants(SCHEMAS[shape], answer, shape):
                assert FORM.fullmatch(text)
                seen.add((schema, field))
    assert seen == OF_PEOPLE


def test_those_that_the_walk_does_not_meet_are_instants_of_the_wire() -> None:
    """Their values are looked at where these are set up; the encoder is the same."""
    told = {place for place in BY_SCHEMA if "date-time" in str(SCHEMAS[place[0]]["properties"][place[1]])}
    assert told == BY_SCHEMA


async def test_a_creation_that_is_answered_again(world: World) -> None:
    async with world.signed_in("acme") as acme:
        headers = {"Idempotency-Key": "one"}
        first, again = [await acme.http.post("/jobs", json={"slug": "x"}, headers=headers) for _ in range(2)]
        assert first.content == again.content
        assert FORM.fullmatch(again.json()["created_at"])


async def test_the_end_of_a_token(world: World) -> None:
    async with world.signed_in("acme") as acme:
        answer = await acme.http.post("/tokens", json={"name": "short", "expires_at": "2030-01-01T02:00:00+02:00"})
        assert answer.json()["expires_at"] == "2030-01-01T00:00:00.000Z"


async def test_the_end_of_a_session(tmp_path: Path) -> None:
    async with assembled(Config(data=tmp_path, public_url=BASE)) as appliance:
        async with appliance.db.write_all() as tx:
            code = await setup.code(tx)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(appliance.app), base_url=BASE) as browser:
            form = SetUp(code=code or "", email="ada@example.org", password="correct horse battery", tenant="Acme")
            answer = await browser.post("/api/v1/setup", content=msgspec.json.encode(form))
            assert FORM.fullmatch(answer.json()["expires_at"])


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2027, 1, 4, 8, tzinfo=UTC), "2027-01-04T08:00:00.000Z"),
        (datetime(2027, 1, 4, 8, 0, 0, 120_000, tzinfo=UTC), "2027-01-04T08:00:00.120Z"),
        (datetime(2027, 1, 4, 8, 0, 0, 120_999, tzinfo=UTC), "2027-01-04T08:00:00.120Z"),
        (datetime(2027, 1, 4, 8, tzinfo=timezone(timedelta(hours=-2))), "2027-01-04T10:00:00.000Z"),
        (datetime(1970, 1, 1, tzinfo=UTC), "1970-01-01T00:00:00.000Z"),
    ],
)
def test_the_form_wherever_it_stands(at: datetime, text: str) -> None:
    event = ChangeEvent(position=1, noun="job", id=UUID(int=1), job=None, version=1, at=at)
    assert msgspec.json.decode(encoded(event))["at"] == text
    assert msgspec.json.decode(encoded({"a": [{"b": [at, None]}]})) == {"a": [{"b": [text, None]}]}


def test_text_that_looks_like_an_instant_stays_as_it_is() -> None:
    assert encoded({"description": "2027-01-04T08:00:00Z"}) == b'{"description":"2027-01-04T08:00:00Z"}'
