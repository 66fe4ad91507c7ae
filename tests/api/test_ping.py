"""Ping URLs to the letter: forms, answers, bodies, what surrounds a ping, and what makes it the same ping."""

import asyncio
import json
from datetime import timedelta
from uuid import uuid4

import pytest

from crontopus.api import bodies
from crontopus.api.ping import JSON, JSON_LIMIT
from crontopus.cli import report
from crontopus.cli.report import Address
from crontopus.cli.run_output import HEAD_BYTES, TAIL_BYTES
from crontopus.client import Client
from crontopus.domain.watch import Mark, RunState
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import Run
from tests.api.sender import sending
from tests.world import World

NOBODY = "00000000-0000-4000-8000-000000000000"
"""No job has this ping id."""

KNOWN_SUFFIXES = [
    ("", RunState.SUCCEEDED, None),
    ("/", RunState.SUCCEEDED, None),
    ("/start", RunState.RUNNING, None),
    ("/fail", RunState.FAILED, None),
    ("/0", RunState.SUCCEEDED, 0),
    ("/007", RunState.FAILED, 7),
    ("/255", RunState.FAILED, 255),
]


async def _job(acme: Client, **more: object) -> Job:
    return await acme.add_job(NewJob(name="backup", **more))  # type: ignore[arg-type] # fields of a job


async def _runs(acme: Client, job: Job) -> list[Run]:
    return (await acme.job_runs(job.id)).items


@pytest.mark.parametrize(("suffix", "state", "exit_code"), KNOWN_SUFFIXES)
async def test_a_suffix_says_what_happened(world: World, suffix: str, state: RunState, exit_code: int | None) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        answer = await world.ping(job.ping_url + suffix)
        assert (answer.status_code, answer.content) == (200, b"OK")
        (run,) = await _runs(acme, job)
        assert (run.state, run.exit_code) == (state, exit_code)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
async def test_every_method_that_carries_a_ping_is_a_ping(world: World, method: str) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        answer = await world.ping(job.ping_url, method)
        assert answer.status_code == 200
        assert answer.headers["content-length"] == "2"
        assert answer.content == (b"" if method == "HEAD" else b"OK")
        (check_in,) = (await acme.job_check_ins(job.id)).items
        assert (check_in.kind, check_in.method) == ("success", method)


async def test_a_preflight_records_nothing(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        answer = await world.ping(job.ping_url, "OPTIONS")
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "*")
        assert (await acme.job_check_ins(job.id)).items == []


async def test_an_answer_tells_the_body_limit_and_is_never_kept_by_a_cache(world: World) -> None:
    async with world.signed_in("acme") as acme:
        headers = (await world.ping((await _job(acme)).ping_url)).headers
    assert headers["content-type"].startswith("text/plain")
    assert headers["ping-body-limit"] == "100000"
    assert headers["cache-control"] == "no-store"
    assert headers["access-control-allow-origin"] == "*"


async def test_a_log_changes_nothing(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        await world.ping(job.ping_url)
        before = await acme.job(job.id)
        await world.ping(f"{job.ping_url}/log", "POST", content=b"half way")
        after = await acme.job(job.id)
        assert (after.status, after.running, len(await _runs(acme, job))) == (before.status, 0, 1)
        assert {check_in.kind for check_in in (await acme.job_check_ins(job.id)).items} == {"success", "log"}


@pytest.mark.parametrize(
    "path", ["nothing", "0" * 22 + "/backup", NOBODY, f"{NOBODY}/fail", f"{NOBODY}?rid=x", "", "a/b/c/d"]
)
async def test_who_has_no_key_learns_nothing(world: World, path: str) -> None:
    answer = await world.ping(f"/ping/{path}")
    assert (answer.status_code, answer.text) == (404, "not found")


@pytest.mark.parametrize(
    ("suffix", "status", "text"),
    [
        ("/256", 400, "invalid url format"),
        ("/-1", 404, "not found"),
        ("/stop", 404, "not found"),
        ("/start/", 404, "not found"),
        ("?rid=42", 400, "invalid uuid format"),
        ("?at=yesterday", 400, "instant"),
        ("?at=2027-01-04T08:06:00Z", 400, "future"),
        ("?metric.rows=many", 400, "number"),
        ("?env=" + "x" * 300, 400, "200 characters"),
    ],
)
async def test_a_wrong_ping_is_told_what_is_wrong_and_stores_nothing(
    world: World, suffix: str, status: int, text: str
) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        answer = await world.ping(job.ping_url + suffix)
        assert answer.status_code == status
        assert text in answer.text
        assert (await acme.job_check_ins(job.id)).items == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ping/nothing", 404),
        ("GET", f"/ping/{NOBODY}", 404),
        ("DELETE", f"/ping/{NOBODY}", 405),
        ("GET", "KEY/Backup?create=1", 400),
        ("GET", "KEY/backup?create=1&rid=42", 400),
    ],
)
async def test_the_script_of_a_browser_may_read_why_it_is_refused(
    world: World, method: str, path: str, status: int
) -> None:
    answer = await world.ping(path.replace("KEY", f"/ping/{world.tenants['acme'].ping_key}"), method)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("slug", ["Backup", "back%20up", "bäckup", "x" * 101])
