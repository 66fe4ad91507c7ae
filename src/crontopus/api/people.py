"""Members of a tenant, and invitations to it."""

from functools import partial
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from msgspec import Struct
from msgspec.structs import asdict

from crontopus.api import shown
from crontopus.api.arguments import Caller, Cursor, Http, Limit, Parts
from crontopus.api.once import IdempotencyKey, once
from crontopus.api.principal import FOR_ANYONE, needs, origin_of
from crontopus.api.reading import ANYONE_MOST_BYTES, Body, page_of, place_of
from crontopus.domain.access import ALL, Scope
from crontopus.domain.errors import NotFound
from crontopus.engine import people as engine
from crontopus.storage import accounts, invitations, letters, members
from crontopus.storage.database import Tx
from crontopus.wire.accounts import Session
from crontopus.wire.common import Page
from crontopus.wire.people import (
    Acceptance,
    CreatedInvitation,
    Invitation,
    InvitationCode,
    InvitationState,
    Member,
    MemberPatch,
    NewInvitation,
)

MemberId = Annotated[UUID, PathParameter(description="The person's id.")]
InvitationId = Annotated[UUID, PathParameter(description="The invitation's id.")]


class _After(Struct, forbid_unknown_fields=True):
    email: str


@get("/members", operation_id="members", opt=needs(Scope.MEMBERS_READ))
async def listed(caller: Caller, parts: Parts, cursor: Cursor = None, limit: Limit = 50) -> Page[Member]:
    """List the members, by address."""
    after = place_of(cursor, _After)
    async with parts.db.read(caller.tenant) as tx:
        found = await members.listed(tx, after.email if after else "", limit + 1)
        slugs = await engine.slugs(tx, caller.reach, found)
    return page_of(found, limit, lambda one: shown.member(one, slugs), lambda one: _After(one.email))


@get("/members/{member:uuid}", operation_id="member", opt=needs(Scope.MEMBERS_READ))
async def show(caller: Caller, parts: Parts, member: MemberId) -> Member:
    """Show a member."""
    async with parts.db.read(caller.tenant) as tx:
        found = await members.find(tx, member)
        return shown.member(found, await engine.slugs(tx, caller.reach, [found]))


@patch(
    "/members/{member:uuid}",
    operation_id="edit_member",
    opt=needs(Scope.MEMBERS_WRITE),
    dependencies={"changes": Body(MemberPatch)},
)
async def edit(caller: Caller, parts: Parts, member: MemberId, changes: NamedDependency[MemberPatch]) -> Member:
    """Change what a member may do.

    JSON Merge Patch: what is absent stays. It holds from their next request on. Only an owner makes or changes owners;
    409 for the last one.
    """
    async with parts.db.write(caller.tenant) as tx:
        found = await engine.edit(tx, caller, member, changes)
        return shown.member(found, await engine.slugs(tx, caller.reach, [found]))


@delete("/members/{member:uuid}", operation_id="remove_member", opt=needs(Scope.MEMBERS_WRITE))
async def remove(caller: Caller, parts: Parts, member: MemberId) -> None:
    """Remove a member.

    Their sessions and own tokens here end at once. Tokens of programs stay: they are the tenant's. 409 for the last
    owner.
    """
    async with parts.db.write(caller.tenant) as tx:
        await engine.remove(tx, caller, member)


@get("/invitations", operation_id="invitations", opt=needs(Scope.MEMBERS_READ))
async def invited(caller: Caller, parts: Parts, cursor: Cursor = None, limit: Limit = 50) -> Page[Invitation]:
    """List the invitations that nobody has accepted yet, by address."""
    after = place_of(cursor, _After)
    async with parts.db.read(caller.tenant) as tx:
        found = await invitations.listed(tx, after.email if after else "", limit + 1)
        slugs = await engine.slugs(tx, caller.reach, found)
        mailed = await letters.of(tx, [one.id for one in found])
    return page_of(
        found,
        limit,
        lambda one: shown.invitation(one, slugs, mailed.get(one.id)),
        lambda one: _After(one.email),
    )


@post(
    "/invitations",
    operation_id="invite",
    opt=needs(Scope.MEMBERS_WRITE),
    dependencies={"new": Body(NewInvitation)},
)
async def invite(
    request: Http,
    caller: Caller,
    parts: Parts,
    new: NamedDependency[NewInvitation],
    idempotency_key: IdempotencyKey = None,
) -> Response[CreatedInvitation]:
    """Invite somebody.

    `link` opens the tenant for seven days, once. Where the installation sends e-mail it goes to that address and is
    null here; else it is shown in this answer and never again. Inviting an address again makes the older link
    worthless. Only an owner invites owners.
    """

    async def made(tx: Tx) -> CreatedInvitation:
        made = await engine.invite(tx, caller, parts.post, new)
        slugs, mailed = (
            await engine.slugs(tx, caller.reach, [made.invitation]),
            await letters.of(tx, [made.invitation.id]),
        )
        told = shown.invitation(made.invitation, slugs, mailed.get(made.invitation.id))
        return CreatedInvitation(**asdict(told), link=made.link)

    async with parts.db.write(caller.tenant) as tx:
        return await once(tx, parts.sealer, request, idempotency_key, partial(made, tx))


@delete("/invitations/{invitation:uuid}", operation_id="uninvite", opt=needs(Scope.MEMBERS_WRITE))
async def uninvite(caller: Caller, parts: Parts, invitation: InvitationId) -> None:
    """Take an invitation back.

    Its link opens nothing from then on.
    """
    async with parts.db.write(caller.tenant) as tx:
        await engine.uninvite(tx, caller, invitation)


@post(
    "/invitations/open",
    operation_id="open_invitation",
    opt=FOR_ANYONE,
    dependencies={"shown_code": Body(InvitationCode)},
    request_max_body_size=ANYONE_MOST_BYTES,
    status_code=200,
)
async def opened(request: Http, parts: Parts, shown_code: NamedDependency[InvitationCode]) -> InvitationState:
    """Look into an invitation, by the code in its link."""
    address = f"address {origin_of(request).address}"
    parts.attempts.require(parts.db.clock(), address)
    async with parts.db.read_all() as tx:
        try:
            found = await engine.opened(tx, shown_code.code)
        except NotFound:
            parts.attempts.failed(tx.now, address)
            raise
        account = await accounts.account(tx, found.invitation.email)
        slugs = await engine.slugs(tx.of(found.tenant), ALL, [found.invitation])
    known = account is not None and bool(account.password_hash)
    return shown.invitation_state(found, slugs, known=known)


@post(
    "/invitations/accept",
    operation_id="accept_invitation",
    opt=FOR_ANYONE,
    dependencies={"form": Body(Acceptance)},
    request_max_body_size=ANYONE_MOST_BYTES,
)
async def accept(request: Http, parts: Parts, form: NamedDependency[Acceptance]) -> Session:
    """Accept an invitation.

    Makes the account, unless the address has one: then `password` is that account's. Answers with a session.
    """
    return await engine.accept(parts.db, parts.passwords, parts.attempts, form, origin_of(request))


ROUTES = [listed, show, edit, remove, invited, invite, uninvite, opened, accept]
