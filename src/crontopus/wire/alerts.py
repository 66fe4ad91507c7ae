"""Alerts on the wire: what is wrong, whom it was told to, and what people make of it."""

from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from crontopus.domain.alerts import AlertClass, Ending, Happening, Severity, SubjectKind
from crontopus.domain.routing import Also, HolderKind, Kind, MessageState, Verdict
from crontopus.domain.text import SEEN
from crontopus.wire.common import Duration, Input, Instant, Name, Output, Seconds

Matcher = Annotated[str, Meta(max_length=1000)]
Words = Annotated[str, Meta(min_length=1, max_length=2000, pattern=SEEN)]
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"
MinuteOfDay = Annotated[str, Meta(pattern=CLOCK, description="`00:00` to `24:00`.")]
Templates = Annotated[dict[str, Annotated[str, Meta(max_length=8000)] | None], Meta(max_length=4)]
GROUP = r"^(ns|job|class|severity|label:.{1,100})$"
Weekdays = Annotated[list[Annotated[int, Meta(ge=0, le=6)]], Meta(max_length=7, description="0 is Monday.")]
GroupBy = Annotated[list[Annotated[str, Meta(pattern=GROUP)]], Meta(max_length=5)]


class AlertSubject(Output, frozen=True):
    """What an alert is of. `job` and its names are null where it is not a job, or one that is gone."""

    kind: SubjectKind
    job: UUID | None
    namespace: str | None
    slug: str | None
    name: str | None


class Holder(Output, frozen=True):
    """What keeps an alert from being told. `until` is null where no end is known. `id` is that of the silence, the
    maintenance window, the muted job, the job it depends on, or the alert of flapping.
    """

    kind: HolderKind
    id: UUID
    name: str
    since: Instant
    until: Instant | None


class Alert(Output, frozen=True):
    """`class` is the reason. `opening`: how often it was opened; `opened_at`: last. `held`: something keeps it from
    being told, since `held_since`: `holders`, also those that have let go of it by now. `run`: the run that opened it.
    `ending`: how it came to its end.
    """

    id: UUID
    subject: AlertSubject
    cls: AlertClass = field(name="class")
    severity: Severity
    opened_at: Instant
    opening: int
    held: bool
    held_since: Instant | None
    holders: list[Holder]
    acknowledged_at: Instant | None
    acknowledged_by: str
    snoozed_until: Instant | None
    resolved_at: Instant | None
    ending: Ending | None
    run: UUID | None


class AlertEvent(Output, frozen=True):
    """`who` is empty where it happened by itself."""

    at: Instant
    what: Happening
    who: str
    why: str


class Notification(Output, frozen=True):
    """A message that is owed or was. `next_at`: when it is tried next; null: it is settled. `arrived`: it may have
    arrived. `why`: what was said of the last try that failed, why it was overtaken or not sent at all, or what was
    wrong with the channel's templates, so that it went out in our words.
    """

    id: UUID
    alert: UUID
    channel: UUID
    channel_name: str | None
    kind: Kind
    number: int
    state: MessageState
    made_at: Instant
    tries: int
    next_at: Instant | None
    settled_at: Instant | None
    arrived: bool
    why: str


class Attempt(Output, frozen=True):
    """One try, with what was said on both sides: excerpts, without secrets."""

    at: Instant
    took: Seconds
    outcome: str
    status: int | None
    request: str
    response: str


class NotificationDetail(Output, frozen=True):
    notification: Notification
    attempts: list[Attempt]


class AlertDetail(Output, frozen=True):
    """`events` the oldest first, and `notifications` likewise."""

    alert: Alert
    events: list[AlertEvent]
    notifications: list[Notification]


class Snooze(Input, frozen=True):
    """Nobody is told until then; at that time it is told again, if it is still open."""

    until: Instant


class Note(Input, frozen=True):
    text: Words


class NewChannel(Input, frozen=True):
    """`settings` are those of its `kind`. `fallback`: the channel that tells what this one cannot. `templates`: what it
    says in words of its own, as far as its kind can.
    """

    kind: str
    name: Name
    settings: dict[str, Any]
    fallback: UUID | None = None
    enabled: bool = True
    templates: Templates = {}


class ChannelPatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays. `settings` and `templates` replace those that they name; one that is kept
    hidden stays where it is not given.
    """

    name: Name | UnsetType = UNSET
    settings: dict[str, Any] | UnsetType = UNSET
    fallback: UUID | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    templates: Templates | UnsetType = UNSET


class PreviewChannel(Input, frozen=True):
    """`templates` take the place of those that they name; what is absent stays as the channel has it."""

    templates: Templates = {}


class ChannelPreview(Output, frozen=True):
    """What would be told, without the markup of the channel: `title` and `text`, or `body` and `content_type` where it
    is posted as it is. `alert`: the newest, of which it tells; null: there is none, and it tells of one that never was.
    """

    alert: UUID | None
    title: str
    text: str
    body: str
    content_type: str


class Channel(Output, frozen=True):
    """`settings` without what opens something: of that, `hidden` names the fields. `broken_at`: since then the other
    side refuses everything. `closed_until`: after five failures in a row nothing is sent before. `why`: of the last
    failure. `fault`: what was wrong with its `templates` when something was sent last. `monthly`: so many messages go
    out in a month (UTC) at most, and `sent_this_month` of them did; null: any number, which nobody counts.
    """

    id: UUID
    kind: str
    name: str
    settings: dict[str, Any]
    hidden: list[str]
    fallback: UUID | None
    enabled: bool
    usable: bool
    broken_at: Instant | None
    closed_until: Instant | None
    delivered_at: Instant | None
    failures: int
    why: str
    templates: dict[str, str]
    fault: str
    monthly: int | None
    sent_this_month: int
    created_at: Instant
    updated_at: Instant


class ChannelTest(Output, frozen=True):
    """What became of a message that was sent to see whether it arrives. `why` it did not; where it was taken, what was
    wrong with the channel's templates, if anything was.
    """

    outcome: str
    took: Seconds
    status: int | None
    why: str
    title: str
    text: str


class RouteStep(Input, frozen=True):
    """So long after the alert's clock started, these channels are told."""

    channels: Annotated[list[UUID], Meta(max_length=20)]
    after: Duration = 0


