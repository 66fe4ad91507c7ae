"""People on the wire: members of a tenant, invitations to it, and what a person does with their own account."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from crontopus.domain.access import Role
from crontopus.domain.digest import Every
from crontopus.domain.standing import State
from crontopus.wire.accounts import Email, Password
from crontopus.wire.common import Duration, Input, Instant, Name, NameIfAny, Output
from crontopus.wire.factors import Credential, FactorCode

GivenPassword = Annotated[str, Meta(max_length=1000)]
Code = Annotated[str, Meta(max_length=200)]
ZoneName = Annotated[str, Meta(min_length=1, max_length=100)]
Theme = Literal["system", "light", "dark"]
Language = Literal["en", "en-US"]


class Tenant(Output, frozen=True):
    """A tenant that the caller belongs to. `current`: the one that everything else is about now. `state`: whether
    anything can be done there (`active`), or it is `suspended` or `deleted`.
    """

    id: UUID
    name: str
    role: Role | None
    current: bool
    require_second_factor: bool
    state: State


class TenantPatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays. `require_second_factor` and `forbid_impersonation` are for owners to say.
    Namespaces without a `timezone` or `default_grace` of their own have these at once, and so do their jobs without
    their own zone.
    """

    name: Name | UnsetType = UNSET
    require_second_factor: bool | UnsetType = UNSET
    forbid_impersonation: bool | UnsetType = UNSET
    timezone: ZoneName | UnsetType = UNSET
    default_grace: Duration | UnsetType = UNSET


class Member(Output, frozen=True):
    """A person in the tenant. `namespaces`: the slugs of those the membership is limited to; null: all."""

    id: UUID
    email: str
    name: str
    role: Role
    namespaces: list[str] | None
    second_factor: bool
    created_at: Instant


class MemberPatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays; `namespaces` null: all of the tenant."""

    role: Role | UnsetType = UNSET
    namespaces: list[str] | UnsetType | None = UNSET


class NewInvitation(Input, frozen=True):
    """`namespaces` limits the membership to some."""

    email: Email
    role: Role = Role.VIEWER
    namespaces: list[str] = []


class Mailed(StrEnum):
    """What became of a letter."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Invitation(Output, frozen=True):
    """One that nobody has accepted yet. `mailed`: what became of the letter with its link; null where none was written.
    `mail_why`: what was said of the last try to deliver it.
    """

    id: UUID
    email: str
    role: Role
    namespaces: list[str] | None
    invited_by: str
    created_at: Instant
    expires_at: Instant
    mailed: Mailed | None
    mail_why: str


class CreatedInvitation(Invitation, frozen=True):
    """The one answer that shows `link`: whoever opens it can accept. Null where it is mailed: nobody else gets it."""

    link: str | None


class InvitationCode(Input, frozen=True):
    """`code` is of the link."""

    code: Code


class InvitationState(Output, frozen=True):
    """What one is invited to. `namespaces`: the slugs of those the membership is limited to; null: all. `known`: the
    address has an account with a password, which is asked for.
    """

    email: str
    tenant: str
    role: Role
    namespaces: list[str] | None
    known: bool


class Acceptance(Input, frozen=True):
    """`password`: a new one, of at least 12 characters; for an address that has an account, that account's."""

    code: Code
    password: GivenPassword
    name: NameIfAny = ""


class SessionInfo(Output, frozen=True):
    """Where the caller is signed in. `current`: the session of this very request."""

    id: UUID
    current: bool
    created_at: Instant
    used_at: Instant
    expires_at: Instant
    address: str | None
    user_agent: str | None


class Switch(Input, frozen=True):
    tenant: UUID


class Confirmation(Input, frozen=True):
    """A passkey alone, or the password, and with it a `code` for whoever has a second factor."""

    password: GivenPassword = ""
    code: FactorCode = ""
    passkey: Credential | None = None


class NewPassword(Input, frozen=True):
    """`old` is the password so far."""

    old: GivenPassword
    new: Password


class MePatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays. `zone` and `theme` null: as the browser has it; `language` null: `en`.

    `language` is how the console writes dates and times: `28 Nov` and `17:05` in `en`, `Nov 28` and `5:05 PM` in
    `en-US`. Its words are English in both.
    """

    name: NameIfAny | UnsetType = UNSET
    zone: ZoneName | UnsetType | None = UNSET
    theme: Theme | UnsetType | None = UNSET
    language: Language | UnsetType | None = UNSET


class DigestChoice(Input, frozen=True):
    """How often one wants to read by e-mail what became of the jobs; null: not at all."""

    every: Every | None


class Digest(Output, frozen=True):
    """What one asked for, in the tenant one is in; nulls: nothing. `next_at`: when it is written next."""

    every: Every | None
    next_at: Instant | None
