"""`crontopus runs`, `events`, `gaps` and check-ins, against a real server that real pings reach."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest

from tests.cli.launch import PROGRAM
from tests.cli.serving import Person


def ping(server: Person, url: str, body: bytes = b"") -> None:
    with urllib.request.urlopen(url, data=body, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200


@pytest.fixture
def url(server: Person, namespace: str) -> str:
    return str(server.json("jobs", "create", "backup", "-n", namespace)["ping_url"])


def test_runs_are_listed_and_shown(server: Person, namespace: str, url: str) -> None:
    ping(server, url)
    ping(server, f"{url}/7", b"disk full\n")
    runs = server.json("runs", "list", "-q", f"ns:{namespace}")
    assert [run["state"] for run in runs] == ["failed", "succeeded"]
    assert runs[0]["exit_code"] == 7
    assert server.json("jobs", "runs", f"{namespace}/backup") == runs
    assert "failed" in server.ok("runs", "show", runs[0]["id"])
    assert server.json("runs", "list", "-q", f"ns:{namespace} state:failed") == runs[:1]


def test_the_newest_runs_of_several_jobs_are_one_list(server: Person, namespace: str, url: str) -> None:
    other = server.json("jobs", "create", "mail", "-n", namespace)["ping_url"]
    for address in (url, f"{url}/7", other):
        ping(server, address)
    names = (f"{namespace}/backup", f"{namespace}/mail")
    found = [(run["job"]["slug"], run["state"]) for run in server.json("runs", "newest", *names)]
    assert sorted(found) == [("backup", "failed"), ("mail", "succeeded")]
    assert len(server.json("runs", "newest", *names, "--each", "2")) == 3
    assert server.call("runs", "newest", names[0], f"{namespace}/none").exit_code == 3


def test_logs_are_what_the_run_printed(server: Person, namespace: str, url: str) -> None:
    ping(server, f"{url}/fail", "Größe: \x1b[31m0\x1b[0m\nno space".encode())
    run = server.json("jobs", "runs", f"{namespace}/backup")[0]["id"]
    assert server.ok("runs", "logs", run) == "Größe: \x1b[31m0\x1b[0m\nno space\n"


def test_a_long_log_says_what_was_left_out(server: Person, namespace: str, url: str) -> None:
    ping(server, f"{url}/fail", b"first\n" + b"x" * 300_000 + b"\nlast\n")
    run = server.json("jobs", "runs", f"{namespace}/backup")[0]["id"]
    result = server.call("runs", "logs", run)
    assert result.stdout.startswith("first\n")
    assert result.stdout.endswith("last\n")
    assert "bytes are left out here" in result.stderr


def test_a_run_left_open_is_settled(server: Person, namespace: str, url: str) -> None:
    ping(server, f"{url}/start")
    run = server.json("jobs", "runs", f"{namespace}/backup")[0]
    assert run["state"] == "running"
    assert server.json("runs", "settle", run["id"], "--failed")["state"] == "failed"
    assert server.call("runs", "settle", run["id"]).exit_code == 2


def test_check_ins_are_listed_by_job_and_by_run(server: Person, namespace: str, url: str) -> None:
    ping(server, f"{url}/start")
    ping(server, url)
    listed = server.json("jobs", "check-ins", f"{namespace}/backup")
    assert [check_in["kind"] for check_in in listed] == ["success", "start"]
    run = server.json("jobs", "runs", f"{namespace}/backup")[0]["id"]
    of_run = server.json("runs", "check-ins", run)
    assert sorted(check_in["id"] for check_in in of_run) == sorted(check_in["id"] for check_in in listed)
    assert "127.0.0.1" in server.ok("jobs", "check-ins", f"{namespace}/backup")


def test_a_run_that_is_not_there_is_exit_code_3(server: Person) -> None:
    for command in ("show", "logs", "check-ins"):
        assert server.call("runs", command, "018f0000-0000-7000-8000-000000000000").exit_code == 3


@pytest.mark.parametrize("run", ["1234", "backup/1", "", "ü"])
def test_what_is_no_id_of_a_run_is_named(server: Person, run: str) -> None:
    for command in (("show", run), ("logs", run), ("check-ins", run), ("settle", run, "--failed")):
        result = server.call("runs", *command)
        assert (result.exit_code, result.stderr) == (3, f"Error: no run {run!r}\n")


def test_gaps_are_listed(server: Person) -> None:
    assert isinstance(server.json("gaps"), list)
    assert server.ok("gaps").startswith("SINCE")


@contextmanager
def following(server: Person, *options: str) -> Iterator[IO[str]]:
    """The lines that `crontopus events` prints, from when it is connected until it has ended well."""
    command = [*PROGRAM, "events", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=server.process_environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while not process.stderr.readline().startswith("following "):
            assert process.poll() is None
        yield process.stdout
        assert process.wait(timeout=20) == 0


def test_events_are_followed_live(server: Person, namespace: str, url: str) -> None:
    with following(server, "--count", "2", "-o", "json") as printed:
        ping(server, url)
        events = [json.loads(line) for line in printed]
    assert {event["noun"] for event in events} == {"job", "run"}
    assert all(re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", event["at"]) for event in events)
    assert {event["job"] for event in events} == {server.json("jobs", "show", f"{namespace}/backup")["id"]}


def test_events_go_on_where_somebody_left_off(server: Person, namespace: str, url: str) -> None:
    with following(server, "--count", "2", "-o", "json") as printed:
        ping(server, url)
        first, second = [json.loads(line) for line in printed]
    again = server.ok("events", "--since", first["event_id"], "--count", "1", "-o", "json")
    assert json.loads(again) == second


def test_events_for_people_say_how_things_stand(server: Person, namespace: str, url: str) -> None:
    with following(server, "--count", "2") as printed:
        ping(server, url)
        told = printed.read()
    assert f"job {namespace}/backup is up" in told
    assert f"run 1 of {namespace}/backup is succeeded" in told


def test_events_of_an_alert_say_how_it_stands(server: Person, namespace: str, url: str) -> None:
    with following(server, "--count", "3") as printed:
        ping(server, f"{url}/fail")
        told = printed.read()
    assert re.search(rf"alert \S+ of {namespace}/backup \(failed\) is open$", told, re.MULTILINE)


def test_what_is_no_event_is_said_to_be_unknown(server: Person, namespace: str, url: str) -> None:
    with following(server, "--since", "1.1", "--count", "1", "-o", "json") as printed:
        ping(server, url)
        assert len(list(printed)) == 1
