"""`crontopus run` and `ping` against the real server."""

import subprocess
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.launch import PATIENCE_SECONDS, PROGRAM
from tests.cli.serving import Person


@pytest.fixture
def environment(server: Person, tmp_path: Path) -> dict[str, str]:
    return {**server.process_environment, "CRONTOPUS_SPOOL": str(tmp_path / "spool")}


def crontopus(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def newest_run(server: Person, job: str) -> Any:
    (run,) = server.json("jobs", "runs", job)
    return run


def test_a_job_is_made_and_its_run_kept_by_token(server: Person, namespace: str, environment: dict[str, str]) -> None:
    job = f"{namespace}/nightly"
    create = ("--create", "--schedule", "0 2 * * *", "--tz", "Europe/Berlin", "--grace", "15m", "--tags", "db, eu")
    done = crontopus(environment, "run", "--job", job, *create, "--metric", "rows=5", "-c", "echo hi; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"hi\n", b"")
    made = server.json("jobs", "show", job)
    assert (made["schedule"], made["timezone"], made["grace"], made["tags"]) == (
        {"cron": "0 2 * * *"},
        "Europe/Berlin",
        900,
        ["db", "eu"],
    )
    run = newest_run(server, job)
    assert (run["state"], run["exit_code"], run["signal"], run["attempt"]) == ("failed", 3, None, 1)
    assert run["metrics"] == {"rows": 5}
    assert run["rusage"]["max_rss_bytes"] > 0
    assert run["host"]
    assert run["user"]
    assert server.ok("runs", "logs", run["id"]) == "hi\n"


def test_a_job_is_made_by_the_namespaces_ping_key(server: Person, environment: dict[str, str]) -> None:
    slug = f"by-ping-{uuid4().hex[:8]}"
    url = f"{server.url}/ping/{server.made.ping_key}/{slug}"
    done = crontopus(environment, "run", "--url", url, "--create", "--every", "1h", "-c", "kill -TERM $$")
    assert (done.returncode, done.stderr) == (-15, b"")
    run = newest_run(server, f"default/{slug}")
    assert (run["state"], run["signal"]) == ("failed", 15)
    assert server.json("jobs", "show", f"default/{slug}")["schedule"]["every"] == 3600


def test_a_report_that_waited_heals_what_was_not_known(
    server: Person, namespace: str, environment: dict[str, str]
) -> None:
    server.ok("jobs", "create", "j", "-n", namespace)
    job = f"{namespace}/j"
    away = {**environment, "http_proxy": "http://127.0.0.1:9"}
    assert crontopus(away, "run", "--job", job, "--", "sh", "-c", "exit 4").returncode == 4
    assert server.json("jobs", "runs", job) == []
    assert crontopus(environment, "ping", "--job", job, "--log").returncode == 0
    run = newest_run(server, job)
    assert (run["state"], run["exit_code"]) == ("failed", 4)
    assert run["duration"] > 0


def test_what_is_wrong_is_said_in_words(server: Person, namespace: str, environment: dict[str, str]) -> None:
    unknown = crontopus(environment, "ping", "--job", f"{namespace}/nobody")
    assert unknown.returncode == 3
    assert unknown.stderr.startswith(b"crontopus: the server refused the report: ")
    stranger = crontopus({**environment, "CRONTOPUS_TOKEN": "ctp_s_wrong"}, "ping", "--job", f"{namespace}/x")
    assert b"does not accept the token" in stranger.stderr


def test_a_run_that_skips_is_told(server: Person, namespace: str, environment: dict[str, str], tmp_path: Path) -> None:
    server.ok("jobs", "create", "j", "-n", namespace)
    words = [*PROGRAM, "run", "--job", f"{namespace}/j", "--lock", "--"]
    with subprocess.Popen(
        [*words, "sh", "-c", "echo started; read end"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as first:
        assert first.stdout is not None
        assert first.stdin is not None
        assert first.stdout.readline() == b"started\n"
        assert crontopus(environment, *words[len(PROGRAM) :], "true").returncode == 75
        first.stdin.write(b"\n")
        first.stdin.close()
        assert first.wait(PATIENCE_SECONDS) == 0
    states = sorted(run["state"] for run in server.json("jobs", "runs", f"{namespace}/j"))
    assert states == ["skipped", "succeeded"]


def test_the_start_is_there_while_it_runs(server: Person, namespace: str, environment: dict[str, str]) -> None:
    server.ok("jobs", "create", "j", "-n", namespace)
    with subprocess.Popen(
        [*PROGRAM, "run", "--job", f"{namespace}/j", "--", "cat"], stdin=subprocess.PIPE, env=environment
    ) as program:
        until = time.monotonic() + PATIENCE_SECONDS
        while not (runs := server.json("jobs", "runs", f"{namespace}/j")):
            assert time.monotonic() < until
        assert runs[0]["state"] == "running"
        assert program.stdin is not None
        program.stdin.close()
        assert program.wait(PATIENCE_SECONDS) == 0
    assert newest_run(server, f"{namespace}/j")["state"] == "succeeded"
