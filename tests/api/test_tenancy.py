"""Another tenant's ids lead nowhere, on every route there is, so that a new route is covered before its author asks."""

import re
from uuid import UUID

import msgspec
from litestar import Litestar

from crontopus.api import document
from crontopus.api.app import api_router
from crontopus.api.examples import BODIES
from crontopus.domain.access import Role
from crontopus.wire.accounts import NewNamespace, NewToken
from crontopus.wire.jobs import NewJob
from crontopus.wire.people import NewInvitation
from crontopus.wire.runs import CheckIn, Settle
from tests.world import World

ROUTES = [
    (method, path, str(handler.operation_id))
    for path, method, handler in document.operations(Litestar([api_router()], openapi_config=None))
]


class Acme(msgspec.Struct):
    """What the first tenant has, by the name a path gives it."""

    job: UUID
    run: UUID
    token: UUID
    slug: str
    member: UUID
    invitation: UUID
    session: UUID


OF_PEOPLE_ONLY = {"end_session"}
"""A token has no sessions, of whatever tenant."""
OF_OPERATORS = "/api/v1/admin/"
"""No member of a tenant may, whatever their role."""


async def _acme(world: World) -> Acme:
    async with world.signed_in("acme") as acme:
        namespace = await acme.add_namespace(NewNamespace(slug="secret"))
        job = await acme.add_job(NewJob(slug="backup", namespace="secret"))
        run = (await acme.check_in(CheckIn(kind="start", job="secret/backup"))).run
        assert run is not None
        token = await acme.add_token(NewToken(name="one"))
        invitation = await acme.invite(NewInvitation(email="new@acme.test"))
        async with world.person("acme", Role.VIEWER) as person:
            member, session = (await acme.members()).items[0].id, (await person.sessions()).items[0].id
        return Acme(job.id, run, token.id, namespace.slug, member, invitation.id, session)


async def test_every_route_with_an_id_answers_404_to_another_tenant(world: World) -> None:
    theirs = await _acme(world)
    async with world.signed_in("globex") as globex:
        for method, path, operation in ROUTES:
            if "{" not in path:
                continue
            address = re.sub(r"\{(\w+)\}", lambda found: str(getattr(theirs, found[1])), path)
            answer = await globex.http.request(method, address.removeprefix("/api/v1"), content=_body(operation))
            status = 403 if operation in OF_PEOPLE_ONLY or path.startswith(OF_OPERATORS) else 404
            assert answer.status_code == status, f"{operation}: {answer.text}"
    async with world.signed_in("acme") as acme:
        assert (await acme.job(theirs.job)).version == 1
        assert (await acme.run(theirs.run)).finished_at is None


async def test_lists_hold_nothing_of_another_tenant(world: World) -> None:
    theirs = await _acme(world)
    async with world.signed_in("globex") as globex:
        for method, path, operation in ROUTES:
            if method == "GET" and "{" not in path and operation != "events":
                text = (await globex.http.get(path.removeprefix("/api/v1"))).text
                assert not any(str(value) in text for value in msgspec.structs.astuple(theirs)), operation


async def test_every_route_but_the_open_ones_wants_a_credential(world: World) -> None:
    theirs = await _acme(world)
    for path, method, handler in document.operations(Litestar([api_router()], openapi_config=None)):
        address = re.sub(r"\{(\w+)\}", lambda found: str(getattr(theirs, found[1])), path)
        answer = await world.http.request(method, address, content=_body(str(handler.operation_id)))
        assert (answer.status_code == 401) == (handler.opt["scope"] != "anyone" or handler.operation_id == "sign_in")
        if answer.status_code == 401 and handler.operation_id != "sign_in":
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_every_route_refuses_a_token_without_its_scope(world: World) -> None:
    theirs = await _acme(world)
    async with world.signed_in("acme") as acme:
        for path, method, handler in document.operations(Litestar([api_router()], openapi_config=None)):
            scope = handler.opt["scope"]
            if ":" not in scope:
                continue
            others = [one for one in (await acme.me()).scopes if one != scope]
            weak = await acme.add_token(NewToken(name="weak", scopes=others))
            address = re.sub(r"\{(\w+)\}", lambda found: str(getattr(theirs, found[1])), path)
            answer = await world.http.request(
                method,
                address,
                content=_body(str(handler.operation_id)),
                headers={"Authorization": f"Bearer {weak.token}"},
            )
            assert answer.status_code == 403, f"{handler.operation_id}: {answer.text}"


def _body(operation: str) -> bytes | None:
    example = Settle(succeeded=True) if operation == "settle_run" else BODIES.get(operation)
    return None if example is None else msgspec.json.encode(example)
