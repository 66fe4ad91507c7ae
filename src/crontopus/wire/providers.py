"""Sign-in providers on the wire, and how somebody comes in by one."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from crontopus.domain.access import Role
from crontopus.domain.text import NAME
from crontopus.wire.common import Input, Instant, Name, Output

ProviderName = Annotated[str, Meta(min_length=1, max_length=60, pattern=NAME)]
Issuer = Annotated[str, Meta(min_length=1, max_length=500)]
ClientId = Annotated[str, Meta(min_length=1, max_length=500)]
ClientSecret = Annotated[str, Meta(min_length=1, max_length=2000)]
SCOPE = r"^[!#-\[\]-~]{1,200}$"
"""As RFC 6749 (3.3) has it."""
ProviderScopes = Annotated[list[Annotated[str, Meta(pattern=SCOPE)]], Meta(max_length=20)]
Domains = Annotated[list[Annotated[str, Meta(max_length=253)]], Meta(min_length=1, max_length=100)]
Claim = Annotated[str, Meta(min_length=1, max_length=200)]
SCOPES = ["openid", "email", "profile"]


class GroupRole(Input, frozen=True):
    """What people of a group are in the tenant; `namespaces` limits them to some."""

    group: Name
    role: Role
    namespaces: list[str] = []


GroupRoles = Annotated[list[GroupRole], Meta(max_length=200)]


class NewProvider(Input, frozen=True):
    """An OpenID provider with which people of the tenant sign in.

    `issuer` is its address, exactly as its discovery document names it. `name` stands on the button. Only people whose
    verified e-mail address is of one of `domains` come in. `roles` maps groups, as the claim `groups_claim` has them,
    to roles, at each sign-in anew; whoever is in none of them gets `default_role`. With neither, only members come in,
    and stay what they are. `enforced`: members come by it and not with a password, but for owners who were invited.
    """

    name: ProviderName
    issuer: Issuer
    client_id: ClientId
    client_secret: ClientSecret
    domains: Domains
    scopes: ProviderScopes = field(default_factory=SCOPES.copy)
    groups_claim: Claim = "groups"
    roles: GroupRoles = []
    default_role: Role | None = None
    enabled: bool = True
    enforced: bool = False


class ProviderPatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays; `default_role` null: only members come in."""

    name: ProviderName | UnsetType = UNSET
    issuer: Issuer | UnsetType = UNSET
    client_id: ClientId | UnsetType = UNSET
    client_secret: ClientSecret | UnsetType = UNSET
    domains: Domains | UnsetType = UNSET
    scopes: ProviderScopes | UnsetType = UNSET
    groups_claim: Claim | UnsetType = UNSET
    roles: GroupRoles | UnsetType = UNSET
    default_role: Role | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    enforced: bool | UnsetType = UNSET


class ShownGroupRole(Output, frozen=True):
    """`namespaces`: the slugs of those it is limited to; null: all."""

    group: str
    role: Role
    namespaces: list[str] | None


class Provider(Output, frozen=True):
    """A sign-in provider, without its secret. `redirect_uri` is what the provider must know; `link` is the page where
    people sign in by it.
    """

    id: UUID
    name: str
    issuer: str
    client_id: str
    domains: list[str]
    scopes: list[str]
    groups_claim: str
    roles: list[ShownGroupRole]
    default_role: Role | None
    enabled: bool
    enforced: bool
    redirect_uri: str
    link: str
    created_at: Instant


class ProviderCheck(Output, frozen=True):
    """What a provider says of itself, and how many of its keys an ID token may be signed with. `problem`: why nobody
    comes in by it now; empty where it answers well.
    """

    problem: str = ""
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    jwks_uri: str | None = None
    keys: int = 0


class ProviderOffer(Output, frozen=True):
    """A provider, to those who have not signed in."""

    id: UUID
    name: str
    tenant: str


class ProviderVisit(Input, frozen=True):
    """`next`: the path to go to afterwards. `again`: to show once more who one is; the provider then asks, too."""

    next: Annotated[str, Meta(max_length=2000)] = ""
    again: bool = False


class ProviderRedirect(Output, frozen=True):
    """`url` is where the browser goes. `binding` stays with the browser, and comes back with the answer."""

    url: str
    binding: str
    expires_at: Instant


class ProviderAnswer(Input, frozen=True):
    """What the provider sent the browser back with (`state`, `code`, `iss`, `error`), and the browser's `binding`."""

    state: Annotated[str, Meta(max_length=1000)]
    binding: Annotated[str, Meta(max_length=1000)]
    code: Annotated[str, Meta(max_length=4000)] = ""
    iss: Annotated[str, Meta(max_length=1000)] = ""
    error: Annotated[str, Meta(max_length=200)] = ""


class ProvidedSession(Output, frozen=True):
    """`session` is the cookie's value; whoever has it is signed in until `expires_at`. `next`: the path to go to."""

    session: str
    expires_at: Instant
    next: str
    provider: UUID
