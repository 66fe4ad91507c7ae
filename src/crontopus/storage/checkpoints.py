"""Moves what SQLite has logged into its file, in a thread and on a connection of its own: no commit waits for it."""

import sqlite3
from pathlib import Path

import anyio.to_thread

from crontopus.domain.errors import Unavailable
from crontopus.storage.database import Database

_WORTH_BYTES = 4 * 1024 * 1024
"""A smaller log is left for later: each checkpoint costs two waits for the disk."""


class Checkpoints:
    def __init__(self, db: Database) -> None:
        self._file = str(db.url.database)
        self._log = Path(f"{self._file}-wal")

    async def step(self) -> bool:
        if self._size() >= _WORTH_BYTES:
            await anyio.to_thread.run_sync(self._checkpoint)
        return False

    def _size(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def _checkpoint(self) -> None:
        try:
            connection = sqlite3.connect(self._file, isolation_level=None)
            try:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise Unavailable(f"the log cannot be moved into the database: {error}") from error