class ShownStep(Output, frozen=True):
    after: Seconds
    channels: list[UUID]


class OpenTime(Input, frozen=True):
    """On these days, from and until these times on the wall. A `to` that is not later is on the day after."""

    days: Weekdays
    since: MinuteOfDay = field(name="from")
    until: MinuteOfDay = field(name="to")


class RouteHours(Input, frozen=True):
    timezone: Annotated[str, Meta(min_length=1, max_length=100)]
    open: Annotated[list[OpenTime], Meta(min_length=1, max_length=20)]


Steps = Annotated[list[RouteStep], Meta(max_length=20)]


class NewRoute(Input, frozen=True):
    """`parent`: the route below which it stands; absent: the root. `place`: its order among those beside it.

    `matcher` is a query of alerts: `ns:prod severity:critical -tag:test`. `continue`: the routes beside it, further
    down, are tried as well. Without `steps` those of its parent hold. `repeat` null: it is not told again.
    """

    name: Name
    parent: UUID | None = None
    place: Annotated[int, Meta(ge=0, le=10_000)] = 0
    matcher: Matcher = ""
    proceeds: bool = field(name="continue", default=False)
    steps: Steps = []
    group_by: GroupBy = []
    group_wait: Duration = 0
    group_interval: Duration = 300
    repeat: Duration | None = None
    also: Annotated[list[Also], Meta(max_length=3)] = []
    hours: RouteHours | None = None


class RoutePatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays."""

    name: Name | UnsetType = UNSET
    parent: UUID | UnsetType = UNSET
    place: Annotated[int, Meta(ge=0, le=10_000)] | UnsetType = UNSET
    matcher: Matcher | UnsetType = UNSET
    proceeds: bool | UnsetType = field(name="continue", default=UNSET)
    steps: Steps | UnsetType = UNSET
    group_by: GroupBy | UnsetType = UNSET
    group_wait: Duration | UnsetType = UNSET
    group_interval: Duration | UnsetType = UNSET
    repeat: Duration | UnsetType | None = UNSET
    also: Annotated[list[Also], Meta(max_length=3)] | UnsetType = UNSET
    hours: RouteHours | UnsetType | None = UNSET


class Route(Output, frozen=True):
    """`parent` is null for the root, which matches everything. Durations in seconds."""

    id: UUID
    name: str
    parent: UUID | None
    place: int
    matcher: str
    proceeds: bool = field(name="continue")
    steps: list[ShownStep]
    group_by: list[str]
    group_wait: Seconds
    group_interval: Seconds
    repeat: Seconds | None
    also: list[Also]
    hours: RouteHours | None


class Explain(Input, frozen=True):
    """Who is told if this job gets into this trouble at that time? `at` absent: now."""

    job: Annotated[str, Meta(min_length=1, max_length=250)]
    cls: AlertClass = field(name="class", default=AlertClass.FAILED)
    severity: Severity | None = None
    at: Instant | None = None


class ExplainedLine(Output, frozen=True):
    """`verdict` at the time that was asked for; `at`: when it is told, or the route's hours begin. `fallback_of`: the
    channel in whose place this one is told.
    """

    route: UUID
    route_name: str
    step: int
    channel: UUID
    channel_name: str | None
    verdict: Verdict
    at: Instant | None
    fallback_of: UUID | None


class Explanation(Output, frozen=True):
    """`holders`: what would keep it from being told at that time."""

    at: Instant
    severity: Severity
    holders: list[Holder]
    lines: list[ExplainedLine]


class UnsubscribeCode(Input, frozen=True):
    """As it stands in the link."""

    code: Annotated[str, Meta(min_length=1, max_length=500)]


class Unsubscribed(Output, frozen=True):
    """The channel that the link is of, and its tenant."""

    channel: str
    tenant: str
    enabled: bool


class AlertLinkCode(Input, frozen=True):
    """As it stands in the link."""

    code: Annotated[str, Meta(min_length=1, max_length=500)]


class LinkedAlert(Output, frozen=True):
    """What a link in a message is for: the alert as it is now, without who knows of it, the tenant, and the channel
    that the message came on. `changed`: by this very request.
    """

    alert: Alert
    tenant: str
    channel: str
    changed: bool
