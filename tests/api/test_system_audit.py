"""What was done anywhere, for whoever runs the installation; and sign-ins that failed."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from crontopus.client import Client
from crontopus.domain.access import SystemRole
from crontopus.domain.errors import Throttled, Unauthenticated
from crontopus.domain.ids import NOWHERE
from crontopus.wire.accounts import SignIn
from crontopus.wire.audit import SystemAuditEntry
from crontopus.wire.jobs import NewJob
from tests.api.test_people import visitor
from tests.world import World


@pytest.fixture
async def operator(world: World) -> AsyncIterator[Client]:
    async with world.operator(SystemRole.SUPPORT) as client:
        yield client


async def all_of(operator: Client, limit: int) -> list[SystemAuditEntry]:
    items, cursor = [], None
    while True:
        page = await operator.admin_audit(cursor=cursor, limit=limit)
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items


async def test_the_logs_of_all_are_one_list_page_by_page_also_within_one_instant(
    world: World, operator: Client
) -> None:
    for tenant in ("acme", "globex"):
        async with world.signed_in(tenant) as own:
            for number in range(3):
                await own.add_job(NewJob(slug=f"job-{number}"))
    whole = await all_of(operator, 200)
    assert {one.tenant_name for one in whole} == {"acme", "globex", None}
    assert await all_of(operator, 2) == whole
    assert [one.at for one in whole] == sorted((one.at for one in whole), reverse=True)
    acme = world.tenants["acme"].principal.tenant
    mine = (await operator.admin_audit(tenant=acme, action="job.create")).items
    assert [one.target for one in mine] == [f"default/job-{number}" for number in (2, 1, 0)]
    own_log = (await operator.admin_audit(tenant=NOWHERE)).items
    assert [(one.action, one.tenant) for one in own_log] == [("session.begin", None)]


async def test_all_logs_are_exported_with_whose_they_are(world: World, operator: Client) -> None:
    async with operator.export_admin_audit() as answer:
        lines = [json.loads(line) for line in (await answer.aread()).splitlines()]
    assert {line["tenant_name"] for line in lines} == {"acme", "globex", None}
    async with operator.export_admin_audit("csv") as answer:
        rows = list(csv.DictReader(io.StringIO((await answer.aread()).decode())))
    assert [row["action"] for row in rows] == [line["action"] for line in lines]


async def test_each_log_is_checked_and_the_broken_one_is_named(world: World, operator: Client) -> None:
    assert [one.broken for one in (await operator.verify_admin_audit()).items] == [None, None, None]
    async with world.appliance.db.write(world.tenants["globex"].principal.tenant) as tx:
        changed = "UPDATE audit SET actor = 'nobody' WHERE position = 1 AND tenant_id = "
        tenant = tx.tenant.bytes if world.appliance.db.is_sqlite else tx.tenant
        await tx.sql.execute(text(f"{changed}:tenant"), {"tenant": tenant})
    verdicts = {one.tenant_name: one.broken for one in (await operator.verify_admin_audit()).items}
    assert verdicts == {"acme": None, "globex": 1, None: None}


async def test_a_sign_in_that_failed_is_told_to_the_tenants_of_the_account_and_never_fills_their_log(
    world: World, operator: Client
) -> None:
    async with visitor(world) as anybody:
        for _ in range(12):
            with pytest.raises((Unauthenticated, Throttled)):
                await anybody.sign_in(SignIn(email="Owner@acme.test", password="a wrong guess"))
        world.hands.turn_to(world.now + timedelta(minutes=2))
        with pytest.raises(Unauthenticated):
            await anybody.sign_in(SignIn(email="owner@acme.test", password="another wrong guess"))
    told = (await operator.admin_audit(action="session.refuse")).items
    assert [(one.tenant_name, one.target, one.changes) for one in told] == [
        ("acme", "owner@acme.test", {"times": [None, 10]}),
        ("acme", "owner@acme.test", {"times": [None, 1]}),
    ]
    assert {one.actor for one in told} == {"somebody"}


@pytest.mark.parametrize(
    ("typed", "told"),
    [("Nobody@example.com", "n…@example.com"), ("hunter2 is my password", "no address"), ("x@y", "no address")],
)
async def test_of_an_address_that_nobody_has_only_a_hint_is_kept(
    world: World, operator: Client, typed: str, told: str
) -> None:
    """Some type their password into that field."""
    async with visitor(world) as anybody:
        with pytest.raises(Unauthenticated):
            await anybody.sign_in(SignIn(email=typed, password="secret-guess"))
    (entry,) = (await operator.admin_audit(action="session.refuse")).items
    assert (entry.tenant, entry.target) == (None, told)
    whole = json.dumps([str(one) for one in await all_of(operator, 200)])
    assert typed not in whole
    assert "secret-guess" not in whole
