"""Runs and check-ins on the wire."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from crontopus.domain.tiers import Quota
from crontopus.domain.watch import Mark, RunState
from crontopus.wire.common import Duration, Input, Instant, Output, Seconds
from crontopus.wire.problem import Problem

Metrics = Annotated[dict[Annotated[str, Meta(max_length=100)], float], Meta(max_length=100)]
Dimension = Annotated[str, Meta(max_length=200)]


class OutputText(Input, frozen=True):
    """What a run printed: the first and the last of it, and how many bytes between them were left out."""

    head: str = ""
    tail: str = ""
    dropped_bytes: Annotated[int, Meta(ge=0)] = 0


class CheckIn(Input, frozen=True):
    """One message about a run. `kind`: start, success, fail, exit (with `exit_code`), log or skipped.

    `job` (id or namespace/slug) is needed where the URL does not name it. `occurred_at` may be up to 5 minutes
    ahead. `attempt` counts the tries of one run from 1. Sent again with the same `occurred_at` it is stored once.
    `sent_at` is when it is sent, by the same clock: more than a minute away from its arrival, it sets that clock right.
    """

    kind: Annotated[str, Meta(pattern="^(start|success|fail|exit|log|skipped)$")]
    job: str | None = None
    run_id: UUID | None = None
    exit_code: Annotated[int, Meta(ge=0, le=255)] | None = None
    signal: Annotated[int, Meta(ge=1, le=64)] | None = None
    occurred_at: Instant | None = None
    started_at: Instant | None = None
    duration: Duration | None = None
    output: OutputText | None = None
    host: Dimension | None = None
    user: Dimension | None = None
    env: Dimension | None = None
    metrics: Metrics = {}
    rusage: Metrics = {}
    attempt: Annotated[int, Meta(ge=1, le=1000)] = 1
    sent_at: Instant | None = None


class CheckInAnswer(Output, frozen=True):
    """What became of one check-in of a list; each stands for itself. `run`: the run's id in this API."""

    status: int
    run: UUID | None = None
    run_id: UUID | None = None
    problem: Problem | None = None


class CheckInAnswers(Output, frozen=True):
    items: list[CheckInAnswer]


class JobRef(Output, frozen=True):
    id: UUID
    namespace: str
    slug: str
    name: str


class Run(Output, frozen=True):
    """One execution. `run_id` is what the reporter called it. `missed` and `unobserved` runs were made by the server:
    `count` slots in a row, from `expected_at` to `last_expected_at`. `lag`: started minus expected."""

    id: UUID
    run_id: UUID | None
    number: int
    job: JobRef
    state: RunState
    expected_at: Instant | None
    last_expected_at: Instant | None
    started_at: Instant | None
    finished_at: Instant | None
    duration: Seconds | None
    lag: Seconds | None
    exit_code: int | None
    signal: int | None
    attempt: int
    host: str | None
    user: str | None
    env: str | None
    agent: UUID | None
    revision: str | None
    metrics: dict[str, float]
    rusage: dict[str, float]
    marks: list[Mark]
    count: int
    output_bytes: int
    settled_by: str | None


class Log(Output, frozen=True):
    """A run's output as it was reported. `dropped_bytes` were left out between `head` and `tail`.

    `pruned`: there was output, and retention has removed it. `over_quota`: the quota of the tenant for which output was
    not kept, `output_bytes_per_day` or `pings_per_minute`; its size is in `dropped_bytes`.
    """

    head: str
    tail: str
    dropped_bytes: int
    truncated: bool
    pruned: bool
    over_quota: Quota | None = None


class StoredCheckIn(Output, frozen=True):
    """A check-in as it was received."""

    id: UUID
    run: UUID | None
    run_id: UUID | None
    kind: str
    exit_code: int | None
    attempt: int
    occurred_at: Instant
    received_at: Instant
    method: str
    address: str | None
    user_agent: str | None
    output_bytes: int
    marks: list[Mark]


class Settle(Input, frozen=True):
    """`POST /runs/{id}/settle`: a person closes an open run."""

    succeeded: bool


class Gap(Output, frozen=True):
    """Nobody watched from `since` to `until`; `silent` jobs did not report while nobody watched."""

    since: Instant
    until: Instant
    cause: str
    silent: list[JobRef]


__all__ = [
    "CheckIn",
    "CheckInAnswer",
    "CheckInAnswers",
    "Gap",
    "JobRef",
    "Log",
    "OutputText",
    "Run",
    "Seconds",
    "Settle",
    "StoredCheckIn",
]
