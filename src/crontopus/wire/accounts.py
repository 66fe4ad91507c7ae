"""Who calls, and with what: set-up, sessions, tokens, namespaces."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from crontopus.domain import text
from crontopus.domain.access import Role, SystemRole
from crontopus.wire.common import Duration, Input, Instant, Name, NameIfAny, Output, Seconds, Slug
from crontopus.wire.factors import FactorKind
from crontopus.wire.schedules import Schedule, Schedules

Password = Annotated[str, Meta(min_length=12, max_length=1000)]
_WORD = rf"[^@\s{text.CONTROL}{text.TURNING}{text.JOINING}{text.UNSEEN}]"
EMAIL = rf"^{_WORD}{{1,64}}@{_WORD}{{1,200}}$(?!\n)"
KINDS = "^(s|c|m)$"
"""Those of the tokens that a program has."""
Networks = Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=50)]
Email = Annotated[str, Meta(pattern=EMAIL)]


class SetUp(Input, frozen=True):
    """`POST /setup`: makes the first person, who owns the first tenant. `code` is of the one-time link."""

    code: str
    email: Email
    password: Password
    tenant: Name = "Main"


class Recovery(Input, frozen=True):
    """What the operator gives somebody who is locked out; no route takes it."""

    email: Email
    password: Password
    superadmin: bool = False
    factors: bool = False


class SetUpState(Output, frozen=True):
    """`needed`: nobody has set this installation up yet. `valid`: the code asked about opens it."""

    needed: bool
    valid: bool


class SignIn(Input, frozen=True):
    email: Annotated[str, Meta(max_length=300)]
    password: Annotated[str, Meta(max_length=1000)]


class Session(Output, frozen=True):
    """`session` is the cookie's value; whoever has it is signed in until `expires_at`.

    `pending`: not yet. `POST /sessions/current/second-factor`, with one of `factors`, exchanges it for one that is.
    """

    session: str
    expires_at: Instant
    pending: bool = False
    factors: list[FactorKind] = []


class Looking(Output, frozen=True):
    """The caller looks as another: as `subject`, until `until`. `raised`: they may change things; `may_raise`: they may
    say that they must.
    """

    id: UUID
    subject: str
    why: str
    until: Instant
    raised: bool
    may_raise: bool


class Me(Output, frozen=True):
    """Who calls. `email` and `role` are null for a token of a program; `scopes` are what the caller may do.

    `namespaces`: the slugs of those the caller is limited to; null: all of the tenant.
    `tenant_id` is null, and `tenant` empty, for somebody who runs the installation and belongs to no tenant.
    `closed`: why nothing can be done in the tenant now, empty where all is well.
    `confirmed_until`: so long a person may do what needs it (tokens, members); null for a token, which need not.
    `second_factor`: the person has one; `needs_second_factor`: where they are everybody must, and they have none, so
    that they may do nothing but set one up. `provider`: they came by this sign-in provider of the tenant.
    `zone`, `theme`, `language`: how they want things shown; null: never said.
    `impersonation`: they run the installation and look as another; `email` and `name` are their own, the rest is as the
    other has it.
    """

    email: str | None
    tenant: str
    tenant_id: UUID | None
    role: Role | None
    system_role: SystemRole | None
    scopes: list[str]
    namespaces: list[str] | None
    token: UUID | None
    name: str
    confirmed_until: Instant | None
    second_factor: bool
    needs_second_factor: bool
    provider: UUID | None
    zone: str | None
    theme: str | None
    language: str | None
    closed: str
    impersonation: Looking | None


class Namespace(Output, frozen=True):
    """A folder of jobs with its own ping key. `ping_key` is null for callers who may not see it.

    `timezone` holds for all its jobs without their own; `default_schedule` and `default_grace` are given to the jobs
    that a ping makes in it (`create=1`), where the ping gives none. `own`: which of `timezone` and `default_grace` were
    set here; the others are, and follow, the tenant's.
    """

    id: UUID
    slug: str
    name: str
    timezone: str
    default_schedule: Schedules
    default_grace: Seconds
    own: list[str]
    ping_key: str | None
    ping_url: str | None
    jobs: int
    created_at: Instant
    version: int


class NewNamespace(Input, frozen=True):
    """`timezone` and `default_grace` null: the tenant's."""

    slug: Slug
    name: NameIfAny = ""
    timezone: str | None = None
    default_schedule: Schedules = Schedule(every=86_400)
    default_grace: Duration | None = None


class NamespacePatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays; `timezone` and `default_grace` null: the tenant's again."""

    slug: Slug | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    timezone: str | UnsetType | None = UNSET
    default_schedule: Schedules | UnsetType = UNSET
    default_grace: Duration | UnsetType | None = UNSET


class NewToken(Input, frozen=True):
    """`kind`: `s` (service: `scopes`), `c` (check-ins only, of one `job` or `namespace`), `m` (metrics).

    `scopes` empty: all that the kind may have. `namespaces` narrows a service token to some, `addresses` to networks
    from which it may be used (`10.0.0.0/8`; none: from anywhere).
    """

    name: Name
    kind: Annotated[str, Meta(pattern=KINDS)] = "s"
    scopes: list[str] = []
    namespaces: list[str] = []
    job: str | None = None
    addresses: Networks = []
    expires_at: Instant | None = None


class Rotation(Input, frozen=True):
    """`overlap`: so long the old token works on, at most 30 days."""

    overlap: Duration = 0


class NewOwnToken(Input, frozen=True):
    """A token with which a person comes as themselves (`u`): it may what they may, now and later, within `scopes`
    (empty: all) and `namespaces`.
    """

    name: Name
    scopes: list[str] = []
    namespaces: list[str] = []
    addresses: Networks = []
    expires_at: Instant | None = None


class Token(Output, frozen=True):
    """`hint` is the token's beginning, to recognise it by; the token itself is shown once, when it is made."""

    id: UUID
    name: str
    kind: str
    hint: str
    scopes: list[str]
    namespaces: list[str]
    job: str | None
    addresses: list[str]
    created_at: Instant
    last_used_at: Instant | None
    expires_at: Instant | None


class CreatedToken(Token, frozen=True):
    """The one answer that shows `token`."""

    token: str
