"""Passwords: argon2id, in threads of the lowest priority, so that guessing fills neither memory nor the event loop, and
many who sign in at once hold up no ping."""

import asyncio
import os
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crontopus.engine.threads import background

_AT_ONCE = max(1, (os.cpu_count() or 2) // 2)
_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
"""One thread for each password: more of them would be of the priority of whoever started the process."""
_NOBODY = _hasher.hash("nobody's")
"""Verified against where nobody has the address, so that the time an answer takes tells nothing."""


class Passwords:
    """One for the whole process: its threads are what bounds memory, 64 MiB each."""

    def __init__(self) -> None:
        self._threads = background(_AT_ONCE, "passwords")

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(_hasher.hash, password))

    async def matches(self, password: str, hashed: str | None) -> bool:
        """`hashed` None: nobody has the address; takes as long all the same."""
        verified = partial(_verified, password, hashed or _NOBODY)
        right = await asyncio.get_running_loop().run_in_executor(self._threads, verified)
        return right and hashed is not None


def _verified(password: str, hashed: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
