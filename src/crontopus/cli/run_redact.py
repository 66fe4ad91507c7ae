"""Secrets in what a command printed, blackened before it is reported. What it prints itself stays as it is."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

BLACK = "[redacted]"
_WORTH_HIDING = 6  # characters; a shorter literal would blacken ordinary words

_USUAL = (
    r"(?i:\bbearer\s+)(?P<secret>[\w.~+/=-]{8,})",
    r"(?P<secret>\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)",
    r"(?P<secret>\bctp_[a-z]_\w+)",
    r"(?i:\b[\w-]*(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|token))\s*[=:]\s*[\"']?(?P<secret>[^\s\"'&;,]+)",
    r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:(?P<secret>[^\s/@]+)@",
)


def redacted(text: str, patterns: Iterable[str], literals: Iterable[str]) -> str:
    """`text` without the usual secrets, without what matches `patterns`, and without `literals` that are known."""
    if not text:
        return text
    for literal in literals:
        if len(literal) >= _WORTH_HIDING:
            text = text.replace(literal, BLACK)
    for usual in _USUAL:
        text = re.sub(usual, _blacken, text)
    for pattern in patterns:
        text = re.sub(pattern, BLACK, text)
    return text


def _blacken(found: re.Match[str]) -> str:
    start, end = (at - found.start() for at in found.span("secret"))
    return found[0][:start] + BLACK + found[0][end:]
