"""Looking as another on the wire: what an operator asks for, and what the tenant sees of it."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from crontopus.domain.access import Role
from crontopus.domain.text import SEEN
from crontopus.wire.accounts import Email
from crontopus.wire.common import Input, Instant, Output

Reason = Annotated[str, Meta(min_length=5, max_length=500, pattern=SEEN)]


class NewImpersonation(Input, frozen=True):
    """As whom: as a `member`, by address, or as a `role`; one of the two. `why` is told to the tenant."""

    tenant: UUID
    why: Reason
    member: Email | None = None
    role: Role | None = None


class Raise(Input, frozen=True):
    """`why` looking is not enough; told to the tenant."""

    why: Reason


class Impersonation(Output, frozen=True):
    """`operator` looked at the tenant as `member`, or, where that is null, as `role`. It ended at `ended_at`; where
    that is null, at `until` or when the operator's session did. `active`: it lasts.
    """

    id: UUID
    tenant: UUID
    tenant_name: str
    operator: str
    member: str | None
    role: Role
    why: str
    began_at: Instant
    until: Instant
    raised_at: Instant | None
    raised_why: str
    ended_at: Instant | None
    active: bool
