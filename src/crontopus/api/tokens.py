"""API tokens."""

from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from msgspec import Struct

from crontopus.api import shown
from crontopus.api.arguments import Caller, Cursor, Http, Limit, Parts
from crontopus.api.once import IdempotencyKey, once
from crontopus.api.principal import needs
from crontopus.api.reading import Body, page_of, place_of
from crontopus.domain.access import Scope
from crontopus.engine import tokens as engine
from crontopus.storage import tokens
from crontopus.storage.database import Tx
from crontopus.wire.accounts import CreatedToken, NewToken, Rotation, Token
from crontopus.wire.common import Page


class _Before(Struct, forbid_unknown_fields=True):
    id: UUID


@get("/tokens", operation_id="tokens", opt=needs(Scope.TOKENS_READ))
async def listed(caller: Caller, parts: Parts, cursor: Cursor = None, limit: Limit = 50) -> Page[Token]:
    """List the tokens in force, newest first."""
    caller.require_all_jobs()
    before = place_of(cursor, _Before)
    async with parts.db.read(caller.tenant) as tx:
        found = await tokens.listed(tx, before.id if before else None, limit + 1)
        names = await engine.names(tx, found)
    return page_of(found, limit, lambda one: shown.token(one, *names), lambda one: _Before(one.id))


@post("/tokens", operation_id="add_token", opt=needs(Scope.TOKENS_WRITE), dependencies={"new": Body(NewToken)})
async def create(
    request: Http, caller: Caller, parts: Parts, new: NamedDependency[NewToken], idempotency_key: IdempotencyKey = None
) -> Response[CreatedToken]:
    """Make a token.

    `token` is shown in this answer and never again. Nobody gives a token more than they may do themselves.
    """

    async def made(tx: Tx) -> CreatedToken:
        made = await engine.create(tx, caller, new)
        token = shown.token(made.token, *await engine.names(tx, [made.token]))
        return CreatedToken(**msgspec.structs.asdict(token), token=made.secret)

    async with parts.db.write(caller.tenant) as tx:
        return await once(tx, parts.sealer, request, idempotency_key, partial(made, tx))


@post(
    "/tokens/{token:uuid}/rotate",
    operation_id="rotate_token",
    opt=needs(Scope.TOKENS_WRITE),
    dependencies={"how": Body(Rotation)},
)
async def rotate(
    request: Http,
    caller: Caller,
    parts: Parts,
    token: Annotated[UUID, PathParameter(description="The token's id.")],
    how: NamedDependency[Rotation],
    idempotency_key: IdempotencyKey = None,
) -> Response[CreatedToken]:
    """Replace a token.

    The new one may what the old one may; the old one works on for `overlap`. `token` is shown in this answer and never
    again.
    """
    caller.require_all_jobs()

    async def made(tx: Tx) -> CreatedToken:
        made = await engine.rotate(tx, caller, token, how)
        new = shown.token(made.token, *await engine.names(tx, [made.token]))
        return CreatedToken(**msgspec.structs.asdict(new), token=made.secret)

    async with parts.db.write(caller.tenant) as tx:
        return await once(tx, parts.sealer, request, idempotency_key, partial(made, tx))


@delete("/tokens/{token:uuid}", operation_id="revoke_token", opt=needs(Scope.TOKENS_WRITE))
async def revoke(
    caller: Caller, parts: Parts, token: Annotated[UUID, PathParameter(description="The token's id.")]
) -> None:
    """Revoke a token.

    It stops at once.
    """
    caller.require_all_jobs()
    async with parts.db.write(caller.tenant) as tx:
        await engine.revoke(tx, caller, token)


ROUTES = [listed, create, rotate, revoke]
