"""How often somebody may ask: so many at once, and after that as many as come back with time. One number remembers it.

The generic cell rate algorithm (ITU-T I.371): of a bucket it is kept when it will be full again, and nothing else.
"""

import math
from ipaddress import IPv6Address, ip_address, ip_network

from msgspec import Struct

WINDOW_SECONDS = 60
"""A bucket holds what comes back in so long."""
_ROUNDING = 1e-6


class Allowance(Struct, frozen=True):
    """What is left of a limit of `most` a window. `name` says whose; where `wait_seconds` is not 0, it was refused."""

    name: str
    most: int
    left: int
    full_in_seconds: int
    wait_seconds: int = 0


def take(full_at: float, now: float, most: int) -> tuple[float, bool]:
    """One more, at `now`, of a bucket of `most` that is full at `full_at`: when it is full again, and whether there was
    one. A refusal takes nothing, so whoever insists waits no longer than whoever waits.
    """
    after = max(full_at, now) + WINDOW_SECONDS / most
    if after - now > WINDOW_SECONDS + _ROUNDING:
        return full_at, False
    return after, True


def allowance(name: str, full_at: float, now: float, most: int, *, refused: bool) -> Allowance:
    """Of a bucket that is full at `full_at`, in whole requests and seconds."""
    step, missing = WINDOW_SECONDS / most, max(0.0, full_at - now)
    left = max(0, math.floor((WINDOW_SECONDS - missing) / step + _ROUNDING))
    wait = max(1, math.ceil(missing + step - WINDOW_SECONDS - _ROUNDING)) if refused else 0
    return Allowance(name, most, left, math.ceil(missing - _ROUNDING), wait)


def origin_of(address: str) -> str:
    """What counts as one address: of IPv6 the /64, of which everybody has one and all that is in it."""
    if ":" not in address:
        return address
    try:
        read = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(read, IPv6Address):
        return str(read)
    return str(read.ipv4_mapped or ip_network((int(read) >> 64 << 64, 64)))


def policy(allowances: list[Allowance]) -> str:
    """The field `RateLimit-Policy`, a list of structured fields (draft-ietf-httpapi-ratelimit-headers)."""
    return ", ".join(f'"{one.name}";q={one.most};w={WINDOW_SECONDS}' for one in allowances)


def standing(allowances: list[Allowance]) -> str:
    """The field `RateLimit`: of each, what remains and in how many seconds all of it is there again."""
    return ", ".join(f'"{one.name}";r={one.left};t={one.full_in_seconds}' for one in allowances)
