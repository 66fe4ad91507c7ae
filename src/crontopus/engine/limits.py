"""How often each address, token, account and tenant may ask, pings aside. In memory: a look into a dictionary each.

A restart forgets, and each process counts for itself.
"""

from collections.abc import Callable, Hashable

from msgspec import Struct

from crontopus.domain import rates
from crontopus.domain.access import Principal
from crontopus.domain.errors import TooMany
from crontopus.domain.rates import Allowance
from crontopus.engine.usage import Usage

MOST_KEPT = 20_000
"""Buckets of a kind that are remembered."""
_WHOSE = {"address": "address", "token": "token", "account": "account", "tenant": "organisation"}


class PerMinute(Struct, frozen=True, kw_only=True):
    """What the installation allows; 0: as many as one likes."""

    address: int = 0
    token: int = 0
    account: int = 0


class Buckets:
    """When each is full again; one that is full need not be kept.

    Where there are more than `most_kept`, those go of which least is missing. So whoever wants their own bucket to be
    forgotten must have others by the thousand of which more is missing, and that costs more requests than it gives.
    """

    def __init__(self, most_kept: int = MOST_KEPT) -> None:
        self._most_kept = most_kept
        self._full_at: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, name: str, key: Hashable, now: float, most: int) -> Allowance:
        full_at, taken = rates.take(self._full_at.get(key, now), now, most)
        if taken:
            if key not in self._full_at and len(self._full_at) >= self._most_kept:
                self._make_room(now)
            self._full_at[key] = full_at
        return rates.allowance(name, full_at, now, most, refused=not taken)

    def _make_room(self, now: float) -> None:
        """Seldom, since a quarter of it is free afterwards."""
        self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        too_many = len(self._full_at) - self._most_kept * 3 // 4
        if too_many > 0:
            for key in sorted(self._full_at, key=self._full_at.__getitem__)[:too_many]:
                del self._full_at[key]


class Limits:
    """`now` is in seconds, of a clock that nobody sets."""

    def __init__(self, per_minute: PerMinute, usage: Usage, now: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._usage = usage
        self._now = now
        self._addresses, self._callers, self._tenants = Buckets(), Buckets(), Buckets()

    def of_address(self, address: str | None) -> list[Allowance]:
        """Asked before anything else is done. Of what is unlimited nothing is told; see `require`."""
        most = self._per_minute.address
        if not most or address is None:
            return []
        return [self._addresses.take("address", rates.origin_of(address), self._now(), most)]

    def of_caller(self, caller: Principal) -> list[Allowance]:
        """Of the token or the person, and, unless that is refused, of their tenant. As `of_address`."""
        name, most = ("token", self._per_minute.token) if caller.token else ("account", self._per_minute.account)
        now = self._now()
        own = [self._callers.take(name, caller.id, now, most)] if most else []
        quota = self._usage.requests_per_minute(caller.tenant)
        if quota is None or any(one.wait_seconds for one in own):
            return own
        return [*own, self._tenants.take("tenant", caller.tenant, now, max(1, quota))]


def require(allowances: list[Allowance]) -> None:
    """Raises TooMany where one was refused."""
    for one in allowances:
        if one.wait_seconds:
            whose = _WHOSE[one.name]
            told = f"more than {one.most:,} requests a minute of this {whose}: try again in {one.wait_seconds} s"
            raise TooMany(told, one.wait_seconds)
