"""What people do with their own account: their tenants, sessions, name and password."""

from functools import partial
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from msgspec.structs import asdict, replace

from crontopus.api import shown
from crontopus.api.admin.impersonations import Before
from crontopus.api.arguments import Caller, Cursor, Http, Limit, Parts
from crontopus.api.once import IdempotencyKey, once
from crontopus.api.principal import FOR_SIGNED_IN, even_as_another
from crontopus.api.reading import Body, page_of, place_of
from crontopus.engine import accounts, digests, passkeys, tokens
from crontopus.storage import impersonations
from crontopus.storage import tokens as stored_tokens
from crontopus.storage.database import Tx
from crontopus.wire.accounts import CreatedToken, NewOwnToken, Token
from crontopus.wire.common import Page
from crontopus.wire.impersonations import Impersonation
from crontopus.wire.people import Confirmation, Digest, DigestChoice, MePatch, NewPassword, SessionInfo, Switch, Tenant

SessionId = Annotated[UUID, PathParameter(description="The session's id.")]


@post(
    "/sessions/current/switch",
    operation_id="switch_tenant",
    opt=FOR_SIGNED_IN,
    dependencies={"to": Body(Switch)},
    status_code=200,
)
async def switch(caller: Caller, parts: Parts, to: NamedDependency[Switch]) -> Tenant:
    """Go to another tenant that one belongs to, in this session."""
    home = await accounts.switch(parts.db, caller, to.tenant)
    return replace(shown.home(home, caller), current=True)


@post(
    "/sessions/current/confirm",
    operation_id="confirm",
    opt=even_as_another(FOR_SIGNED_IN),
    dependencies={"form": Body(Confirmation)},
    status_code=204,
)
async def confirm(caller: Caller, parts: Parts, form: NamedDependency[Confirmation]) -> None:
    """Show again who one is.

    For the ten minutes after it, and after signing in, a person may do what needs it: tokens, members, invitations. A
    passkey is enough; else the password, and with it a code of whoever has a second factor. Who has no password gives a
    code alone.
    """
    site = passkeys.site_of(parts.public_url, parts.sealer) if form.passkey is not None else None
    await accounts.confirm(parts.db, parts.passwords, parts.attempts, parts.sealer, site, caller, form)


@get("/sessions", operation_id="sessions", opt=FOR_SIGNED_IN)
async def sessions(caller: Caller, parts: Parts) -> Page[SessionInfo]:
    """List where one is signed in, the session used last first."""
    found = await accounts.own_sessions(parts.db, caller)
    return Page(items=[shown.session(one, caller) for one in found])


@delete("/sessions/{session:uuid}", operation_id="end_session", opt=FOR_SIGNED_IN)
async def end_session(caller: Caller, parts: Parts, session: SessionId) -> None:
    """End one of one's own sessions.

    At once.
    """
    await accounts.end_session(parts.db, caller, session)


@patch("/me", operation_id="edit_me", opt=FOR_SIGNED_IN, dependencies={"changes": Body(MePatch)}, status_code=204)
async def edit_me(caller: Caller, parts: Parts, changes: NamedDependency[MePatch]) -> None:
    """Change one's own account, and how one wants things shown."""
    await accounts.edit_profile(parts.db, caller, changes)


@get("/me/digest", operation_id="own_digest", opt=FOR_SIGNED_IN)
async def digest(caller: Caller, parts: Parts) -> Digest:
    """Show how often one is written to about the jobs of the tenant one is in."""
    async with parts.db.read(caller.tenant) as tx:
        return shown.digest(await digests.shown(tx, caller))


@patch("/me/digest", operation_id="ask_for_digest", opt=FOR_SIGNED_IN, dependencies={"choice": Body(DigestChoice)})
async def ask_for_digest(caller: Caller, parts: Parts, choice: NamedDependency[DigestChoice]) -> Digest:
    """Ask for a letter each day or week about the jobs of the tenant one is in, or for none.

    It comes at eight in the morning in one's own zone, else in the tenant's; a week's on Mondays. It tells what opened
    and what is still open, what was held back, what nobody has heard of, and what ran; of the jobs one reaches.
    """
    async with parts.db.write(caller.tenant) as tx:
        return shown.digest(await digests.ask(tx, caller, choice.every, mails=parts.post.mail.is_on))


@post(
    "/me/password",
    operation_id="change_password",
    opt=FOR_SIGNED_IN,
    dependencies={"form": Body(NewPassword)},
    status_code=204,
)
async def change_password(caller: Caller, parts: Parts, form: NamedDependency[NewPassword]) -> None:
    """Change one's own password.

    Every other session of one's own ends. Who has a second factor must have shown it within the last ten minutes.
    """
    await accounts.change_password(parts.db, parts.passwords, parts.attempts, parts.post.mail, caller, form)


@get("/me/tokens", operation_id="own_tokens", opt=FOR_SIGNED_IN)
async def own_tokens(caller: Caller, parts: Parts) -> Page[Token]:
    """List the tokens with which one comes as oneself, newest first.

    They act in the tenant in which they were made. A token sees itself alone.
    """
    if caller.user is None or caller.email is None:
        return Page(items=[])
    async with parts.db.read(caller.tenant) as tx:
        found = await stored_tokens.own(tx, caller.user)
        found = [one for one in found if caller.session is not None or one.id == caller.token]
        names = await tokens.names(tx, found)
    return Page(items=[shown.token(one, *names) for one in found])


@post("/me/tokens", operation_id="add_own_token", opt=FOR_SIGNED_IN, dependencies={"new": Body(NewOwnToken)})
async def add_own_token(
    request: Http,
    caller: Caller,
    parts: Parts,
    new: NamedDependency[NewOwnToken],
    idempotency_key: IdempotencyKey = None,
) -> Response[CreatedToken]:
    """Make a token with which one comes as oneself.

    It may what its person may, now and later, and ends with the membership. `token` is shown in this answer and never
    again.
    """

    async def made(tx: Tx) -> CreatedToken:
        made = await tokens.create_own(tx, caller, new)
        token = shown.token(made.token, *await tokens.names(tx, [made.token]))
        return CreatedToken(**asdict(token), token=made.secret)

    async with parts.db.write(caller.tenant) as tx:
        return await once(tx, parts.sealer, request, idempotency_key, partial(made, tx))


@delete("/me/tokens/{token:uuid}", operation_id="revoke_own_token", opt=FOR_SIGNED_IN)
async def revoke_own_token(
    caller: Caller, parts: Parts, token: Annotated[UUID, PathParameter(description="The token's id.")]
) -> None:
    """Revoke one of one's own tokens.

    It stops at once.
    """
    async with parts.db.write(caller.tenant) as tx:
        await tokens.revoke_own(tx, caller, token)


@get("/me/impersonations", operation_id="own_impersonations", opt=FOR_SIGNED_IN)
async def looked_as(caller: Caller, parts: Parts, cursor: Cursor = None, limit: Limit = 50) -> Page[Impersonation]:
    """List who of those that run the installation looked at a tenant as oneself, newest first."""
    if caller.user is None or caller.email is None:
        return Page(items=[])
    before = place_of(cursor, Before)
    async with parts.db.read_all() as tx:
        found = await impersonations.of_member(tx, caller.user, before.id if before else None, limit + 1)
    return page_of(found, limit, shown.impersonation, lambda one: Before(one.made.id))


ROUTES = [
    looked_as,
    own_tokens,
    add_own_token,
    revoke_own_token,
    switch,
    confirm,
    sessions,
    end_session,
    edit_me,
    digest,
    ask_for_digest,
    change_password,
]
