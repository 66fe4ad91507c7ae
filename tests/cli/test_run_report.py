"""What `crontopus run` tells the server."""

import json
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from tests.cli.launch import PROGRAM, Launcher
from tests.cli.recorder import ACCEPTED, KEY, NOT_FOUND, Answer, Recorder

TOKEN = "ctp_s_abcdefghijklmnop"


@pytest.fixture
def with_token(crontopus: Launcher, recorder: Recorder) -> dict[str, str]:
    """The environment of one who reports by token."""
    recorder.usual = ACCEPTED
    return {"CRONTOPUS_PING_URL": "", "CRONTOPUS_URL": recorder.base, "CRONTOPUS_TOKEN": TOKEN}


def test_start_and_end_are_check_ins_of_one_run(crontopus: Launcher, recorder: Recorder) -> None:
    crontopus(
        "run", "--env", "staging", "--metric", "rows=12", "--metric", "share=0.5", "--", "sh", "-c", "echo hi; exit 3"
    )
    start, end = recorder.requests
    begun, ended = (msgspec.json.decode(request.body, type=CheckIn) for request in (start, end))
    assert start.path == f"/ping/{KEY}/backup/start?rid={begun.run_id}"
    assert end.path == f"/ping/{KEY}/backup"
    assert end.headers["content-type"] == "application/vnd.crontopus.check-in+json"
    assert (begun.kind, ended.kind) == ("start", "fail")
    assert begun.run_id == ended.run_id
    assert ended.run_id is not None
    assert ended.run_id.version == 7
    assert ended.started_at == begun.occurred_at
    assert ended.occurred_at is not None
    assert begun.occurred_at is not None
    assert ended.occurred_at > begun.occurred_at
    assert isinstance(ended.duration, float)
    assert 0 < ended.duration < 30
    assert (ended.exit_code, ended.attempt, ended.env) == (3, 1, "staging")
    assert ended.metrics == {"rows": 12.0, "share": 0.5}
    assert set(ended.rusage) == {"user_seconds", "system_seconds", "max_rss_bytes"}
    assert ended.rusage["max_rss_bytes"] > 100_000
    assert ended.output is not None
    assert (ended.output.head, ended.output.tail, ended.output.dropped_bytes) == ("hi\n", "", 0)


def test_a_job_is_reported_by_token(crontopus: Launcher, recorder: Recorder, with_token: dict[str, str]) -> None:
    crontopus("run", "--job", "prod/nightly", "-c", "echo $CRONTOPUS_JOB", **with_token)
    start, end = recorder.requests
    assert {start.path, end.path} == {"/api/v1/check-ins"}
    assert end.headers["authorization"] == f"Bearer {TOKEN}"
    assert msgspec.json.decode(end.body, type=CheckIn).job == "prod/nightly"
    assert end.check_in["output"]["head"] == "prod/nightly\n"


def test_a_job_is_made_by_token_where_it_is_missing(
    crontopus: Launcher, recorder: Recorder, with_token: dict[str, str]
) -> None:
    recorder.answers = [
        Answer(404, b'{"detail": "no job"}', "application/problem+json"),
        Answer(201, b"{}", "application/json"),
    ]
    words = ("--create", "--schedule", "0 2 * * *", "--tz", "Europe/Berlin", "--grace", "10m", "--tags", "a,b")
    crontopus("run", "--job", "nightly", *words, "--", "true", **with_token)
    assert [request.path.rpartition("/")[2] for request in recorder.requests] == [
        "check-ins",
        "jobs",
        "check-ins",
        "check-ins",
    ]
    made = msgspec.json.decode(recorder.requests[1].body, type=NewJob)
    assert (made.namespace, made.slug, made.timezone, made.grace, made.tags) == (
        "default", "nightly", "Europe/Berlin", "10m", ["a", "b"],
    )  # fmt: skip
    assert json.loads(recorder.requests[1].body)["schedule"] == {"cron": "0 2 * * *"}
    assert recorder.kinds == ["start", "start", "success"]


def test_a_job_is_made_by_ping_where_it_is_missing(crontopus: Launcher, recorder: Recorder) -> None:
    recorder.answers = [NOT_FOUND, Answer(201, b"Created")]
    crontopus("run", "--create", "--every", "1h", "--", "true")
    assert [request.path for request in recorder.requests][1] == f"/ping/{KEY}/backup/log?create=1&every=1h"
    assert recorder.kinds == ["start", "start", "success"]


def test_long_output_keeps_head_and_tail_of_whole_lines(crontopus: Launcher, recorder: Recorder) -> None:
    printed = crontopus("run", "--", "seq", "100000").stdout
    output = recorder.ends[0]["output"]
    head, tail = output["head"].encode(), output["tail"].encode()
    assert printed.startswith(head)
    assert printed.endswith(tail)
    assert len(head) + len(tail) + output["dropped_bytes"] == len(printed)
    assert head.endswith(b"\n")
    assert tail.splitlines()[0].isdigit()
    assert printed[-len(tail) - 1 : -len(tail)] == b"\n"
    assert 15_000 < len(head) <= 16_384
    assert 60_000 < len(tail) <= 65_536


def test_what_is_no_text_is_reported_as_well_as_can_be(crontopus: Launcher, recorder: Recorder) -> None:
    crontopus("run", "-c", r"printf 'a\377\000b'")
    assert recorder.ends[0]["output"]["head"] == "a�\0b"


