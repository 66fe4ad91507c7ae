"""Moves what SQLite has logged into its file, in a thread and on a connection of its own: no commit waits for it.

Unless the log grows faster than that: then it is finished in turn with the writers, so that the log begins anew.
"""

import os
import sqlite3
from functools import cached_property
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
        if self._size() < self._worth_bytes:
            return False
        logged = await anyio.to_thread.run_sync(self._checkpoint)
        if logged >= self._most_bytes:
            await self._begin_anew(logged)
        return False

    async def _begin_anew(self, logged: int) -> None:
        """While others write SQLite leaves the waiting for the disk to the last checkpoint, for which these must stop;
        so nearly all of that is done before.
        """
        await anyio.to_thread.run_sync(self._sync)
        if await anyio.to_thread.run_sync(self._checkpoint) > logged:
            async with self._db.turn:
                await anyio.to_thread.run_sync(self._checkpoint)

    def _sync(self) -> None:
        """What the disk refuses is told once, and then passes for written: only a start reads the log from its
        beginning, and writes all of it again. Raises SystemExit.
        """
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise SystemExit(
                f"the disk refuses to store {self._file}: {error.strerror}. Nothing is lost yet: what was acknowledged "
                "is in the log beside it. Look at the disk, and start Crontopus again"
            ) from error

    @cached_property
    def _descriptor(self) -> int:
        """Stays open as long as the process lives: to close it would take SQLite's locks of the file away."""
        return os.open(self._file, os.O_RDWR)

    def _size(self) -> int:
        """Of the file, which never shrinks; the log in it may have begun anew."""
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def _checkpoint(self) -> int:
        """How many bytes the log had when it began."""
        try:
            connection = sqlite3.connect(self._file, isolation_level=None)
            try:
                connection.execute("PRAGMA synchronous = FULL")
                _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
                return int(pages * page_bytes)
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise Unavailable(f"the log cannot be moved into the database: {error}") from error
