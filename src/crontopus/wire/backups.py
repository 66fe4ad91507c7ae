"""Backups as they are shown."""

from crontopus.wire.common import Instant, Output


class Backup(Output, frozen=True):
    """A backup that was read back and is whole. `tables`: rows by table; `has_key`: whether the secret key is in it."""

    file: str
    made_at: Instant
    size_bytes: int
    sha256: str
    tables: dict[str, int]
    has_key: bool
