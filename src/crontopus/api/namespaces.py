"""Namespaces: folders of jobs, each with its own ping key."""

from collections.abc import Mapping
from functools import partial
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from msgspec import Struct

from crontopus.api import shown
from crontopus.api.arguments import Caller, Cursor, Http, IfMatch, Limit, Parts, Place
from crontopus.api.once import IdempotencyKey, once
from crontopus.api.principal import needs
from crontopus.api.reading import Body, page_of, place_of, versions_of
from crontopus.domain.access import Scope
from crontopus.engine import namespaces as engine
from crontopus.storage import namespaces
from crontopus.storage.database import Tx
from crontopus.wire.accounts import Namespace, NamespacePatch, NewNamespace
from crontopus.wire.common import Page


class _After(Struct, forbid_unknown_fields=True):
    slug: str


@get("/namespaces", operation_id="namespaces", opt=needs(Scope.NAMESPACES_READ))
async def listed(caller: Caller, parts: Parts, cursor: Cursor = None, limit: Limit = 50) -> Page[Namespace]:
    """List the namespaces, by slug."""
    after = place_of(cursor, _After)
    async with parts.db.read(caller.tenant) as tx:
        found = await namespaces.listed(tx, caller.reach, after.slug if after else "", limit + 1)
        sizes = await namespaces.sizes(tx, [one.id for one in found])
    show = partial(_shown, sizes=sizes, parts=parts, caller=caller)
    return page_of(found, limit, show, lambda one: _After(one.slug))


@get("/namespaces/{slug:str}", operation_id="namespace", opt=needs(Scope.NAMESPACES_READ))
async def show(caller: Caller, parts: Parts, slug: Place) -> Response[Namespace]:
    """Show a namespace."""
    async with parts.db.read(caller.tenant) as tx:
        found = await namespaces.find(tx, slug)
        caller.require_namespace(found.id)
        return await _answer(tx, found, parts, caller)


@post(
    "/namespaces",
    operation_id="add_namespace",
    opt=needs(Scope.NAMESPACES_WRITE),
    dependencies={"new": Body(NewNamespace)},
)
async def create(
    request: Http,
    caller: Caller,
    parts: Parts,
    new: NamedDependency[NewNamespace],
    idempotency_key: IdempotencyKey = None,
) -> Response[Namespace]:
    """Make a namespace, with a ping key of its own."""
    caller.require_all_jobs()

    async def made(tx: Tx) -> Namespace:
        return shown.namespace(await engine.create(tx, caller, parts.sealer, new), 0, parts, caller)

    async with parts.db.write(caller.tenant) as tx:
        return await once(tx, parts.sealer, request, idempotency_key, partial(made, tx))


@patch(
    "/namespaces/{slug:str}",
    operation_id="edit_namespace",
    opt=needs(Scope.NAMESPACES_WRITE),
    dependencies={"changes": Body(NamespacePatch)},
)
async def edit(
    caller: Caller, parts: Parts, slug: Place, changes: NamedDependency[NamespacePatch], if_match: IfMatch = None
) -> Response[Namespace]:
    """Change a namespace.

    JSON Merge Patch: what is absent stays, null puts the tenant's back. Jobs without a time zone of their own have the
    new one at once. A new slug changes the ping URLs by slug.
    """
    async with parts.db.write(caller.tenant) as tx:
        found = await engine.edit(tx, caller, slug, changes, versions_of(if_match))
        answer = await _answer(tx, found, parts, caller)
    await engine.follow(parts.db, caller.tenant)
    return answer


@post(
    "/namespaces/{slug:str}/rotate-ping-key",
    operation_id="rotate_ping_key",
    opt=needs(Scope.NAMESPACES_WRITE),
    status_code=200,
)
async def rotate_ping_key(caller: Caller, parts: Parts, slug: Place, if_match: IfMatch = None) -> Response[Namespace]:
    """Give a namespace a new ping key.

    The old key stops at once, and with it every ping URL by slug that holds it.
    """
    async with parts.db.write(caller.tenant) as tx:
        found = await engine.rotate_ping_key(tx, caller, parts.sealer, slug, versions_of(if_match))
        return await _answer(tx, found, parts, caller)


@delete("/namespaces/{slug:str}", operation_id="delete_namespace", opt=needs(Scope.NAMESPACES_WRITE))
async def remove(caller: Caller, parts: Parts, slug: Place, if_match: IfMatch = None) -> None:
    """Delete an empty namespace.

    409 while it holds jobs.
    """
    async with parts.db.write(caller.tenant) as tx:
        await engine.delete(tx, caller, slug, versions_of(if_match))


def _shown(found: namespaces.Namespace, *, sizes: Mapping[UUID, int], parts: Parts, caller: Caller) -> Namespace:
    return shown.namespace(found, sizes.get(found.id, 0), parts, caller)


async def _answer(tx: Tx, found: namespaces.Namespace, parts: Parts, caller: Caller) -> Response[Namespace]:
    sizes = await namespaces.sizes(tx, [found.id])
    body = _shown(found, sizes=sizes, parts=parts, caller=caller)
    return Response(body, headers={"ETag": f'"{found.version}"'})


ROUTES = [listed, show, create, edit, rotate_ping_key, remove]
