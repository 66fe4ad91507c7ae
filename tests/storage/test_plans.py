"""How SQLite reads: what is asked of one job must not cost what its tenant has."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event

from crontopus.domain.access import ALL
from crontopus.domain.query import parse_jobs
from crontopus.storage import alert_lists, alerts, channels, checkins, finding, notifications, runs
from crontopus.storage.alert_lists import Wanted
from crontopus.storage.database import Database, SystemTx, Tx
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from tests.world import World

READS_OF_A_JOB: dict[str, Callable[[Tx, UUID], Awaitable[Any]]] = {
    "its runs": lambda tx, job: runs.of_job(tx, ALL, job, (), None, 50),
    "its newest runs": lambda tx, job: runs.newest(tx, ALL, [job], 30),
    "its newest success": lambda tx, job: runs.last_successes(tx, {job: 3}, 1000),
    "its check-ins": lambda tx, job: checkins.of_job(tx, job, None, 50),
}


@contextmanager
def _statements(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """Those that are executed meanwhile, with their values."""
    said: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        said.append((statement, values))

    engine = db._reader.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    yield said
    event.remove(engine, "before_cursor_execute", hear)


async def _plan(tx: Tx, statement: str, values: Any) -> list[str]:
    rows = await tx.sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    return [row.detail for row in rows]


@pytest.mark.parametrize("read", READS_OF_A_JOB)
async def test_what_is_read_of_a_job_is_found_by_the_job(sqlite_world: World, read: str) -> None:
    db, tenant = sqlite_world.appliance.db, sqlite_world.tenants["acme"].principal.tenant
    async with sqlite_world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup"))
        await acme.check_in(CheckIn(kind="fail", job="default/backup"))
    async with db.read(tenant) as tx:
        with _statements(db) as said:
            await READS_OF_A_JOB[read](tx, job.id)
        plans = [step for statement, values in said for step in await _plan(tx, statement, values)]
    assert any("id>? AND id<?" in step or "job_id=?" in step for step in plans)
    assert [step for step in plans if "ix_runs_tenant_id" in step or step.startswith(("SCAN runs", "SCAN check"))] == []


READS_OF_THE_LATE: dict[str, Callable[[Tx], Awaitable[Any]]] = {
    "how many there are": lambda tx: finding.counts(tx, ALL, parse_jobs("")),
    "how many there are of some": lambda tx: finding.counts(tx, ALL, parse_jobs("tag:db")),
    "a page of them": lambda tx: finding.newest_first(tx, ALL, parse_jobs("status:late"), None, 50),
    "a page of all but them": lambda tx: finding.newest_first(tx, ALL, parse_jobs("-status:late"), None, 50),
}


@pytest.mark.parametrize("read", READS_OF_THE_LATE)
async def test_the_late_are_found_without_looking_at_those_that_are_not(sqlite_world: World, read: str) -> None:
    db, tenant = sqlite_world.appliance.db, sqlite_world.tenants["acme"].principal.tenant
    async with db.read(tenant) as tx:
        with _statements(db) as said:
            await READS_OF_THE_LATE[read](tx)
        plans = [step for statement, values in said for step in await _plan(tx, statement, values)]
    assert any("late USING INDEX ix_watches_late (next_expected_at<?)" in step for step in plans), plans


READS_OF_OPEN_ALERTS: dict[str, Callable[[Tx], Awaitable[Any]]] = {
    "how many there are": lambda tx: alert_lists.counts(tx, ALL),
    "a page of them": lambda tx: alert_lists.listed(tx, ALL, Wanted(only_open=True), None, 50),
}


@pytest.mark.parametrize("read", READS_OF_OPEN_ALERTS)
async def test_open_alerts_are_found_without_looking_at_those_that_are_over(sqlite_world: World, read: str) -> None:
    db, tenant = sqlite_world.appliance.db, sqlite_world.tenants["acme"].principal.tenant
    async with db.read(tenant) as tx:
        with _statements(db) as said:
            await READS_OF_OPEN_ALERTS[read](tx)
        plans = [step for statement, values in said for step in await _plan(tx, statement, values)]
    assert any("ix_alerts_not_over (tenant_id=?)" in step for step in plans), plans


@pytest.mark.parametrize("status", ["down", "new", "paused"])
async def test_the_few_that_are_not_up_are_found_by_their_status(sqlite_world: World, status: str) -> None:
    db, tenant = sqlite_world.appliance.db, sqlite_world.tenants["acme"].principal.tenant
    async with db.read(tenant) as tx:
        with _statements(db) as said:
            await finding.newest_first(tx, ALL, parse_jobs(f"status:{status}"), None, 50)
            await finding.counts(tx, ALL, parse_jobs(""))
        plans = [await _plan(tx, statement, values) for statement, values in said]
    by_status, counted, all_of_them = (
        next(plan for plan in plans if any(index in step for step in plan))
        for index in (
            "ix_watches_tenant_id_status (tenant_id=? AND status=?)",
            "COVERING INDEX ix_watches_tenant_id_status (tenant_id=?)",
            "COVERING INDEX ix_jobs_tenant_id (tenant_id=? AND deleted_at=?)",
        )
    )
    assert [len(plan) for plan in (by_status, counted, all_of_them)] == [1, 1, 1]


READS_OF_THE_OUTBOX: dict[str, tuple[Callable[[SystemTx], Awaitable[Any]], str]] = {
    "whether anything is due": (channels.next_due, "COVERING INDEX ix_notifications_next_at"),
    "what goes out next on a channel": (
        lambda tx: notifications.due(tx, uuid4(), 4),
        "ix_notifications_gravest (channel_id=? AND gravity=? AND next_at<?)",
    ),
    "the messages of some alerts": (
        lambda tx: notifications.of_alerts(tx, [uuid4(), uuid4()]),
        "sqlite_autoindex_notifications_2 (alert_id=?)",
    ),
    "whether anything is to be decided": (alerts.is_owed, "ix_alerts_next_at (next_at<?)"),
}


@pytest.mark.parametrize("read", READS_OF_THE_OUTBOX)
async def test_what_goes_out_is_found_without_looking_at_all_that_waits(sqlite_world: World, read: str) -> None:
    ask, index = READS_OF_THE_OUTBOX[read]
    db = sqlite_world.appliance.db
    async with db.read_all() as tx:
        with _statements(db) as said:
            await ask(tx)
        plans = [
            row.detail
            for statement, values in said
            for row in await tx.sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert any(index in step for step in plans), plans
    assert [step for step in plans if step.startswith("SCAN") and "USING" not in step] == [], plans
    assert [step for step in plans if "TEMP B-TREE FOR ORDER BY" in step and "next" in read] == [], plans
