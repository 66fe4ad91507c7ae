"""A database with many jobs. The rows, and the statements that store them, are the server's own."""

import asyncio
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg  # type: ignore[import-untyped] # it comes without types
from msgspec import Struct
from sqlalchemy import Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg as postgresql

from crontopus.domain import ids
from crontopus.domain.schedule import Cron, Every
from crontopus.domain.watch import Expectation, Kind, Reported, advance, fresh
from crontopus.storage import jobs, statements, watches
from crontopus.storage.ledger.compiled import Compiled
from crontopus.storage.opening import FILE
from crontopus.storage.watches import Placed, Row, Rows
from crontopus.wire.jobs import Origin

CHUNK = 10_000


class Chunk(Struct, frozen=True):
    """Some jobs: the paths of their ping URLs, and what to execute for each."""

    paths: list[str]
    inserts: list[tuple[str, list[tuple[Any, ...]]]]


def fill_sqlite(data: Path, count: int) -> list[str]:
    """Adds `count` jobs to the folder of a server that is stopped. The paths of their ping URLs."""
    with closing(sqlite3.connect(data / FILE, isolation_level=None)) as connection:
        namespace, tenant = connection.execute("SELECT id, tenant_id FROM namespaces").fetchone()
        for pragma in ("synchronous = OFF", "cache_size = -1000000", "wal_autocheckpoint = 100000"):
            connection.execute(f"PRAGMA {pragma}")
        paths = []
        for chunk in _chunks(UUID(bytes=tenant), UUID(bytes=namespace), count, sqlite.dialect(dbapi=sqlite3)):
            connection.execute("BEGIN IMMEDIATE")
            for statement, values in chunk.inserts:
                connection.executemany(statement, values)
            connection.execute("COMMIT")
            paths += chunk.paths
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return paths


def fill_postgres(url: str, count: int) -> list[str]:
    """The same for a PostgreSQL."""
    return asyncio.run(_fill_postgres(url, count))


async def _fill_postgres(url: str, count: int) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetchrow("SELECT id, tenant_id FROM namespaces")
        paths = []
        for chunk in _chunks(found["tenant_id"], found["id"], count, postgresql.dialect()):  # type: ignore[no-untyped-call] # SQLAlchemy left it so
            for statement, values in chunk.inserts:
                await connection.executemany(statement, values)
            paths += chunk.paths
        await connection.execute("ANALYZE")
        return paths
    finally:
        await connection.close()


def _chunks(tenant: UUID, namespace: UUID, count: int, dialect: Dialect) -> Iterator[Chunk]:
    named = dict(statements.in_order(dialect.name))
    insert = {name: Compiled(named[name], dialect) for name in ("jobs", "new_watches")}
    now = datetime.now(UTC).replace(microsecond=0)
    placed = [_placed(tenant, rule, now) for rule in _rules(now)]
    for first in range(0, count, CHUNK):
        rows = Rows()
        for number in range(first, min(first + CHUNK, count)):
            each = placed[number % len(placed)]
            each.job = ids.ordered(now, secrets.randbits(74))
            rows.jobs.append(_job_row(each, namespace, f"job-{number}", now))
            watches.add_new_watch(rows, each)
        paths = [f"/ping/{row['ping_uuid']}" for row in rows.jobs]
        inserts = [(statement.sql, statement.values(getattr(rows, name))) for name, statement in insert.items()]
        yield Chunk(paths, inserts)


def _rules(now: datetime) -> tuple[Expectation, ...]:
    """Half of the jobs have a period, half a time of day; none is due for hours."""
    hour = (now.hour + 12) % 24
    return (
        Expectation(schedules=(Every(timedelta(days=1)),), timezone="UTC", grace=timedelta(hours=1)),
        Expectation(schedules=(Cron(f"30 {hour} * * *"),), timezone="Europe/Berlin", grace=timedelta(hours=1)),
    )


def _placed(tenant: UUID, rule: Expectation, now: datetime) -> Placed:
    """It has reported once: a first ping is another thing than the thousands after it, and costs more."""
    watch = advance(fresh(rule, now), Reported(kind=Kind.SUCCESS, occurred_at=now), rule, (), now).watch
    return Placed(
        tenant=tenant,
        job=ids.NO_AGENT,
        agent=ids.NO_AGENT,
        rule=rule,
        watch=watch,
        filters=None,
        last_number=watch.last_number,
        changed_at=now,
        version=1,
    )


def _job_row(placed: Placed, namespace: UUID, slug: str, now: datetime) -> Row:
    return jobs.row(
        id=placed.job,
        tenant=placed.tenant,
        namespace_id=namespace,
        slug=slug,
        name=slug,
        ping_uuid=uuid4(),
        expectation=placed.rule,
        timezone_given=False,
        origin=Origin.PING,
        now=now,
    )
