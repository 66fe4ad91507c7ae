"""Backups as they are shown."""

from uuid import UUID

from crontopus.wire.common import Instant, Output


class MadeBackup(Output, frozen=True):
    """A backup that the server made of itself, or is asked for. `ok`: it was read back and is whole; null until it is
    finished. `why`: what went wrong.
    """

    id: UUID
    asked_by: str
    asked_at: Instant
    finished_at: Instant | None
    ok: bool | None
    file: str
    size_bytes: int
    sha256: str | None
    why: str


class Backups(Output, frozen=True):
    """Newest first. `into` is empty where the server makes none of itself; `every` in seconds; `keep` 0: all stay."""

    into: str
    every: float
    keep: int
    sealed: bool
    next_at: Instant | None
    items: list[MadeBackup]


class Backup(Output, frozen=True):
    """A backup that was read back and is whole. `tables`: rows by table; `has_key`: whether the secret key is in it."""

    file: str
    made_at: Instant
    size_bytes: int
    sha256: str
    tables: dict[str, int]
    has_key: bool
