"""Jobs on the wire: the definition, its state, and what is done to many at once."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from crontopus.domain.alerts import Severity
from crontopus.domain.schedule import Clock
from crontopus.domain.watch import Overlap, Reason, RunState, Status
from crontopus.wire.common import (
    Duration,
    Input,
    Instant,
    Labels,
    Name,
    NameIfAny,
    Output,
    Seconds,
    Slug,
    Tags,
    Text,
    Word,
)
from crontopus.wire.schedules import Schedule, Schedules

InARow = Annotated[int, Meta(ge=1, le=1000)]
Keywords = Annotated[str, Meta(max_length=200, description="Comma-separated words searched in the body of a ping.")]


class Origin(StrEnum):
    """Who made the job."""

    API = "api"
    PING = "ping"
    GIT = "git"
    AGENT = "agent"


class JobSpec(Input, frozen=True):
    """What a person decides about a job. Defaults: no schedule, grace 10 min, one failure or miss is enough."""

    description: Text = ""
    tags: Tags = []
    labels: Labels = {}
    schedule: Schedules = None
    timezone: str | None = None
    clock: Clock = Clock.CRON
    grace: Duration = 600
    max_runtime: Duration | None = None
    min_runtime: Duration | None = None
    fail_after: InARow = 1
    miss_after: InARow = 1
    recover_after: InARow = 1
    overlap: Overlap | None = None
    first_by: Instant | None = None
    methods: list[str] = []
    start_kw: Keywords = ""
    success_kw: Keywords = ""
    failure_kw: Keywords = ""
    manual_resume: bool = False
    severity: Severity = Severity.WARNING
    owner: Text = ""
    runbook: Text = ""
    depends_on: Annotated[list[str], Meta(max_length=50)] = []


class NewJob(JobSpec, frozen=True):
    """`POST /jobs`. A name or a slug is enough; the other is made from it."""

    namespace: str = "default"
    name: NameIfAny = ""
    slug: str = ""


class JobPatch(Input, frozen=True):
    """`PATCH /jobs/{id}`: JSON Merge Patch (RFC 7396). What is absent stays; null puts the default back."""

    name: Name | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    labels: dict[Word, Word | None] | UnsetType | None = UNSET
    schedule: Schedule | list[Schedule] | UnsetType | None = UNSET
    timezone: str | UnsetType | None = UNSET
    clock: Clock | UnsetType | None = UNSET
    grace: Duration | UnsetType | None = UNSET
    max_runtime: Duration | UnsetType | None = UNSET
    min_runtime: Duration | UnsetType | None = UNSET
    fail_after: InARow | UnsetType | None = UNSET
    miss_after: InARow | UnsetType | None = UNSET
    recover_after: InARow | UnsetType | None = UNSET
    overlap: Overlap | UnsetType | None = UNSET
    first_by: Instant | UnsetType | None = UNSET
    methods: list[str] | UnsetType | None = UNSET
    start_kw: Keywords | UnsetType | None = UNSET
    success_kw: Keywords | UnsetType | None = UNSET
    failure_kw: Keywords | UnsetType | None = UNSET
    manual_resume: bool | UnsetType | None = UNSET
    severity: Severity | UnsetType | None = UNSET
    owner: Text | UnsetType | None = UNSET
    runbook: Text | UnsetType | None = UNSET
    depends_on: list[str] | UnsetType | None = UNSET


class RunBrief(Output, frozen=True):
    """The newest run, as a list of jobs shows it."""

    id: UUID
    state: RunState
    expected_at: Instant | None
    started_at: Instant | None
    finished_at: Instant | None
    duration: Seconds | None
    exit_code: int | None
    signal: int | None


class Mute(Output, frozen=True):
    """Nobody is told of the job's alerts. `until` null: until somebody ends it."""

    since: Instant
    until: Instant | None
    reason: str
    made_by: str


class Job(Output, frozen=True):
    """A job and what is believed of it now. `status` `late` is up with an expected run outstanding.

    `schedule_in_words` is for people. `timezone` is the zone in force; `own` names it where the job has it of itself,
    not from its namespace. `due_at`: when silence alone would change something. `depends_on`: jobs as namespace/slug,
    those within reach; while an alert of one is open, those of this job are held. `muted`: its alerts tell nobody.
    `version` rises with each edit and stands in `ETag`.
    """

    id: UUID
    namespace: str
    slug: str
    name: str
    description: str
    tags: list[str]
    labels: dict[str, str]
    schedule: Schedules
    schedule_in_words: str
    timezone: str
    own: list[str]
    clock: Clock
    grace: Seconds
    max_runtime: Seconds | None
    min_runtime: Seconds | None
    fail_after: int
    miss_after: int
    recover_after: int
    overlap: Overlap
    first_by: Instant | None
    methods: list[str]
    start_kw: str
    success_kw: str
    failure_kw: str
    manual_resume: bool
    severity: Severity
    owner: str
    runbook: str
    depends_on: list[str]
    muted: Mute | None
    status: Status
    reason: Reason | None
    reasons: list[Reason]
    running: int
    seen_at: Instant | None
    down_since: Instant | None
    paused_until: Instant | None
    next_expected_at: Instant | None
    due_at: Instant | None
    last_run: RunBrief | None
    ping_url: str
    ping_url_by_slug: str
    origin: Origin
    created_at: Instant
    updated_at: Instant
    version: int


class Pause(Input, frozen=True):
    """`POST /jobs/{id}/pause`. `until`: the pause ends by itself then."""

    until: Instant | None = None


class Watch(Output, frozen=True):
    """`GET /jobs/{id}/watches`: what is believed of the job on one agent (null: reported by ping)."""

    agent: UUID | None
    status: Status
    reason: Reason | None
    reasons: list[Reason]
    running: int
    seen_at: Instant | None
    next_expected_at: Instant | None
    due_at: Instant | None
    failures_in_a_row: int
    misses_in_a_row: int
    successes_in_a_row: int


class BulkAction(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    TAG = "tag"
    UNTAG = "untag"
    DELETE = "delete"


class Bulk(Input, frozen=True):
    """`POST /jobs/bulk`. The jobs named by `jobs` (ids or namespace/slug), or all that `q` finds; never both.

    `dry_run` says what would happen and changes nothing. `tags` for tag and untag, `until` for pause.
    """

    action: BulkAction
    jobs: Annotated[list[str], Meta(max_length=1000)] | None = None
    q: str | None = None
    tags: Tags = []
    until: Instant | None = None
    dry_run: bool = False


class BulkItem(Output, frozen=True):
    """`changed` false: it already was so. `problem`: why this one was left alone."""

    job: UUID
    name: str
    changed: bool
    problem: str | None = None


class BulkResult(Output, frozen=True):
    dry_run: bool
    items: list[BulkItem]
