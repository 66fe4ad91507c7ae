"""What may be read from an answer: whether to try again and when, and what it says, without what opens anything."""

import math
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

import msgspec

from crontopus.domain.text import on_one_line
from crontopus.notify.contract import Answer, Notice, Parcel, Unreachable
from crontopus.notify.masking import Mask
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from crontopus.notify.words import cut

T = TypeVar("T")

LONGEST_PAUSE = timedelta(days=1)
_LONGEST_REASON = 200
_SHUT = {401, 403, 404, 410}
"""Whoever answers so does to everything that comes by these credentials or this address."""
_PASSES = {407, 408, 421, 423, 425, 429}
"""407 is the proxy's, which whoever runs the installation can mend."""


def outcome(who: str, answer: Answer, at: datetime, said: str = "", secrets: Iterable[str] = ()) -> TryAgain | GiveUp:
    """Of an answer that is no success. `who` answered, and `said` why; `secrets` are not repeated."""
    why = f"{who} answered {_named(answer.status)}{_because(said, secrets)}"
    if answer.status in _PASSES or answer.status >= 500:
        return TryAgain(why, after=retry_after(answer, at))
    if answer.status in _SHUT:
        return GiveUp(f"{why}: check the address and the credentials of this channel", broken=True)
    if 300 <= answer.status < 400:
        return GiveUp(f"{why}: it sends us elsewhere; give the address to which it does", broken=True)
    return GiveUp(why)


def unreadable(who: str, answer: Answer) -> TryAgain:
    """It was taken, but perhaps not by the one it was for: something on the way, such as a proxy, has answered."""
    kind = "a web page" if answer.text.lstrip()[:1] == "<" else "something that it never says"
    why = f"{who} answered {_named(answer.status)} with {kind}: check the address of this channel"
    return TryAgain(why, arrived=True)


def unreachable(error: Unreachable) -> TryAgain | GiveUp:
    """Where there is no answer."""
    return GiveUp(str(error), broken=True) if error.refused else TryAgain(str(error), arrived=error.arrived)


def retry_after(answer: Answer, at: datetime) -> timedelta | None:
    """By its header, in seconds or until an instant (RFC 9110, 10.2.3)."""
    given = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", given):
        return seconds(float(given))
    until = _instant(given)
    return None if until is None else seconds((until - at).total_seconds())


def until(answer: Answer, header: str, at: datetime) -> timedelta | None:
    """By a header that names an instant as seconds since 1970."""
    given = answer.headers.get(header, "").strip()
    if not (given.isascii() and given.isdigit()):
        return None
    return seconds(float(given) - at.timestamp())


def seconds(given: float | None) -> timedelta | None:
    """A pause that somebody else asks for, as far as it makes sense."""
    if given is None or math.isnan(given):
        return None
    return timedelta(seconds=min(max(given, 0.0), LONGEST_PAUSE.total_seconds()))


def read(answer: Answer, type: type[T]) -> T | None:
    """The JSON of an answer, numbers as text and the other way round where the type says so; None: it is no such."""
    try:
        return msgspec.json.decode(answer.text, type=type, strict=False)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def word(text: str) -> str:
    """`text` where it is a bare word that a provider may have for an error, such as `invalid_auth`; else nothing."""
    return text if re.fullmatch(r"[a-z_]{1,60}", text) else ""


async def each(parcel: Parcel, tell: Callable[[Notice], Awaitable[Outcome]]) -> Outcome:
    """Tells one after the other, for whom keeps alerts and so gets each alone, up to the first that is not delivered.

    Those before it are told again with the next try, which does no harm: each is known by its id.
    """
    outcome: Outcome = Delivered()
    for notice in parcel.notices:
        outcome = await tell(notice)
        if not isinstance(outcome, Delivered):
            break
    return outcome


def _instant(given: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(given)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _because(said: str, secrets: Iterable[str]) -> str:
    """On one line, brief, without `secrets`."""
    found = cut(" ".join(on_one_line(Mask(secrets)(said)).split()), _LONGEST_REASON)
    return f": {found}" if found else ""


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
