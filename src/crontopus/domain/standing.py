"""Whether a tenant is open to its people: active, suspended by the operator, or deleted and still to be had back."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

UNDO = timedelta(days=14)
"""So long a deleted tenant can be restored. Then all of it is removed."""


class State(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class Standing(Struct, frozen=True):
    """`suspended_why` is what the operator tells the tenant's people. Deleted outweighs suspended."""

    suspended_at: datetime | None = None
    suspended_why: str = ""
    deleted_at: datetime | None = None

    @property
    def state(self) -> State:
        if self.deleted_at is not None:
            return State.DELETED
        return State.SUSPENDED if self.suspended_at is not None else State.ACTIVE

    @property
    def restorable_until(self) -> datetime | None:
        return None if self.deleted_at is None else self.deleted_at + UNDO

    @property
    def refusal(self) -> str:
        """Why nothing can be done there, and what can; empty where it is open."""
        if self.deleted_at is not None:
            until = f"{self.deleted_at + UNDO:%d %B %Y}".lstrip("0")
            return (
                f"this organisation was deleted: until {until} an owner can restore it in its settings, or with "
                "`crontopus tenants restore`. Check-ins are stored until then"
            )
        if self.suspended_at is not None:
            why = f": {self.suspended_why}" if self.suspended_why else ""
            return (
                f"this organisation is suspended{why}. Check-ins are stored all the same; ask whoever runs this "
                "installation to resume it"
            )
        return ""


OPEN = Standing()
