"""Keeps what opens something out of what people are shown: requests, answers, and reasons."""

import re
import string
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

import msgspec

MASK = "…"
_PATH, _PIECE = 8, 16
"""Shorter ones are words, such as `hook`, that would be hidden wherever they stand."""


_ALPHABET = string.ascii_letters + string.digits + "-_"
_BEGINNING = 16
"""Characters by which the code of a link is known; nobody can guess the others."""


def without_codes(text: str, codes: Iterable[str]) -> str:
    """Hides the codes of links, also where they are cut off. They look the same in every encoding, so this is quick."""
    for code in codes:
        while (at := text.find(code[:_BEGINNING])) >= 0:
            text = f"{text[:at]}{MASK}{text[at:].lstrip(_ALPHABET)}"
    return text


class Mask:
    """Hides secrets in whatever text they turn up: as they are, as in a URL, and as in JSON.

    Of a secret that is a URL what is behind the host is one by itself.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if form}
        self.longest = max(map(len, forms), default=0)
        self._pattern = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))), re.IGNORECASE)

    def __call__(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self.longest else text


def _forms(secret: str) -> Iterable[str]:
    for part in (secret, *_parts(secret)):
        yield part
        yield unquote(part)
        yield quote(part)
        yield quote(part, safe="")
        yield quote_plus(part)
        yield msgspec.json.encode(part).decode()[1:-1]


def _parts(secret: str) -> Iterable[str]:
    """What of a URL may be the secret in it: behind the host all together, and each piece that is long."""
    if not secret.startswith(("http://", "https://")):
        return ()
    try:
        parts = urlsplit(secret)
    except ValueError:
        return ()
    whole = (parts.path.strip("/"), parts.query)
    pieces = (*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query)))
    return [part for part in whole if len(part) >= _PATH] + [part for part in pieces if len(part) >= _PIECE]
