"""What is done to API tokens: make, show, revoke."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from crontopus.domain import duration, tokens
from crontopus.domain.access import ALL, Principal, Scope, scopes_of
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Fault, Invalid, NotAllowed, NotFound
from crontopus.domain.tiers import Quota
from crontopus.domain.tokens import Kind
from crontopus.engine import audit, quotas, schedules
from crontopus.engine.credentials import require_still
from crontopus.storage import jobs, namespaces
from crontopus.storage import tokens as stored
from crontopus.storage.database import Tx
from crontopus.storage.identity import new_id
from crontopus.storage.tokens import Token
from crontopus.wire.accounts import NewOwnToken, NewToken, Rotation

LONGEST_OVERLAP = timedelta(days=30)


class Made(Struct, frozen=True):
    """A new token, and the secret that is shown once."""

    token: Token
    secret: str


async def create(tx: Tx, caller: Principal, new: NewToken) -> Made:
    """Never more than its maker may. Raises Invalid, NotFound, NotAllowed, QuotaReached."""
    caller.require_confirmed(tx.now)
    await require_still(tx, caller)
    kind = Kind(new.kind)
    job, places = await _limits(tx, caller, kind, new)
    return await _made(tx, caller, kind, new, job, places)


async def _made(
    tx: Tx, caller: Principal, kind: Kind, new: NewToken | NewOwnToken, job: UUID | None, places: Sequence[UUID]
) -> Made:
    secret = tokens.make(kind, secrets.randbits(tokens.RANDOM_BITS))
    expires_at = None if new.expires_at is None else schedules.utc(new.expires_at, "/expires_at")
    if expires_at is not None and expires_at <= tx.now:
        raise _wrong("/expires_at", "it would be expired already: choose an instant in the future")
    token = Token(
        id=new_id(tx.now),
        user_id=caller.user,
        kind=str(kind),
        name=new.name,
        hint=tokens.hint_of(secret),
        scopes=sorted(scopes_of(kind, new.scopes, caller.scopes)),
        namespaces=[str(place) for place in places],
        job_id=job,
        addresses=_networks(new.addresses),
        created_at=tx.now,
        last_used_at=None,
        expires_at=expires_at,
        provider_id=caller.provider,
    )
    await quotas.require(tx, Quota.TOKENS)
    await stored.add(tx, token, tokens.hash_of(secret))
    await audit.tell(tx, caller, "token.create", _target(token), after=_told(token))
    return Made(token, secret)


async def rotate(tx: Tx, caller: Principal, token: UUID, how: Rotation) -> Made:
    """Another that may the same; the old one works on for the overlap. Raises NotFound, Invalid, NotAllowed."""
    caller.require_confirmed(tx.now)
    await require_still(tx, caller)
    old = await stored.lock(tx, token)
    kind = Kind(old.kind)
    if kind is Kind.USER:
        raise NotAllowed("this token is a person's: they make another one themselves")
    overlap = duration.parse(how.overlap, most=LONGEST_OVERLAP, pointer="/overlap")
    if frozenset(map(Scope, old.scopes)) - caller.scopes:
        raise NotAllowed("nobody can give a token more than they may do themselves")
    secret = tokens.make(kind, secrets.randbits(tokens.RANDOM_BITS))
    new = structs.replace(
        old,
        id=new_id(tx.now),
        user_id=caller.user,
        hint=tokens.hint_of(secret),
        created_at=tx.now,
        last_used_at=None,
        provider_id=caller.provider,
    )
    await stored.add(tx, new, tokens.hash_of(secret))
    ends = tx.now + overlap
    if old.expires_at is None or ends < old.expires_at:
        await stored.end_at(tx, old.id, ends)
    await audit.tell(
        tx, caller, "token.rotate", _target(old), {"hint": old.hint}, {"hint": new.hint, "old_until": ends}
    )
    return Made(new, secret)


async def create_own(tx: Tx, caller: Principal, new: NewOwnToken) -> Made:
    """With which a person comes as themselves: it may what they may, then and later. Raises Invalid, NotAllowed."""
    caller.require_confirmed(tx.now)
    await require_still(tx, caller)
    if caller.session is None:
        raise NotAllowed("a token makes no tokens of a person: sign in as one")
    places = [await _reached(tx, caller, slug) for slug in dict.fromkeys(new.namespaces)]
    return await _made(tx, caller, Kind.USER, new, None, places)


async def made_for(tx: Tx, person: Principal, new: NewOwnToken) -> Made:
    """As `create_own`, for a machine that the person has allowed from another."""
    return await _made(tx, person, Kind.USER, new, None, ())


async def revoke_own(tx: Tx, caller: Principal, token: UUID) -> None:
    """Raises NotFound."""
    if caller.user is None or caller.email is None or (caller.session is None and caller.token != token):
        raise NotFound("no such token")  # a token ends itself, and no other
    await stored.find_own(tx, caller.user, token)
    await revoke(tx, caller, token)


async def revoke(tx: Tx, caller: Principal, token: UUID) -> None:
    """It stops with this transaction. Raises NotFound, NotAllowed."""
    revoked = await stored.revoke(tx, token)
    await audit.tell(tx, caller, "token.revoke", _target(revoked), _told(revoked))


def _target(token: Token) -> Target:
    return Target(Noun.TOKEN, token.id, token.name)


def _told(token: Token) -> dict[str, Any]:
    """As the audit log tells of it."""
    said = ("kind", "hint", "scopes", "namespaces", "job_id", "addresses", "expires_at")
    return {name: value for name in said if (value := getattr(token, name))}


def _networks(texts: Sequence[str]) -> list[str]:
    try:
        return tokens.networks(texts)
    except ValueError as error:
        raise _wrong("/addresses", str(error)) from None


async def _limits(tx: Tx, caller: Principal, kind: Kind, new: NewToken) -> tuple[UUID | None, Sequence[UUID]]:
    """The one job, or the namespaces, that the token reaches. A caller of narrow reach names them."""
    if kind is Kind.CHECK_INS and bool(new.job) + len(new.namespaces) != 1:
        raise _wrong("/job", "a check-in token (kind c) is of one job, or of one namespace")
    if kind is not Kind.CHECK_INS and new.job:
        raise _wrong("/job", "only a check-in token (kind c) is of one job")
    if kind is Kind.METRICS and new.namespaces:
        raise _wrong("/namespaces", "a metrics token (kind m) reads the metrics of the whole tenant")
    if new.job:
        return (await jobs.find(tx, caller.reach, new.job)).job.id, ()
    if not new.namespaces:
        caller.require_all_jobs()
    return None, [await _reached(tx, caller, slug) for slug in dict.fromkeys(new.namespaces)]


async def _reached(tx: Tx, caller: Principal, slug: str) -> UUID:
    try:
        namespace = await namespaces.find(tx, slug)
        caller.require_namespace(namespace.id)
    except NotFound:
        detail = f"there is no namespace {slug!r}"
        raise NotFound(detail, (Fault("/namespaces", detail),)) from None
    return namespace.id


def _wrong(pointer: str, detail: str) -> Invalid:
    return Invalid(detail, (Fault(pointer, detail),))


async def names(tx: Tx, listed: Sequence[Token]) -> tuple[dict[UUID, str], dict[UUID, str]]:
    """Slugs of the namespaces, and `namespace/slug` of the jobs, that these tokens are of."""
    places = {UUID(place) for token in listed for place in token.namespaces}
    found: dict[UUID, Any] = await namespaces.of_ids(tx, list(places)) if places else {}
    of_jobs = [token.job_id for token in listed if token.job_id is not None]
    refs = await jobs.refs(tx, ALL, of_jobs) if of_jobs else []
    return {place: found[place].slug for place in found}, {ref.id: f"{ref.namespace}/{ref.slug}" for ref in refs}
