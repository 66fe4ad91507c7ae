"""Things of the wire as JSON: the one place where instants get their form, RFC 3339 in UTC with milliseconds."""

from datetime import datetime
from typing import Any

import msgspec

from crontopus.domain.instants import text_of

_LOOKED_INTO = frozenset({dict, list, datetime})


def encoded(thing: Any) -> bytes:
    """JSON. msgspec alone would write as many digits of a second as there are."""
    return msgspec.json.encode(plain(thing))


def plain(thing: Any) -> Any:
    """`thing` made of dicts, lists, text and numbers alone."""
    return _told(msgspec.to_builtins(thing, builtin_types=(datetime,)))


def _told(value: Any) -> Any:
    """`value`, which is nobody else's, with text in place of its instants. Lists of jobs have ten thousand values."""
    kind = type(value)
    if kind is datetime:
        return text_of(value)
    if kind is dict:
        for key, one in value.items():
            if type(one) in _LOOKED_INTO:
                value[key] = _told(one)
    elif kind is list:
        for at, one in enumerate(value):
            if type(one) in _LOOKED_INTO:
                value[at] = _told(one)
    return value
