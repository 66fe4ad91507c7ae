"""Passwords: argon2id, in threads, a few at a time, so that guessing fills neither memory nor the event loop."""

from functools import partial

import anyio
from anyio import CapacityLimiter
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE = 2
_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody's")
"""Verified against where nobody has the address, so that the time an answer takes tells nothing."""


class Passwords:
    """One for the whole process: its limit is what bounds memory."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(_AT_ONCE)

    async def hash(self, password: str) -> str:
        return await anyio.to_thread.run_sync(partial(_hasher.hash, password), limiter=self._limiter)

    async def matches(self, password: str, hashed: str | None) -> bool:
        """`hashed` None: nobody has the address; takes as long all the same."""
        right = await anyio.to_thread.run_sync(partial(_verified, password, hashed or _NOBODY), limiter=self._limiter)
        return right and hashed is not None


def _verified(password: str, hashed: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
