"""Announcements on the wire."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from crontopus.domain.announcements import Weight
from crontopus.domain.text import SEEN
from crontopus.wire.common import Input, Instant, Output

Words = Annotated[str, Meta(min_length=1, max_length=1000, pattern=SEEN)]
Tenants = Annotated[list[UUID], Meta(max_length=200)]


class NewAnnouncement(Input, frozen=True):
    """`text` is shown as it is written, without any markup, from `since` (null: now) until `until` (null: until it is
    removed), to the people of `tenants`; an empty list: to everybody.
    """

    text: Words
    severity: Weight = Weight.INFO
    since: Instant | None = None
    until: Instant | None = None
    tenants: Tenants = []


class AnnouncementPatch(Input, frozen=True):
    """JSON Merge Patch: what is absent stays. Who has put it away sees it again where `text` or `severity` changes."""

    text: Words | UnsetType = UNSET
    severity: Weight | UnsetType = UNSET
    since: Instant | UnsetType = UNSET
    until: Instant | UnsetType | None = UNSET
    tenants: Tenants | UnsetType = UNSET


class Announcement(Output, frozen=True):
    """As those see it who run the installation. `active`: it is shown now."""

    id: UUID
    text: str
    severity: Weight
    since: Instant
    until: Instant | None
    tenants: list[UUID]
    made_by: str
    made_at: Instant
    active: bool


class Announced(Output, frozen=True):
    """As those see it whom it is for, until they have put it away."""

    id: UUID
    text: str
    severity: Weight
    since: Instant
    until: Instant | None
