"""Who may do what: scopes, how far a caller reaches, and the one place where it is decided."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from crontopus.domain.errors import Closed, FactorNeeded, Invalid, NotAllowed, NotFound, Unconfirmed
from crontopus.domain.tokens import NAMES, Kind

CONFIRMED_FOR = timedelta(minutes=10)
"""So long after giving their password a person may do what needs it."""
OPERATES_FOR = timedelta(hours=1)
"""Likewise, as for looking at what concerns the whole installation."""


class Scope(StrEnum):
    """One thing a caller may do. Every route names the one it needs."""

    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    JOBS_OPERATE = "jobs:operate"
    RUNS_READ = "runs:read"
    RUNS_WRITE = "runs:write"
    CHECK_INS_WRITE = "check-ins:write"
    NAMESPACES_READ = "namespaces:read"
    NAMESPACES_WRITE = "namespaces:write"
    TOKENS_READ = "tokens:read"
    TOKENS_WRITE = "tokens:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    TENANT_WRITE = "tenant:write"
    AUDIT_READ = "audit:read"
    METRICS_READ = "metrics:read"
    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    ALERTS_OPERATE = "alerts:operate"
    INSTALLATION_READ = "installation:read"
    INSTALLATION_WRITE = "installation:write"


OF_INSTALLATION = frozenset({Scope.INSTALLATION_READ, Scope.INSTALLATION_WRITE})
"""What concerns every tenant, and no role in one gives."""
EVERYTHING = frozenset(Scope) - OF_INSTALLATION
"""All that can be done in a tenant."""
_READS = frozenset(
    {
        Scope.JOBS_READ,
        Scope.RUNS_READ,
        Scope.NAMESPACES_READ,
        Scope.METRICS_READ,
        Scope.MEMBERS_READ,
        Scope.ALERTS_READ,
    }
)
_OPERATES = frozenset({Scope.JOBS_OPERATE, Scope.RUNS_WRITE, Scope.ALERTS_OPERATE})
_EDITS = frozenset({Scope.JOBS_WRITE, Scope.NAMESPACES_WRITE, Scope.CHECK_INS_WRITE, Scope.ALERTS_WRITE})


class Role(StrEnum):
    """What a member is in a tenant, the mightiest first."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    RESPONDER = "responder"
    VIEWER = "viewer"
    AUDITOR = "auditor"


OF_ROLE: dict[Role, frozenset[Scope]] = {
    Role.OWNER: EVERYTHING,
    Role.ADMIN: EVERYTHING,
    Role.EDITOR: _READS | _OPERATES | _EDITS,
    Role.RESPONDER: _READS | _OPERATES,
    Role.VIEWER: _READS,
    Role.AUDITOR: _READS | {Scope.TOKENS_READ, Scope.AUDIT_READ},
}
"""All that a member of a role may do."""


OF_LOOKS = _READS | {Scope.TOKENS_READ, Scope.AUDIT_READ}
"""The most that whoever looks as another may do: nothing is changed by it, and no secret shown."""
OF_RAISED_LOOKS = OF_LOOKS | _OPERATES | {Scope.JOBS_WRITE}
"""Likewise where it was raised. Never people, tokens, ping keys, or check-ins that nothing has sent."""


_OF_PEOPLE = frozenset({Scope.MEMBERS_WRITE, Scope.TENANT_WRITE})
"""A token of a program has these only where whoever makes it names them."""


class SystemRole(StrEnum):
    """What a person is to the installation, beside their tenants."""

    SUPERADMIN = "superadmin"
    SUPPORT = "support"


OF_SYSTEM: dict[SystemRole | None, frozenset[Scope]] = {
    SystemRole.SUPERADMIN: OF_INSTALLATION,
    SystemRole.SUPPORT: frozenset({Scope.INSTALLATION_READ}),
    None: frozenset(),
}
"""What a person of a system role may do, beside what their role in a tenant gives."""


OF_KIND: dict[Kind, frozenset[Scope]] = {
    Kind.USER: EVERYTHING | OF_INSTALLATION,
    Kind.SERVICE: EVERYTHING,
    Kind.CHECK_INS: frozenset({Scope.CHECK_INS_WRITE}),
    Kind.METRICS: frozenset({Scope.METRICS_READ}),
}
"""The most that a token of a kind may do."""


class Reach(Struct, frozen=True):
    """Which of the tenant's jobs a caller sees. None: all of them."""

    namespaces: frozenset[UUID] | None = None
    job: UUID | None = None

    @property
    def is_all(self) -> bool:
        return self.namespaces is None and self.job is None

    def covers(self, namespace: UUID, job: UUID | None = None) -> bool:
        """Whether a job of `namespace` is within reach; without `job`, whether the namespace itself is."""
        if self.job is not None:
            return job == self.job
        return self.namespaces is None or namespace in self.namespaces


