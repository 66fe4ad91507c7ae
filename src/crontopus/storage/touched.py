"""What a transaction touched, as the live stream's table keeps it: one row a tenant, however many jobs it were."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct


class Touched(Struct, frozen=True, omit_defaults=True):
    """A thing that changed, with its new version, and the runs or messages of it that changed too.

    `version` is 0 where it has none. `job`: the one that an alert is of.
    """

    id: UUID
    version: int = 0
    runs: tuple[UUID, ...] = ()
    noun: str = "job"
    job: UUID | None = None
    notifications: tuple[UUID, ...] = ()


def touch(rows: dict[UUID, dict[str, Any]], tenant: UUID, touched: Touched, at: datetime) -> None:
    """Add `touched` to the tenant's row."""
    row = rows.setdefault(tenant, {"tenant_id": tenant, "touched": [], "at": at})
    row["touched"].append(touched)
