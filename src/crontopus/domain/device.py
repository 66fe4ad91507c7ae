"""Codes with which a machine without a browser is signed in from another (RFC 8628)."""

import re
from datetime import timedelta

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no word comes of it, and nothing that looks like a digit."""
LENGTH = 8
LIFE = timedelta(minutes=10)
INTERVAL = timedelta(seconds=5)
"""Between two questions of the machine; whoever asks sooner is told to wait so much longer each time."""

_NOT_OF_IT = re.compile(f"[^{ALPHABET}]")


def plain(typed: str) -> str:
    """As it is stored, however a person writes it."""
    return _NOT_OF_IT.sub("", typed.upper())


def written(code: str) -> str:
    """As a person reads it: `BCDF-GHJK`."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"
