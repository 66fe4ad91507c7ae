"""Jobs, what is believed of them, and what came of them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from crontopus.domain.schedule import Schedule
from crontopus.domain.tiers import Quota
from crontopus.domain.watch import Cause, Expectation, Mark, Reason, RunState, Status
from crontopus.storage.tables.base import metadata
from crontopus.storage.types import Choice, Id, Instant, Json, Span
from crontopus.wire.jobs import Origin

namespaces = Table(
    "namespaces",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("default_schedules", Json(tuple[Schedule, ...]), nullable=False),
    Column("default_grace", Span, nullable=False),
    Column("own", Json(list[str]), nullable=False),
    Column("followed", Boolean(create_constraint=False), nullable=False, default=True),
    Column("ping_key_hash", LargeBinary, nullable=False, unique=True),
    Column("ping_key_sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("tenant_id", "slug"),
)
"""`own` names which of `timezone` and `default_grace` were set here; the others are, and follow, the tenant's.
`followed`: its jobs without a zone of their own have its zone; not so while they are being changed."""

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("namespace_id", Id, ForeignKey("namespaces.id")),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("search", Text, nullable=False),
    Column("ping_uuid", Id, nullable=False),
    Column("expectation", Json(Expectation), nullable=False),
    Column("timezone_given", Boolean(create_constraint=False), nullable=False),
    Column("filters", Text),
    Column("tags", Json(list[str]), nullable=False),
    Column("labels", Json(dict[str, str]), nullable=False),
    Column("notes", Text, nullable=False),
    Column("origin", Choice(Origin), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Column("version", Integer, nullable=False),
    Index("uq_jobs_ping_uuid", "ping_uuid", unique=True),
    Index(
        "uq_jobs_namespace_id_slug",
        "namespace_id",
        "slug",
        unique=True,
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index("ix_jobs_tenant_id_search", "tenant_id", "search", "id"),
    Index("ix_jobs_tenant_id", "tenant_id", "deleted_at", "id"),
    Index(
        "ix_jobs_deleted_at",
        "deleted_at",
        sqlite_where=text("deleted_at IS NOT NULL"),
        postgresql_where=text("deleted_at IS NOT NULL"),
    ),
)
"""`search` is the name in lower case. `filters`: methods and keywords as JSON, null for none (what intake reads).
`notes`: description, severity, owner, runbook, depends_on as JSON (what only people read).
A deleted job stays until retention has removed what belongs to it, also when its namespace is gone."""

watches = Table(
    "watches",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id"), primary_key=True),
    Column("agent_id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("status", Choice(Status), nullable=False),
    Column("reasons", Json(list[Reason]), nullable=False),
    Column("running", Integer, nullable=False),
    Column("next_expected_at", Instant),
    Column("due_at", Instant),
    Column("changed_at", Instant, nullable=False),
    Column("last_number", Integer),
    Column("state", LargeBinary, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index(
        "ix_watches_due_at",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "ix_watches_tenant_id_status",
        "tenant_id",
        "status",
        "job_id",
        sqlite_where=text("status <> 'up'"),
        postgresql_where=text("status <> 'up'"),
    ),
    Index(
        "ix_watches_late",
        "next_expected_at",
        sqlite_where=text("status = 'up'"),
        postgresql_where=text("status = 'up'"),
    ),
)
"""`agent_id` is `ids.NO_AGENT` where the job reports by ping. `state` is the whole `Watch` as JSON; the other columns
repeat what is searched. `last_number`: the newest run. `changed_at`: when the status last changed."""

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("job_id", Id, nullable=False),
    Column("agent_id", Id, nullable=False),
    Column("number", Integer, nullable=False),
    Column("rid", Id),
    Column("state", Choice(RunState), nullable=False),
    Column("expected_at", Instant),
    Column("last_expected_at", Instant),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("duration", Span),
    Column("exit_code", SmallInteger),
    Column("signal", SmallInteger),
    Column("attempt", Integer, nullable=False),
    Column("marks", Json(list[Mark]), nullable=False),
    Column("count", Integer, nullable=False),
    Column("start_received_at", Instant),
    Column("end_received_at", Instant),
    Column("host", Text),
    Column("user", Text),
    Column("env", Text),
    Column("metrics", Json(dict[str, float])),
    Column("rusage", Json(dict[str, float])),
    Column("revision", Text),
    Column("settled_by", Text),
    Column("output_bytes", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(
        "ix_runs_job_id_rid",
        "job_id",
        "rid",
        sqlite_where=text("rid IS NOT NULL"),
        postgresql_where=text("rid IS NOT NULL"),
    ),
    Index("ix_runs_tenant_id", "tenant_id", "created_at", "id"),
)
"""`id` is `ids.run_id(job_id, agent_id, number)`: the runs of a watch lie together, in order, in the one index of `id`.
`created_at`: when its first row came."""

check_ins = Table(
    "check_ins",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("job_id", Id, nullable=False),
    Column("run_id", Id),
    Column("rid", Id),
    Column("kind", Text, nullable=False),
    Column("exit_code", SmallInteger),
    Column("attempt", Integer, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("method", Text, nullable=False),
    Column("address", Text),
    Column("user_agent", Text),
    Column("output_bytes", BigInteger, nullable=False),
    Column("marks", Json(list[Mark]), nullable=False),
    Index("ix_check_ins_job_id", "job_id", "id"),
    Index(
        "ix_check_ins_run_id",
        "run_id",
        sqlite_where=text("rid IS NOT NULL"),
        postgresql_where=text("rid IS NOT NULL"),
    ),
)
"""A run without a run id needs no index of its check-ins: they came while it was open (see `checkins.of_run`)."""

outputs = Table(
    "outputs",
    metadata,
    Column("check_in_id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("job_id", Id, nullable=False),
    Column("run_id", Id),
    Column("failed", Boolean(create_constraint=False), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("dropped_bytes", BigInteger, nullable=False),
    Column("truncated", Boolean(create_constraint=False), nullable=False),
    Column("over_quota", Choice(Quota)),
    Column("head", LargeBinary, nullable=False),
    Column("tail", LargeBinary, nullable=False),
    Index("ix_outputs_job_id", "job_id", "check_in_id", "size_bytes"),
    Index("ix_outputs_run_id", "run_id"),
    Index(
        "ix_outputs_plain",
        "check_in_id",
        sqlite_where=text("NOT failed"),
        postgresql_where=text("NOT failed"),
    ),
)
"""What runs printed, compressed (zlib), apart from the run so that lists stay small. `size_bytes` as stored.
`over_quota`: the quota for which nothing of it was kept."""

flips = Table(
    "flips",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("job_id", Id, nullable=False),
    Column("agent_id", Id, nullable=False),
    Column("reason", Choice(Reason), nullable=False),
    Column("entered", Boolean(create_constraint=False), nullable=False),
    Column("at", Instant, nullable=False),
    Column("cause", Choice(Cause), nullable=False),
    Column("run_id", Id),
    Column("taken_at", Instant, server_default=text("NULL")),
    Index("ix_flips_job_id", "job_id", "id"),
    Index(
        "ix_flips_owed",
        "id",
        sqlite_where=text("taken_at IS NULL"),
        postgresql_where=text("taken_at IS NULL"),
    ),
)
"""A reason entered or left a watch, or `entered` once more by a run that failed as well. It is owed to the alerts until
`taken_at`."""

gap_silences = Table(
    "gap_silences",
    metadata,
    Column("gap_id", Id, ForeignKey("gaps.id"), primary_key=True),
    Column("run_id", Id, primary_key=True),
    Column("job_id", Id, nullable=False),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
)
"""The notice of a gap: the runs it excused. A row counts while its run is still `unobserved`."""
