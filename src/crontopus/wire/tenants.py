"""Tenants as a whole, for their owners and for those who run the installation; and what is exported of one."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from crontopus.domain.standing import State
from crontopus.domain.text import SEEN
from crontopus.wire.accounts import Email
from crontopus.wire.common import Input, Instant, Name, Output, Seconds

Why = Annotated[str, Meta(min_length=1, max_length=500, pattern=SEEN)]


class TenantInfo(Output, frozen=True):
    """`state`: `active`; `suspended`: check-ins are stored, and nothing else can be done there; `deleted`: likewise,
    and all of it is removed at `restorable_until`. `members`: how many people belong to it;
    `require_second_factor`: those without one may do nothing in it but set one up; `forbid_impersonation`: who runs the
    installation does not look at it as one of its members. `tier` says what it may have. `timezone` and
    `default_grace` hold for its namespaces without their own.
    """

    id: UUID
    name: str
    state: State
    suspended_at: Instant | None
    suspended_why: str
    deleted_at: Instant | None
    restorable_until: Instant | None
    members: int
    require_second_factor: bool
    forbid_impersonation: bool
    tier: UUID
    tier_name: str
    timezone: str
    default_grace: Seconds
    created_at: Instant


class NewTenant(Input, frozen=True):
    """`owner`: the address of whoever is invited to own it."""

    name: Name
    owner: Email


class CreatedTenant(TenantInfo, frozen=True):
    """The one answer that shows `link`: whoever opens it becomes its owner. Null where it is mailed to them."""

    link: str | None


class Suspension(Input, frozen=True):
    """`why` is told to the people of the tenant."""

    why: Why


class Export(Output, frozen=True):
    """A copy of all that a tenant has, as a file. Null until it is finished: `finished_at`, `sha256` and `expires_at`,
    until when it can be downloaded.
    """

    id: UUID
    asked_by: str
    asked_at: Instant
    finished_at: Instant | None
    expires_at: Instant | None
    size_bytes: int
    sha256: str | None
