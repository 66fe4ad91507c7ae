"""What PostgreSQL means when it refuses, by SQLSTATE: to whichever of the two roads to the database it says so."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from crontopus.domain.errors import Unavailable

PATIENCE_SECONDS = 10.0
"""A PostgreSQL that has not answered by then is away: whoever waits is told so, and tries again.

So long for each statement (the driver sees to that), and for the beginning and the end of a transaction.
"""
GIVE_UP_SECONDS = 1.0
"""Whoever has waited in vain for a statement does not wait so long again for the end of its transaction."""
LOST = "the connection to the database was lost"
SILENT = f"the database has not answered within {PATIENCE_SECONDS:.0f} s"

_NOT_LET_IN = ("28", "3D")
_IN_THE_WAY = ("40",)
_BROKEN_OFF = ("08",)
_NOT_NOW = ("53", "57", "58", "25006", "25P03", "25P04", "55P03")
"""No room, no connection left, shutting down, a failing disk, read-only, one of the operator's own time limits."""


class Contended(Unavailable):
    """Another transaction stood in the way, as in a deadlock: nothing was stored, and it is worth trying at once."""


class Unanswered(Unavailable):
    """The database has not answered in time. Whether anything was stored is not known."""


@contextmanager
def unhurried(patience: anyio.CancelScope | None) -> Iterator[None]:
    """What is done within a transaction takes the time it takes; `patience` then counts for its end."""
    if patience is None:
        yield
        return
    patience.deadline, left = math.inf, PATIENCE_SECONDS
    try:
        yield
    except TimeoutError:
        left = GIVE_UP_SECONDS
        raise
    finally:
        patience.deadline = anyio.current_time() + left


def refusal(sqlstate: str | None, reason: str) -> Unavailable | None:
    """What the caller is told where it passes by itself or the operator can mend it; None where it is a bug of ours."""
    state = sqlstate or ""
    if state.startswith(_IN_THE_WAY):
        return Contended("other changes stood in the way; send it again")
    if state.startswith(_BROKEN_OFF):
        return Unavailable(LOST)
    if state.startswith(_NOT_LET_IN):
        return Unavailable("the database does not let this server in")
    if state.startswith(_NOT_NOW):
        return Unavailable(f"the database cannot be used now: {reason}")
    return None
