"""What every noun's Structs are made of: pages, durations, and the fields that come and go."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

from crontopus.domain import text

T = TypeVar("T")

Seconds = Annotated[float, Meta(description="A duration in seconds.")]
Duration = Annotated[float | str, Meta(description="A duration: a number of seconds, or text such as `1h30m`.")]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339; answers are in UTC with milliseconds.")]
Text = Annotated[str, Meta(max_length=10_000)]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=text.NAME)]
NameIfAny = Annotated[str, Meta(max_length=200, pattern=text.PLAIN)]
SLUG = r"^[a-z0-9_-]{1,100}$"
Slug = Annotated[str, Meta(pattern=SLUG, description="`start`, `fail`, `log` and numbers are reserved.")]
Word = Annotated[str, Meta(pattern=text.PLAIN)]
Labels = Annotated[dict[Word, Word], Meta(max_length=50)]
Tags = Annotated[list[Annotated[str, Meta(min_length=1, max_length=100, pattern=text.NAME)]], Meta(max_length=50)]


class Input(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of what a client sends: a misspelt field is an error, never silently dropped."""


class Output(Struct, frozen=True, kw_only=True):
    """Base of what the server answers: every field is always there."""


class Page(Output, Generic[T], frozen=True):
    """One page of a list. `next_cursor` goes into `cursor` for the page after it; null: this is the last."""

    items: list[T]
    next_cursor: str | None = None
