"""Alerts: what is open, since when, and what people made of it. Every change is a function over an `Alert`."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

SETTLES = timedelta(minutes=5)
"""What is resolved and comes back within this time is the same alert, reopened."""


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertClass(StrEnum):
    """What is wrong. The first four are the reasons of a watch."""

    FAILED = "failed"
    OVERRAN = "overran"
    MISSED = "missed"
    TOO_SHORT = "too_short"
    FLAPPING = "flapping"
    UNOBSERVED = "unobserved"


class SubjectKind(StrEnum):
    """What an alert is of. `SYSTEM`: the tenant as a whole."""

    JOB = "job"
    SYSTEM = "system"


class Happening(StrEnum):
    """What can happen to an alert, as its event log tells it."""

    OPENED = "opened"
    REOPENED = "reopened"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    SNOOZED = "snoozed"
    HELD = "held"
    RELEASED = "released"
    NOTED = "noted"
    REGRADED = "regraded"
    RESOLVED = "resolved"


class Ending(StrEnum):
    """How an alert came to its end."""

    RECOVERED = "recovered"
    PAUSED = "paused"
    BY_HAND = "by_hand"
    DELETED = "deleted"
    EXPIRED = "expired"


class Alert(Struct, frozen=True, kw_only=True):
    """One trouble of one subject, from its opening to its end.

    `opening` counts how often it was opened, from 1; `opened_at` is when it was opened last, and `clock_at` when the
    clock of its routes was started last. `held`: it was held when it was last decided upon. A snooze is an
    acknowledgement that takes itself back at `snoozed_until`. `failed_at` and `updated_at`: the newest failure since,
    and the newest change that is worth telling.
    """

    id: UUID
    kind: AlertClass
    severity: Severity
    opened_at: datetime
    clock_at: datetime
    opening: int = 1
    held: bool = False
    acknowledged_at: datetime | None = None
    snoozed_until: datetime | None = None
    resolved_at: datetime | None = None
    ending: Ending | None = None
    failed_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.resolved_at is not None

    def is_acknowledged(self, now: datetime) -> bool:
        return self.acknowledged_at is not None and (self.snoozed_until is None or now < self.snoozed_until)

    def reopens(self, at: datetime) -> bool:
        """Whether the same trouble at `at` is this alert again, and not another one."""
        return self.resolved_at is None or at - self.resolved_at < SETTLES


def reopened(alert: Alert, at: datetime, now: datetime) -> Alert:
    """The trouble came back at `at`. An acknowledgement is taken back by it; a snooze stays; what
    holds it is found out anew.
    """
    snoozed = alert.snoozed_until is not None and now < alert.snoozed_until
    return replace(
        alert,
        opening=alert.opening + 1,
        opened_at=at,
        clock_at=now,
        held=False,
        acknowledged_at=alert.acknowledged_at if snoozed else None,
        snoozed_until=alert.snoozed_until if snoozed else None,
        resolved_at=None,
        ending=None,
        failed_at=None,
        updated_at=None,
    )


def acknowledged(alert: Alert, now: datetime) -> Alert:
    """Also in the place of a snooze."""
    return replace(alert, acknowledged_at=now, snoozed_until=None)


def unacknowledged(alert: Alert, now: datetime) -> Alert:
    return replace(alert, acknowledged_at=None, snoozed_until=None, clock_at=now)


def snoozed(alert: Alert, until: datetime, now: datetime) -> Alert:
    return replace(alert, acknowledged_at=now, snoozed_until=until)


def resolved(alert: Alert, at: datetime, ending: Ending) -> Alert:
    return replace(alert, resolved_at=at, ending=ending)
