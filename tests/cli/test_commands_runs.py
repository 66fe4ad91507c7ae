"""`crontopus runs`, `events`, `gaps` and check-ins, against a real server that real pings reach."""

import json
import subprocess
import urllib.request

import pytest

from tests.cli.serving import PROGRAM, Served


def ping(server: Served, url: str, body: bytes = b"") -> None:
    with urllib.request.urlopen(url, data=body, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200


@pytest.fixture
def url(server: Served, namespace: str) -> str:
    return str(server.json("jobs", "create", "backup", "-n", namespace)["ping_url"])


def test_runs_are_listed_and_shown(server: Served, namespace: str, url: str) -> None:
    ping(server, url)
    ping(server, f"{url}/7", b"disk full\n")
    runs = server.json("runs", "list", "-q", f"ns:{namespace}")
    assert [run["state"] for run in runs] == ["failed", "succeeded"]
    assert runs[0]["exit_code"] == 7
    assert server.json("jobs", "runs", f"{namespace}/backup") == runs
    assert "failed" in server.ok("runs", "show", runs[0]["id"])
    assert server.json("runs", "list", "-q", f"ns:{namespace} state:failed") == runs[:1]


def test_logs_are_what_the_run_printed(server: Served, namespace: str, url: str) -> None:
    ping(server, f"{url}/fail", "Größe: \x1b[31m0\x1b[0m\nno space".encode())
    run = server.json("jobs", "runs", f"{namespace}/backup")[0]["id"]
    assert server.ok("runs", "logs", run) == "Größe: \x1b[31m0\x1b[0m\nno space\n"


def test_a_long_log_says_what_was_left_out(server: Served, namespace: str, url: str) -> None:
    ping(server, f"{url}/fail", b"first\n" + b"x" * 300_000 + b"\nlast\n")
    run = server.json("jobs", "runs", f"{namespace}/backup")[0]["id"]
    result = server.call("runs", "logs", run)
    assert result.stdout.startswith("first\n")
    assert result.stdout.endswith("last\n")
    assert "bytes are left out here" in result.stderr


def test_a_run_left_open_is_settled(server: Served, namespace: str, url: str) -> None:
    ping(server, f"{url}/start")
    run = server.json("jobs", "runs", f"{namespace}/backup")[0]
    assert run["state"] == "running"
    assert server.json("runs", "settle", run["id"], "--failed")["state"] == "failed"
    assert server.call("runs", "settle", run["id"]).exit_code == 2


def test_check_ins_are_listed_by_job_and_by_run(server: Served, namespace: str, url: str) -> None:
    ping(server, f"{url}/start")
    ping(server, url)
    listed = server.json("jobs", "check-ins", f"{namespace}/backup")
    assert [check_in["kind"] for check_in in listed] == ["success", "start"]
    run = server.json("jobs", "runs", f"{namespace}/backup")[0]["id"]
    of_run = server.json("runs", "check-ins", run)
    assert sorted(check_in["id"] for check_in in of_run) == sorted(check_in["id"] for check_in in listed)
    assert "127.0.0.1" in server.ok("jobs", "check-ins", f"{namespace}/backup")


def test_a_run_that_is_not_there_is_exit_code_3(server: Served) -> None:
    for command in ("show", "logs", "check-ins"):
        assert server.call("runs", command, "018f0000-0000-7000-8000-000000000000").exit_code == 3


def test_gaps_are_listed(server: Served) -> None:
    assert isinstance(server.json("gaps"), list)
    assert server.ok("gaps").startswith("SINCE")


def test_events_are_followed_live(server: Served, namespace: str, url: str) -> None:
    command = [*PROGRAM, "events", "--count", "2", "-o", "json", "--since", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=server.process_environment) as process:
        ping(server, url)
        assert process.stdout is not None
        events = [json.loads(line) for line in process.stdout]
        assert process.wait(timeout=20) == 0
    assert len(events) == 2
    assert all(event["noun"] in ("job", "run") for event in events)


def test_events_for_people_say_how_things_stand(server: Served, namespace: str, url: str) -> None:
    ping(server, url)
    position = "0"
    shown = server.ok("events", "--since", position, "--count", "1")
    assert " is " in shown
