"""Jobs over the wire: made, found, changed, paused, deleted."""

import asyncio
from datetime import timedelta

import pytest

from crontopus.domain.alerts import Severity
from crontopus.domain.errors import Conflict, Invalid, LostRace, NotFound
from crontopus.domain.watch import Overlap, Status
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from tests.world import World


async def test_a_name_is_enough_for_a_job(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="Nächtliche Sicherung"))
        assert (job.slug, job.status, job.schedule) == ("nachtliche-sicherung", Status.NEW, None)
        assert await acme.job("default/nachtliche-sicherung") == job
        assert await acme.job(job.id) == job


async def test_a_job_is_told_as_it_was_made(world: World) -> None:
    new = NewJob(
        slug="backup",
        description="Copies everything",
        tags=["db", "nightly", "db"],
        labels={"team": "data"},
        schedule=[Schedule(cron="0 2 * * *"), Schedule(on_calendar="Mon 12:00")],
        timezone="Europe/Berlin",
        grace="1h30m",
        max_runtime=7200,
        min_runtime="5s",
        fail_after=2,
        overlap=Overlap.FORBID,
        methods=["POST"],
        failure_kw="error,fatal",
        manual_resume=True,
        severity=Severity.CRITICAL,
        owner="ops",
        runbook="https://wiki/backup",
        depends_on=["default/dump"],
    )
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="dump"))
        job = await acme.add_job(new)
    assert job.name == "backup"
    assert job.tags == ["db", "nightly"]
    assert job.schedule == [Schedule(cron="0 2 * * *"), Schedule(on_calendar="Mon 12:00")]
    assert (job.grace, job.max_runtime, job.min_runtime) == (5400, 7200, 5)
    assert (job.fail_after, job.overlap, job.methods, job.failure_kw) == (2, Overlap.FORBID, ["POST"], "error,fatal")
    assert (job.severity, job.owner, job.depends_on) == (Severity.CRITICAL, "ops", ["default/dump"])
    assert job.ping_url_by_slug == world.ping_url("acme", "backup")


async def test_all_that_is_wrong_with_a_job_is_said_at_once(world: World) -> None:
    new = NewJob(
        slug="Not A Slug",
        schedule=Schedule(cron="61 * * * *"),
        timezone="Mars/Olympus",
        grace="soon",
        max_runtime=10,
        min_runtime=20,
        methods=["BREW"],
    )
    async with world.signed_in("acme") as acme:
        with pytest.raises(Invalid) as raised:
            await acme.add_job(new)
        assert {"/slug", "/schedule", "/timezone", "/grace", "/min_runtime", "/methods"} <= {
            fault.pointer for fault in raised.value.faults
        }
        assert (await acme.jobs()).items == []


