"""One message per alert that is kept up to date and answered: by what it is found again, and what becomes of it."""

from collections.abc import Awaitable, Callable
from hashlib import sha256

import msgspec
from msgspec import Struct

from crontopus.domain.routing import Kind
from crontopus.notify import answers, markup
from crontopus.notify.contract import Parcel, Unreachable
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain

_CHANGES = {Kind.UPDATE, Kind.ACKNOWLEDGE, Kind.RESOLVE}


class Reference(Struct, frozen=True, omit_defaults=True):
    """`id` of a message, in `place` where the other side needs that, too. `shared`: it told of several alerts, so
    that it is answered and never changed.
    """

    id: str
    place: str = ""
    shared: bool = False


Change = Callable[[Reference], Awaitable[Outcome]]
"""Makes that message say what the parcel says. `GiveUp` that is not `broken`: it is gone, or too old to be changed."""
Post = Callable[[Parcel, Reference | None], Awaitable[Outcome]]
"""Sends a message, in answer to another if there is one. `Delivered` by `made`."""


async def told(parcel: Parcel, change: Change, post: Post) -> Outcome:
    """A message is kept up to date, which disturbs nobody; all but an acknowledgement is told by one of its own, too.

    To change a message twice does no harm, so it comes first.
    """
    known = of(parcel)
    try:
        if known is None or known.shared or not parcel.is_single or parcel.first.kind not in _CHANGES:
            return _kept(known, await post(parcel, known))
        changed = await change(known)
        if isinstance(changed, TryAgain) or (isinstance(changed, GiveUp) and changed.broken):
            return changed
        if isinstance(changed, GiveUp):
            return await post(parcel, None)
        if parcel.first.kind is Kind.ACKNOWLEDGE:
            return Delivered(text(known))
        return _kept(known, await post(markup.brief(parcel), known))
    except Unreachable as error:
        return answers.unreachable(error)


def of(parcel: Parcel) -> Reference | None:
    """What all of it refers to; None: there is no such one message."""
    told = {each.reference for each in parcel.notices}
    return _read(told.pop()) if len(told) == 1 else None


def key(parcel: Parcel) -> str:
    """The same for every try of just these notices, and for nothing else."""
    if parcel.is_single:
        return str(parcel.first.id)
    return sha256(b"".join(each.id.bytes for each in parcel.notices)).hexdigest()


def made(parcel: Parcel, id: str, place: str = "") -> Delivered:
    """What was just sent as `id`."""
    return Delivered(text(Reference(id, place, shared=not parcel.is_single)))


def text(reference: Reference) -> str:
    """As it is stored."""
    return msgspec.json.encode(reference).decode()


def _kept(known: Reference | None, outcome: Outcome) -> Outcome:
    """What answers a message is found by that: a thread has one beginning."""
    return Delivered(text(known)) if known and isinstance(outcome, Delivered) else outcome


def _read(given: str) -> Reference | None:
    try:
        return msgspec.json.decode(given, type=Reference)
    except (msgspec.DecodeError, RecursionError):
        return None
