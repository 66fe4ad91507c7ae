"""Every table, for both databases; private to storage. Each thing of a tenant carries its `tenant_id`."""

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from crontopus.domain.access import Role, SystemRole
from crontopus.domain.announcements import Weight
from crontopus.domain.audit import Noun
from crontopus.domain.letters import Kind
from crontopus.domain.providers import GroupRole
from crontopus.domain.schedule import Schedule
from crontopus.domain.tiers import Quota
from crontopus.domain.watch import Cause, Expectation, Mark, Reason, RunState, Status
from crontopus.storage.touched import Touched
from crontopus.storage.types import Choice, Id, Instant, Json, Span
from crontopus.wire.jobs import Origin

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_POSITION = BigInteger().with_variant(Integer(), "sqlite")

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts of the installation, not of a tenant: the hash of the set-up code, the identity of the data."""

tiers = Table(
    "tiers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("quotas", Json(dict[Quota, int]), nullable=False),
    Column("created_at", Instant, nullable=False),
)
"""But for the one without limits, which is in no table: a tenant without a tier is in it."""

tenants = Table(
    "tenants",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("tier_id", Id, ForeignKey("tiers.id")),
    Column("require_second_factor", Boolean(create_constraint=False), nullable=False, default=False),
    Column("forbid_impersonation", Boolean(create_constraint=False), nullable=False, default=False),
    Column("timezone", Text, nullable=False, default="UTC"),
    Column("default_grace", Span, nullable=False, default=timedelta(hours=1)),
    Column("created_at", Instant, nullable=False),
    Column("suspended_at", Instant),
    Column("suspended_why", Text, nullable=False, default=""),
    Column("deleted_at", Instant),
    Column("purging_at", Instant),
)
"""`timezone` and `default_grace` are those of its namespaces without their own.
From `purging_at` on it is there for nobody any more, and what is left of it is being removed."""

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("system_role", Choice(SystemRole)),
    Column("zone", Text),
    Column("theme", Text),
    Column("language", Text),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
)
"""People. A person may belong to several tenants, so the tenant stands in `members`. `zone`, `theme` and `language`:
how they want things shown; null where they never said."""

authenticators = Table(
    "authenticators",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("confirmed_at", Instant),
    Column("used_at", Instant),
    Column("last_step", BigInteger),
    Index(None, "user_id"),
)
"""Secrets of TOTP (RFC 6238): of each person at most one that a first code has confirmed, and one that waits for it.
`last_step`: that of the code used last, which none of that step or of an earlier one follows."""

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("credential", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),
    Index(None, "user_id"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
)
"""Those that nobody has used."""

challenges = Table(
    "challenges",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("expires_at", Instant, nullable=False),
    Index(None, "expires_at"),
)
"""What passkeys have signed, so that it is signed once; kept for as long as it would be taken again."""

device_codes = Table(
    "device_codes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("user_code_hash", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("address", Text),
    Column("user_agent", Text),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("interval", Span, nullable=False),
    Column("asked_at", Instant),
    Column("allowed", Boolean(create_constraint=False)),
    Column("user_id", Id, ForeignKey("users.id")),
    Column("tenant_id", Id, nullable=False),
    Column("provider_id", Id),
    Index(None, "expires_at"),
)
"""Machines that wait to be signed in. `allowed`, by `user_id`: null until somebody has decided, in `tenant_id`, and as
one who came by `provider_id`."""

members = Table(
    "members",
    metadata,
    Column("tenant_id", Id, ForeignKey("tenants.id"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True),
    Column("role", Choice(Role), nullable=False),
    Column("namespaces", Json(list[str]), nullable=False),
    Column("provided", Boolean(create_constraint=False), nullable=False, default=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "user_id"),
)
"""`namespaces` are the ids of those the membership is limited to; empty: it reaches all of the tenant. `provided`: it
was made by a sign-in provider of the tenant, and only those who come by one use it."""

providers = Table(
    "providers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("client_secret_sealed", LargeBinary, nullable=False),
    Column("scopes", Json(list[str]), nullable=False),
    Column("domains", Json(list[str]), nullable=False),
    Column("groups_claim", Text, nullable=False),
    Column("roles", Json(list[GroupRole]), nullable=False),
    Column("default_role", Choice(Role)),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("enforced", Boolean(create_constraint=False), nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "tenant_id", "id"),
)
"""With whom the people of a tenant sign in (OpenID Connect)."""

identities = Table(
    "identities",
    metadata,
    Column("provider_id", Id, ForeignKey("providers.id"), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=False),
    Index(None, "user_id"),
)
"""Whom a provider means by its `sub`."""

provider_visits = Table(
    "provider_visits",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("binding_hash", LargeBinary, nullable=False),
    Column("provider_id", Id, ForeignKey("providers.id"), nullable=False),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("onward", Text, nullable=False),
    Column("again", Boolean(create_constraint=False), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index(None, "expires_at"),
    Index(None, "provider_id"),
)
"""Browsers that are at their provider and have not come back: found by the hash of `state`."""

invitations = Table(
    "invitations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("email", Text, nullable=False),
    Column("role", Choice(Role), nullable=False),
    Column("namespaces", Json(list[str]), nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("invited_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    UniqueConstraint("tenant_id", "email"),
)
"""Those that nobody has accepted yet. An address is invited once: inviting it again makes the older link worthless."""

letters = Table(
    "letters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, nullable=False),
    Column("about", Id, nullable=False, index=True),
    Column("kind", Choice(Kind), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Instant, index=True),
    Column("claim", Id),
    Column("claimed_until", Instant),
    Column("finished_at", Instant, index=True),
    Column("delivered", Boolean(create_constraint=False), nullable=False),
    Column("why", Text, nullable=False),
)
"""What goes out by e-mail. `tenant_id` is `ids.NOWHERE` where it concerns a person and no tenant; `about`: what it is
about, such as an invitation. `sealed`, subject and text, goes when it is finished; `why` is what was said of the last
try. `next_at`: when it is tried; null once it is finished."""

resets = Table(
    "resets",
    metadata,
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("made_by", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)
"""Links with which somebody chooses a new password. One a person: a newer one makes the older one worthless."""

exports = Table(
    "exports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("claim", Id),
    Column("claimed_until", Instant),
    Column("finished_at", Instant),
    Column("expires_at", Instant),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", LargeBinary),
    Index(None, "tenant_id", "id"),
)
"""`claim` is the process that writes it, for as long as its lease lasts. Finished where `sha256` is there."""

export_parts = Table(
    "export_parts",
    metadata,
    Column("export_id", Id, ForeignKey("exports.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)
"""The file in parts, here and in no folder: so that every process can give it out, whichever of them wrote it."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("tenant_id", Id, nullable=False),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=False),
    Column("confirmed_at", Instant, nullable=False),
    Column("pending", SmallInteger),
    Column("provider_id", Id),
    Column("address", Text),
    Column("user_agent", Text),
    Index(None, "expires_at"),
    Index(None, "user_id"),
)
"""`tenant_id`, also of a token, is `ids.NOWHERE` where an operator is in none. `pending`: how often the second factor
may still be tried; null: signed in. `provider_id`, also of a token: whoever made it came by that provider of the
tenant, and it is worth nothing outside of the tenant."""

