"""Alerts: whom they are told to by which way, what holds them back, and what became of each message."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
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

from crontopus.domain.alerts import AlertClass, Ending, Happening, Severity, SubjectKind
from crontopus.domain.digest import Every
from crontopus.domain.routing import Also, Holder, Hours, Kind, MessageState, Step, Times
from crontopus.storage.tables.base import metadata
from crontopus.storage.types import Choice, Id, Instant, Json, Span

channels = Table(
    "channels",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("fallback_id", Id),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("broken_at", Instant),
    Column("why", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("closed_until", Instant),
    Column("delivered_at", Instant),
    Column("templates", Json(dict[str, str]), nullable=False),
    Column("fault", Text, nullable=False),
    Column("month", Date),
    Column("sent", Integer, nullable=False),
    Column("claim", Id),
    Column("claimed_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("tenant_id", "name"),
)
"""`sealed`: its settings; `templates`: words of its own, with the `fault` of them that was met last. `failures` in a
row; from five on nothing is sent before `closed_until`, then one message to see. `why`: what was said of the last
failure. `sent` in that `month`, which its first day stands for: here, since tries are deleted with age. `claim`: the
process that sends on it, while its lease lasts."""

routes = Table(
    "routes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("parent_id", Id),
    Column("place", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("matcher", Text, nullable=False),
    Column("proceeds", Boolean(create_constraint=False), nullable=False),
    Column("group_by", Json(tuple[str, ...]), nullable=False),
    Column("group_wait", Span, nullable=False),
    Column("group_interval", Span, nullable=False),
    Column("repeat", Span),
    Column("also", Json(frozenset[Also]), nullable=False),
    Column("hours", Json(Hours)),
    Column("steps", Json(tuple[Step, ...]), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("version", Integer, nullable=False),
    Index(None, "tenant_id"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("subject", Choice(SubjectKind), nullable=False),
    Column("subject_id", Id, nullable=False),
    Column("agent_id", Id, nullable=False),
    Column("kind", Choice(AlertClass), nullable=False),
    Column("severity", Choice(Severity), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("clock_at", Instant, nullable=False),
    Column("opening", Integer, nullable=False),
    Column("held", Boolean(create_constraint=False), nullable=False),
    Column("held_since", Instant),
    Column("holders", Json(tuple[Holder, ...]), nullable=False),
    Column("acknowledged_at", Instant),
    Column("acknowledged_by", Text, nullable=False),
    Column("snoozed_until", Instant),
    Column("resolved_at", Instant),
    Column("ending", Choice(Ending)),
    Column("failed_at", Instant),
    Column("updated_at", Instant),
    Column("run_id", Id),
    Column("next_at", Instant),
    Index(
        "uq_alerts_open",
        "subject_id",
        "agent_id",
        "kind",
        unique=True,
        sqlite_where=text("resolved_at IS NULL"),
        postgresql_where=text("resolved_at IS NULL"),
    ),
    Index("ix_alerts_subject_id", "subject_id", "agent_id", "kind", "id"),
    Index("ix_alerts_tenant_id", "tenant_id", "id"),
    Index(
        "ix_alerts_not_over",
        "tenant_id",
        "id",
        "held",
        "acknowledged_at",
        "snoozed_until",
        sqlite_where=text("resolved_at IS NULL"),
        postgresql_where=text("resolved_at IS NULL"),
    ),
    Index(
        "ix_alerts_next_at",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
)
"""At most one of a subject and class is open. `run_id`: the run that opened it last. `next_at`: when it is decided upon
again at the latest; null: only after a change. `holders`: what holds it, or held it last, and since when."""

alert_events = Table(
    "alert_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("alert_id", Id, nullable=False),
    Column("at", Instant, nullable=False),
    Column("what", Choice(Happening), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index(None, "alert_id", "id"),
    Index(None, "tenant_id"),
)
"""What happened to an alert, and by whom; empty: by itself."""

notifications = Table(
    "notifications",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("alert_id", Id, nullable=False),
    Column("channel_id", Id, nullable=False),
    Column("kind", Choice(Kind), nullable=False),
    Column("number", Integer, nullable=False),
    Column("opening", Integer, nullable=False),
    Column("route_id", Id, nullable=False),
    Column("step", Integer, nullable=False),
    Column("gravity", SmallInteger, nullable=False),
    Column("group", Json(tuple[str, ...]), nullable=False),
    Column("group_wait", Span, nullable=False),
    Column("group_interval", Span, nullable=False),
    Column("state", Choice(MessageState), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("tried_at", Instant),
    Column("tries", Integer, nullable=False),
    Column("sending", Boolean(create_constraint=False), nullable=False),
    Column("next_at", Instant),
    Column("settled_at", Instant),
    Column("arrived", Boolean(create_constraint=False), nullable=False),
    Column("ended", Boolean(create_constraint=False), nullable=False),
    Column("falls_at", Instant),
    Column("reference", Text, nullable=False),
    Column("why", Text, nullable=False),
    UniqueConstraint("alert_id", "channel_id", "kind", "number"),
    Index(
        "ix_notifications_waiting",
        "channel_id",
        "next_at",
        "id",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    Index(
        "ix_notifications_gravest",
        "channel_id",
        "gravity",
        "next_at",
        "id",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    Index(
        "ix_notifications_next_at",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    Index("ix_notifications_tenant_id", "tenant_id", "id"),
    Index(
        "ix_notifications_dead",
        "channel_id",
        sqlite_where=text("state = 'dead'"),
        postgresql_where=text("state = 'dead'"),
    ),
)
"""The outbox: every message that is owed or was. It waits as long as `next_at` is there. `sending`: a process has taken
it and has not said what became of it, so that it may have arrived. `tried_at`: the first try of all. `gravity`: 0 is
the gravest."""

attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("notification_id", Id, nullable=False),
    Column("at", Instant, nullable=False),
    Column("took", Span, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", SmallInteger),
    Column("request", Text, nullable=False),
    Column("response", Text, nullable=False),
    Index(None, "notification_id", "id"),
    Index(None, "tenant_id"),
)
"""One try of a message each, with what was said on both sides, in excerpts without secrets."""

silences = Table(
    "silences",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("matcher", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("version", Integer, nullable=False),
    Index(None, "tenant_id", "until"),
)

maintenance_windows = Table(
    "maintenance_windows",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("matcher", Text, nullable=False),
    Column("times", Json(Times), nullable=False),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("version", Integer, nullable=False),
    Index(None, "tenant_id"),
)

mutes = Table(
    "mutes",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id"), primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("made_by", Text, nullable=False),
)
"""Jobs whose alerts are told to nobody; `until` null: until somebody ends it."""

dependencies = Table(
    "dependencies",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id"), primary_key=True),
    Column("parent_id", Id, ForeignKey("jobs.id"), primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Index(None, "parent_id"),
)
"""While an alert of the parent is open, those of the job are held."""

digests = Table(
    "digests",
    metadata,
    Column("tenant_id", Id, ForeignKey("tenants.id"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True),
    Column("every", Choice(Every), nullable=False),
    Column("next_at", Instant, nullable=False, index=True),
)
"""Who wants to read, once a day or week, what became of the jobs of a tenant."""