async def test_a_slug_is_taken_once_in_a_namespace(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        with pytest.raises(Conflict, match="backup"):
            await acme.add_job(NewJob(slug="backup"))
        await acme.add_job(NewJob(slug="other"))
        with pytest.raises(Conflict):
            await acme.edit_job("default/other", {"slug": "backup"})


async def test_a_patch_changes_what_it_names_and_null_puts_the_default_back(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(
            NewJob(slug="backup", grace=60, tags=["a"], labels={"a": "1", "b": "2"}, schedule=Schedule(every="1h"))
        )
        changed = await acme.edit_job(job.id, {"grace": None, "labels": {"a": None, "c": "3"}, "name": "Backup"})
        assert (changed.grace, changed.labels, changed.name) == (600, {"b": "2", "c": "3"}, "Backup")
        assert (changed.tags, changed.schedule, changed.version) == (["a"], Schedule(every=3600), 2)
        assert (await acme.edit_job(job.id, {"grace": 600})).version == 2, "nothing changed"
        assert (await acme.edit_job(job.id, {"schedule": None})).schedule is None


async def test_a_new_schedule_moves_the_deadline(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup", schedule=Schedule(every="1h")))
        changed = await acme.edit_job(job.id, {"schedule": {"every": "2h"}})
        assert changed.next_expected_at == world.now + timedelta(hours=2)


async def test_an_edit_that_somebody_has_overtaken_is_refused(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup"))
        await acme.edit_job(job.id, {"grace": 60}, version=1)
        with pytest.raises(LostRace):
            await acme.edit_job(job.id, {"grace": 90}, version=1)
        assert (await acme.job(job.id)).grace == 60


async def test_the_same_key_makes_one_job(world: World) -> None:
    async with world.signed_in("acme") as acme:
        first = await acme.add_job(NewJob(slug="backup"), idempotency_key="a key")
        again = await acme.add_job(NewJob(slug="backup"), idempotency_key="a key")
        assert again == first
        with pytest.raises(Conflict, match="Idempotency-Key"):
            await acme.add_job(NewJob(slug="other"), idempotency_key="a key")


@pytest.mark.both_databases
async def test_many_at_once_under_one_key_make_one_job(world: World) -> None:
    async with world.signed_in("acme") as acme:
        tries = [acme.add_job(NewJob(slug="backup"), idempotency_key="a key") for _ in range(12)]
        assert len({job.id for job in await asyncio.gather(*tries)}) == 1


@pytest.mark.both_databases
async def test_many_at_once_take_a_slug_once(world: World) -> None:
    async with world.signed_in("acme") as acme:
        jobs = [await acme.add_job(NewJob(slug=f"job-{number}")) for number in range(8)]
        tries = [acme.add_job(NewJob(slug="same")) for _ in range(4)]
        tries += [acme.edit_job(job.id, {"slug": "same"}) for job in jobs]
        done = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(one, Job) for one in done) == 1
        assert all(isinstance(one, Job | Conflict) for one in done)


async def test_a_pause_can_end_by_itself_or_by_hand(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup", schedule=Schedule(every="1h")))
        paused = await acme.pause_job(job.id, world.now + timedelta(hours=5))
        assert (paused.status, paused.paused_until) == (Status.PAUSED, world.now + timedelta(hours=5))
        await world.passes(hours=6)
        assert (await acme.job(job.id)).status is Status.NEW
        await acme.pause_job(job.id)
        assert (await acme.resume_job(job.id)).status is Status.NEW
        with pytest.raises(Invalid, match="over already"):
            await acme.pause_job(job.id, world.now)


async def test_a_deleted_job_is_gone_and_its_slug_free(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup", schedule=Schedule(every="1h")))
        await acme.delete_job(job.id)
        with pytest.raises(NotFound):
            await acme.job(job.id)
        assert (await world.ping(job.ping_url)).status_code == 404
        await world.passes(days=1)
        assert (await acme.job_counts())["total"] == 0
        assert (await acme.add_job(NewJob(slug="backup"))).id != job.id


async def test_what_another_tenant_has_is_not_there(world: World) -> None:
    async with world.signed_in("acme") as acme, world.signed_in("globex") as globex:
        job = await acme.add_job(NewJob(slug="backup"))
        for name in (str(job.id), "default/backup"):
            with pytest.raises(NotFound):
                await globex.job(name)
        with pytest.raises(NotFound):
            await globex.edit_job(job.id, {"grace": 1})
        assert (await globex.jobs()).items == []


async def test_pages_follow_each_other_in_every_order(world: World) -> None:
    async with world.signed_in("acme") as acme:
        made = [(await acme.add_job(NewJob(slug=f"job-{i}", name=name))).name for i, name in enumerate("bDaCe")]
        by_name = sorted(made, key=str.lower)
        for sort, expected in [
            ("name", by_name),
            ("-name", by_name[::-1]),
            ("created_at", made),
            ("-created_at", made[::-1]),
        ]:
            found: list[Job] = []
            cursor = None
            for _ in range(3):
                page = await acme.jobs(sort=sort, limit=2, cursor=cursor)
                found += page.items
                cursor = page.next_cursor
            assert cursor is None
            if "created" in sort:
                assert sorted(job.name for job in found) == sorted(expected)
            else:
                assert [job.name for job in found] == expected


async def test_a_cursor_nobody_was_given_is_refused(world: World) -> None:
    async with world.signed_in("acme") as acme:
        for cursor in ("", "x", "é", "e30", "bnVsbA", "W10", "\x00", "eyJzb3J0IjoibmFtZSJ9", "A" * 3000):
            with pytest.raises(Invalid):
                await acme.jobs(cursor=cursor)


QUERIES = [
    ("", {"alpha", "beta", "gamma"}),
    ("status:new", {"alpha", "beta", "gamma"}),
    ("status:up,late", set()),
    ("-status:paused", {"alpha", "beta", "gamma"}),
    ("ns:default", {"alpha", "beta", "gamma"}),
    ("ns:def*", {"alpha", "beta", "gamma"}),
    ("-ns:default", set()),
    ("tag:db", {"alpha"}),
    ("tag:DB", {"alpha"}),
    ("tag:d*", {"alpha", "beta"}),
    ("-tag:d*", {"gamma"}),
    ("tag:100%", {"gamma"}),
    ("tag:1__%", set()),
    ('tag:"two words"', {"beta"}),
    ("label:team", {"alpha", "beta"}),
    ("-label:team", {"gamma"}),
    ("label:team=data", {"alpha"}),
    ("label:team=*a*", {"alpha", "beta"}),
    ("-label:team=data", {"beta", "gamma"}),
    ("slug:beta", {"beta"}),
    ("slug:alpha,gamma", {"alpha", "gamma"}),
    ("slug:*a", {"alpha", "beta", "gamma"}),
    ("slug:*et*", {"beta"}),
    ("alph", {"alpha"}),
    ("ALPH", {"alpha"}),
    ("-alph", {"beta", "gamma"}),
    ('"a job" tag:d*', {"alpha", "beta"}),
    ("ümlaut", {"gamma"}),
    ("ÜMLAUT", {"gamma"}),
    ("host:web*", set()),
]


async def test_a_query_finds_what_it_says(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="alpha", name="alpha, a job", tags=["db", "x"], labels={"team": "data"}))
        await acme.add_job(NewJob(slug="beta", name="beta, a job", tags=["dx", "two words"], labels={"team": "apps"}))
        await acme.add_job(NewJob(slug="gamma", name="Ümlaut", tags=["100%"]))
        for q, found in QUERIES:
            assert {job.slug for job in (await acme.jobs(q=q)).items} == found, q
            assert (await acme.job_counts(q=q))["total"] == len(found), q


async def test_a_query_finds_jobs_by_the_host_they_ran_on(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        await acme.add_job(NewJob(slug="other"))
        await acme.check_in(CheckIn(kind="success", job="default/backup", host="Web-1"))
        assert [job.slug for job in (await acme.jobs(q="host:web*")).items] == ["backup"]
        assert [job.slug for job in (await acme.jobs(q="-host:web-1")).items] == ["other"]


async def test_late_is_found_and_counted_though_it_is_never_stored(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup", schedule=Schedule(every="1h")))
        await acme.check_in(CheckIn(kind="success", job="default/backup"))
        assert (await acme.job_counts())["up"] == 1
        await world.passes(minutes=65)
        assert (await acme.job("default/backup")).status is Status.LATE
        assert await acme.job_counts() == {"new": 0, "up": 0, "late": 1, "down": 0, "paused": 0, "total": 1}
        assert (await acme.job_counts(q="status:late"))["late"] == 1
        assert [job.slug for job in (await acme.jobs(q="status:late")).items] == ["backup"]
        assert (await acme.jobs(q="status:up")).items == []
        await world.passes(minutes=10)
        assert (await acme.job_counts())["down"] == 1


async def test_the_next_runs_begin_with_the_one_outstanding(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup", schedule=Schedule(cron="0 * * * *"), timezone="Europe/Berlin"))
        told = await acme.next_runs("default/backup", 2)
        assert [run.at for run in told.next] == [world.now + timedelta(hours=1), world.now + timedelta(hours=2)]
        assert told.next[0].local == "2027-01-04T10:00:00+01:00"
        assert told.next[0].deadline == told.next[0].at + timedelta(minutes=10)


async def test_a_slug_alone_names_a_job_of_the_default_namespace(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="Nightly backup"))
        assert (await acme.job("nightly-backup")).id == job.id
        await acme.check_in(CheckIn(job="nightly-backup", kind="success"))
        with pytest.raises(NotFound, match="no job 'default/other'"):
            await acme.job("default/other")
