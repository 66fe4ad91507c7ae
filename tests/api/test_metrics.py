"""The tenant's jobs as Prometheus reads them: every series, in both formats, in bounds."""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import Metric, parser
from prometheus_client.openmetrics import parser as openmetrics

from crontopus.client import Client
from crontopus.domain.access import ALL
from crontopus.engine import exposition, scraping
from crontopus.engine.memo import Memo
from crontopus.metrics import OPENMETRICS, TEXT, content_type
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from tests.world import World

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""What Prometheus 3 sends as `Accept`."""

Values = Mapping[str, list[tuple[dict[str, str], float]]]


def _values(families: Iterable[Metric], job: str) -> Values:
    """By name, without what the name begins with: other labels and value of each sample of the job."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for sample in (sample for family in families for sample in family.samples):
        labels = dict(sample.labels)
        if labels.pop("job", "") == job:
            assert labels.pop("namespace") == "default"
            found.setdefault(sample.name.removeprefix("crontopus_job_"), []).append((labels, sample.value))
    return found


def _openmetrics(text: str) -> list[Metric]:
    return list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call] # it has no types


async def _scraped(acme: Client, job: str, **query: Any) -> Values:
    text = (await acme.http.get("/metrics", params=query)).text
    return _values(parser.text_string_to_metric_families(text), job)


async def _said(acme: Client, kind: str, job: str, **more: Any) -> None:
    await acme.check_in(CheckIn(kind=kind, job=f"default/{job}", **more))


def _at(instant: datetime) -> list[tuple[dict[str, str], float]]:
    return [({}, instant.timestamp())]


