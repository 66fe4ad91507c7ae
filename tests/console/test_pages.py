"""Every page over the real API: what it shows, what its forms do, and that it shows nobody else's."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from crontopus.client import Client
from crontopus.domain.watch import Status
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import CheckIn, OutputText
from crontopus.wire.schedules import Schedule
from tests.console.conftest import Visitor, visiting
from tests.world import Hands, World, world_in

Visits = Callable[[str], Awaitable[Visitor]]
EVIL = "<script>alert('x')</script>"


@pytest.fixture
async def acme(world: World) -> AsyncIterator[Client]:
    async with world.signed_in("acme") as client:
        yield client


async def hourly(acme: Client, name: str) -> Job:
    return await acme.add_job(NewJob(name=name, schedule=Schedule(every=3600), grace=600))


async def said(acme: Client, job: Job, kind: str, text: str = "") -> None:
    output = OutputText(head=text) if text else None
    code = 1 if kind == "exit" else None
    await acme.check_in(CheckIn(kind=kind, job=str(job.id), exit_code=code, output=output))


async def in_every_state(world: World, acme: Client) -> dict[str, Job]:
    """One job in each state that a page explains."""
    jobs = {name: await hourly(acme, name) for name in ("paused", "up", "late", "missed", "failed", "open")}
    await acme.pause_job(jobs["paused"].id)
    await said(acme, jobs["missed"], "success")
    await world.passes(minutes=70)
    for name in ("late", "up", "failed", "open"):
        await said(acme, jobs[name], "success")
    await world.passes(minutes=62)
    jobs["new"] = await hourly(acme, "new")
    await said(acme, jobs["up"], "success")
    await said(acme, jobs["open"], "start")
    await said(acme, jobs["failed"], "start")
    await said(acme, jobs["failed"], "exit", f"\x1b[31mred\x1b[0m\n{EVIL}\nno space left\n")
    return {name: await acme.job(job.id) for name, job in jobs.items()}


async def test_each_state_is_explained_in_a_sentence(world: World, acme: Client, visits: Visits) -> None:
    jobs = await in_every_state(world, acme)
    assert [jobs[name].status for name in ("new", "late", "missed", "failed")] == [
        Status.NEW,
        Status.LATE,
        Status.DOWN,
        Status.DOWN,
    ]
    browser = await visits("acme")
    explained = {
        "new": "Never reported.",
        "paused": "Check-ins are kept",
        "up": "The last success was",
        "late": "nothing arrived yet",
        "missed": "nothing arrived for",
        "failed": "the last run failed with exit status 1",
        "open": "Open now",
    }
    for name, words in explained.items():
        page = await browser.get(f"/jobs/{jobs[name].id}")
        assert page.status_code == 200
        assert words in page.text, name
        assert jobs[name].ping_url in page.text
    assert "no space left" in (await browser.get(f"/jobs/{jobs['failed'].id}")).text


async def test_the_list_counts_filters_and_draws(world: World, acme: Client, visits: Visits) -> None:
    await in_every_state(world, acme)
    browser = await visits("acme")
    everything = (await browser.get("/jobs")).text
    assert everything.count('<tr role="row" id=') == 7
    assert "The newest: failed." in everything
    down = (await browser.get("/jobs?q=status:down")).text
    assert down.count('<tr role="row" id=') == 2
    assert 'aria-current="true" href="/jobs?q=status%3Adown"' in down
    assert "No job matches" in (await browser.get("/jobs?q=nothing-like-it")).text
    assert (await browser.get("/jobs?cursor=nonsense")).status_code == 400
    for sort in ("name", "-created_at", "created_at"):
        assert (await browser.get(f"/jobs?sort={sort}")).status_code == 200


async def test_every_other_page_of_a_job_and_its_runs_is_shown(world: World, acme: Client, visits: Visits) -> None:
    failed = (await in_every_state(world, acme))["failed"]
    browser = await visits("acme")
    for tab in ("runs", "check-ins", "integrate", "edit"):
        assert (await browser.get(f"/jobs/{failed.id}/{tab}")).status_code == 200
    for run in (await acme.job_runs(failed.id)).items:
        assert (await browser.get(f"/runs/{run.id}")).status_code == 200
    assert failed.last_run
    page = (await browser.get(f"/runs/{failed.last_run.id}")).text
    assert '<span class="a1">red</span>' in page
    assert "ended with exit status 1" in page


async def test_what_others_wrote_is_text_and_never_markup(acme: Client, visits: Visits) -> None:
    job = await acme.add_job(NewJob(name=EVIL, slug="evil", description=EVIL, tags=["<b>"], owner=EVIL))
    await said(acme, job, "fail", EVIL)
    browser = await visits("acme")
    job = await acme.job(job.id)
    assert job.last_run
    for path in ("/jobs", f"/jobs/{job.id}", f"/jobs/{job.id}/edit", f"/runs/{job.last_run.id}"):
        text = (await browser.get(path)).text
        assert "<script>alert" not in text, path
        assert "<b>" not in re.sub(r"<b>(Last sign|Expected|Started|Failed|Next run|Ended|Given up)</b>", "", text), (
            path
        )


async def test_a_job_is_made_edited_paused_resumed_and_deleted(acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    form = {"name": "Ledger snapshot", "namespace": "default", "kind": "every", "every": "1 h", "grace": "5 m"}
    made = await browser.post("/jobs/new", {**form, "key": str(uuid4())})
    assert "Waiting for the first ping" in made.text
    assert "Ledger snapshot is made" in made.text
    job = (await acme.jobs()).items[0]
    assert (job.slug, job.grace, job.schedule) == ("ledger-snapshot", 300, Schedule(every=3600))

    edited = await browser.post(f"/jobs/{job.id}/edit", {**form, "name": "Ledger", "version": str(job.version)})
    assert (edited.status_code, (await acme.job(job.id)).name) == (200, "Ledger")
    lost = await browser.post(f"/jobs/{job.id}/edit", {**form, "name": "Mine", "version": str(job.version)})
    assert (lost.status_code, (await acme.job(job.id)).name) == (400, "Ledger")
    assert "Somebody else changed this job meanwhile" in lost.text

    assert "Ledger is paused." in (await browser.post(f"/jobs/{job.id}/pause", {"hours": "2"})).text
    assert (await acme.job(job.id)).paused_until
    assert "watched again" in (await browser.post(f"/jobs/{job.id}/resume")).text
    assert "is deleted" in (await browser.post(f"/jobs/{job.id}/delete")).text
    assert not (await acme.jobs()).items


async def test_the_first_field_that_is_wrong_has_the_focus(visits: Visits) -> None:
    browser = await visits("acme")
    form = {"name": "Ledger", "namespace": "default", "kind": "every", "every": "1 h", "key": str(uuid4())}
    for wrong, focus in (
        ({"every": "often", "grace": "soon"}, ["every", "grace"]),
        ({"kind": "cron", "minute": "60", "hour": "2", "day": "*", "month": "*", "weekday": "*"}, ["minute"]),
    ):
        again = await browser.post("/jobs/new", {**form, **wrong})
        assert again.status_code == 400
        assert re.findall(r'name="(\w+)"[^>]* autofocus', again.text) == focus
    assert re.findall(r'name="(\w+)"[^>]* autofocus', (await browser.get("/jobs/new")).text) == ["name"]


async def test_a_page_counts_on_as_long_as_its_ages_are_short(world: World, acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    job = await acme.add_job(NewJob(name="Ledger", schedule=Schedule(every=3600)))

    async def stale_after() -> float:
        page = (await browser.get(f"/jobs/{job.id}")).text
        return int(re.findall(r'data-refresh-in="(\d+)"', page)[0]) / 1000

    await world.ping(f"{job.ping_url}/fail")
    assert 10 <= await stale_after() < 11
    await world.passes(minutes=1)
    assert 60 <= await stale_after() < 61


async def test_pressing_twice_makes_one_job(acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    form = {"name": "Once", "namespace": "default", "kind": "none", "key": str(uuid4())}
    first, second = [await browser.post("/jobs/new", form) for _ in range(2)]
    assert first.url == second.url
    assert len((await acme.jobs()).items) == 1


async def test_a_faulty_form_comes_back_as_it_was_typed_with_each_fault_at_its_field(visits: Visits) -> None:
    browser = await visits("acme")
    typed = {"name": "Wrong", "namespace": "default", "kind": "every", "every": "soon", "grace": "ten", "owner": "Ann"}
    page = await browser.post("/jobs/new", typed)
    assert page.status_code == 400
    for value in typed.values():
        assert value in page.text
    for field in ("every", "grace"):
        assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', page.text), field


async def test_the_preview_needs_no_script(visits: Visits) -> None:
    browser = await visits("acme")
    cron = {"minute": "30", "hour": "2", "day": "*", "month": "*", "weekday": "*"}
    form = {"kind": "cron", "timezone": "Europe/Berlin", "clock": "cron", "grace": "10m", "preview": "1", **cron}
    page = await browser.post("/jobs/new", form)
    assert page.status_code == 200
    assert page.text.count("\u00a002:30</b>") == 6
    assert "Europe/Berlin" in page.text
    assert 'class="surprise"' in page.text
    assert 'class="fault"' in (await browser.post("/jobs/new", {**form, "hour": "25"})).text


async def test_many_jobs_are_changed_only_after_a_preview(acme: Client, visits: Visits) -> None:
    jobs = [await hourly(acme, name) for name in ("a", "b")]
    browser = await visits("acme")
    picked = {"job": [str(job.id) for job in jobs], "action": "pause", "back": "/jobs?q=ns%3Adefault"}
    assert "2 jobs would be paused" in (await browser.post("/jobs/bulk/preview", picked)).text
    assert (await acme.job(jobs[0].id)).status is Status.NEW
    assert "2 jobs paused." in (await browser.post("/jobs/bulk", picked)).text
    assert (await acme.job(jobs[0].id)).status is Status.PAUSED
    assert "No job was picked" in (await browser.post("/jobs/bulk/preview", {"action": "pause"})).text
    assert (await browser.post("/jobs/bulk", {**picked, "action": "explode"})).status_code == 400


async def test_an_open_run_is_settled_by_hand(acme: Client, visits: Visits) -> None:
    job = await hourly(acme, "open")
    await said(acme, job, "start")
    browser = await visits("acme")
    run = (await acme.job_runs(job.id)).items[0]
    page = await browser.post(f"/runs/{run.id}/settle", {"as": "succeeded"})
    assert "The run is closed as succeeded." in page.text
    assert (await acme.job(job.id)).running == 0


async def test_a_test_ping_ends_the_waiting(world: World, acme: Client, visits: Visits) -> None:
    job = await hourly(acme, "waiting")
    await world.passes(seconds=41)
    browser = await visits("acme")
    page = await browser.post(f"/jobs/{job.id}/test-ping")
    assert "after 41\u00a0s of waiting" in page.text
    await world.passes(minutes=20)
    assert 'id="wait"' not in (await browser.get(f"/jobs/{job.id}")).text


async def test_a_page_that_is_red_says_nothing_of_a_first_ping_that_has_come(acme: Client, visits: Visits) -> None:
    job = await hourly(acme, "unlucky")
    browser = await visits("acme")
    await said(acme, job, "start")
    assert "First ping at" in (await browser.get(f"/jobs/{job.id}")).text
    await said(acme, job, "fail")
    assert "First ping at" not in (await browser.get(f"/jobs/{job.id}")).text


async def test_a_namespace_is_made_renamed_and_gets_another_key(acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    fields = {"slug": "Web", "name": "The web", "timezone": "Europe/Berlin", "every": "1 d", "grace": "30 m"}
    assert "web is made" in (await browser.post("/namespaces/new", fields)).text
    key = (await acme.namespace("web")).ping_key
    assert key
    assert key in (await browser.get("/namespaces/web")).text
    await browser.post("/namespaces/web/rotate-ping-key")
    assert (await acme.namespace("web")).ping_key != key
    assert (await browser.post("/namespaces/web/edit", {**fields, "slug": "site"})).status_code == 200
    assert (await acme.namespace("site")).default_grace == 1800
    faulty = await browser.post("/namespaces/new", {"slug": "no way!", "timezone": "Mars/Base"})
    assert faulty.status_code == 400
    assert "is deleted" in (await browser.post("/namespaces/site/delete")).text


async def test_a_token_is_shown_once(acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    assert (await browser.get("/tokens/new")).status_code == 200
    made = await browser.post("/tokens/new", {"name": "deploy", "kind": "s", "scopes": "jobs:read", "days": "30"})
    token = re.search(r"ctp_s_\w+", made.text)
    assert token
    assert made.headers["cache-control"] == "no-store"
    assert token[0] not in (await browser.get("/tokens")).text
    stored = next(one for one in (await acme.tokens()).items if one.name == "deploy")
    assert stored.scopes == ["jobs:read"]
    assert "opens nothing any more" in (await browser.post(f"/tokens/{stored.id}/revoke")).text
    assert (await browser.post("/tokens/new", {"name": "", "kind": "s"})).status_code == 400


async def test_a_crontab_is_explained_before_jobs_are_made(acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    text = "# comment\n0 2 * * * /opt/dump --all\n@reboot /opt/once\n*/5 * * * * /opt/sync\n"
    fields = {"text": text, "timezone": "Europe/Berlin", "namespace": "default"}
    assert (await browser.get("/jobs/import")).status_code == 200
    explained = (await browser.post("/jobs/import", fields)).text
    assert "2 lines can become jobs" in explained
    assert not (await acme.jobs()).items
    made = (await browser.post("/jobs/import", {**fields, "make": "yes", "line": "2", "slug-2": "dump"})).text
    assert "1 job made" in made
    job = (await acme.jobs()).items[0]
    assert (job.slug, job.timezone, job.schedule) == ("dump", "Europe/Berlin", Schedule(cron="0 2 * * *"))
    assert "( /opt/dump --all ); curl" in made
    assert job.ping_url in made


async def test_others_jobs_are_not_there(acme: Client, visits: Visits) -> None:
    job = await hourly(acme, "ours")
    await said(acme, job, "success")
    run = (await acme.job_runs(job.id)).items[0]
    stranger = await visits("globex")
    assert "ours" not in (await stranger.get("/jobs")).text
    paths = [f"/jobs/{job.id}{tab}" for tab in ("", "/runs", "/check-ins", "/integrate", "/edit")]
    for path in [*paths, f"/runs/{run.id}"]:
        page = await stranger.get(path)
        assert (page.status_code, "There is nothing here" in page.text) == (404, True), path
    deeds = [f"/jobs/{job.id}/{deed}" for deed in ("edit", "pause", "resume", "delete", "test-ping")]
    for path in [*deeds, f"/runs/{run.id}/settle"]:
        assert (await stranger.post(path)).status_code == 404, path
    assert (await acme.job(job.id)).status is Status.UP


async def test_without_a_session_every_page_leads_to_sign_in(visits: Visits) -> None:
    nobody = await visits("")
    for path in ("/", "/jobs", "/jobs/new", "/tokens", "/namespaces/default", "/me"):
        page = await nobody.get(path)
        assert (page.url.path, page.status_code) == ("/sign-in", 200)
    assert (await nobody.get("/jobs?q=a")).url.params["next"] == "/jobs?q=a"
    fragment = await nobody.get("/jobs", hx_request="true")
    assert (fragment.status_code, fragment.headers["hx-redirect"]) == (401, "/sign-in")


async def test_a_wrong_password_is_told_without_saying_what_was_wrong(visits: Visits) -> None:
    nobody = await visits("")
    for email in ("owner@acme.test", "nobody@nowhere.test", "\x00"):
        page = await nobody.post("/sign-in", {"email": email, "password": "wrong", "next": "/tokens"})
        assert (page.status_code, "do not belong together" in page.text) == (400, True)


async def test_signing_out_ends_the_session(visits: Visits) -> None:
    browser = await visits("acme")
    cookie = browser.http.cookies["crontopus_session"]
    assert "You are signed out." in (await browser.post("/sign-out")).text
    browser.http.cookies.clear()
    browser.http.cookies.set("crontopus_session", cookie)
    assert (await browser.get("/jobs")).url.path == "/sign-in"


async def test_times_are_on_the_clock_of_the_visitor(world: World, visits: Visits) -> None:
    browser = await visits("acme")
    assert "Times are shown in Asia/Tokyo" in (await browser.post("/me/zone", {"zone": "Asia/Tokyo"})).text
    assert "Asia/Tokyo</a>" in (await browser.get("/jobs")).text
    assert (await browser.post("/me/zone", {"zone": "Mars/Base"})).status_code == 400


def instants(page: str) -> list[str]:
    """How a page writes its instants, in their order."""
    return [text.replace("\u00a0", " ") for text in re.findall(r"<time [^>]*>([^<]*)</time>", page)]


async def test_dates_and_times_are_written_as_the_visitor_is_used_to(acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    made = await acme.add_job(NewJob(name="nightly", schedule=Schedule(cron="30 17 * * *")))
    assert instants((await browser.get(f"/jobs/{made.id}")).text)[:1] == ["at 17:30"]
    said = await browser.post("/me/language", {"language": "en-US"})
    assert "written as in English (United States)" in said.text
    assert instants((await browser.get(f"/jobs/{made.id}")).text)[:1] == ["at 5:30 PM"]
    wrong = await browser.post("/me/language", {"language": "tlh"})
    assert (wrong.status_code, "no language &#39;tlh&#39; here" in wrong.text) == (400, True)


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/%00",
        "/jobs/%ff%fe",
        "/jobs/..%2f..%2fapi",
        "/runs/x",
        "/namespaces/%20",
        "/jobs?q=%00",
        "/jobs?q=%ff",
        "/jobs?sort=x",
    ],
)
async def test_a_malformed_address_is_no_fault_of_ours(visits: Visits, path: str) -> None:
    browser = await visits("acme")
    assert 200 <= (await browser.get(path)).status_code < 500


async def test_a_form_that_is_too_large_is_refused_with_a_page(visits: Visits) -> None:
    browser = await visits("acme")
    page = await browser.post("/jobs/import", {"text": "x" * 11_000_000})
    assert (page.status_code, "That is too large" in page.text) == (413, True)
    many = await browser.post("/jobs/import", {f"line-{place}": "x" for place in range(6000)})
    assert (many.status_code, "at most 5,000 fields" in many.text) == (400, True)


async def test_our_own_absence_is_told_with_those_who_were_silent(tmp_path: Path) -> None:
    hands = Hands()
    async with world_in(tmp_path, hands=hands) as world, world.signed_in("acme") as acme:
        job = await hourly(acme, "silent")
        await said(acme, job, "success")
        await world.passes(minutes=50)
        await world.appliance.absence.beat()
    hands.turn_to(hands.now + timedelta(minutes=30))
    async with world_in(tmp_path, hands=hands) as world, visiting(world, "acme") as browser:
        await world.passes(minutes=15)
        await world.appliance.absence.notices()
        page = (await browser.get("/jobs")).text
        assert "Not watched from 08:50 to 09:20." in page


@pytest.mark.parametrize(("seconds", "told"), [(20, 0), (59, 0), (61, 1)])
async def test_an_absence_is_told_from_a_minute_on(tmp_path: Path, seconds: int, told: int) -> None:
    hands = Hands()
    async with world_in(tmp_path, hands=hands) as world:
        await world.appliance.absence.beat()
    hands.turn_to(hands.now + timedelta(seconds=seconds))
    async with world_in(tmp_path, hands=hands) as world, world.signed_in("acme") as acme:
        assert len((await acme.gaps()).items) == 1
        async with visiting(world, "acme") as browser:
            assert (await browser.get("/jobs")).text.count("Not watched from") == told


async def test_a_short_absence_is_told_where_somebody_was_silent_in_it(tmp_path: Path) -> None:
    hands = Hands()
    async with world_in(tmp_path, hands=hands) as world, world.signed_in("acme") as acme:
        job = await hourly(acme, "silent")
        await said(acme, job, "success")
        await world.passes(minutes=59, seconds=50)
        await world.appliance.absence.beat()
    hands.turn_to(hands.now + timedelta(seconds=20))
    async with world_in(tmp_path, hands=hands) as world, visiting(world, "acme") as browser:
        await world.passes(minutes=15)
        assert "1 job did not report in that time" in (await browser.get("/jobs")).text


async def test_what_holds_where_nothing_is_said_is_set_for_the_whole_organisation(acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    await browser.post("/namespaces/new", {"slug": "own", "timezone": "Asia/Tokyo", "grace": "5m"})
    page = (await browser.post("/settings/defaults", {"timezone": "Europe/Berlin", "grace": "20m"})).text
    assert "Namespaces and jobs without their own follow" in page
    assert re.search(r"default</a>.*Europe/Berlin <span class=\"dim\">from here", page)
    assert re.search(r"own</a>.*Asia/Tokyo <span class=\"dim\">its own", page)
    assert "the organisation’s" in (await browser.get("/namespaces/default")).text
    faulty = await browser.post("/settings/defaults", {"timezone": "Mars/Base", "grace": "20m"})
    assert (faulty.status_code, "Mars/Base" in faulty.text) == (400, True)