def test_secrets_are_blackened_in_the_report_alone(crontopus: Launcher, recorder: Recorder) -> None:
    lines = (
        "Authorization: Bearer abcdefghijk123",
        "AKIAABCDEFGHIJKLMNOP",
        TOKEN,
        "DB_PASSWORD=hunter2222 user=me",
        "postgres://me:pa55word@db/x",
        f"curl {recorder.url}",
        "pin 4711-0815 ok",
    )
    done = crontopus("run", "--redact", r"\d{4}-\d{4}", "--", "printf", "%s\\n", *lines)
    assert done.stdout.decode().splitlines() == list(lines)
    assert recorder.ends[0]["output"]["head"].splitlines() == [
        "Authorization: Bearer [redacted]",
        "[redacted]",
        "[redacted]",
        "DB_PASSWORD=[redacted] user=me",
        "postgres://me:[redacted]@db/x",
        "curl [redacted]",
        "pin [redacted] ok",
    ]


def test_no_output_reports_none(crontopus: Launcher, recorder: Recorder) -> None:
    assert crontopus("run", "--no-output", "--", "echo", "hi").stdout == b"hi\n"
    assert "output" not in recorder.ends[0]


@pytest.mark.parametrize(("code", "kind"), [(0, "success"), (2, "success"), (1, "fail")])
def test_success_codes_say_what_a_success_is(crontopus: Launcher, recorder: Recorder, code: int, kind: str) -> None:
    assert crontopus("run", "--success-codes", "0,2", "-c", f"exit {code}").returncode == code
    assert (recorder.ends[0]["kind"], recorder.ends[0]["exit_code"]) == (kind, code)


def test_too_quick_a_success_is_a_failure(crontopus: Launcher, recorder: Recorder) -> None:
    done = crontopus("run", "--min-duration", "60", "--", "true")
    assert done.returncode == 0
    assert recorder.ends[0]["kind"] == "fail"
    assert b"a failure, since it took 0." in done.stderr


@pytest.mark.parametrize(("text", "kind"), [("all fine\nERROR: x", "fail"), ("all fine", "success")])
def test_a_line_of_output_can_make_a_failure(crontopus: Launcher, recorder: Recorder, text: str, kind: str) -> None:
    done = crontopus("run", "--fail-if-output", "^ERROR", "--", "printf", text)
    assert (done.returncode, recorder.ends[0]["kind"]) == (0, kind)


def test_quiet_prints_only_what_failed(crontopus: Launcher, recorder: Recorder) -> None:
    fine = crontopus("run", "--quiet", "-c", "echo out; echo err >&2")
    assert (fine.stdout, fine.stderr) == (b"", b"")
    failed = crontopus("run", "--quiet", "-c", "echo out; echo err >&2; exit 1")
    assert (failed.stdout, failed.stderr) == (b"out\n", b"err\n")
    assert sorted(recorder.ends[0]["output"]["head"].split()) == ["err", "out"]


def test_tries_before_the_last_are_notes(crontopus: Launcher, recorder: Recorder, tmp_path: Path) -> None:
    script = f"echo x >> {tmp_path}/tries; test $(wc -l < {tmp_path}/tries) = 3"
    assert crontopus("run", "--retries", "5", "--retry-delay", "0.01", "-c", script).returncode == 0
    assert recorder.kinds == ["start", "log", "log", "success"]
    assert recorder.requests[1].check_in["output"]["head"] == "attempt 1 of 6: exit code 1; again in 0.01 s"
    assert recorder.ends[0]["attempt"] == 3


def test_when_all_tries_fail_the_last_one_counts(crontopus: Launcher, recorder: Recorder) -> None:
    assert crontopus("run", "--retries", "1", "--retry-delay", "0", "-c", "exit 4").returncode == 4
    assert (recorder.kinds, recorder.ends[0]["exit_code"]) == (["start", "log", "fail"], 4)


def test_without_a_destination_the_command_runs_and_a_person_is_told(crontopus: Launcher) -> None:
    done = crontopus("run", "--", "sh", "-c", "exit 5", CRONTOPUS_PING_URL="")
    assert done.returncode == 5
    assert b"this run is not reported: no job is named" in done.stderr
    assert crontopus("run", "--job", "x", "--", "true", CRONTOPUS_PING_URL="").returncode == 0


def test_strict_refuses_instead(crontopus: Launcher, tmp_path: Path) -> None:
    done = crontopus("run", "--strict", "--", "touch", str(tmp_path / "mark"), CRONTOPUS_PING_URL="")
    assert done.returncode == 2
    assert b"nothing was started: no job is named" in done.stderr
    assert not (tmp_path / "mark").exists()


def test_each_run_has_an_id_of_its_own(crontopus: Launcher, recorder: Recorder) -> None:
    for _ in range(2):
        crontopus("run", "--", "true")
    assert len({UUID(end["run_id"]) for end in recorder.ends}) == 2


def test_a_ping_inside_belongs_to_the_run(crontopus: Launcher, recorder: Recorder) -> None:
    ping = " ".join((*PROGRAM, "ping", "--log"))
    crontopus("run", "-c", f"{ping} -m half; {ping} --rid {UUID(int=7)}")
    notes = [request.check_in for request in recorder.requests if request.check_in["kind"] == "log"]
    assert [note["run_id"] for note in notes] == [recorder.ends[0]["run_id"], str(UUID(int=7))]
    assert notes[0]["output"]["head"] == "half"
