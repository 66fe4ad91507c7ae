"""API tokens: `ctp_<kind>_<random><crc>`. The checksum tells a mistyped token from a revoked one without a look-up."""

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from ipaddress import ip_address, ip_network
from zlib import crc32

from crontopus.domain.errors import Unauthenticated

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM = 30
_CHECKSUM = 6
RANDOM_BITS = 178
"""As many as 30 digits of base 62 hold."""


class Kind(StrEnum):
    """What a token is for; it stands in the token itself, so that a leaked one can be recognised."""

    USER = "u"
    SERVICE = "s"
    CHECK_INS = "c"
    METRICS = "m"


NAMES = {Kind.USER: "person's", Kind.SERVICE: "service", Kind.CHECK_INS: "check-in", Kind.METRICS: "metrics"}
"""What people call a token of each kind."""


def make(kind: Kind, random: int) -> str:
    """`random` has RANDOM_BITS bits from a cryptographic source."""
    body = f"ctp_{kind}_{_base62(random, _RANDOM)}"
    return body + _checksum(body)


def kind_of(token: str) -> Kind:
    """Raises Unauthenticated where `token` cannot be one of ours."""
    body, checksum = token[:-_CHECKSUM], token[-_CHECKSUM:]
    prefix, _, rest = body.partition("_")
    kind, _, random = rest.partition("_")
    known = prefix == "ctp" and kind in list(Kind) and len(random) == _RANDOM and token.isascii()
    if not known or checksum != _checksum(body):
        raise Unauthenticated("the token is not valid")
    return Kind(kind)


def networks(texts: Sequence[str]) -> list[str]:
    """Addresses and networks as they are kept: `10.0.0.0/8`. Raises ValueError, which names the wrong one."""
    found = []
    for text in texts:
        try:
            found.append(str(ip_network(text.strip(), strict=False)))
        except ValueError:
            raise ValueError(f"{text[:50]!r} is neither an address nor a network such as 10.0.0.0/8") from None
    return list(dict.fromkeys(found))


def is_within(address: str | None, allowed: Sequence[str]) -> bool:
    """Whether a token that may be used from the networks `allowed` (none: from anywhere) may be used from there."""
    if not allowed:
        return True
    try:
        return address is not None and any(ip_address(address) in ip_network(network) for network in allowed)
    except ValueError:
        return False


def hash_of(secret: str) -> bytes:
    """What is stored in place of a secret that is itself random: nobody can guess it from its hash."""
    return sha256(secret.encode("utf-8", "surrogateescape")).digest()


def hint_of(token: str) -> str:
    """The beginning, by which its owner recognises it; too little to guess the rest."""
    return token[:10]


def _checksum(body: str) -> str:
    return _base62(crc32(body.encode("utf-8", "surrogateescape")), _CHECKSUM)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
