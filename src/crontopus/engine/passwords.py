"""Passwords: argon2id, in threads of the lowest priority, so that guessing fills neither memory nor the event loop, and
many who sign in at once hold up no ping."""

import asyncio
import os
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crontopus.engine.threads import background

_AT_ONCE = max(1, (os.cpu_count() or 2) // 2)
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
"""One thread for each password: more of them would be of the priority of whoever started the process."""


class Passwords:
    """One for the whole process: its threads are what bounds memory, 64 MiB each."""

    def __init__(self, hasher: PasswordHasher = _HASHER) -> None:
        self._hasher = hasher
        self._nobodys = _nobodys(hasher)
        self._threads = background(_AT_ONCE, "passwords")

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(self._hasher.hash, password))

    async def matches(self, password: str, hashed: str | None) -> bool:
        """`hashed` None: nobody has the address; takes as long all the same."""
        verified = partial(_verified, self._hasher, password, hashed or self._nobodys)
        right = await asyncio.get_running_loop().run_in_executor(self._threads, verified)
        return right and hashed is not None


def _nobodys(hasher: PasswordHasher) -> str:
    """Verified against where nobody has the address, so that the time an answer takes tells nothing.

    It need not be the hash of a password, only cost as much as one; so no start waits for it.
    """
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${'A' * 22}${'A' * 43}"


def _verified(hasher: PasswordHasher, password: str, hashed: str) -> bool:
    try:
        return hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
