"""Forms: what a person typed, what the API takes, and how its faults find their fields."""

from urllib.parse import urlencode

import pytest
from litestar import Litestar, post
from litestar.testing import TestClient

from crontopus.console.crontab import reporting
from crontopus.console.fields import cron_line, fields, of_job, of_new, schedule, spec, typed_length
from crontopus.console.forms import Faults, Form, read_form
from crontopus.console.snippets import cron_line as line_of
from crontopus.console.snippets import snippets
from crontopus.console.visit import Visit
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.hosts import path_here
from crontopus.wire.schedules import CrontabLine, Schedule
from tests.console.samples import JOB, job

CRON = {"kind": "cron", "minute": "0", "hour": "2", "day": "*", "month": "*", "weekday": "*"}


def form(**fields: str) -> Form:
    return Form(list(fields.items()))


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ({}, "0 2 * * *"),
        ({"hour": "*/5 * * * 1-5"}, "*/5 * * * 1-5"),
        ({"minute": "@daily"}, "@daily"),
        ({"minute": "0 0 2 * * *", "hour": ""}, "0 0 2 * * *"),
    ],
)
def test_a_whole_line_in_one_field_counts_for_itself(typed: dict[str, str], line: str) -> None:
    assert cron_line(form(**(CRON | typed))) == line


def test_each_kind_of_schedule_is_read_and_an_empty_one_says_what_to_give() -> None:
    assert schedule(form(**CRON)) == Schedule(cron="0 2 * * *")
    assert schedule(form(kind="every", every="1 h 30 m")) == Schedule(every="1h30m")
    assert schedule(form(kind="on_calendar", on_calendar="*-*-* 02:00")) == Schedule(on_calendar="*-*-* 02:00")
    assert schedule(form(kind="none", every="1h")) is None
    with pytest.raises(Invalid) as raised:
        schedule(form(kind="every"))
    assert Faults(raised.value, fields(form(kind="cron")))["every"] == "Say how often, such as 1h."


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(cron="0 2 * * *"),
        Schedule(cron="@hourly"),
        Schedule(cron="0 0 2 * * *"),
        Schedule(every=5400.0),
        Schedule(on_calendar="Mon *-*-* 02:00"),
        None,
    ],
)
def test_a_job_that_is_edited_and_not_changed_stays_as_it_is(schedule: Schedule | None) -> None:
    shown = job(schedule=schedule, tags=["db", "night"], max_runtime=90.0, owner="platform")
    patch = spec(of_job(shown), keep=shown)
    again = patch["schedule"]
    if schedule is None:
        assert again is None
    else:
        assert (again.cron, again.on_calendar) == (schedule.cron, schedule.on_calendar)
        assert again.every == (None if schedule.every is None else "1h30m")
    assert (patch["tags"], patch["max_runtime"], patch["owner"]) == (["db", "night"], "1m30s", "platform")
    assert (patch["name"], patch["slug"], patch["fail_after"]) == ("dump", "dump", 1)


def test_several_schedules_are_left_alone() -> None:
    shown = job(schedule=[Schedule(cron="0 2 * * *"), Schedule(every=60.0)])
    assert "schedule" not in spec(of_job(shown), keep=shown)


def test_a_new_job_leaves_to_the_defaults_what_was_not_filled_in() -> None:
    decided = spec(of_new("prod", "k"))
    assert decided["namespace"] == "prod"
    assert "max_runtime" not in decided
    assert "timezone" not in decided


@pytest.mark.parametrize(
    ("seconds", "typed"), [(None, ""), (0.0, "0s"), (5400.0, "1h30m"), (90061.5, "1d1h1m1.5s"), ("2h", "2h")]
)
def test_a_length_can_be_typed_again(seconds: float | str | None, typed: str) -> None:
    assert typed_length(seconds) == typed


def test_a_number_that_is_none_names_its_field() -> None:
    for typed in ("x", "-1", "1e9", "²", "9" * 5000):
        with pytest.raises(Invalid) as raised:
            form(fail_after=typed).whole("fail_after", 1)
        assert Faults(raised.value, fields(form(kind="cron")))["fail_after"]
    assert form().whole("fail_after", 1) == 1


def test_faults_find_their_fields_and_the_rest_is_said_above() -> None:
    error = Invalid("no", (Fault("/schedule/cron", "25 is not an hour"), Fault("/tags/3", "too long"), Fault("", "!")))
    faults = Faults(error, fields(form(kind="cron")))
    assert (faults["cron"], faults["tags"], faults.rest) == ("25 is not an hour", "too long", ["!"])
    whole = Faults(Invalid("no", (Fault("/schedule", "cannot be read"),)), fields(form(kind="every")))
    assert whole["every"] == "cannot be read"
    assert not Faults()
    assert Faults(Invalid("all of it")).rest == ["all of it"]


@post("/", status_code=200)
async def echo(request: Visit) -> dict[str, str]:
    read = await read_form(request)
    return {"text": read.raw("text")}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (urlencode({"text": "a\r\nb"}).encode(), "a\nb"),
        (b"text=%00a%ff", "a\ufffd"),
        (b"text=\xff\xfe", "ÿþ"),
        (b"", ""),
        (b"&&=&text", ""),
    ],
)
def test_a_hostile_body_is_read_leniently(body: bytes, text: str) -> None:
    with TestClient(Litestar([echo])) as client:
        answer = client.post("/", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status_code == 200
        assert answer.json() == {"text": text}


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", "/a\nb", "/\tb"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(wanted: str) -> None:
    assert path_here(wanted) == "/jobs"


def test_one_is_sent_back_to_where_one_was() -> None:
    assert path_here("/jobs?q=status:down") == "/jobs?q=status:down"


def test_each_snippet_names_the_jobs_own_url() -> None:
    for snippet in snippets(JOB):
        assert JOB.ping_url in snippet.once
        assert JOB.ping_url in snippet.whole
    assert line_of(job(schedule=Schedule(every=60.0))) == "0 2 * * *"
    assert line_of(job(schedule=[Schedule(every=60.0), Schedule(cron="5 4 * * *")])) == "5 4 * * *"


def test_an_imported_line_reports_its_exit_status() -> None:
    line = CrontabLine(
        line=1,
        text="",
        schedule="0 2 * * *",
        user="root",
        command="/opt/dump; true",
        slug="dump",
        in_words="",
        next=[],
        fault=None,
    )
    assert reporting(line, "http://c/ping/x") == (
        "0 2 * * *  root  ( /opt/dump; true ); curl -fsS -m 10 --retry 5 -o /dev/null http://c/ping/x/$?"
    )


@pytest.mark.parametrize(("command", "can"), [("date +\\%s", True), ("mail -s x root%hello", False)])
def test_a_line_whose_percent_feeds_its_input_is_left_to_the_person(command: str, can: bool) -> None:
    line = CrontabLine(
        line=1, text="", schedule="@daily", user=None, command=command, slug="", in_words="", next=[], fault=None
    )
    assert bool(reporting(line, "http://c/ping/x")) is can
