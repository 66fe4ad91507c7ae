"""Moves what SQLite has logged into its file, in a thread and on a connection of its own: no commit waits for it.

Unless the log grows faster than that: then it is finished in turn with the writers, so that the log begins anew.
"""

import sqlite3
from pathlib import Path

import anyio.to_thread

from crontopus.domain.errors import Unavailable
from crontopus.storage.database import Database

WORTH_BYTES = 4 * 1024 * 1024
"""A smaller log is left for later: each checkpoint costs two waits for the disk."""
MOST_BYTES = 32 * 1024 * 1024
"""Under steady load the log always holds something new, and never begins anew by itself."""


class Checkpoints:
    def __init__(self, db: Database, worth_bytes: int = WORTH_BYTES, most_bytes: int = MOST_BYTES) -> None:
        self._db = db
        self._file = str(db.url.database)
        self._log = Path(f"{self._file}-wal")
        self._worth_bytes = worth_bytes
        self._most_bytes = most_bytes

    async def step(self) -> bool:
        if self._size() >= self._worth_bytes:
            await anyio.to_thread.run_sync(self._checkpoint)
        if self._size() >= self._most_bytes:
            async with self._db.turn:
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