async def test_a_slug_has_its_form(world: World, slug: str) -> None:
    answer = await world.ping(f"/ping/{world.tenants['acme'].ping_key}/{slug}?create=1")
    assert (answer.status_code, answer.text) == (400, "invalid url format")


async def test_a_ping_key_reaches_only_its_own_namespace(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        assert (await world.ping(world.ping_url("acme", job.slug))).status_code == 200
        assert (await world.ping(world.ping_url("globex", job.slug))).status_code == 404


async def test_create_makes_the_job_once_with_what_it_was_given(world: World) -> None:
    url = world.ping_url("acme", "nightly") + "?create=1&schedule=0+2+*+*+*&tz=Europe/Berlin&grace=1h30m&tags=db,prod"
    first, second = await world.ping(url), await world.ping(url.replace("grace=1h30m", "grace=5"))
    assert [(first.status_code, first.text), (second.status_code, second.text)] == [(201, "Created"), (200, "OK")]
    async with world.signed_in("acme") as acme:
        job = await acme.job("default/nightly")
        assert (job.timezone, job.grace, job.tags, job.origin) == ("Europe/Berlin", 5400, ["db", "prod"], "ping")
        assert job.schedule_in_words == "Every day at 02:00 (Europe/Berlin)"


async def test_what_create_is_not_told_comes_from_the_namespace(world: World) -> None:
    await world.ping(world.ping_url("acme", "daily") + "?create=1")
    async with world.signed_in("acme") as acme:
        job = await acme.job("default/daily")
        assert job.grace == 3600
        assert job.next_expected_at == world.now + timedelta(days=1)


@pytest.mark.both_databases
async def test_twenty_four_first_pings_make_one_job(world: World) -> None:
    url = world.ping_url("acme", "fleet") + "?create=1"
    answers = await asyncio.gather(*[world.ping(url) for _ in range(24)])
    assert sorted(answer.status_code for answer in answers) == [200] * 23 + [201]
    async with world.signed_in("acme") as acme:
        assert [job.slug for job in (await acme.jobs()).items] == ["fleet"]
        assert len((await acme.job_check_ins("default/fleet")).items) == 24


@pytest.mark.parametrize(
    "query", ["every=0", "schedule=0+2+30+2+*", "schedule=no+cron", "tz=Mars/Base&schedule=@daily", "grace=31d"]
)
async def test_a_wrong_creation_makes_nothing(world: World, query: str) -> None:
    answer = await world.ping(world.ping_url("acme", "wrong") + f"?create=1&{query}")
    assert answer.status_code == 400
    async with world.signed_in("acme") as acme:
        assert (await acme.jobs()).items == []


@pytest.mark.parametrize("query", ["rid=42", "at=yesterday", "metric.rows=many", "env=" + "x" * 300])
async def test_what_is_wrong_with_a_ping_that_would_make_its_job_is_told_to_who_has_the_key(
    world: World, query: str
) -> None:
    wrong = f"?create=1&{query}"
    assert (await world.ping(world.ping_url("acme", "missing") + wrong)).status_code == 400
    assert (await world.ping(world.ping_url("acme", "missing") + f"?{query}")).status_code == 404
    assert (await world.ping(f"/ping/{'0' * 22}/missing{wrong}")).status_code == 404
    async with world.signed_in("acme") as acme:
        assert (await acme.jobs()).items == []


async def test_so_it_is_with_a_check_in_as_json(world: World) -> None:
    said = {"content": '{"kind": "dance"}', "headers": {"Content-Type": JSON.decode()}}
    assert (await world.ping(world.ping_url("acme", "missing") + "?create=1", "POST", **said)).status_code == 400
    assert (await world.ping(world.ping_url("acme", "missing"), "POST", **said)).status_code == 404
    assert (await world.ping(f"/ping/{'0' * 22}/missing?create=1", "POST", **said)).status_code == 404


async def test_the_head_and_the_tail_of_a_long_body_are_kept(world: World) -> None:
    body = b"begin" + b"x" * 300_000 + b"end"
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        assert (await world.ping(f"{job.ping_url}/fail", "POST", content=body)).status_code == 200
        (run,) = await _runs(acme, job)
        log = await acme.run_log(run.id)
        assert (log.head[:6], log.tail[-4:]) == ("beginx", "xend")
        assert len(log.head) + len(log.tail) + log.dropped_bytes == len(body)
        assert run.output_bytes == len(body)


async def test_bytes_that_are_no_text_are_kept_and_shown(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        assert (await world.ping(job.ping_url, "POST", content=b"\xff\x00caf\xc3\xa9")).status_code == 200
        (run,) = await _runs(acme, job)
        assert "café" in (await acme.run_log(run.id)).head


async def test_odd_headers_lose_no_ping(world: World) -> None:
    odd = {"X-Forwarded-For": "unknown", "Host": "!!", "Content-Type": "nonsense", "User-Agent": "x" * 5000}
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        assert (await world.ping(job.ping_url, "POST", headers=odd, content=b"x")).status_code == 200
        (check_in,) = (await acme.job_check_ins(job.id)).items
        assert check_in.address == "127.0.0.1"
        assert check_in.user_agent is not None
        assert len(check_in.user_agent) == 500


async def test_dimensions_are_kept_with_the_run(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        await world.ping(f"{job.ping_url}?env=prod&host=db1&metric.rows=1200&metric.ratio=.5")
        (run,) = await _runs(acme, job)
        assert (run.env, run.host, run.metrics) == ("prod", "db1", {"rows": 1200.0, "ratio": 0.5})


async def test_a_run_id_pairs_start_and_end_of_runs_that_overlap(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        first, second = uuid4(), uuid4()
        await world.ping(f"{job.ping_url}/start?rid={first}")
        await world.passes(seconds=10)
        await world.ping(f"{job.ping_url}/start?rid={second}")
        assert (await acme.job(job.id)).running == 2
        await world.passes(seconds=10)
        await world.ping(f"{job.ping_url}?rid={first}")
        await world.ping(f"{job.ping_url}/1?rid={second}")
        ended = {run.run_id: (run.state, run.duration) for run in await _runs(acme, job)}
        assert ended == {first: (RunState.SUCCEEDED, 20.0), second: (RunState.FAILED, 10.0)}


async def test_a_ping_sent_again_is_stored_once(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        url = f"{job.ping_url}?rid={uuid4()}"
        for _ in range(3):
            assert (await world.ping(url)).status_code == 200
        assert len((await acme.job_check_ins(job.id)).items) == 1
        assert len(await _runs(acme, job)) == 1


async def test_a_url_can_carry_a_check_in_as_json(world: World) -> None:
    said = {
        "kind": "fail",
        "run_id": str(uuid4()),
        "exit_code": 3,
        "signal": 9,
        "duration": 12.5,
        "attempt": 2,
        "host": "db1",
        "output": {"head": "first", "tail": "last", "dropped_bytes": 7},
    }
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        answer = await world.ping(
            job.ping_url, "POST", content=json.dumps(said), headers={"Content-Type": JSON.decode()}
        )
        assert answer.text == "OK"
        (run,) = await _runs(acme, job)
        assert (run.state, run.exit_code, run.signal, run.attempt) == (RunState.FAILED, 3, 9, 2)
        assert (run.duration, run.host, run.output_bytes) == (12.5, "db1", 16)


async def test_a_check_in_as_json_can_make_its_job_too(world: World) -> None:
    url = world.ping_url("acme", "fresh") + "?create=1&every=60"
    said = json.dumps({"kind": "start", "run_id": str(uuid4())})
    answer = await world.ping(url, "POST", content=said, headers={"Content-Type": JSON.decode()})
    assert (answer.status_code, answer.text) == (201, "Created")
    async with world.signed_in("acme") as acme:
        assert (await acme.job("default/fresh")).running == 1


async def test_the_type_of_a_check_in_is_read_in_any_case(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        kind = "Application/VND.Crontopus.check-in+JSON; charset=utf-8"
        await world.ping(job.ping_url, "POST", content=b'{"kind": "fail"}', headers={"Content-Type": kind})
        assert [run.state for run in await _runs(acme, job)] == [RunState.FAILED]


@pytest.mark.parametrize(
    "document", ["", "{", "[]", '{"kind": "dance"}', '{"kind": "exit"}', '{"kind": "log", "x": 1}']
)
async def test_a_wrong_json_check_in_is_told_what_is_wrong(world: World, document: str) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        answer = await world.ping(job.ping_url, "POST", content=document, headers={"Content-Type": JSON.decode()})
        assert answer.status_code == 400
        assert answer.text
        assert (await acme.job_check_ins(job.id)).items == []


async def test_no_more_is_read_of_a_check_in_as_json_than_one_may_have(world: World) -> None:
    """Whoever sends it, and wherever to: it is answered before its end, which never comes."""
    async with sending(world, "POST", f"/ping/{uuid4()}", content_type=JSON.decode()) as sender:
        for _ in range(JSON_LIMIT // 100_000 + 1):
            sender.send(b" " * 100_000)
        assert (await sender.answer())[0] == 404


async def test_a_check_in_as_json_is_never_cut_but_refused(world: World) -> None:
    padded = b'{"kind": "success"}'.ljust(JSON_LIMIT)
    kind = {"Content-Type": JSON.decode()}
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        assert (await world.ping(job.ping_url, "POST", content=padded, headers=kind)).status_code == 200
        answer = await world.ping(job.ping_url, "POST", content=padded + b" ", headers=kind)
        assert (answer.status_code, "at most 512 KiB" in answer.text) == (400, True)
        assert len((await acme.job_check_ins(job.id)).items) == 1


async def test_the_longest_report_of_crontopus_run_is_taken(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        output = {"head": "\ufffd" * HEAD_BYTES, "tail": "\ufffd" * TAIL_BYTES, "dropped_bytes": 10**9}
        sent = report.written(Address(job.ping_url), "fail", str(uuid4()), output=output)
        answer = await world.ping(job.ping_url, "POST", content=sent.body, headers={"Content-Type": JSON.decode()})
        assert answer.status_code == 200


@pytest.mark.parametrize("begun", [b"", b"the beginning"])
async def test_a_body_that_does_not_come_is_waited_for_so_long(
    world: World, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(bodies, "MOST_SECONDS", 0.01)
    monkeypatch.setattr(bodies, "LINGER_SECONDS", 0.01)
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        async with sending(world, "POST", f"{job.ping_url}/fail") as sender:
            if begun:
                sender.send(begun)
            status, headers, body = await sender.answer()
            assert (status, headers["connection"], body) == (200, "close", b"OK")
        (run,) = await _runs(acme, job)
        assert (run.state, run.marks, run.output_bytes) == (RunState.FAILED, [Mark.TRUNCATED], len(begun))


async def test_a_body_that_is_under_way_when_the_server_stops_counts_as_far_as_it_came(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme)
        async with sending(world, "POST", f"{job.ping_url}/fail") as sender:
            sender.send(b"the beginning")
            await sender.taken(13)
            world.appliance.parts.stop()
            assert (await sender.answer())[0] == 200
        (run,) = await _runs(acme, job)
        assert (run.state, run.marks) == (RunState.FAILED, [Mark.TRUNCATED])
        assert (await acme.run_log(run.id)).head == "the beginning"


async def test_keywords_in_the_body_overrule_the_url(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme, failure_kw="ERROR, FATAL", success_kw="done")
        for body, kind in (
            (b"all done", "success"),
            (b"done, but ERROR", "fail"),
            (b"hm", "ignored"),
            (b"\xffFATAL", "fail"),
        ):
            await world.ping(f"{job.ping_url}/start", "POST", content=body)
            await world.passes(seconds=1)
            assert (await acme.job_check_ins(job.id)).items[0].kind == kind


async def test_only_the_methods_a_job_asks_for_count(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await _job(acme, methods=["POST"])
        assert (await world.ping(job.ping_url)).text == "OK"
        assert await _runs(acme, job) == []
        await world.ping(job.ping_url, "POST")
        assert len(await _runs(acme, job)) == 1
