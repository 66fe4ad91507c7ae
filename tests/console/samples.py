"""Jobs, runs and watches as the API answers them, for tests that need no server."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from crontopus.domain.alerts import Severity
from crontopus.domain.schedule import Clock
from crontopus.domain.watch import Overlap, RunState, Status
from crontopus.wire.jobs import Job, Origin, Watch
from crontopus.wire.runs import JobRef, Run
from crontopus.wire.schedules import Schedule

NOW = datetime(2026, 11, 23, 13, 32, tzinfo=UTC)
ID = UUID("0193e000-0000-7000-8000-000000000001")

JOB = Job(
    id=ID,
    namespace="prod",
    slug="dump",
    name="dump",
    description="",
    tags=[],
    labels={},
    schedule=Schedule(cron="0 2 * * *"),
    schedule_in_words="At 02:00 every day",
    timezone="UTC",
    own=[],
    clock=Clock.CRON,
    grace=600.0,
    max_runtime=None,
    min_runtime=None,
    fail_after=1,
    miss_after=1,
    recover_after=1,
    overlap=Overlap.ALLOW,
    first_by=None,
    methods=[],
    start_kw="",
    success_kw="",
    failure_kw="",
    manual_resume=False,
    severity=Severity.WARNING,
    owner="",
    runbook="",
    depends_on=[],
    muted=None,
    status=Status.UP,
    reason=None,
    reasons=[],
    running=0,
    seen_at=NOW,
    down_since=None,
    paused_until=None,
    next_expected_at=NOW + timedelta(minutes=28),
    due_at=NOW + timedelta(minutes=38),
    last_run=None,
    ping_url=f"http://localhost:8000/ping/{ID}",
    ping_url_by_slug="http://localhost:8000/ping/k/dump",
    origin=Origin.API,
    created_at=NOW - timedelta(days=90),
    updated_at=NOW,
    version=3,
)
RUN = Run(
    id=ID,
    run_id=None,
    number=1,
    job=JobRef(id=ID, namespace="prod", slug="dump", name="dump"),
    state=RunState.SUCCEEDED,
    expected_at=NOW - timedelta(hours=12),
    last_expected_at=None,
    started_at=NOW - timedelta(hours=12),
    finished_at=NOW - timedelta(hours=11, minutes=50),
    duration=600.0,
    lag=0.0,
    exit_code=0,
    signal=None,
    attempt=1,
    host=None,
    user=None,
    env=None,
    agent=None,
    revision=None,
    metrics={},
    rusage={},
    marks=[],
    count=1,
    output_bytes=0,
    settled_by=None,
)
WATCH = Watch(
    agent=None,
    status=Status.UP,
    reason=None,
    reasons=[],
    running=0,
    seen_at=NOW,
    next_expected_at=None,
    due_at=None,
    failures_in_a_row=0,
    misses_in_a_row=0,
    successes_in_a_row=1,
)


def job(**changes: Any) -> Job:
    return replace(JOB, **changes)


def run(**changes: Any) -> Run:
    return replace(RUN, **changes)
