"""Another tenant's ids lead nowhere, on every route there is, so that a new route is covered before its author asks."""

import pytest
from litestar import Litestar
from msgspec.structs import astuple

from crontopus.api import document
from crontopus.api.app import api_router
from crontopus.wire.accounts import NewToken
from tests.things import MARKER, body_of, things
from tests.world import World

pytestmark = pytest.mark.both_databases

ROUTES = [
    (method, path, str(handler.operation_id))
    for path, method, handler in document.operations(Litestar([api_router()], openapi_config=None))
]


OF_PEOPLE_ONLY = {
    "end_session",
    "edit_passkey",
    "remove_passkey",
    "download_export",
    "edit_provider",
    "remove_provider",
    "check_provider",
}
"""A token of a program has no sessions and no passkeys, and owns nothing, in whatever tenant."""
SIGN_IN = {"sign_in", "sign_in_by_proxy", "finish_provider_sign_in"}
"""Open to anybody, and with a wrong password as good as closed."""
OF_OPERATORS = "/api/v1/admin/"
"""No member of a tenant may, whatever their role."""


async def test_every_route_with_an_id_answers_404_to_another_tenant(world: World) -> None:
    theirs = await things(world)
    async with world.signed_in("globex") as globex:
        for method, path, operation in ROUTES:
            if "{" not in path:
                continue
            address = theirs.fill(path)
            answer = await globex.http.request(method, address.removeprefix("/api/v1"), content=body_of(operation))
            status = 403 if operation in OF_PEOPLE_ONLY or path.startswith(OF_OPERATORS) else 404
            assert answer.status_code == status, f"{operation}: {answer.text}"
    async with world.signed_in("acme") as acme:
        assert (await acme.job(theirs.job)).version == 1
        assert (await acme.run(theirs.run)).finished_at is None


async def test_lists_hold_nothing_of_another_tenant(world: World) -> None:
    theirs = await things(world)
    async with world.signed_in("globex") as globex:
        for method, path, operation in ROUTES:
            if method == "GET" and "{" not in path and operation != "events":
                text = (await globex.http.get(path.removeprefix("/api/v1"))).text
                assert not any(str(value) in text for value in [MARKER, *astuple(theirs)]), operation


async def test_every_route_but_the_open_ones_wants_a_credential(world: World) -> None:
    theirs = await things(world)
    for path, method, handler in document.operations(Litestar([api_router()], openapi_config=None)):
        address = theirs.fill(path)
        answer = await world.http.request(method, address, content=body_of(str(handler.operation_id)))
        opens = handler.operation_id in SIGN_IN
        assert (answer.status_code == 401) == (handler.opt["scope"] != "anyone" or opens)
        if answer.status_code == 401 and not opens:
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_every_route_refuses_a_token_without_its_scope(world: World) -> None:
    theirs = await things(world)
    async with world.signed_in("acme") as acme:
        for path, method, handler in document.operations(Litestar([api_router()], openapi_config=None)):
            scope = handler.opt["scope"]
            if ":" not in scope:
                continue
            others = [one for one in (await acme.me()).scopes if one != scope]
            weak = await acme.add_token(NewToken(name="weak", scopes=others))
            address = theirs.fill(path)
            answer = await world.http.request(
                method,
                address,
                content=body_of(str(handler.operation_id)),
                headers={"Authorization": f"Bearer {weak.token}"},
            )
            assert answer.status_code == 403, f"{handler.operation_id}: {answer.text}"