async def test_everything_that_is_known_of_a_job(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(
            NewJob(slug="backup", owner='the "night" shift\\1\n2', schedule=Schedule(cron="0 9 * * *"), fail_after=2)
        )
        await world.passes(hours=1, milliseconds=2500)
        began = world.now
        rid = uuid4()
        await _said(acme, "start", "backup", run_id=rid)
        await world.passes(seconds=90)
        metrics = {"rows": 12.0, 'odd "name"\n': 1e-7}
        await _said(acme, "exit", "backup", run_id=rid, exit_code=0, metrics=metrics)
        succeeded = world.now
        await world.passes(minutes=1)
        await _said(acme, "exit", "backup", exit_code=3, duration=1.5)
        assert await _scraped(acme, "backup") == {
            "info": [({"owner": 'the "night" shift\\1\n2', "schedule": "0 9 * * *"}, 1)],
            "up": [({}, 1)],
            "status": [({"status": status}, status == "up") for status in ("new", "up", "late", "down", "paused")],
            "paused": [({}, 0)],
            "running": [({}, 0)],
            "failures_in_a_row": [({}, 1)],
            "misses_in_a_row": [({}, 0)],
            "last_seen_timestamp_seconds": _at(world.now),
            "next_run_timestamp_seconds": _at(began.replace(day=5, hour=9, second=0, microsecond=0)),
            "last_run_timestamp_seconds": _at(world.now),
            "last_success_timestamp_seconds": _at(succeeded),
            "last_run_duration_seconds": [({}, 1.5)],
            "last_exit_code": [({}, 3)],
        }
        await _said(acme, "start", "backup")
        again = await _scraped(acme, "backup")
        assert again["last_exit_code"] == [({}, 3)]  # what runs has no exit code yet
        assert again["running"] == [({}, 1)]
        await _said(acme, "success", "backup", metrics=metrics)
        again = await _scraped(acme, "backup")
        assert again["metric"] == [({"name": name}, value) for name, value in metrics.items()]


async def test_a_lag_is_how_late_the_newest_run_began(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup", schedule=Schedule(cron="0 * * * *")))
        await world.passes(hours=1, seconds=12.5)
        await _said(acme, "start", "backup")
        assert (await _scraped(acme, "backup"))["schedule_lag_seconds"] == [({}, 12.5)]
        await _said(acme, "success", "backup")
        await world.passes(hours=3)
        assert (await _scraped(acme, "backup"))["schedule_lag_seconds"] == [({}, 12.5)]  # the missed ones never began


async def test_the_newest_success_is_found_behind_failures_and_misses(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup", schedule=Schedule(every=60), grace=0, min_runtime=5))
        assert "last_success_timestamp_seconds" not in await _scraped(acme, "backup")
        await _said(acme, "success", "backup", duration=60)
        succeeded = world.now
        assert (await _scraped(acme, "backup"))["last_success_timestamp_seconds"] == _at(succeeded)
        for _ in range(5):
            await world.passes(minutes=10)
            await _said(acme, "fail", "backup")
            await _said(acme, "start", "backup", run_id=uuid4())
        await _said(acme, "success", "backup", duration=1)  # too short
        values = await _scraped(acme, "backup")
        assert values["last_success_timestamp_seconds"] == _at(succeeded)
        assert values["up"] == [({}, 0)]
        assert values["running"] == [({}, 5)]
        await _said(acme, "skipped", "backup")
        await acme.pause_job(job.id)
        values = await _scraped(acme, "backup")
        assert values["last_success_timestamp_seconds"] == _at(succeeded)
        assert values["paused"] == [({}, 1)]
        assert "up" not in values


@pytest.mark.parametrize("failures", [scraping.LOOK_BACK - 1, scraping.LOOK_BACK])
async def test_a_success_is_looked_for_so_far_back_and_no_further(sqlite_world: World, failures: int) -> None:
    world = sqlite_world
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        await _said(acme, "success", "backup")
        await acme.check_ins([CheckIn(kind="fail", job="default/backup") for _ in range(failures)])
        found = "last_success_timestamp_seconds" in await _scraped(acme, "backup")
        assert found is (failures < scraping.LOOK_BACK)


async def test_both_formats_say_the_same(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup", schedule=[Schedule(cron="0 9 * * *"), Schedule(on_calendar="Mon")]))
        await _said(acme, "success", "backup", metrics={"rows": 5})
        plain = await acme.http.get("/metrics", headers={"Accept": "text/plain"})
        other = await acme.http.get("/metrics", headers={"Accept": PROMETHEUS})
        assert (plain.headers["Content-Type"], other.headers["Content-Type"]) == (TEXT, OPENMETRICS)
        assert {plain.headers["Vary"], other.headers["Vary"]} == {"Accept"}
        assert other.text.endswith("\n# EOF\n")
        families = _openmetrics(other.text)
        assert {family.type for family in families} == {"gauge", "info"}
        values = _values(families, "backup")
        assert values == _values(parser.text_string_to_metric_families(plain.text), "backup")
        assert values["info"] == [({"owner": "", "schedule": "0 9 * * * | Mon"}, 1)]


async def test_the_metrics_of_the_process_come_in_both_formats_too(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.tenants['acme'].token}"}
    plain = await world.http.get("/metrics", headers=headers)
    other = await world.http.get("/metrics", headers={**headers, "Accept": PROMETHEUS})
    assert (plain.headers["Content-Type"], other.headers["Content-Type"]) == (TEXT, OPENMETRICS)
    names = {family.name for family in parser.text_string_to_metric_families(plain.text)}
    assert {family.name for family in _openmetrics(other.text)} == {
        one for one in names if not one.endswith("_created")
    }


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html, application/xml;q=0.9", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("Application/OpenMetrics-Text; version=1.0.0; Q=0.5", OPENMETRICS),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.3", TEXT),
        ("text/plain;q=0.3,application/openmetrics-text;q=0.3", OPENMETRICS),
        ("application/openmetrics-text;q=inf", OPENMETRICS),
        ("text/plain; version=nonsense;;,;=,", TEXT),
        (PROMETHEUS, OPENMETRICS),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(accept: str, wanted: str) -> None:
    assert content_type(accept) == wanted


async def test_a_part_of_the_jobs(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="a", labels={"team": "data"}))
        await acme.add_job(NewJob(slug="b", labels={"team": "web"}))
        await acme.add_job(NewJob(slug="c"))
        for query, jobs in (
            ({}, "abc"),
            ({"ns": "default"}, "abc"),
            ({"ns": "other"}, ""),
            ({"label": "team=data"}, "a"),
            ({"label": "team"}, "ab"),
            ({"label": "team=data", "ns": "other"}, ""),
        ):
            assert [one for one in "abc" if await _scraped(acme, one, **query)] == list(jobs)
        for wrong in ("", "=", "team=", "=data"):
            answer = await acme.http.get("/metrics", params={"label": wrong})
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/label")


async def test_jobs_are_told_whole_until_there_are_enough_series(world: World) -> None:
    async with world.signed_in("acme") as acme:
        for slug in "abc":
            await acme.add_job(NewJob(slug=slug))
            await _said(acme, "success", slug, metrics={f"m{number}": number for number in range(50)})
    db, tenant = world.appliance.db, world.tenants["acme"].principal.tenant
    for most, told, truncated in ((60, "a", 1), (61, "a", 1), (100, "ab", 1), (200, "abc", 0), (180, "abc", 0)):
        parts = await scraping.of_jobs(db, tenant, ALL, (), openmetrics=False, most_series=most)
        text = b"".join(parts).decode()
        metrics = [line for line in text.splitlines() if line.startswith("crontopus_job_metric{")]
        assert len(metrics) == 50 * len(told)
        assert text.endswith(f"{exposition.TRUNCATED} {truncated}\n")


async def test_each_of_more_jobs_than_a_page_is_told_once(sqlite_world: World) -> None:
    """Also one that is renamed while the pages are read."""
    db, tenant = sqlite_world.appliance.db, sqlite_world.tenants["acme"].principal.tenant
    async with sqlite_world.signed_in("acme") as acme:
        for number in range(scraping.PAGE + 1):
            await acme.add_job(NewJob(slug=f"j{number}"))
        text = (await acme.http.get("/metrics")).text
        assert text.count("\ncrontopus_job_up{") == scraping.PAGE + 1
        found = scraping._all(db, tenant, ALL, ())
        first = await anext(found)
        await acme.edit_job(first.one.job.id, {"name": "zzz"})
        rest = [seen async for seen in found]
        assert len({seen.one.job.id for seen in (first, *rest)}) == len((first, *rest)) == scraping.PAGE + 1
        await acme.delete_job("j0")
        text = (await acme.http.get("/metrics")).text
        assert text.count("\ncrontopus_job_up{") == scraping.PAGE


class Keeping(Memo[list[bytes]]):
    """Every answer is taken for one that cost much, and stands for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[Hashable, list[bytes]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[list[bytes]]]) -> list[bytes]:
        if key not in self.kept:
            self.kept[key] = await make()
        return self.kept[key]


async def test_an_answer_that_cost_much_stands_for_a_while_and_for_whom_it_was_made(world: World) -> None:
    world.appliance.parts.scrapes = Keeping()
    async with world.signed_in("acme") as acme, world.signed_in("globex") as globex:
        await acme.add_job(NewJob(slug="a"))
        first = await _scraped(acme, "a")
        await _said(acme, "fail", "a")
        assert await _scraped(acme, "a") == first
        assert (await _scraped(acme, "a", ns="default"))["up"] != first["up"]
        assert await _scraped(globex, "a") == {}
        answer = await acme.http.get("/metrics", headers={"Accept": PROMETHEUS})
        assert answer.text.endswith("# EOF\n")
