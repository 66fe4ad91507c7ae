"""What guessing a password costs whoever tries."""

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from crontopus.engine.passwords import Passwords, _nobodys


async def test_a_password_costs_what_it_should_to_guess() -> None:
    """More than OWASP asks of argon2id: 19 MiB twice."""
    hashed = await Passwords().hash("correct horse battery staple")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert await Passwords().matches("correct horse battery staple", hashed)
    assert not await Passwords().matches("correct horse battery", hashed)


async def test_no_password_is_nobodys_and_to_try_one_costs_the_same() -> None:
    hasher = PasswordHasher(time_cost=2, memory_cost=1024, parallelism=1)
    assert extract_parameters(_nobodys(hasher)) == extract_parameters(hasher.hash("somebody's"))
    with pytest.raises(VerifyMismatchError):
        hasher.verify(_nobodys(hasher), "anybody's")
    assert not await Passwords().matches("anybody's", None)


async def test_what_cannot_be_a_hash_matches_nothing() -> None:
    assert not await Passwords().matches("no password opens this", "no password opens this")
