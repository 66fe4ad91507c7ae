"""What concerns the whole installation, for those who run it."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from crontopus.domain.access import Role, SystemRole
from crontopus.wire.common import Input, Instant, Output


class Condition(StrEnum):
    """How a part of the installation is; the worst last."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Vital(Output, frozen=True):
    """One thing that was looked at: how it is, in words, and what to do where it is not well. An error while looking is
    `bad`, and says so: never is it taken for nothing.
    """

    area: str
    name: str
    condition: Condition
    told: str
    advice: str


class Vitals(Output, frozen=True):
    """How the installation is, as the process that answers sees it; `condition` is the worst of all."""

    at: Instant
    condition: Condition
    items: list[Vital]


class UserPlace(Output, frozen=True):
    """A tenant that somebody belongs to, and what they are there."""

    tenant: UUID
    name: str
    role: Role


class User(Output, frozen=True):
    """Somebody with an account. `seen_at`: when they were last seen signed in, null where they are nowhere now;
    `tenants` is null in lists.
    """

    id: UUID
    email: str
    name: str
    system_role: SystemRole | None
    created_at: Instant
    disabled_at: Instant | None
    second_factor: bool
    sessions: int
    seen_at: Instant | None
    tenants: list[UserPlace] | None


class PasswordLink(Output, frozen=True):
    """The one answer that shows `link`: whoever opens it before `expires_at` chooses the password of `email`, once."""

    email: str
    link: str
    expires_at: Instant


class UserPatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays; null: no system role."""

    system_role: SystemRole | UnsetType | None = UNSET


class Setting(Output, frozen=True):
    """One setting in force. `origin`: `flag`, `environment`, `file` or `default`; a secret's value is `(hidden)`."""

    name: str
    value: Any
    origin: str
