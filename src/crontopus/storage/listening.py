"""Hears from PostgreSQL that another process has written something, and wakes those who wait for that in this one.

Where it cannot be heard, because the connection was lost or a pooler stands between, they look by themselves.
"""

from types import TracebackType
from typing import Any, Self

import asyncpg  # type: ignore[import-untyped] # it comes without types

from crontopus.domain.errors import Unavailable
from crontopus.storage.database import CHANNEL, Database
from crontopus.storage.ledger.postgres import dsn_of
from crontopus.storage.refusals import PATIENCE_SECONDS, SILENT

NAME = "crontopus listener"
"""What PostgreSQL calls its connection (`pg_stat_activity`)."""


class Listener:
    """Owns one connection, closed at the end of the `with`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._connection: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.terminate()

    async def step(self) -> bool:
        """Listen, where nobody does or the connection is lost; else ask whether it still stands. Raises Unavailable."""
        try:
            if self._connection is None or self._connection.is_closed():
                await self._listen()
            else:
                await self._connection.execute("SELECT 1")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            self.__exit__(None, None, None)
            reason = SILENT if isinstance(error, TimeoutError) else error
            raise Unavailable(f"changes of other processes are seen a little later: {reason}") from error
        return False

    async def _listen(self) -> None:
        self._connection = await asyncpg.connect(
            dsn_of(self._db.url),
            timeout=PATIENCE_SECONDS,
            command_timeout=PATIENCE_SECONDS,
            server_settings={"application_name": NAME},
        )
        await self._connection.add_listener(CHANNEL, self._heard)
        self._db.changed.notify()  # Nobody knows what was written before.

    def _heard(self, *_: object) -> None:
        self._db.changed.notify()
