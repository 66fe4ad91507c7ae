"""Core statements, compiled once and run by the driver itself, with the column types' own conversions."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Dialect, Select, Text, bindparam, func, select, type_coerce

from crontopus.domain.watch import Run
from crontopus.storage.ledger import Home
from crontopus.storage.tables import gaps, jobs, namespaces, runs, watches
from crontopus.storage.watches import Placed, rule_of, watch_of

_Convert = Callable[[Any], Any] | None


class Compiled:
    """`sql` takes positional values; `values` makes them from rows by column name."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        binds = compiled.binds
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._binds: list[tuple[str, _Convert]] = [
            (name, binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in compiled.positiontup
        ]

    def values(self, rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
        binds = self._binds
        if self._constants:
            rows = [{**self._constants, **row} for row in rows]
        return [
            tuple([row[name] if convert is None else convert(row[name]) for name, convert in binds]) for row in rows
        ]


class Query(Compiled):
    """A SELECT; `read` makes Python values of a driver's row."""

    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        super().__init__(statement, dialect)
        self._columns: list[_Convert] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in statement.selected_columns
        ]

    def read(self, row: Sequence[Any]) -> list[Any]:
        return [value if convert is None else convert(value) for value, convert in zip(row, self._columns, strict=True)]


_RUN = (
    runs.c.job_id,
    runs.c.rid,
    runs.c.number,
    runs.c.state,
    runs.c.expected_at,
    runs.c.last_expected_at,
    runs.c.started_at,
    runs.c.finished_at,
    runs.c.duration,
    runs.c.exit_code,
    runs.c.signal,
    runs.c.attempt,
    runs.c.marks,
    runs.c.count,
    runs.c.start_received_at,
    runs.c.end_received_at,
)


def placed() -> Select[Any]:
    """Watches of jobs that are not deleted, in the order of `placed_of`."""
    return (
        select(
            watches.c.tenant_id,
            watches.c.job_id,
            watches.c.agent_id,
            type_coerce(jobs.c.expectation, Text),
            watches.c.state,
            jobs.c.filters,
            watches.c.last_number,
            watches.c.changed_at,
            watches.c.version,
        )
        .select_from(jobs.join(watches, jobs.c.id == watches.c.job_id))
        .where(jobs.c.deleted_at.is_(None))
    )


def placed_of(row: Sequence[Any]) -> Placed:
    return Placed(
        tenant=row[0],
        job=row[1],
        agent=row[2],
        rule=rule_of(row[3]),
        watch=watch_of(row[4]),
        filters=row[5],
        last_number=row[6],
        changed_at=row[7],
        version=row[8],
    )


def due() -> Select[Any]:
    return placed().where(watches.c.due_at < bindparam("now", type_=watches.c.due_at.type)).order_by(watches.c.due_at)


def next_due() -> Select[Any]:
    return select(func.min(watches.c.due_at)).where(watches.c.due_at.is_not(None))


def recent_gaps() -> Select[Any]:
    return select(gaps.c.since, gaps.c.until).where(gaps.c.until > bindparam("since")).order_by(gaps.c.since)


def home() -> Select[Any]:
    return select(
        namespaces.c.id,
        namespaces.c.tenant_id,
        namespaces.c.timezone,
        namespaces.c.default_schedules,
        namespaces.c.default_grace,
    ).where(namespaces.c.ping_key_hash == bindparam("key_hash"))


def home_of(row: Sequence[Any]) -> Home:
    return Home(*row)


def priors() -> Select[Any]:
    return select(*_RUN)


def run_of(row: Sequence[Any]) -> Run:
    return Run(
        rid=row[1],
        number=row[2],
        state=row[3],
        expected_at=row[4],
        last_expected_at=row[5],
        started_at=row[6],
        finished_at=row[7],
        duration=row[8],
        exit_code=row[9],
        signal=row[10],
        attempt=row[11],
        marks=frozenset(row[12]),
        count=row[13],
        start_received_at=row[14],
        end_received_at=row[15],
    )
