"""What a transaction touched, as the live stream's table keeps it: one row a tenant, however many jobs it were."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct


class Touched(Struct, frozen=True, omit_defaults=True):
    """A thing that changed, with its new version, and the runs of it that changed too."""

    id: UUID
    version: int
    runs: tuple[UUID, ...] = ()
    noun: str = "job"


def touch(rows: dict[UUID, dict[str, Any]], tenant: UUID, touched: Touched, at: datetime) -> None:
    """Add `touched` to the tenant's row."""
    row = rows.setdefault(tenant, {"tenant_id": tenant, "touched": [], "at": at})
    row["touched"].append(touched)
