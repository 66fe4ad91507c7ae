"""Names with characters that steer or cannot be seen: refused wherever one can be given, with words."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar

from crontopus.api import document
from crontopus.api.app import api_router
from crontopus.domain.errors import Invalid
from crontopus.domain.text import PLAIN
from crontopus.wire.accounts import NewNamespace, NewToken
from crontopus.wire.jobs import JobPatch, NewJob
from crontopus.wire.people import NewInvitation, TenantPatch
from tests.world import World

TOLD = document.document(Litestar([api_router()], openapi_config=None))
EVIL = "back\u202epu"
NAMING = {"name", "tags", "labels", "email", "tenant"}
KNOWN = {("SignIn", "email")}
"""Of what is there already, so it names nothing new."""


def _named(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What of it is text that somebody chooses."""
    for part in schema.get("anyOf", [schema]):
        if part.get("type") == "string" and part.get("format") != "uuid":
            yield part
        elif part.get("type") == "array":
            yield part["items"]
        elif part.get("type") == "object":
            yield from _named(part["additionalProperties"])
            yield from _named(part["propertyNames"])


def _shapes() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in TOLD["paths"].values():
        for operation in path.values():
            asked = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            for one in asked.get("anyOf", [asked]):
                shape = one.get("$ref", "").rpartition("/")[2]
                properties = TOLD["components"]["schemas"].get(shape, {}).get("properties", {})
                yield from ((shape, name, properties[name]) for name in NAMING & set(properties))


def test_every_name_that_can_be_given_says_what_it_may_be_made_of() -> None:
    loose = {
        f"{shape}.{name}"
        for shape, name, schema in _shapes()
        for text in _named(schema)
        if PLAIN[2:-9] not in text.get("pattern", "").replace("@\\s", "") and (shape, name) not in KNOWN
    }
    assert not loose
    assert len(list(_shapes())) > 15


async def test_each_is_refused_with_its_place_and_in_words(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup"))
        tries = (
            ("/name", acme.add_job(NewJob(name=EVIL))),
            ("/name", acme.edit_job(job.id, JobPatch(name=EVIL))),
            ("/tags/0", acme.edit_job(job.id, JobPatch(tags=["zero\u200bwidth"]))),
            ("/labels", acme.edit_job(job.id, JobPatch(labels={"team": "a\x1b[2J"}))),
            ("/name", acme.add_namespace(NewNamespace(slug="evil", name="two\nlines"))),
            ("/name", acme.add_token(NewToken(name="token\u2066"))),
            ("/name", acme.edit_tenant(TenantPatch(name="Acme\n"))),
            ("/name", acme.edit_tenant(TenantPatch(name="   "))),
            ("/tags/0", acme.edit_job(job.id, JobPatch(tags=[" "]))),
            ("/email", acme.invite(NewInvitation(email="ada\u202e@example.org"))),
        )
        for pointer, attempt in tries:
            with pytest.raises(Invalid) as refused:
                await attempt
            (fault,) = refused.value.faults
            assert fault.pointer.startswith(pointer)
            said = ("write it without characters that control", "write more than blanks", "write an e-mail address")
            assert fault.detail.startswith(said)


async def test_a_tag_of_a_ping_is_refused_too(world: World) -> None:
    url = world.ping_url("acme", "new")
    assert (await world.ping(f"{url}?create=1&tags=a%E2%80%AEb")).status_code == 400
    assert (await world.ping(f"{url}?create=1&tags=db")).status_code == 201


async def test_names_in_any_script_are_kept_as_they_are(world: World) -> None:
    async with world.signed_in("acme") as acme:
        for number, name in enumerate(("نسخ احتياطي", "גיבוי", "日本語 🐙", "Ünï")):
            made = await acme.add_job(NewJob(name=name, slug=f"job-{number}"))
            assert made.name == name
