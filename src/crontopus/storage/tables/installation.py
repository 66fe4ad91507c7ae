"""What is of the installation, and what it keeps of each tenant."""

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
    SmallInteger,
    Table,
    Text,
    text,
)

from crontopus.domain.announcements import Weight
from crontopus.domain.audit import Noun
from crontopus.domain.letters import LetterKind
from crontopus.domain.tiers import Quota
from crontopus.storage.tables.base import metadata
from crontopus.storage.touched import Touched
from crontopus.storage.types import Choice, Id, Instant, Json, Span

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

letters = Table(
    "letters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant_id", Id, nullable=False),
    Column("about", Id, nullable=False, index=True),
    Column("kind", Choice(LetterKind), nullable=False),
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
