"""The audit log: who did what to what, each entry chained to the one before it, so that no later hand goes unseen."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

BEGINNING = bytes(32)
"""What the first entry of a chain is chained to."""
HIDDEN = "(hidden)"
_SECRETS = ("password", "secret", "token", "ping_key")
_MOST_TEXT = 10_000


class Noun(StrEnum):
    """What an action was done to."""

    INSTALLATION = "installation"
    TENANT = "tenant"
    MEMBER = "member"
    INVITATION = "invitation"
    SESSION = "session"
    NAMESPACE = "namespace"
    JOB = "job"
    RUN = "run"
    EXPORT = "export"
    TOKEN = "token"  # noqa: S105 - a noun
    FACTOR = "factor"
    TIER = "tier"
    PROVIDER = "provider"
    IMPERSONATION = "impersonation"
    ANNOUNCEMENT = "announcement"
    ALERT = "alert"
    CHANNEL = "channel"
    ROUTE = "route"
    SILENCE = "silence"
    MAINTENANCE_WINDOW = "maintenance_window"


class Target(Struct, frozen=True):
    """`name` is what it was called then: it may be called otherwise, or be gone, by now."""

    noun: Noun
    id: UUID
    name: str


class Deed(Struct, frozen=True):
    """One thing done. `changes`: of each field its value before and after; null where there was or is none."""

    action: str
    target: Target
    changes: dict[str, tuple[Any, Any]] = {}


class Doer(Struct, frozen=True):
    """Who, and by what: `token` is the one they came with, `address` and `user_agent` are of the request. `via`:
    `impersonation of ada@example.com`, where they looked as another.
    """

    name: str
    user: UUID | None = None
    token: UUID | None = None
    address: str | None = None
    user_agent: str | None = None
    via: str | None = None


Happened = tuple[datetime, Doer, Deed]


class Entry(Struct, frozen=True):
    """`position` counts from 1 in each tenant, without a gap."""

    position: int
    at: datetime
    doer: Doer
    deed: Deed


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, by field, as JSON knows it. Secrets are hidden: that they changed is told, not to what."""
    old, new = (msgspec.to_builtins(dict(side)) for side in (before, after))
    fields = sorted(old.keys() | new.keys())
    found = {name: (old.get(name), new.get(name)) for name in fields}
    return {name: tuple(_told(name, value) for value in pair) for name, pair in found.items() if pair[0] != pair[1]}


def link(before: bytes, tenant: UUID, entry: Entry) -> bytes:
    """The hash of an entry: of all it says, of whose it is, and of the hash before it."""
    return sha256(before + tenant.bytes + msgspec.json.encode(entry, order="sorted")).digest()


def _told(name: str, value: Any) -> Any:
    if value is not None and any(name == secret or name.endswith(f"_{secret}") for secret in _SECRETS):
        return HIDDEN
    return value[:_MOST_TEXT] if isinstance(value, str) else value