ALL = Reach()


class Profile(Struct, frozen=True):
    """How a person wants things shown; None where they never said."""

    zone: str | None = None
    theme: str | None = None
    language: str | None = None


class Impersonation(Struct, frozen=True, kw_only=True):
    """Somebody who runs the installation looks at a tenant as a member (`subject` is their address), or as a role there
    (`the role viewer`). `operates`: what they are to the installation; `why`: what they gave as their reason.
    """

    id: UUID
    subject: str
    operates: SystemRole
    why: str
    until: datetime
    raised: bool = False

    @property
    def via(self) -> str:
        """As the audit log says it."""
        return f"impersonation of {self.subject}"


class Principal(Struct, frozen=True, kw_only=True):
    """Who calls: a person by a session, or a token. `id` is the user's or the token's.

    `user` is the person, or whoever made the token; `system` is what that person is to the installation. `role` is the
    person's in the tenant, None for a token. `tenant` is `ids.NOWHERE` for an operator who is in none. `address` and
    `user_agent` are those of the request; `confirmed_at`: when a person last showed that it is them.

    `pending`: their second factor is still to be shown. `has_factor`: they have one; `lacks_factor`: they must have one
    where they are, and have none, so that `scopes` holds nothing that this is needed for. `closed`: why nothing can be
    done in the tenant now.

    `provider`: the person, or whoever made the token, came by this sign-in provider of the tenant. It vouches for them
    there and nowhere else: `system` is None, and their account is not theirs to change.

    `impersonation`: they look as another. Then tenant, role, scopes and reach are the other's, and `id` is that of the
    impersonation; `user`, `email` and `session` are their own, `system` is None.

    `by_link`: nobody signed in, but whoever has the link in a message on the channel of this name; `id` is the
    channel's. They have no scope: what a link is for is all they may.
    """

    id: UUID
    tenant: UUID
    tenant_name: str
    scopes: frozenset[Scope]
    reach: Reach = ALL
    user: UUID | None = None
    system: SystemRole | None = None
    role: Role | None = None
    email: str | None = None
    session: UUID | None = None
    provider: UUID | None = None
    confirmed_at: datetime | None = None
    person_name: str = ""
    profile: Profile = Profile()
    pending: bool = False
    has_factor: bool = False
    lacks_factor: bool = False
    token: UUID | None = None
    token_name: str = ""
    address: str | None = None
    user_agent: str | None = None
    closed: str = ""
    impersonation: Impersonation | None = None
    by_link: str = ""

    @property
    def name(self) -> str:
        """What is written where somebody asks later who did it."""
        if self.by_link:
            return f"{self.by_link}, by a link"
        return self.email or f"token {self.token_name or self.id}"

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """Raises NotAllowed, as FactorNeeded where a second factor would change it."""
        if scope not in self.scopes:
            self.require_own_name()
            self._require_factor()
            raise NotAllowed(f"this needs the scope {scope}, which the caller does not have")

    def require_open(self) -> None:
        """Raises Closed where the tenant is suspended or deleted."""
        if self.closed:
            raise Closed(self.closed)

    def require_all_jobs(self) -> None:
        """For what concerns the tenant as a whole. Raises NotAllowed for who reaches some namespaces, or one job."""
        if not self.reach.is_all:
            reaches = "the token reaches" if self.session is None else "you reach"
            raise NotAllowed(f"this concerns the whole tenant, and {reaches} only a part of it")

    def require_installation(self) -> None:
        """For what concerns every tenant. Raises NotAllowed for all but a superadmin, and the tokens they made."""
        if self.system is not SystemRole.SUPERADMIN:
            self._require_factor()
            raise NotAllowed("this concerns the whole installation: take a token that a superadmin has made")
        self.require_all_jobs()

    def require_may_grant(self, role: Role) -> None:
        """For making, changing or removing a member of `role`. Raises NotAllowed: owners are the business of owners."""
        self.require_all_jobs()
        if role is Role.OWNER and self.role is not Role.OWNER:
            raise NotAllowed("only an owner makes, changes or removes owners")

    def require_owner(self) -> None:
        """For what concerns the existence of the tenant. Raises NotAllowed."""
        self.require_all_jobs()
        if self.role is not Role.OWNER:
            raise NotAllowed("only an owner may do this")

    def require_may_give(self, role: Role) -> None:
        """For making somebody a member of `role`. Raises NotAllowed where that is more than the caller may."""
        self.require_may_grant(role)
        if OF_ROLE[role] - self.scopes:
            raise NotAllowed("nobody can give a role more than they may do themselves")

    def require_confirmed(self, now: datetime) -> None:
        """For what a stolen session must not do. Raises Unconfirmed where the person has to show again who they are,
        and NotAllowed for whoever looks as another.
        """
        self.require_own_name()
        self._require_confirmed_within(CONFIRMED_FOR, now)

    def require_for_installation(self, scope: Scope, now: datetime) -> None:
        """For a route of the installation. Raises NotAllowed; Unconfirmed where the person gave their password too
        long ago: so long before a look, and not as long before a deed.
        """
        self.require(scope)
        self._require_confirmed_within(CONFIRMED_FOR if scope is Scope.INSTALLATION_WRITE else OPERATES_FOR, now)

    def _require_confirmed_within(self, span: timedelta, now: datetime) -> None:
        if self.session is not None and (self.confirmed_at is None or now - self.confirmed_at > span):
            raise Unconfirmed(f"say once more that it is you: {self._how_to_confirm}, and repeat this")

    @property
    def _how_to_confirm(self) -> str:
        if self.provider is not None:
            return "sign in by your organisation's provider again"
        return "give your password again" + (", with your second factor" if self.has_factor else "")

    @property
    def as_operator(self) -> "Principal":
        """Whoever looks as another, as who they are to the installation; anybody else as they are."""
        if self.impersonation is None:
            return self
        system = self.impersonation.operates
        return replace(self, scopes=OF_SYSTEM[system], system=system)

    def require_own_name(self) -> None:
        """For what is the person's own, or is handed out. Raises NotAllowed for whoever looks as another."""
        if self.impersonation is not None:
            raise NotAllowed(
                f"you look as {self.impersonation.subject} here, and this is not done in another's name: end it first"
            )

    def _require_factor(self) -> None:
        if self.lacks_factor:
            raise FactorNeeded("everybody here needs a second factor: set one up on your page, under Security")

    def require_own_sign_in(self) -> None:
        """For what concerns the account, which may belong to other tenants, too. Raises NotAllowed for whoever came by
        a provider: it is of one tenant, and may say of anybody that it is them.
        """
        if self.provider is not None:
            raise NotAllowed(
                "you came by your organisation's sign-in provider, which does not open your account here: sign in with "
                "your password or passkey for this"
            )

    def require_namespace(self, namespace: UUID) -> None:
        """Raises NotFound: what is out of reach is not there."""
        if self.reach.job is not None or not self.reach.covers(namespace):
            raise NotFound("no such namespace")

    @property
    def sees_ping_keys(self) -> bool:
        """A ping URL lets its holder report; so it is shown to whoever may report anyway."""
        return self.may(Scope.CHECK_INS_WRITE) and self.impersonation is None

    @property
    def sees_namespace_keys(self) -> bool:
        """A namespace's key also makes jobs (`?create=1`)."""
        return self.sees_ping_keys and self.may(Scope.JOBS_WRITE)


