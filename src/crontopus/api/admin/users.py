"""Everybody who has an account."""

from typing import Annotated
from uuid import UUID

from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from crontopus.api import shown
from crontopus.api.arguments import Caller, Cursor, Limit, Parts
from crontopus.api.principal import needs
from crontopus.api.reading import Body, page_of, place_of
from crontopus.domain.access import Scope
from crontopus.engine import resets
from crontopus.engine import users as engine
from crontopus.storage import users
from crontopus.storage.database import SystemTx
from crontopus.wire.common import Page
from crontopus.wire.installation import PasswordLink, User, UserPatch

UserId = Annotated[UUID, PathParameter(description="The person's id.")]
Words = Annotated[
    str, QueryParameter(name="q", description="Only those whose address or name holds this.", max_length=200)
]


class _After(Struct, forbid_unknown_fields=True):
    email: str


@get("/admin/users", operation_id="admin_users", opt=needs(Scope.INSTALLATION_READ))
async def listed(parts: Parts, q: Words = "", cursor: Cursor = None, limit: Limit = 50) -> Page[User]:
    """List everybody who has an account, by address."""
    after = place_of(cursor, _After)
    async with parts.db.read_all() as tx:
        found = await users.listed(tx, q.strip(), after.email if after else "", limit + 1)
    return page_of(found, limit, shown.user, lambda one: _After(one.email))


@get("/admin/users/{user:uuid}", operation_id="admin_user", opt=needs(Scope.INSTALLATION_READ))
async def show(parts: Parts, user: UserId) -> User:
    """Read an account, with the tenants it belongs to."""
    async with parts.db.read_all() as tx:
        return await _told(tx, await users.find(tx, user))


@patch(
    "/admin/users/{user:uuid}",
    operation_id="edit_user",
    opt=needs(Scope.INSTALLATION_WRITE),
    dependencies={"changes": Body(UserPatch)},
)
async def edit(caller: Caller, parts: Parts, user: UserId, changes: NamedDependency[UserPatch]) -> User:
    """Give somebody a system role, or take it."""
    async with parts.db.write_all() as tx:
        return await _told(tx, await engine.edit(tx, caller, user, changes))


@post(
    "/admin/users/{user:uuid}/disable",
    operation_id="disable_user",
    opt=needs(Scope.INSTALLATION_WRITE),
    status_code=200,
)
async def disable(caller: Caller, parts: Parts, user: UserId) -> User:
    """Disable an account.

    Nobody comes in as them, and their sessions and own tokens end at once. Service tokens that they made work on: those
    are the tenant's.
    """
    async with parts.db.write_all() as tx:
        return await _told(tx, await engine.disable(tx, caller, user))


@post(
    "/admin/users/{user:uuid}/enable",
    operation_id="enable_user",
    opt=needs(Scope.INSTALLATION_WRITE),
    status_code=200,
)
async def enable(caller: Caller, parts: Parts, user: UserId) -> User:
    """Let somebody in again."""
    async with parts.db.write_all() as tx:
        return await _told(tx, await engine.enable(tx, caller, user))


@post(
    "/admin/users/{user:uuid}/end-sessions",
    operation_id="end_sessions_of_user",
    opt=needs(Scope.INSTALLATION_WRITE),
    status_code=200,
)
async def end_sessions(caller: Caller, parts: Parts, user: UserId) -> User:
    """End all sessions and own tokens of somebody."""
    async with parts.db.write_all() as tx:
        return await _told(tx, await engine.end_sessions(tx, caller, user))


@post(
    "/admin/users/{user:uuid}/reset-factors",
    operation_id="reset_factors_of_user",
    opt=needs(Scope.INSTALLATION_WRITE),
    status_code=200,
)
async def reset_factors(caller: Caller, parts: Parts, user: UserId) -> User:
    """Take all second factors of somebody who has lost them.

    Their sessions end; their password alone lets them in.
    """
    async with parts.db.write_all() as tx:
        return await _told(tx, await engine.reset_factors(tx, caller, user))


@post("/admin/users/{user:uuid}/password-link", operation_id="link_for_password", opt=needs(Scope.INSTALLATION_WRITE))
async def password_link(caller: Caller, parts: Parts, user: UserId) -> PasswordLink:
    """Make a link with which somebody chooses a new password.

    For an hour, and once; `link` is shown in this answer and never again. Make sure that it is them who asks. A second
    factor stays, and their sessions end when the link is used.
    """
    async with parts.db.write_all() as tx:
        found, code = await engine.password_link(tx, caller, user)
        expires_at = tx.now + resets.LIFE
    return PasswordLink(email=found.email, link=resets.link(parts.public_url, code), expires_at=expires_at)


async def _told(tx: SystemTx, found: users.User) -> User:
    return shown.user(found, await users.memberships(tx, found.id))


ROUTES = [listed, show, edit, disable, enable, end_sessions, reset_factors, password_link]
