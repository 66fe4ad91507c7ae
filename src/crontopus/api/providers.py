"""Sign-in providers of a tenant (OpenID Connect), and signing in by one."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from crontopus.api import shown
from crontopus.api.arguments import Caller, Http, Parts
from crontopus.api.once import IdempotencyKey, once
from crontopus.api.principal import FOR_ANYONE, needs, needs_owner_of_open, origin_of
from crontopus.api.reading import ANYONE_MOST_BYTES, Body
from crontopus.domain.access import Scope
from crontopus.engine import provider_sign_in
from crontopus.engine import providers as engine
from crontopus.engine.provider_sign_in import Desk
from crontopus.storage import providers as stored
from crontopus.storage.database import Tx
from crontopus.storage.providers import Offer
from crontopus.wire.common import Page
from crontopus.wire.providers import (
    NewProvider,
    ProvidedSession,
    Provider,
    ProviderAnswer,
    ProviderCheck,
    ProviderOffer,
    ProviderPatch,
    ProviderRedirect,
    ProviderVisit,
)

ProviderId = Annotated[UUID, PathParameter(description="The provider's id.")]


@get("/providers", operation_id="providers", opt=needs(Scope.TENANT_WRITE))
async def listed(caller: Caller, parts: Parts) -> Page[Provider]:
    """List the sign-in providers of the tenant, the oldest first."""
    caller.require_all_jobs()
    async with parts.db.read(caller.tenant) as tx:
        found = await stored.listed(tx)
        return Page(items=await _shown(tx, caller, parts, found))


@get("/providers/{provider:uuid}", operation_id="provider", opt=needs(Scope.TENANT_WRITE))
async def show(caller: Caller, parts: Parts, provider: ProviderId) -> Provider:
    """Show a sign-in provider."""
    caller.require_all_jobs()
    async with parts.db.read(caller.tenant) as tx:
        return (await _shown(tx, caller, parts, [await stored.find(tx, provider)]))[0]


@post(
    "/providers",
    operation_id="add_provider",
    opt=needs_owner_of_open(Scope.TENANT_WRITE),
    dependencies={"new": Body(NewProvider)},
)
async def add(
    request: Http,
    caller: Caller,
    parts: Parts,
    new: NamedDependency[NewProvider],
    idempotency_key: IdempotencyKey = None,
) -> Response[Provider]:
    """Let people of the tenant sign in by an OpenID provider.

    Only an owner does, who has shown lately who they are: a provider may say of anybody that it is them. 409 for
    `enforced` where no owner could come in without it.
    """

    async def made(tx: Tx) -> Provider:
        found = await engine.create(tx, caller, parts.sealer, parts.oidc, new)
        return (await _shown(tx, caller, parts, [found]))[0]

    async with parts.db.write(caller.tenant) as tx:
        return await once(tx, parts.sealer, request, idempotency_key, partial(made, tx))


@patch(
    "/providers/{provider:uuid}",
    operation_id="edit_provider",
    opt=needs_owner_of_open(Scope.TENANT_WRITE),
    dependencies={"changes": Body(ProviderPatch)},
)
async def edit(caller: Caller, parts: Parts, provider: ProviderId, changes: NamedDependency[ProviderPatch]) -> Provider:
    """Change a sign-in provider.

    JSON Merge Patch: what is absent stays. With another `issuer`, or `enabled` false, whoever came by it is signed out.
    """
    async with parts.db.write(caller.tenant) as tx:
        found = await engine.edit(tx, caller, parts.sealer, parts.oidc, provider, changes)
        return (await _shown(tx, caller, parts, [found]))[0]


@delete("/providers/{provider:uuid}", operation_id="remove_provider", opt=needs_owner_of_open(Scope.TENANT_WRITE))
async def remove(caller: Caller, parts: Parts, provider: ProviderId) -> None:
    """Remove a sign-in provider.

    Whoever came by it is signed out. The people it brought stay members, and come in by another provider of the tenant.
    """
    async with parts.db.write(caller.tenant) as tx:
        await engine.remove(tx, caller, provider)


@post(
    "/providers/{provider:uuid}/check",
    operation_id="check_provider",
    opt=needs_owner_of_open(Scope.TENANT_WRITE),
    status_code=200,
)
async def check(caller: Caller, parts: Parts, provider: ProviderId) -> ProviderCheck:
    """Ask a sign-in provider what it says of itself, now.

    Where it cannot be reached, or answers something else, `problem` says so.
    """
    try:
        metadata, keys = await engine.check(parts.db, parts.oidc, caller, provider)
    except engine.NotWell as error:
        return ProviderCheck(problem=str(error))
    return ProviderCheck(
        authorization_endpoint=metadata.authorization_endpoint,
        token_endpoint=metadata.token_endpoint,
        userinfo_endpoint=metadata.userinfo_endpoint,
        jwks_uri=metadata.jwks_uri,
        keys=keys,
    )


@get("/sign-in/providers", operation_id="offered_providers", opt=FOR_ANYONE)
async def offered(parts: Parts) -> Page[ProviderOffer]:
    """List the providers to sign in by.

    Only where the installation has one tenant: of several it is not told to strangers which there are.
    """
    async with parts.db.read_all() as tx:
        found = await stored.offered_by_the_only_tenant(tx)
    return Page(items=[_offer(one) for one in found])


@get("/sign-in/providers/{provider:uuid}", operation_id="offered_provider", opt=FOR_ANYONE)
async def offer(parts: Parts, provider: ProviderId) -> ProviderOffer:
    """Show a provider to sign in by, by its id, which its tenant hands out as a link."""
    return _offer(await provider_sign_in.offered(parts.db, provider))


@post(
    "/sign-in/providers/{provider:uuid}/visit",
    operation_id="visit_provider",
    opt=FOR_ANYONE,
    dependencies={"form": Body(ProviderVisit)},
    request_max_body_size=ANYONE_MOST_BYTES,
    status_code=200,
)
async def visit(
    request: Http, parts: Parts, provider: ProviderId, form: NamedDependency[ProviderVisit]
) -> ProviderRedirect:
    """Begin to sign in by a provider.

    The browser goes to `url`, and keeps `binding` until it comes back, within ten minutes.
    """
    gone = await provider_sign_in.begin(_desk(parts), provider, form, origin_of(request))
    return ProviderRedirect(url=gone.url, binding=gone.binding, expires_at=gone.expires_at)


@post(
    "/sign-in/finish",
    operation_id="finish_provider_sign_in",
    opt=FOR_ANYONE,
    dependencies={"answer": Body(ProviderAnswer)},
    request_max_body_size=ANYONE_MOST_BYTES,
)
async def finish(request: Http, parts: Parts, answer: NamedDependency[ProviderAnswer]) -> ProvidedSession:
    """Finish signing in, with what the provider sent the browser back with.

    An answer is good once, whatever comes of it. The session holds in the provider's tenant alone, for 12 hours; a
    second factor is the provider's to ask for. 401 where the answer cannot be believed, 403 where the person may not
    come in, 503 where the provider does not answer.
    """
    came = await provider_sign_in.finish(_desk(parts), answer, origin_of(request))
    made = came.session
    return ProvidedSession(session=made.session, expires_at=made.expires_at, next=came.onward, provider=came.provider)


async def _shown(tx: Tx, caller: Caller, parts: Parts, found: Sequence[stored.Provider]) -> list[Provider]:
    slugs = await engine.slugs(tx, caller.reach, found)
    return [shown.provider(one, slugs, parts.public_url) for one in found]


def _offer(found: Offer) -> ProviderOffer:
    return ProviderOffer(id=found.id, name=found.name, tenant=found.tenant_name)


def _desk(parts: Parts) -> Desk:
    return Desk(parts.db, parts.oidc, parts.sealer, parts.attempts, parts.visits, parts.public_url)


ROUTES = [listed, show, add, edit, remove, check, offered, offer, visit, finish]