impersonations = Table(
    "impersonations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("operator_id", Id, nullable=False),
    Column("operator", Text, nullable=False),
    Column("session_id", Id, nullable=False),
    Column("member_id", Id),
    Column("member", Text),
    Column("role", Choice(Role), nullable=False),
    Column("why", Text, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("raised_at", Instant),
    Column("raised_why", Text, nullable=False),
    Column("ended_at", Instant),
    Index(
        "uq_impersonations_session_id",
        "session_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(None, "tenant_id", "id"),
    Index(None, "member_id", "id"),
)
"""Whoever runs the installation looks at a tenant, in a session of theirs: as `member`, or where there is none as
`role`. Kept for the tenant to see. One whose session is gone is over, too."""

announcements = Table(
    "announcements",
    metadata,
    Column("id", Id, primary_key=True),
    Column("text", Text, nullable=False),
    Column("severity", Choice(Weight), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("tenants", Json(list[str]), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
)
"""What those who run the installation tell the people of these `tenants`, by id; of none: everybody."""

dismissals = Table(
    "dismissals",
    metadata,
    Column("announcement_id", Id, ForeignKey("announcements.id"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True),
    Index(None, "user_id"),
)
"""Who has put which away."""

tokens = Table(
    "tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, nullable=False),
    Column("user_id", Id, ForeignKey("users.id")),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("scopes", Json(list[str]), nullable=False),
    Column("namespaces", Json(list[str]), nullable=False),
    Column("job_id", Id),
    Column("addresses", Json(list[str]), nullable=False),
    Column("provider_id", Id),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Index(None, "tenant_id", "id"),
)

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

usage = Table(
    "usage",
    metadata,
    Column("tenant_id", Id, ForeignKey("tenants.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("pings", BigInteger, nullable=False),
    Column("check_ins", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("output_bytes", BigInteger, nullable=False),
    Column("dropped_bytes", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("peak", BigInteger, nullable=False),
    Column("minute", BigInteger, nullable=False),
    Column("minute_pings", BigInteger, nullable=False),
    Index(None, "day"),
)
"""What came of a tenant, by day (UTC); every process adds what it has counted. `pings`: all that came, `check_ins`:
those that were new. `output_bytes` were kept and `dropped_bytes` were not, for a quota; `stored_bytes` is what those
kept came to when compressed. `minute` (since 1970) is the newest in which something came, `minute_pings` what came in
it, `peak` the most that came in one."""

holdings = Table(
    "holdings",
    metadata,
    Column("tenant_id", Id, ForeignKey("tenants.id"), primary_key=True),
    Column("check_ins", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
)
"""What is there of a tenant: running sums, to which every process adds what it has stored, and from which goes what is
removed."""

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
    Index("ix_flips_job_id", "job_id", "id"),
)
"""The outbox of alerts: a reason entered or left a watch."""

events = Table(
    "events",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("transaction", BigInteger, nullable=False, server_default=text("0")),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
    Column("touched", Json(list[Touched]), nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_events_tenant_id", "tenant_id", "transaction", "position"),
    sqlite_autoincrement=True,
)
"""The live stream: one row for all that a transaction changed of one tenant. PostgreSQL hands out positions before
commit, so its reader orders by transaction first."""

audit = Table(
    "audit",
    metadata,
    Column("tenant_id", Id, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("user_id", Id),
    Column("token_id", Id),
    Column("address", Text),
    Column("user_agent", Text),
    Column("via", Text),
    Column("action", Text, nullable=False),
    Column("noun", Choice(Noun), nullable=False),
    Column("target_id", Id, nullable=False),
    Column("target", Text, nullable=False),
    Column("changes", Json(dict[str, tuple[Any, Any]]), nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index(None, "tenant_id", "actor", "position"),
    Index(None, "tenant_id", "action", "position"),
    Index(None, "tenant_id", "target_id", "position"),
    Index(None, "at", "tenant_id", "position"),
    Index(None, "actor", "at"),
    Index(None, "action", "at"),
)
"""Only ever added to. `hash` chains an entry to the one before it: see `domain.audit.link`."""

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("tenant_id", Id, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
"""The newest entry of each chain. Whoever adds to the chain holds this row."""

backups = Table(
    "backups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("claim", Id),
    Column("claimed_until", Instant),
    Column("finished_at", Instant),
    Column("file", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", LargeBinary),
    Column("why", Text, nullable=False),
)
"""Backups that the server made of itself. Tried and whole where `sha256` is there; `why` says why it failed."""

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("process_id", Id, primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("beat_at", Instant, nullable=False),
    Column("stopped_at", Instant),
)

gaps = Table(
    "gaps",
    metadata,
    Column("id", Id, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("cause", Text, nullable=False),
    Column("noticed_at", Instant),
    Index("ix_gaps_until", "until"),
)
"""When nobody watched; of the installation, not of a tenant."""

silences = Table(
    "gap_silences",
    metadata,
    Column("gap_id", Id, ForeignKey("gaps.id"), primary_key=True),
    Column("run_id", Id, primary_key=True),
    Column("job_id", Id, nullable=False),
    Column("tenant_id", Id, ForeignKey("tenants.id"), nullable=False),
)
"""The notice of a gap: the runs it excused. A row counts while its run is still `unobserved`."""

idempotency = Table(
    "idempotency_keys",
    metadata,
    Column("tenant_id", Id, ForeignKey("tenants.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_idempotency_keys_created_at", "created_at"),
)
