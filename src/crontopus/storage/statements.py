"""The statements that write what a step of a watch changed: composed once with Core, for both databases.

The API's transactions execute them through SQLAlchemy; the ledger compiles them and hands them to the driver.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import BigInteger, Delete, Insert, Table, Update, bindparam, func, literal_column, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.storage.tables import check_ins, events, flips, gap_silences, jobs, outputs, runs, watches

Columns = tuple[str, ...]

_KEPT = ("host", "user", "env", "metrics", "rusage", "revision", "settled_by")
"""Of a run, what a later message adds to and never takes away."""
_FIXED = ("id", "tenant_id", "job_id", "agent_id", "number", "created_at", "output_bytes", *_KEPT)
_OF_WATCH = ("running", "next_expected_at", "due_at", "last_number", "state", "version")
_OF_STATUS = ("status", "reasons", "changed_at")


@lru_cache(256)
def insert_into(table: Table, dialect: str, columns: Columns = ()) -> Any:
    """An INSERT of `columns`, or of every column the table has no default for."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    given = [table.c[name] for name in columns] or _given(table)
    return make(table).values({column.name: bindparam(column.name, type_=column.type) for column in given})


def check_in_insert(dialect: str, columns: Columns = ()) -> Any:
    return insert_into(check_ins, dialect, columns)


@lru_cache(256)
def run_upsert(dialect: str, columns: Columns = ()) -> Insert:
    """A run as the watch knows it now; what was reported beside it (host, metrics …) is kept or added."""
    statement = insert_into(runs, dialect, columns)
    new = statement.excluded
    changed = {column.name: new[column.name] for column in runs.columns if column.name not in _FIXED}
    kept = {name: func.coalesce(new[name], runs.c[name]) for name in _KEPT}
    grown = {"output_bytes": runs.c.output_bytes + new.output_bytes}
    result: Insert = statement.on_conflict_do_update(index_elements=["id"], set_={**changed, **kept, **grown})
    return result


@cache
def watch_update() -> Update:
    """A watch whose status and reasons are as before: to write them again would write their index again."""
    return _watch_update(_OF_WATCH)


@cache
def watch_restatement() -> Update:
    """A watch whose status or reasons changed, too."""
    return _watch_update((*_OF_WATCH, *_OF_STATUS))


def _watch_update(names: Sequence[str]) -> Update:
    return (
        update(watches)
        .where(watches.c.job_id == bindparam("key_job_id"), watches.c.agent_id == bindparam("key_agent_id"))
        .values({name: bindparam(name, type_=watches.c[name].type) for name in names})
    )


@cache
def watch_put_off() -> Update:
    """A watch that is overdue: no sweep claims it before the new `due_at`. Its state keeps the true one."""
    overdue = watches.c.due_at < bindparam("key_now", type_=watches.c.due_at.type)
    return _watch_update(("due_at",)).where(overdue)


@cache
def run_delete() -> Delete:
    return runs.delete().where(runs.c.id == bindparam("key_id"))


@cache
def event_insert(dialect: str) -> Any:
    """On PostgreSQL with the writing transaction, by which its readers order."""
    statement = insert_into(events, dialect)
    if dialect != "postgresql":
        return statement
    return statement.values(transaction=literal_column("(pg_current_xact_id()::text)::bigint", BigInteger))


@cache
def job_insert(dialect: str) -> Any:
    """Does nothing where the namespace has a job of that slug already."""
    return insert_into(jobs, dialect).on_conflict_do_nothing()


def _given(table: Table) -> list[Any]:
    return [column for column in table.columns if column.server_default is None and column.name != "position"]


SPARSE: dict[str, Callable[[str, Columns], Any]] = {"runs": run_upsert, "check_ins": check_in_insert}
"""Of wide tables, whose rows are mostly empty: the columns left out are NULL."""


def in_order(dialect: str) -> tuple[tuple[str, Any], ...]:
    """Every statement by the field of `watches.Rows` it takes, in the order in which they must run."""
    return (
        ("jobs", job_insert(dialect)),
        ("new_watches", insert_into(watches, dialect)),
        ("gone", run_delete()),
        ("runs", run_upsert(dialect)),
        ("watches", watch_update()),
        ("restated", watch_restatement()),
        ("put_off", watch_put_off()),
        ("check_ins", check_in_insert(dialect)),
        ("outputs", insert_into(outputs, dialect)),
        ("flips", insert_into(flips, dialect)),
        ("silences", insert_into(gap_silences, dialect).on_conflict_do_nothing()),
        ("events", event_insert(dialect)),
    )
