"""What is done to API tokens: make, show, revoke."""

import secrets
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from crontopus.domain import tokens
from crontopus.domain.access import ALL, Principal, scopes_of
from crontopus.domain.errors import Fault, Invalid, NotFound
from crontopus.domain.tokens import Kind
from crontopus.engine import schedules
from crontopus.storage import jobs, namespaces
from crontopus.storage import tokens as stored
from crontopus.storage.database import Tx
from crontopus.storage.identity import new_id
from crontopus.storage.tokens import Token
from crontopus.wire.accounts import NewToken


class Made(Struct, frozen=True):
    """A new token, and the secret that is shown once."""

    token: Token
    secret: str


async def create(tx: Tx, caller: Principal, new: NewToken) -> Made:
    """Never more than its maker may. Raises Invalid, NotFound, NotAllowed."""
    kind = Kind(new.kind)
    job, places = await _limits(tx, caller, kind, new)
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
        created_at=tx.now,
        last_used_at=None,
        expires_at=expires_at,
    )
    await stored.add(tx, token, tokens.hash_of(secret))
    return Made(token, secret)


async def _limits(tx: Tx, caller: Principal, kind: Kind, new: NewToken) -> tuple[UUID | None, Sequence[UUID]]:
    """The one job, or the namespaces, that the token reaches. A caller of narrow reach names them."""
    if kind is Kind.CHECK_INS and bool(new.job) + len(new.namespaces) != 1:
        raise _wrong("/job", "a token of kind c is of one job, or of one namespace")
    if kind is not Kind.CHECK_INS and new.job:
        raise _wrong("/job", "only a token of kind c is of one job")
    if kind is Kind.METRICS and new.namespaces:
        raise _wrong("/namespaces", "a token of kind m reads the metrics of the whole tenant")
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
        raise _wrong("/namespaces", f"there is no namespace {slug!r}") from None
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
