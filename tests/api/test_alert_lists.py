"""Lists of alerts: what filters find, how many are open, and nothing that is out of reach."""

from datetime import timedelta

import pytest

from crontopus.client import Client
from crontopus.domain.access import Role
from crontopus.domain.errors import Invalid
from crontopus.wire.accounts import NewNamespace
from crontopus.wire.alerts import Alert
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import CheckIn
from tests.world import World


async def failing(world: World, client: Client, name: str, **more: object) -> Job:
    job = await client.add_job(NewJob(name=name, **more))  # type: ignore[arg-type] # fields of NewJob
    await client.check_in(CheckIn(kind="fail", job=str(job.id)))
    while await world.appliance.alerting.step():
        pass
    return job


def names(found: list[Alert]) -> list[str]:
    return sorted(str(one.subject.name) for one in found)


@pytest.fixture
async def three(world: World) -> dict[str, Job]:
    """Two jobs of `default`, one of them critical, and one of `prod`, each with an open alert."""
    async with world.signed_in("acme") as acme:
        await acme.add_namespace(NewNamespace(slug="prod"))
        return {
            "dump": await failing(world, acme, "dump", tags=["db"], labels={"team": "data"}),
            "mail": await failing(world, acme, "mail", severity="critical"),
            "load": await failing(world, acme, "load", namespace="prod"),
        }


QUERIES = [
    ("", ["dump", "load", "mail"]),
    ("class:failed", ["dump", "load", "mail"]),
    ("class:missed,overran", []),
    ("-class:missed", ["dump", "load", "mail"]),
    ("severity:critical", ["mail"]),
    ("-severity:critical", ["dump", "load"]),
    ("ns:prod", ["load"]),
    ("-ns:prod", ["dump", "mail"]),
    ("job:dump", ["dump"]),
    ("job:default/*", ["dump", "mail"]),
    ("job:prod/load,default/mail", ["load", "mail"]),
    ("-job:default/dump", ["load", "mail"]),
    ("tag:db", ["dump"]),
    ("-tag:db", ["load", "mail"]),
    ("label:team=data", ["dump"]),
    ("-label:team", ["load", "mail"]),
    ("agent:web1", []),
    ("-agent:web1", ["dump", "load", "mail"]),
    ("UM", ["dump"]),
    ("ns:default severity:warning", ["dump"]),
]


async def test_the_query_language_of_routes_finds_alerts(world: World, three: dict[str, Job]) -> None:
    async with world.signed_in("acme") as acme:
        for q, found in QUERIES:
            assert names((await acme.alerts(q=q)).items) == found, q


async def test_alerts_are_narrowed_to_a_job_a_class_and_a_severity(world: World, three: dict[str, Job]) -> None:
    async with world.signed_in("acme") as acme:
        for job in (three["load"].id, "prod/load", "prod:load"):
            assert names((await acme.alerts(job=job)).items) == ["load"]
        assert names((await acme.alerts(job="mail", severity="critical")).items) == ["mail"]
        assert names((await acme.alerts(job="dump", severity="critical")).items) == []
        assert names((await acme.alerts(cls="failed", q="severity:critical")).items) == ["mail"]
        assert (await acme.alerts(cls="missed")).items == []
        with pytest.raises(Invalid):
            await acme.alerts(job="nothing")


async def test_a_filter_that_names_nothing_known_is_refused_at_its_place(world: World) -> None:
    async with world.signed_in("acme") as acme:
        for asked, pointer in (
            (acme.alerts(cls="late"), "/class"),
            (acme.alerts(severity="high"), "/severity"),
            (acme.alerts(q="status:down"), "/q"),
        ):
            with pytest.raises(Invalid) as refused:
                await asked
            assert [fault.pointer for fault in refused.value.faults] == [pointer]


async def test_a_page_goes_on_within_what_was_asked_for(world: World, three: dict[str, Job]) -> None:
    async with world.signed_in("acme") as acme:
        first = await acme.alerts(q="ns:default", limit=1)
        second = await acme.alerts(q="ns:default", limit=1, cursor=first.next_cursor)
        assert names(first.items + second.items) == ["dump", "mail"]
        assert second.next_cursor is None


async def test_what_a_deleted_job_had_is_found_by_its_name_still(world: World, three: dict[str, Job]) -> None:
    async with world.signed_in("acme") as acme:
        await acme.delete_job(three["dump"].id)
        assert names((await acme.alerts(q="dump")).items) == ["dump"]


async def test_open_acknowledged_and_held_are_counted_each_once(world: World, three: dict[str, Job]) -> None:
    async with world.signed_in("acme") as acme:
        assert await acme.alert_counts() == {"open": 3, "acknowledged": 0, "held": 0, "total": 3}
        first, second, third = (await acme.alerts()).items
        await acme.acknowledge_alert(first.id)
        await acme.snooze_alert(second.id, world.now + timedelta(hours=1))
        assert await acme.alert_counts() == {"open": 1, "acknowledged": 2, "held": 0, "total": 3}
        world.hands.turn_to(world.now + timedelta(hours=1))
        assert await acme.alert_counts() == {"open": 2, "acknowledged": 1, "held": 0, "total": 3}
        await acme.resolve_alert(third.id)
        assert await acme.alert_counts() == {"open": 1, "acknowledged": 1, "held": 0, "total": 2}
    async with world.signed_in("globex") as globex:
        assert await globex.alert_counts() == {"open": 0, "acknowledged": 0, "held": 0, "total": 0}


async def test_who_reaches_some_namespaces_finds_and_counts_theirs_alone(world: World, three: dict[str, Job]) -> None:
    async with world.signed_in("acme") as acme:
        prod = (await acme.namespace("prod")).id
    async with world.person("acme", Role.VIEWER, prod) as person:
        assert names((await person.alerts()).items) == ["load"]
        assert names((await person.alerts(q="-ns:nothing")).items) == ["load"]
        assert (await person.alert_counts())["open"] == 1
        with pytest.raises(Invalid):
            await person.alerts(job=three["dump"].id)


async def test_no_alert_of_another_tenant_is_found(world: World, three: dict[str, Job]) -> None:
    async with world.signed_in("globex") as globex:
        mine = await failing(world, globex, "dump")
        for q in ("dump", "-tag:nothing", "job:default/dump"):
            assert [one.subject.job for one in (await globex.alerts(q=q)).items] == [mine.id]
        with pytest.raises(Invalid):
            await globex.alerts(job=three["dump"].id)
