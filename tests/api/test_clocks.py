"""Clocks of senders: one that is wrong is set right by `sent_at`, and what it dated is still known again."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from crontopus.client import Client
from crontopus.domain.watch import Mark, RunState
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn, Run, StoredCheckIn
from tests.world import World

MINUTE = timedelta(minutes=1)
PING_JSON = {"Content-Type": "application/vnd.crontopus.check-in+json"}


async def _said(acme: Client, kind: str, at: datetime | None, sent_at: datetime | None, **more: Any) -> Run:
    check_in: dict[str, Any] = {"kind": kind, "job": "default/backup", "occurred_at": at, "sent_at": sent_at, **more}
    return await acme.run((await acme.check_in(CheckIn(**check_in))).run or uuid4())


async def _kept(acme: Client) -> list[StoredCheckIn]:
    return (await acme.job_check_ins("default/backup")).items


@pytest.mark.parametrize("wrong", [10 * MINUTE, -3 * 60 * MINUTE, timedelta(days=-20_000)], ids=str)
async def test_what_a_wrong_clock_dated_is_moved_to_when_it_happened(world: World, wrong: timedelta) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        theirs = world.now + wrong
        run = await _said(acme, "success", theirs - 2 * MINUTE, theirs, started_at=theirs - 5 * MINUTE)
        assert (run.started_at, run.finished_at) == (world.now - 5 * MINUTE, world.now - 2 * MINUTE)
        assert run.marks == [Mark.CLOCK]
        (check_in,) = await _kept(acme)
        assert (check_in.occurred_at, check_in.marks) == (world.now - 2 * MINUTE, [Mark.CLOCK])


async def test_a_ping_url_that_carries_json_is_set_right_too(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup"))
        theirs = world.now - timedelta(days=365)
        body = b'{"kind": "success", "occurred_at": "%s", "sent_at": "%s"}' % (
            theirs.isoformat().encode(),
            theirs.isoformat().encode(),
        )
        assert (await world.ping(job.ping_url, "POST", content=body, headers=PING_JSON)).status_code == 200
        (check_in,) = await _kept(acme)
        assert (check_in.occurred_at, check_in.marks) == (world.now, [Mark.CLOCK])


async def test_what_waited_is_as_old_as_it_says(world: World) -> None:
    """A report that was spooled for hours and is sent now comes from a clock that is right."""
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        happened = world.now - timedelta(hours=3)
        run = await _said(acme, "success", happened, world.now - timedelta(seconds=2))
        assert (run.finished_at, run.marks) == (happened, [])


async def test_a_minute_on_the_way_says_nothing_of_a_clock(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        for sent_at, marks in ((world.now - MINUTE, []), (world.now - MINUTE - timedelta(milliseconds=1), ["clock"])):
            run = await _said(acme, "success", world.now - 2 * MINUTE, sent_at)
            assert run.marks == marks


async def test_a_wrong_clock_is_noted_where_nothing_is_dated_by_it(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        run = await _said(acme, "success", None, world.now + timedelta(days=1))
        assert (run.finished_at, run.marks) == (world.now, [Mark.CLOCK])


@pytest.mark.parametrize("sent_at", [True, False])
@pytest.mark.parametrize("wrong", [4 * MINUTE, -4 * MINUTE])
async def test_what_a_wrong_clock_dated_is_stored_once(world: World, wrong: timedelta, sent_at: bool) -> None:
    """Each way takes another time, so each time it is set right a little differently."""
    rid, theirs = uuid4(), world.now + wrong
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        for seconds, delay in ((0, 0), (10, 3), (20, 0), (400, 1)):
            await world.passes(seconds=seconds)
            sent = world.now + wrong - timedelta(seconds=delay) if sent_at else None
            run = await _said(acme, "start", theirs, sent, run_id=rid)
        assert (run.state, run.number, len(await _kept(acme))) == (RunState.RUNNING, 1, 1)
        for delay in (0, 2):
            run = await _said(acme, "fail", theirs + 7 * MINUTE, world.now + wrong if sent_at else None, run_id=rid)
            await world.passes(seconds=delay)
        assert (run.state, run.number, len(await _kept(acme))) == (RunState.FAILED, 1, 2)


async def test_what_was_not_set_right_the_first_time_is_stored_once(world: World) -> None:
    """One `sent_at` for several tries: the later ones look as if the clock were wrong."""
    rid, sent = uuid4(), world.now
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        for minutes in (0, 1, 60):
            await world.passes(minutes=minutes)
            run = await _said(acme, "success", sent, sent, run_id=rid)
        assert (run.finished_at, run.marks, len(await _kept(acme))) == (sent, [], 1)


@pytest.mark.parametrize(
    ("occurred_at", "sent_at"),
    [
        ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
        ("2027-01-04T08:10:00Z", "2027-01-04T08:02:00Z"),
        ("1970-01-01T00:00:00Z", "2040-01-01T00:00:00Z"),
    ],
)
async def test_instants_that_contradict_each_other_are_refused(
    sqlite_world: World, occurred_at: str, sent_at: str
) -> None:
    async with sqlite_world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        said = {"kind": "log", "job": "default/backup", "occurred_at": occurred_at, "sent_at": sent_at}
        answer = await acme.http.post("/check-ins", json=said)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == "/occurred_at"
        assert await _kept(acme) == []
