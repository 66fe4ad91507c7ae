"""What keeps alerts from being told, on the wire: silences, maintenance windows, and the mute of a job."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from crontopus.wire.alerts import Alert, Matcher, RouteHours
from crontopus.wire.common import Duration, Input, Instant, Name, NameIfAny, Output

Reason = Annotated[NameIfAny, Meta(description="Why, for whoever wonders later.")]


class NewSilence(Input, frozen=True):
    """`matcher` is a query of alerts, as a route's; an empty one is of all. `since` absent: now."""

    until: Instant
    matcher: Matcher = ""
    reason: Reason = ""
    since: Instant | None = None


class SilencePatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays."""

    until: Instant | UnsetType = UNSET
    matcher: Matcher | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET


class Silence(Output, frozen=True):
    """From `since` until before `until` alerts that match are told to nobody."""

    id: UUID
    matcher: str
    reason: str
    since: Instant
    until: Instant
    made_by: str
    created_at: Instant


class WhatMatches(Input, frozen=True):
    """A query of alerts, not saved."""

    matcher: Matcher = ""


class Hidden(Output, frozen=True):
    """What a silence or a maintenance window would hide: alerts that are open now, and jobs that could have such ones.

    `alerts` and `names` (namespace/slug) are the first of them, `open` and `jobs` how many there are.
    """

    open: int
    alerts: list[Alert]
    jobs: int
    names: list[str]


class OnceTimes(Input, frozen=True):
    since: Instant = field(name="from")
    until: Instant = field(name="to")


class CronTimes(Input, frozen=True):
    """For `duration` from each time that the cron line names in the zone."""

    cron: Annotated[str, Meta(min_length=1, max_length=1000)]
    duration: Duration
    timezone: Annotated[str, Meta(min_length=1, max_length=100)] = "UTC"


class WindowTimes(Input, frozen=True):
    """Exactly one of the three."""

    once: OnceTimes | None = None
    weekly: RouteHours | None = None
    cron: CronTimes | None = None


class NewWindow(Input, frozen=True):
    """`matcher` is a query of alerts, as a route's; an empty one is of all."""

    name: Name
    times: WindowTimes
    matcher: Matcher = ""
    enabled: bool = True


class WindowPatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays; `times` are replaced as a whole."""

    name: Name | UnsetType = UNSET
    times: WindowTimes | UnsetType = UNSET
    matcher: Matcher | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class Stretch(Output, frozen=True):
    """`to` is null where no end is known."""

    since: Instant | None = field(name="from")
    until: Instant | None = field(name="to")


class Window(Output, frozen=True):
    """A maintenance window. `holds`: alerts that match are told to nobody now. `upcoming`: the stretch that holds, and
    the next ones.
    """

    id: UUID
    name: str
    matcher: str
    times: WindowTimes
    enabled: bool
    holds: bool
    upcoming: list[Stretch]
    made_by: str
    created_at: Instant


class MuteJob(Input, frozen=True):
    """`until` absent: until somebody ends it."""

    until: Instant | None = None
    reason: Reason = ""
