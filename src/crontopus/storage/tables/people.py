"""People: who they are, how they sign in, and where they belong."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from crontopus.domain.access import Role, SystemRole
from crontopus.domain.providers import GroupRole
from crontopus.storage.tables.base import metadata
from crontopus.storage.types import Choice, Id, Instant, Json, Span

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
