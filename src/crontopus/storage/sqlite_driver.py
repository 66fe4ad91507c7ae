"""What SQLAlchemy asks of SQLite's driver, one statement after the other, in one visit to the thread of the connection.

As they come, SQLAlchemy and aiosqlite go there four times for a statement, to make the cursor, to execute, to fetch and
to close; and each time costs as much as the statement itself.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_cursor
from sqlalchemy.engine import Engine


class Cursor(AsyncAdapt_aiosqlite_cursor):
    """Holds what a statement found. Nothing of it is open any more when that has been executed."""

    __slots__ = ("_found",)

    def __init__(self, connection: AsyncAdapt_aiosqlite_connection) -> None:
        self._adapt_connection = connection
        self._connection = connection._connection
        self._rows = deque()
        self._found: tuple[Any, int, int | None] = (None, -1, None)

    @property
    def description(self) -> Any:
        return self._found[0]

    @property
    def rowcount(self) -> int:
        return self._found[1]

    @property
    def lastrowid(self) -> Any:
        return self._found[2]

    def close(self) -> None:
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """It is closed."""

    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        await self._visit(lambda connection: connection.execute(operation, parameters or ()))

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._visit(lambda connection: connection.executemany(operation, seq_of_parameters))

    async def _visit(self, execute: Callable[[Any], Any]) -> None:
        connection = self._connection

        def there() -> tuple[tuple[Any, int, int | None], deque[Any]]:
            cursor = execute(connection._conn)
            rows = deque(cursor.fetchall() if cursor.description else ())
            found = (cursor.description, cursor.rowcount, cursor.lastrowid)
            cursor.close()
            return found, rows

        async with self._adapt_connection._execute_mutex:
            self._found, self._rows = await connection._execute(there)


class Connection(AsyncAdapt_aiosqlite_connection):
    """As SQLAlchemy has it, but for its cursors."""

    __slots__ = ()
    _cursor_cls = Cursor  # type: ignore[assignment] # SQLAlchemy names its own class alone


def use(engine: Engine) -> None:
    """By all connections that `engine` makes."""

    def connect(dialect: Any, _record: object, arguments: Any, options: Any) -> Connection:
        plain = dialect.connect(*arguments, **options)
        return Connection(plain.dbapi, plain._connection)

    event.listen(engine, "do_connect", connect)
