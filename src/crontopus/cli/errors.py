"""How a failure leaves the command line: one sentence on stderr, its places, and a stable exit code.

0 ok · 1 error · 2 usage (click's own) · 3 not found · 4 not allowed · 5 conflict · 69 unreachable.
"""

import click

from crontopus.domain import errors
from crontopus.domain.errors import CrontopusError
from crontopus.domain.text import on_one_line

ERROR, NOT_FOUND, NOT_ALLOWED, CONFLICT, UNREACHABLE = 1, 3, 4, 5, 69

_CODES: tuple[tuple[type[CrontopusError], int], ...] = (
    (errors.NotFound, NOT_FOUND),
    (errors.Unauthenticated, NOT_ALLOWED),
    (errors.NotAllowed, NOT_ALLOWED),
    (errors.QuotaReached, NOT_ALLOWED),
    (errors.Conflict, CONFLICT),
    (errors.LostRace, CONFLICT),
    (errors.Unavailable, UNREACHABLE),
)


def exit_code(error: CrontopusError) -> int:
    return next((code for kind, code in _CODES if isinstance(error, kind)), ERROR)


def report(error: CrontopusError) -> int:
    """Says it on stderr. Returns the exit code."""
    click.echo(f"Error: {in_words(error)}", err=True)
    return exit_code(error)


def in_words(error: CrontopusError) -> str:
    """The sentence, then what it does not say of each place, on a line of its own; safe to print on a terminal."""
    sentence = on_one_line(str(error)) or error.title
    faults = [fault for fault in error.faults if fault.detail != str(error)]
    return "\n".join(
        [sentence, *(f"  {on_one_line(fault.pointer) or '/'}: {on_one_line(fault.detail)}" for fault in faults)]
    )