def of_look(role: Role, *, raised: bool) -> frozenset[Scope]:
    """What somebody may do who looks as a member of `role`."""
    return OF_ROLE[role] & (OF_RAISED_LOOKS if raised else OF_LOOKS)


def in_short(scopes: Collection[str]) -> str:
    """What somebody may; where they lack fewer than they have, what they lack of all in a tenant, and have beyond."""
    lacks = EVERYTHING.difference(scopes)
    if len(lacks) >= len(scopes):
        return " ".join(sorted(scopes))
    beyond = sorted(scope for scope in scopes if scope not in EVERYTHING)
    all_but = f"all but {' '.join(sorted(lacks))}" if lacks else "all"
    return f"{all_but}, and {' '.join(beyond)}" if beyond else all_but


def by_default(kind: Kind, granter: frozenset[Scope]) -> frozenset[Scope]:
    """What a new token may do where nothing is said: of a service, nothing that concerns people."""
    return (OF_KIND[kind] & granter) - (frozenset() if kind is Kind.USER else _OF_PEOPLE)


def scopes_of(kind: Kind, wanted: list[str], granter: frozenset[Scope]) -> frozenset[Scope]:
    """The scopes of a new token: those wanted, or those `by_default`; never more than its maker has.

    Raises Invalid or NotAllowed.
    """
    most = OF_KIND[kind]
    unknown = sorted(set(wanted) - set(Scope))
    if unknown:
        raise Invalid(f"there is no scope {unknown[0]!r}; there are {', '.join(sorted(most))}")
    asked = frozenset(Scope(scope) for scope in wanted) or by_default(kind, granter)
    if asked - most:
        raise Invalid(f"a {NAMES[kind]} token (kind {kind}) cannot have the scope {min(asked - most)}")
    if asked - granter or not asked:
        raise NotAllowed("nobody can give a token more than they may do themselves")
    return asked
