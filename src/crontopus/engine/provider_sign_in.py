"""Signing in by a provider: to it and back, who it says it is, and what they are in its tenant from then on.

A provider belongs to a tenant, whose owners set it up: it may say of anybody that it is them. So it opens that tenant
and nothing else: the session is bound to it, has no system role, and changes nothing of an account that others use.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from crontopus.domain import providers as rules
from crontopus.domain import tokens
from crontopus.domain.access import OF_ROLE, Principal, Role
from crontopus.domain.audit import Deed, Doer, Noun, Target, changes
from crontopus.domain.errors import CrontopusError, NotAllowed, NotFound, Throttled, Unauthenticated, Unavailable
from crontopus.domain.hosts import path_here
from crontopus.domain.providers import Standing, Told
from crontopus.domain.tiers import Quota
from crontopus.engine import audit, providers, quotas
from crontopus.engine.accounts import Provided, begin_session
from crontopus.engine.attempts import Attempts
from crontopus.engine.credentials import Caller
from crontopus.engine.oidc import Client, Oidc, place_to_go
from crontopus.storage import accounts, invitations, letters, members
from crontopus.storage import audit as stored_audit
from crontopus.storage import providers as stored
from crontopus.storage.accounts import Account, Login
from crontopus.storage.database import Database, SystemTx, Tx
from crontopus.storage.identity import new_id
from crontopus.storage.providers import Offer, Provider, Visit
from crontopus.storage.sealing import Sealer
from crontopus.wire.accounts import Session
from crontopus.wire.providers import ProviderAnswer, ProviderVisit

MOST = 10_000
"""Browsers that are at a provider at the same time."""
_OVER = "this sign-in is over, was used already, or was begun in another browser: begin again"


class Gone(Struct, frozen=True):
    """Where a browser goes, and what it keeps until it comes back."""

    url: str
    binding: str
    expires_at: datetime


class Came(Struct, frozen=True):
    """Somebody has come in; `onward` is the path they wanted."""

    session: Session
    onward: str
    provider: UUID


class Desk(Struct, frozen=True):
    """What a sign-in by a provider needs of the server."""

    db: Database
    oidc: Oidc
    sealer: Sealer
    attempts: Attempts
    visits: Attempts
    public_url: str


async def offered(db: Database, provider: UUID) -> Offer:
    """Raises NotFound."""
    async with db.read_all() as tx:
        return await _offered(tx, provider)


async def _offered(tx: SystemTx, provider: UUID) -> Offer:
    found = await stored.offered(tx, provider)
    if found is None:
        raise NotFound("nobody signs in by this provider, or not any more: ask for the right link")
    return found


async def begin(desk: Desk, provider: UUID, form: ProviderVisit, caller: Caller) -> Gone:
    """Raises NotFound, Unavailable, and Throttled for whoever begins many."""
    address = f"address {caller.address}"
    desk.visits.require(desk.db.clock(), address)
    found = await _provider(desk, await offered(desk.db, provider))
    desk.visits.failed(desk.db.clock(), address)
    client = providers.client_of(desk.sealer, found, desk.public_url)
    metadata = await desk.oidc.metadata(found.issuer, desk.db.clock())
    state, binding = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    async with desk.db.write_all() as tx:
        if await stored.visits(tx) >= MOST:
            raise Throttled("too many are signing in: try again in a few minutes", 60)
        visit = Visit(
            provider_id=provider,
            tenant_id=found.tenant_id,
            onward=path_here(form.next),
            again=form.again,
            created_at=tx.now,
            expires_at=tx.now + rules.VISIT_LIFE,
        )
        await stored.add_visit(tx, visit, tokens.hash_of(state), tokens.hash_of(binding))
    more = {"scope": " ".join(found.scopes)}
    if form.again:
        more |= {"prompt": "login", "max_age": "0"}
    url = place_to_go(metadata, client, state, _derived("nonce", binding), _derived("verifier", binding), **more)
    return Gone(url, binding, visit.expires_at)


def _derived(what: str, binding: str) -> str:
    """What only the browser that has the binding can bring back: so nothing of it is stored."""
    return urlsafe_b64encode(hmac.digest(binding.encode(), what.encode(), "sha256")).decode().rstrip("=")


async def finish(desk: Desk, answer: ProviderAnswer, caller: Caller) -> Came:
    """Raises Unauthenticated, NotAllowed, QuotaReached, Unavailable, Throttled. An answer is good once, whatever comes
    of it.
    """
    address = f"address {caller.address}"
    desk.attempts.require(desk.db.clock(), address)
    try:
        async with desk.db.write_all() as tx:
            visit = await stored.take_visit(tx, tokens.hash_of(answer.state), tokens.hash_of(answer.binding))
        if visit is None:
            raise Unauthenticated(_OVER)
        return await _finish(desk, visit, answer, caller)
    except (Unauthenticated, NotAllowed):
        desk.attempts.failed(desk.db.clock(), address)
        raise


async def _finish(desk: Desk, visit: Visit, answer: ProviderAnswer, caller: Caller) -> Came:
    offer = await offered(desk.db, visit.provider_id)
    provider = await _provider(desk, offer)
    try:
        told = await _asked(desk, provider, visit, answer)
        async with desk.db.write_all() as tx:
            session = await _let_in(tx, provider, offer, told, caller)
    except (Unauthenticated, NotAllowed) as error:
        await _tell_refused(desk, provider, error, caller)
        raise
    desk.visits.succeeded(f"address {caller.address}")
    return Came(session, visit.onward, provider.id)


async def _provider(desk: Desk, offer: Offer) -> Provider:
    async with desk.db.read(offer.tenant) as tx:
        return await stored.find(tx, offer.id)


async def _asked(desk: Desk, provider: Provider, visit: Visit, answer: ProviderAnswer) -> Told:
    """Who it is, as the provider says. Raises Unauthenticated, NotAllowed, Unavailable."""
    now, oidc = desk.db.clock(), desk.oidc
    client = providers.client_of(desk.sealer, provider, desk.public_url)
    if answer.iss != provider.issuer and (answer.iss or (await oidc.metadata(provider.issuer, now)).says_who_answers):
        raise Unauthenticated("the answer is another provider's")
    if answer.error or not answer.code:
        raise NotAllowed(_why(answer.error))
    grant = await oidc.redeem(client, answer.code, _derived("verifier", answer.binding), now)
    claims = await oidc.claims(client, grant.id_token, _derived("nonce", answer.binding), now)
    claims = await _completed(oidc, client, provider, grant.access_token, claims, now)
    told = rules.told(claims, provider.domains, provider.groups_claim)
    if visit.again and (told.shown_at is None or now - told.shown_at > rules.FRESH):
        raise Unauthenticated("the provider has not asked again who you are: sign out there, and repeat this")
    return told


async def _completed(
    oidc: Oidc, client: Client, provider: Provider, access_token: str, claims: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """Many providers tell in their user info what others put into the token; what was signed for comes first."""
    wanted = ["email", "email_verified", *([provider.groups_claim] if provider.roles else [])]
    if all(name in claims for name in wanted):
        return claims
    subject = claims.get("sub")
    more = await oidc.user_info(client, access_token, subject if isinstance(subject, str) else "", now)
    if "email" in claims:
        # Whether an address is verified is said of the address beside it, and of no other.
        of_that = more.get("email") == claims["email"]
        more = {name: value for name, value in more.items() if name != "email_verified" or of_that}
    return more | claims


def _why(error: str) -> str:
    if error == "access_denied":
        return "the provider did not let you in, or you said no there"
    known = error if error.isascii() and error.replace("_", "").isalpha() and len(error) <= 50 else ""
    return f"the provider sent you back without signing you in{f' ({known})' if known else ''}"


# ---- who it is here


async def _let_in(tx: SystemTx, provider: Provider, offer: Offer, told: Told, caller: Caller) -> Session:
    """Whoever comes by one provider at once comes one after the other."""
    own = tx.of(provider.tenant_id)
    provider = await stored.lock(own, provider.id)
    if not provider.enabled:
        raise Unauthenticated("nobody signs in by this provider any more")
    account = await _person(tx, own, provider, told)
    if account is None:
        account = await _newcomer(tx, own, provider, offer, told, caller)
        await stored.add_identity(own, provider.id, told.subject, account.user)
    elif provider.roles:
        wanted = rules.standing_of(told.groups, provider.roles, provider.default_role)
        await _set_role(own, offer, account, wanted, caller)
    await stored.used(own, provider.id, told.subject)
    login = Login(account.user, account.email, offer.tenant, offer.tenant_name, "")
    provided = Provided(provider.id, provider.name, told.shown_at or tx.now)
    return await begin_session(tx, login, caller, provided=provided)


async def _person(tx: SystemTx, own: Tx, provider: Provider, told: Told) -> Account | None:
    """The member whom it means, whom nobody else changes until the transaction ends; None where it is nobody's account
    yet. Raises NotAllowed.
    """
    known = await stored.person(own, provider.id, told.subject)
    account = await accounts.account(tx, told.email) if known is None else await accounts.account_of(tx, known)
    if account is None:
        return None
    await members.owners(own, account.user)
    if await members.standing(own, account.user) is None:
        raise NotAllowed("there is an account of this address, which is no member here: ask to be invited")
    if known is not None:
        return account
    if await stored.is_known(own, provider.id, account.user):
        raise NotAllowed("another account of your provider signs in here with this address: ask an owner")
    await stored.add_identity(own, provider.id, told.subject, account.user)
    target = Target(Noun.MEMBER, account.user, account.email)
    await stored_audit.add(own, Doer(f"provider {provider.name}"), [Deed("provider.link", target)])
    return account


async def _newcomer(tx: SystemTx, own: Tx, provider: Provider, offer: Offer, told: Told, caller: Caller) -> Account:
    """A person whom nobody knew, and their membership: by their groups, else as they were invited, else by default.
    Only a provider leads there. Raises NotAllowed, QuotaReached.
    """
    wanted, invitation = (
        rules.standing_of(told.groups, provider.roles, None),
        await invitations.of_email(own, told.email),
    )
    if wanted is None and invitation is not None and invitation.expires_at > own.now:
        wanted = Standing(invitation.role, invitation.namespaces)
    if wanted is None and provider.default_role is not None:
        wanted = Standing(provider.default_role)
    if wanted is None:
        raise NotAllowed("you are no member here, and none of your groups may come in: ask to be invited")
    if invitation is not None:
        await invitations.remove(own, invitation.id)
        await letters.drop(own, invitation.id)
    await quotas.require(own, Quota.MEMBERS)
    user = new_id(tx.now)
    await accounts.add_user(tx, user, told.email, "", name=told.name)
    await members.add(own, user, wanted.role, [UUID(place) for place in wanted.namespaces], provided=True)
    said = {"role": wanted.role, "provider": offer.name}
    doer = _principal(offer, user, told.email, wanted.role, caller)
    await audit.tell(own, doer, "member.join", Target(Noun.MEMBER, user, told.email), after=said)
    return await accounts.account_of(tx, user)


async def _set_role(own: Tx, offer: Offer, account: Account, wanted: Standing | None, caller: Caller) -> None:
    """What their groups make of them. The last owner, or the last who needs no provider, stays one. Raises NotAllowed
    where no group of theirs may come in.
    """
    owners = await members.owners(own, account.user)
    now = await members.standing(own, account.user)
    if now is None or wanted is None:
        raise NotAllowed("none of your groups may come in here: ask whoever keeps them, or an owner")
    if (wanted.role, wanted.namespaces) == now:
        return
    if wanted.role is not Role.OWNER and await _is_last(own, owners, account.user):
        return
    await members.change(own, account.user, wanted.role, wanted.namespaces)
    before, after = {"role": now[0], "namespaces": now[1]}, {"role": wanted.role, "namespaces": wanted.namespaces}
    if OF_ROLE[now[0]] - OF_ROLE[wanted.role] or wanted.namespaces:
        await invitations.remove_of(own, account.email)
    doer = _principal(offer, account.user, account.email, wanted.role, caller)
    target = Target(Noun.MEMBER, account.user, account.email)
    await audit.tell(own, doer, "member.edit", target, before, after | {"by_groups_of": offer.name})


async def _is_last(own: Tx, owners: Sequence[UUID], user: UUID) -> bool:
    return list(owners) == [user] or list(await members.owners_of_their_own(own)) == [user]


def _principal(offer: Offer, user: UUID, email: str, role: Role, caller: Caller) -> Principal:
    return Principal(
        id=user,
        tenant=offer.tenant,
        tenant_name=offer.tenant_name,
        scopes=OF_ROLE[role],
        user=user,
        email=email,
        address=caller.address,
        user_agent=caller.user_agent,
    )


async def _tell_refused(desk: Desk, provider: Provider, error: CrontopusError, caller: Caller) -> None:
    """In the tenant's log, each reason by itself: its owners are those who can mend it. A word of the provider's own,
    which whoever comes back can make up, is no reason by itself.
    """
    reason = str(error).partition(" (")[0]
    times = desk.attempts.to_tell(desk.db.clock(), f"provider {provider.id} at {caller.address}: {reason}")
    if not times:
        return
    doer = Doer("somebody", None, None, caller.address, caller.user_agent)
    told = changes({}, {"times": times, "why": str(error)})
    with suppress(Unavailable):
        async with desk.db.write_all() as tx:
            target = Target(Noun.PROVIDER, provider.id, provider.name)
            await stored_audit.add(tx.of(provider.tenant_id), doer, [Deed("session.refuse", target, told)])
