"""Core statements, compiled once and run by the driver itself, with the column types' own conversions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from operator import is_not
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, Select, Text, bindparam, func, insert, select, type_coerce
from sqlalchemy.types import TypeEngine

from crontopus.domain.audit import Happened
from crontopus.domain.watch import Run
from crontopus.storage import audit as stored_audit
from crontopus.storage import statements
from crontopus.storage.gaps import STANDS
from crontopus.storage.ledger import Home, Unreadable
from crontopus.storage.packing import unpacked
from crontopus.storage.tables import audit, check_ins, gaps, jobs, namespaces, runs, tenants, watches
from crontopus.storage.types import Convert, Converted
from crontopus.storage.watches import Placed, Row, Rows, rule_of

Bound = tuple[str, list[tuple[Any, ...]]]
"""A statement, and the values of each row."""


class Compiled:
    """`sql` takes positional values; `values` makes them from rows by column name."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._binds = [
            (name, constants.get(name), to_driver(compiled.binds[name].type, dialect)) for name in compiled.positiontup
        ]

    def values(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """Column by column: what costs is the number of calls, and most columns need none."""
        return self.of_columns(
            [row[name] for row in rows] if constant is None else [row.get(name, constant) for row in rows]
            for name, constant, _ in self._binds
        )

    def of_columns(self, columns: Iterable[list[Any]]) -> list[tuple[Any, ...]]:
        """The same of the values of each column, in the order in which they are bound."""
        converted = [
            column if convert is None else [None if value is None else convert(value) for value in column]
            for column, (_, _, convert) in zip(columns, self._binds, strict=True)
        ]
        return list(zip(*converted, strict=True))

    def bound(self, rows: Sequence[Row]) -> Bound:
        """What to execute for `rows`."""
        return self.sql, self.values(rows)

    def value(self, **row: Any) -> tuple[Any, ...]:
        """The values of one row."""
        return self.values((row,))[0]


class Sparse:
    """An INSERT without the columns that are None in every row: half of them are, and to bind one costs as any."""

    def __init__(self, build: Callable[[str, tuple[str, ...]], Any], dialect: Dialect) -> None:
        self._compiled = lru_cache(64)(lambda columns: Compiled(build(dialect.name, columns), dialect))

    def bound(self, rows: Sequence[Row]) -> Bound:
        """What to execute for `rows`."""
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        present = {name: column for name, column in columns.items() if any(map(is_not, column, repeat(None)))}
        compiled = self._compiled(tuple(present))
        return compiled.sql, compiled.of_columns(present.values())


class Query(Compiled):
    """A SELECT; `read` makes Python values of a driver's row."""

    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        super().__init__(statement, dialect)
        converts = [from_driver(column.type, dialect) for column in statement.selected_columns]
        self._converts = [(at, convert) for at, convert in enumerate(converts) if convert is not None]

    def read(self, row: Iterable[Any]) -> list[Any]:
        values = list(row)
        for at, convert in self._converts:
            if values[at] is not None:
                values[at] = convert(values[at])
        return values

    def read_all(self, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """Of many rows, column by column: fewer calls for each."""
        columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
        if columns:
            for at, convert in self._converts:
                columns[at] = [None if value is None else convert(value) for value in columns[at]]
        return list(zip(*columns, strict=True))


class Telling:
    """The statements that add to an audit log."""

    def __init__(self, dialect: Dialect) -> None:
        self.lock = Compiled(stored_audit.head_lock(dialect.name), dialect)
        self.add = Compiled(insert(audit), dialect)
        self.move = Compiled(stored_audit.head_move(), dialect)

    def rows(self, tenant: UUID, head: Sequence[Any], told: Sequence[Happened]) -> tuple[Bound, Bound]:
        """To add, and to move the head to them, once `lock` has given the head."""
        rows, new = stored_audit.continued(tenant, stored_audit.Head(*head), told)
        moved = {"tenant": tenant, "new_position": new.position, "new_hash": new.hash}
        return self.add.bound(rows), self.move.bound([moved])


class Writes:
    """The statements that write what a transaction changed."""

    def __init__(self, dialect: Dialect) -> None:
        sparse = {name: Sparse(build, dialect) for name, build in statements.SPARSE.items()}
        whole = dict(statements.in_order(dialect.name))
        for name in ("watches", "restated"):
            whole[name] = whole[name].where(watches.c.version == bindparam("key_version"))
        self._statements = [(name, sparse.get(name) or Compiled(whole[name], dialect)) for name in whole]
        self.versioned = {Compiled(whole[name], dialect).sql for name in ("watches", "restated")}
        """Statements that change nothing where the watch is no longer as it was read."""
        self.flips = Compiled(whole["flips"], dialect).sql

    def bound(self, rows: Rows) -> list[Bound]:
        """What to execute, in order."""
        told = ((statement, getattr(rows, name)) for name, statement in self._statements)
        return [statement.bound(values) for statement, values in told if values]


def to_driver(kind: TypeEngine[Any], dialect: Dialect) -> Convert:
    """The conversion of a bound value: our types', or the driver's own."""
    impl = kind.dialect_impl(dialect)
    return impl.to_driver(dialect.name) if isinstance(impl, Converted) else impl.bind_processor(dialect)


def from_driver(kind: TypeEngine[Any], dialect: Dialect) -> Convert:
    """The conversion of a value that was read."""
    impl = kind.dialect_impl(dialect)
    return impl.from_driver(dialect.name) if isinstance(impl, Converted) else impl.result_processor(dialect, None)


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
        watch=unpacked(row[4]),
        filters=row[5],
        last_number=row[6],
        changed_at=row[7],
        version=row[8],
    )


def placed_or_unreadable(row: Sequence[Any]) -> Placed | Unreadable:
    """For the sweep: one watch that cannot be understood holds up no other."""
    try:
        return placed_of(row)
    except Exception as error:
        return Unreadable(job=row[1], agent=row[2], error=error)


def due() -> Select[Any]:
    return placed().where(watches.c.due_at < bindparam("now", type_=watches.c.due_at.type)).order_by(watches.c.due_at)


def next_due() -> Select[Any]:
    return select(func.min(watches.c.due_at)).where(watches.c.due_at.is_not(None))


def recent_gaps() -> Select[Any]:
    query = select(gaps.c.since, gaps.c.until).where(gaps.c.until > bindparam("since"), STANDS)
    return query.order_by(gaps.c.since)


def home() -> Select[Any]:
    return select(
        namespaces.c.id,
        namespaces.c.tenant_id,
        namespaces.c.slug,
        namespaces.c.timezone,
        namespaces.c.default_schedules,
        namespaces.c.default_grace,
    ).where(namespaces.c.ping_key_hash == bindparam("key_hash"))


def home_of(row: Sequence[Any]) -> Home:
    return Home(*row)


def jobs_of() -> Select[Any]:
    """How many a tenant has, by the index of its jobs."""
    return select(func.count()).where(jobs.c.tenant_id == bindparam("tenant"), jobs.c.deleted_at.is_(None))


def in_turn() -> Select[Any]:
    """As `tiers.in_turn`."""
    return select(tenants.c.id).where(tenants.c.id == bindparam("tenant")).with_for_update(key_share=True)


def told() -> Select[Any]:
    """Whether a run that has a run id was told so; only the check-ins of such a run are indexed by it."""
    return (
        select(check_ins.c.id)
        .where(check_ins.c.rid.is_not(None))
        .where(check_ins.c.run_id == bindparam("run"), check_ins.c.kind == bindparam("kind"))
        .where(check_ins.c.attempt == bindparam("attempt"))
        .limit(1)
    )


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
