"""Routes: whom the alerts of a tenant are told to, and when."""

from functools import partial
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from crontopus.api import telling
from crontopus.api.arguments import Caller, Http, Parts
from crontopus.api.once import IdempotencyKey, once
from crontopus.api.principal import needs
from crontopus.api.reading import Body
from crontopus.domain.access import Scope
from crontopus.engine import routing as engine
from crontopus.storage import routes
from crontopus.storage.database import Tx
from crontopus.wire.alerts import Explain, Explanation, NewRoute, Route, RoutePatch
from crontopus.wire.common import Page

RouteId = Annotated[UUID, PathParameter(description="The route's id.")]


@get("/routes", operation_id="routes", opt=needs(Scope.ALERTS_READ))
async def listed(caller: Caller, parts: Parts) -> Page[Route]:
    """List the routes of the tenant: the root, and those below it, in their order."""
    caller.require_all_jobs()
    async with parts.db.read(caller.tenant) as tx:
        written = await routes.matchers(tx)
        return Page(items=[telling.route(one, written[one.id]) for one in await routes.listed(tx)])


@post("/routes", operation_id="add_route", opt=needs(Scope.ALERTS_WRITE), dependencies={"new": Body(NewRoute)})
async def add(
    request: Http, caller: Caller, parts: Parts, new: NamedDependency[NewRoute], idempotency_key: IdempotencyKey = None
) -> Response[Route]:
    """Make a route below another."""

    async def made(tx: Tx) -> Route:
        return telling.route(await engine.create(tx, caller, new), new.matcher)

    async with parts.db.write(caller.tenant) as tx:
        return await once(tx, parts.sealer, request, idempotency_key, partial(made, tx))


@patch(
    "/routes/{route:uuid}",
    operation_id="edit_route",
    opt=needs(Scope.ALERTS_WRITE),
    dependencies={"changes": Body(RoutePatch)},
)
async def edit(caller: Caller, parts: Parts, route: RouteId, changes: NamedDependency[RoutePatch]) -> Route:
    """Change a route.

    JSON Merge Patch: what is absent stays. Every open alert is decided upon anew.
    """
    async with parts.db.write(caller.tenant) as tx:
        found = await engine.edit(tx, caller, route, changes)
        return telling.route(found, (await routes.matchers(tx))[route])


@delete("/routes/{route:uuid}", operation_id="remove_route", opt=needs(Scope.ALERTS_WRITE))
async def remove(caller: Caller, parts: Parts, route: RouteId) -> None:
    """Remove a route.

    409 for the root, and for one with others below it.
    """
    async with parts.db.write(caller.tenant) as tx:
        await engine.remove(tx, caller, route)


@post(
    "/routes/explain",
    operation_id="explain_routes",
    opt=needs(Scope.ALERTS_READ),
    dependencies={"asked": Body(Explain)},
    status_code=200,
)
async def explain(caller: Caller, parts: Parts, asked: NamedDependency[Explain]) -> Explanation:
    """Who is told if this job gets into that trouble then, and why?

    By the very rules by which it happens: what is due at once, what later, and what waits for the hours of its route.
    """
    caller.require_all_jobs()
    async with parts.db.read(caller.tenant) as tx:
        return telling.explanation(await engine.explain(tx, caller, asked, mails=parts.post.mail.is_on))


ROUTES = [listed, add, edit, remove, explain]
