"""The audit log on the wire."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from crontopus.domain.audit import Noun
from crontopus.wire.common import Instant, Output


class AuditEntry(Output, frozen=True):
    """One thing that was done. `position` counts from 1 in the tenant, without a gap.

    `actor`: a person's address, or a token by name; `user` is the person, or whoever made the token. `target` is what
    the thing was called then. `via`: `impersonation of …`, where the actor runs the installation and looked as another.
    `changes`: of each field its value before and after; secrets are hidden.
    """

    position: int
    at: Instant
    actor: str
    user: UUID | None
    token: UUID | None
    address: str | None
    user_agent: str | None
    via: str | None
    action: str
    noun: Noun
    target_id: UUID
    target: str
    changes: dict[str, list[Any]]


class AuditFilter(TypedDict, total=False):
    """Which entries: of this actor, of this action, of what was done to this, from an instant on, before another."""

    actor: str | None
    action: str | None
    target: UUID | None
    since: datetime | None
    until: datetime | None


class SystemAuditFilter(AuditFilter, total=False):
    """`tenant`: only of its log."""

    tenant: UUID | None


class SystemAuditEntry(AuditEntry, frozen=True):
    """One thing that was done anywhere. `tenant` is null for what concerns the installation itself; `tenant_name` also
    for a tenant that is gone.
    """

    tenant: UUID | None
    tenant_name: str | None


class SystemAuditVerdict(Output, frozen=True):
    """Whether a log says what was written: as AuditVerdict, of the tenant, or of the installation itself (null)."""

    tenant: UUID | None
    tenant_name: str | None
    entries: int
    broken: int | None
    why: str


class AuditVerdict(Output, frozen=True):
    """Whether the log says what was written. `entries`: how many hold, from the first on.

    `broken` is the position of the first entry that was changed, removed or put elsewhere, and `why` says how that is
    seen; null: all hold.
    """

    entries: int
    broken: int | None
    why: str
