"""Check-ins and runs over the wire."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from crontopus.domain.errors import Conflict, Invalid, NotFound
from crontopus.domain.watch import RunState, Status
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn, OutputText
from crontopus.wire.schedules import CrontabRequest, PreviewRequest, Schedule
from tests.world import BEGINNING, World

pytestmark = pytest.mark.both_databases

JSON = {"Content-Type": "application/json"}


async def test_a_run_is_told_from_its_check_ins(world: World) -> None:
    rid = uuid4()
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup"))
        started = await acme.check_in(CheckIn(kind="start", job="default/backup", run_id=rid, host="web-1"))
        await world.passes(seconds=90)
        output = OutputText(head="one\x00\n", tail="two", dropped_bytes=7)
        ended = await acme.check_in(
            CheckIn(kind="exit", exit_code=3, job=str(job.id), run_id=rid, output=output, metrics={"rows": 5})
        )
        assert started.run == ended.run is not None
        run = await acme.run(ended.run)
        assert (run.state, run.exit_code, run.duration, run.host) == (RunState.FAILED, 3, 90, "web-1")
        assert (run.run_id, run.job.slug, run.metrics) == (rid, "backup", {"rows": 5})
        assert (await acme.run_log(run.id)).head == "one\x00\n"
        assert [one.kind for one in (await acme.run_check_ins(run.id)).items] == ["start", "exit"]
        assert [one.kind for one in (await acme.job_check_ins(job.id)).items] == ["exit", "start"]
        assert (await acme.job(job.id)).last_run is not None
        assert (await acme.job(job.id)).status is Status.DOWN


async def test_a_check_in_of_an_attempt_that_another_has_followed_is_stored_once(world: World) -> None:
    """Whether its first sending came in time, or after the next attempt had begun."""
    rid = uuid4()

    def said(kind: str, minutes: int, attempt: int) -> CheckIn:
        happened = BEGINNING + timedelta(minutes=minutes)
        return CheckIn(kind=kind, job="default/backup", run_id=rid, attempt=attempt, occurred_at=happened)

    began, failed, retried, failed_again = (
        said("start", 0, 1),
        said("fail", 1, 1),
        said("start", 2, 2),
        said("fail", 3, 2),
    )
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        await world.passes(minutes=10)
        for one in (began, retried, failed, began, failed):
            await acme.check_in(one)
        await acme.check_ins([said("start", 4, 3), failed_again, failed, failed_again, failed])
        (run,) = (await acme.job_runs("default/backup")).items
        kept = [(one.kind, one.attempt) for one in (await acme.run_check_ins(run.id)).items]
        assert kept == [("start", 1), ("start", 2), ("fail", 1), ("start", 3), ("fail", 2)]
        assert (run.state, run.attempt) == (RunState.RUNNING, 3)


async def test_each_item_of_a_list_stands_for_itself(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        answers = await acme.check_ins(
            [
                CheckIn(kind="success", job="default/backup"),
                CheckIn(kind="success", job="default/nothing"),
                CheckIn(kind="exit", job="default/backup"),
                CheckIn(kind="success"),
                CheckIn(kind="success", job="default/backup", occurred_at=world.now + timedelta(hours=1)),
                CheckIn(kind="fail", job="default/backup"),
            ]
        )
        assert [one.status for one in answers.items] == [200, 404, 400, 400, 400, 200]
        assert all(one.problem for one in answers.items if one.status != 200)
        assert len((await acme.job_check_ins("default/backup")).items) == 2
        with pytest.raises(Invalid, match="at most 1000"):
            await acme.check_ins([CheckIn(kind="log", job="default/backup")] * 1001)
        assert (await acme.check_ins([])).items == []


async def test_an_item_that_cannot_be_understood_keeps_no_other_from_being_stored(world: World) -> None:
    good = {"job": "default/backup", "kind": "log"}
    bad: list[object] = [
        {"kind": "dance", "job": "default/backup"},
        {"kind": "log", "job": "default/backup", "attempt": "first"},
        {"kind": "log", "job": "default/backup", "x": 1},
        {"kind": "log", "job": "a\0b"},
        {"job": "default/backup"},
        None,
        "log",
        [[good]],
    ]
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        answer = await acme.http.post("/check-ins", json=[good, *bad, good])
        items = answer.json()["items"]
        assert (answer.status_code, [item["status"] for item in items]) == (200, [200, *[400] * len(bad), 200])
        assert [item["problem"]["errors"][0]["pointer"] for item in items[1:5]] == ["/kind", "/attempt", "", "/job"]
        assert len((await acme.job_check_ins("default/backup")).items) == 2
        whole = await acme.http.post("/check-ins", content=b'[{"kind": "log"}, {"kind":', headers=JSON)
        assert whole.status_code == 400, "where it is no JSON nobody knows where an item ends"
        odd = [
            b'{"kind": "log", "host": "\\ud800"}',
            b'{"kind": "log", "metrics": {"x": NaN}}',
            b'{"kind": "log", "user": "\xff"}',
        ]
        for one in odd:
            sent = b", ".join([json.dumps(good).encode(), one])
            told = (await acme.http.post("/check-ins", content=b" [%s]" % sent, headers=JSON)).json()
            assert [item["status"] for item in told["items"]] == [200, 400]
        alone = await acme.http.post("/check-ins", json=bad[0])
        assert (alone.status_code, alone.json()["errors"][0]["pointer"]) == (400, "/kind")


async def test_runs_come_in_pages_newest_first(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="a"))
        await acme.add_job(NewJob(slug="b"))
        for number in range(6):
            await acme.check_in(CheckIn(kind="fail" if number % 2 else "success", job=f"default/{'ab'[number % 2]}"))
            await world.passes(seconds=1)
        everything = await acme.runs(limit=4)
        rest = await acme.runs(limit=4, cursor=everything.next_cursor)
        assert [run.job.slug for run in [*everything.items, *rest.items]] == ["b", "a"] * 3
        assert rest.next_cursor is None
        mine = await acme.job_runs("default/a", limit=2)
        more = await acme.job_runs("default/a", limit=2, cursor=mine.next_cursor)
        assert [run.number for run in [*mine.items, *more.items]] == [3, 2, 1]
        assert len((await acme.runs(q="state:failed")).items) == 3
        assert len((await acme.runs(q="-state:failed slug:a")).items) == 3
        assert (await acme.job_runs("default/a", q="state:failed")).items == []
        assert (await acme.runs(q="mark:late host:x env:y ns:z name")).items == []


async def test_the_newest_runs_of_several_jobs_come_at_once(world: World) -> None:
    async with world.signed_in("acme") as acme, world.signed_in("globex") as globex:
        busy, quiet, gone, silent = [
            await acme.add_job(NewJob(slug=slug)) for slug in ("busy", "quiet", "gone", "silent")
        ]
        theirs = await globex.add_job(NewJob(slug="theirs"))
        for number in range(5):
            for job in (busy, quiet, gone)[: 1 if number else 3]:
                await acme.check_in(CheckIn(kind="success", job=str(job.id)))
            await globex.check_in(CheckIn(kind="success", job="default/theirs"))
            await world.passes(seconds=1)
        await acme.delete_job(gone.id)
        asked = [busy.id, quiet.id, gone.id, silent.id, theirs.id, uuid4()]
        found = (await acme.newest_runs(asked, each=3)).items
        assert [run.number for run in found if run.job.slug == "busy"] == [5, 4, 3]
        assert [run.number for run in found if run.job.slug == "quiet"] == [1]
        assert {run.job.slug for run in found} == {"busy", "quiet"}
        assert found[0] == await acme.run(found[0].id)
        assert (await acme.newest_runs([silent.id])).items == []
        for wrong in ([], [uuid4() for _ in range(101)]):
            with pytest.raises(Invalid, match="jobs"):
                await acme.newest_runs(wrong)


async def test_a_person_settles_an_open_run(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        run = (await acme.check_in(CheckIn(kind="start", job="default/backup"))).run
        assert run is not None
        settled = await acme.settle_run(run, succeeded=False)
        assert settled.state is RunState.FAILED
        assert settled.settled_by is not None
        with pytest.raises(Conflict, match="not open"):
            await acme.settle_run(run, succeeded=True)
        with pytest.raises(NotFound):
            await acme.settle_run(uuid4(), succeeded=True)


async def test_a_schedule_is_previewed_before_it_is_saved(world: World) -> None:

    async with world.signed_in("acme") as acme:
        told = await acme.preview(
            PreviewRequest(schedule=Schedule(cron="30 2 * * *"), timezone="Europe/Berlin", grace="5m", count=2)
        )
        assert [run.local for run in told.next] == ["2027-01-05T02:30:00+01:00", "2027-01-06T02:30:00+01:00"]
        assert told.next[0].deadline == told.next[0].at + timedelta(minutes=5)
        assert {surprise.kind for surprise in told.surprises} == {"skipped", "repeated"}
        with pytest.raises(Invalid):
            await acme.preview(PreviewRequest(schedule=Schedule(cron="0 0 31 2 *")))
        lines = await acme.parse_crontab(
            CrontabRequest(text="MAILTO=me\n0 2 * * * /usr/bin/backup --all\n@reboot x\nnonsense\n")
        )
        assert [(line.line, bool(line.fault)) for line in lines.items] == [(2, False), (3, True), (4, True)]
        assert lines.items[0].slug is not None
        assert lines.items[0].next[0] == world.now.replace(day=5, hour=2)


async def test_metrics_are_exposed(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup", schedule=Schedule(every="1h")))
        await acme.check_in(CheckIn(kind="success", job="default/backup", duration=2))
        text = (await acme.http.get("/metrics")).text
        assert 'crontopus_job_status{namespace="default",job="backup",status="up"} 1\n' in text
        assert 'crontopus_job_last_run_duration_seconds{namespace="default",job="backup"} 2\n' in text
        assert text.endswith("crontopus_scrape_truncated 0\n")
        assert "backup" not in (await acme.http.get("/metrics", params={"ns": "other"})).text
