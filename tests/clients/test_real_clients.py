"""Clients that others wrote, as they are, against a real server: only the base URL differs from the one they know."""

import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec import Struct

from crontopus.client import Client
from crontopus.domain.watch import RunState
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import Run, StoredCheckIn
from tests.served import Served, SetUp, set_up

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-clients/bin/python"
PATIENCE_SECONDS = 30
BODY = "line one\nline two: é\n"
SIZE = len(BODY.encode())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SetUp]:
    data = tmp_path_factory.mktemp("clients") / "data"
    return data, set_up(data)


@pytest.fixture(scope="module")
def served(made: tuple[Path, SetUp]) -> Iterator[Served]:
    with Served(made[0]) as served:
        yield served


@pytest.fixture
async def api(served: Served, made: tuple[Path, SetUp]) -> AsyncIterator[Client]:
    async with Client(served.url, token=made[1].token) as client:
        yield client


@pytest.fixture
async def job(api: Client) -> Job:
    return await api.add_job(NewJob(name=f"job {uuid4().hex[:8]}"))


def _ended(*command: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    words = list(map(str, command))
    return subprocess.run(words, input=given, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def _say(*command: str | Path, given: str = "") -> str:
    """What the program prints; it must end well and soon."""
    done = _ended(*command, given=given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def _check_ins(api: Client, job: Job) -> list[StoredCheckIn]:
    return (await api.job_check_ins(job.id)).items


async def _kinds(api: Client, job: Job) -> list[tuple[str, str, int | None]]:
    """Kind, method and exit code, sorted: what comes within a millisecond has no order."""
    told = [(check_in.kind, check_in.method, check_in.exit_code) for check_in in await _check_ins(api, job)]
    return sorted(told, key=str)


async def _outputs(api: Client, job: Job) -> set[str]:
    """What the job's runs printed."""
    return {(await api.run_log(run.id)).head for run in await _runs(api, job)}


async def _runs(api: Client, job: Job) -> list[Run]:
    return (await api.job_runs(job.id)).items


class Sent(Struct, frozen=True):
    """A command, with {url} for the ping URL and {file} for a file that holds `BODY`, which also is its input."""

    command: str
    kind: str
    method: str
    exit_code: int | None = None
    output_bytes: int = 0


CURL = [
    Sent("curl -fsS {url}", "success", "GET"),
    Sent("curl -fsS -m 10 --retry 5 -o /dev/null {url}/", "success", "GET"),
    Sent("curl -fsS {url}/start", "start", "GET"),
    Sent("curl -fsS {url}/fail", "fail", "GET"),
    Sent("curl -fsS {url}/log --data-raw 'half way'", "log", "POST", output_bytes=8),
    Sent("false; curl -fsS {url}/$?", "exit", "GET", 1),
    Sent("true; curl -fsS {url}/$?", "exit", "GET", 0),
    Sent("curl -fsS -X POST {url}", "success", "POST"),
    Sent("curl -fsSI {url}", "success", "HEAD"),
    Sent("curl -fsS --data-binary @{file} {url}", "success", "POST", output_bytes=SIZE),
    Sent("curl -fsS --data-binary @- {url}/fail", "fail", "POST", output_bytes=SIZE),
    Sent("curl -fsS -T {file} {url}", "success", "PUT", output_bytes=SIZE),
    Sent("curl -fsS -T - {url}", "success", "PUT", output_bytes=SIZE),
    Sent("curl -fsS -T - -X POST {url}/7", "exit", "POST", 7, SIZE),
    Sent("curl -fsS -X GET -d 'a body' {url}", "success", "GET", output_bytes=6),
    Sent("curl -fsS -F 'log=@{file}' {url}", "success", "POST", output_bytes=-1),
    Sent("curl -fsS -H 'Expect: 100-continue' --data-binary @{file} {url}", "success", "POST", output_bytes=SIZE),
    Sent("curl -fsS --http1.0 --data-binary @{file} {url}", "success", "POST", output_bytes=SIZE),
    Sent("curl -fsS --http2 {url}", "success", "GET"),
    Sent("curl -fsSL --compressed {url}", "success", "GET"),
]
WGET = [
    Sent("wget -qO- {url}", "success", "GET"),
    Sent("wget -q -T 10 -t 3 -O /dev/null {url}/start", "start", "GET"),
    Sent("wget -qO- {url}/fail", "fail", "GET"),
    Sent("wget -qO- {url}/255", "exit", "GET", 255),
    Sent("wget -q --spider {url}", "success", "HEAD"),
    Sent("wget -qO- --post-file={file} {url}", "success", "POST", output_bytes=SIZE),
    Sent("wget -qO- --post-data='half way' {url}/log", "log", "POST", output_bytes=8),
    Sent("wget -qO- --method=PUT --body-file={file} {url}/fail", "fail", "PUT", output_bytes=SIZE),
]


@pytest.mark.parametrize("sent", [*CURL, *WGET], ids=lambda sent: sent.command)
async def test_curl_and_wget_ping(api: Client, job: Job, tmp_path: Path, sent: Sent) -> None:
    (tmp_path / "body").write_text(BODY)
    command = sent.command.format(url=job.ping_url, file=tmp_path / "body")
    told = _say("sh", "-c", command, given=BODY)
    assert told in ("", "OK") or told.startswith("HTTP/1.1 200 OK")
    (check_in,) = await _check_ins(api, job)
    assert (check_in.kind, check_in.method, check_in.exit_code) == (sent.kind, sent.method, sent.exit_code)
    assert check_in.output_bytes == sent.output_bytes or (sent.output_bytes < 0 < check_in.output_bytes)
    program = "curl/" if "curl" in sent.command else "Wget/"
    assert (check_in.user_agent or "").startswith(program)
    if sent.output_bytes == SIZE:
        assert await _outputs(api, job) == {BODY}


@pytest.mark.parametrize("get", ["curl -fsS", "wget -qO-"])
async def test_a_run_id_pairs_start_log_and_end(api: Client, job: Job, get: str) -> None:
    first, second = uuid4(), uuid4()
    for suffix in (
        f"start?rid={first}",
        f"start?rid={second}",
        f"log?rid={first}",
        f"0?rid={first}",
        f"9?rid={second}",
    ):
        _say("sh", "-c", f"{get} '{job.ping_url}/{suffix}'")
    runs = {run.run_id: (run.state, run.exit_code) for run in await _runs(api, job)}
    assert runs == {first: (RunState.SUCCEEDED, 0), second: (RunState.FAILED, 9)}
    assert len(await _check_ins(api, job)) == 5


@pytest.mark.parametrize("get", ["curl -fsS", "wget -qO-"])
async def test_a_ping_makes_the_job_that_is_missing(
    api: Client, served: Served, made: tuple[Path, SetUp], get: str
) -> None:
    slug = f"made-{uuid4().hex[:8]}"
    url = f"{served.url}/ping/{made[1].ping_key}/{slug}"
    assert _say("sh", "-c", f"{get} '{url}?create=1&every=1h&grace=10m'") == "Created"
    assert _say("sh", "-c", f"{get} '{url}/start'") == "OK"
    job = await api.job(f"default/{slug}")
    assert (job.origin, job.grace) == ("ping", 600)
    assert await _kinds(api, job) == [("start", "GET", None), ("success", "GET", None)]


async def test_pings_share_a_connection(api: Client, job: Job, tmp_path: Path) -> None:
    (tmp_path / "body").write_text(BODY * 20_000)
    urls = [f"{job.ping_url}/{word}" for word in ("start", "log", "0", "fail")]
    one = _say("curl", "-fsS", "-w", " %{num_connects}\n", *urls)
    assert one.splitlines() == ["OK 1", "OK 0", "OK 0", "OK 0"]
    bodies = _say("curl", "-fsS", "-w", " %{num_connects}\n", "--data-binary", f"@{tmp_path / 'body'}", *urls[1:])
    assert bodies.splitlines() == ["OK 1", "OK 0", "OK 0"]
    assert len(await _check_ins(api, job)) == 7


async def test_a_wrong_ping_makes_the_client_fail(api: Client, served: Served, job: Job) -> None:
    for command, code in (("curl -fsS", 22), ("wget -qO-", 8)):
        for url in (f"{served.url}/ping/{uuid4()}", f"{job.ping_url}/256", f"{job.ping_url}?rid=42"):
            assert _ended(*command.split(), url).returncode == code
    assert await _check_ins(api, job) == []


def test_a_client_that_tries_again_gets_through_when_the_server_comes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made, served = set_up(data), Served(data)
    url = f"{served.url}/ping/{made.ping_key}/late?create=1"
    again = ["--retry", "60", "--retry-connrefused", "--retry-delay", "1"]
    with socket.create_server(("127.0.0.1", served.port)) as busy:
        curl = subprocess.Popen(["curl", "-sS", *again, url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        connection, _ = busy.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    with curl, served:
        assert curl.communicate(timeout=PATIENCE_SECONDS)[0] == b"Created"
        assert _say("curl", "-fsS", url) == "OK"


@pytest.mark.parametrize("variant", ["sync", "async"])
async def test_healthchecks_io_pings(
    api: Client, served: Served, made: tuple[Path, SetUp], job: Job, variant: str
) -> None:
    trapped = await api.add_job(NewJob(name=f"trapped {variant}"))
    uuid = job.ping_url.rpartition("/")[2]
    script = HERE / "healthchecks_io_pings.py"
    _say(PYTHON, script, variant, f"{served.url}/ping/", made[1].ping_key, uuid, trapped.slug)
    post = "POST"
    assert await _kinds(api, job) == [
        ("exit", post, 3),
        ("fail", post, None),
        ("start", post, None),
        ("success", post, None),
    ]
    assert await _outputs(api, job) == {"begun\nwent well\n", "went wrong: é", ""}
    assert await _kinds(api, trapped) == [("fail", post, None), *[("start", post, None)] * 2, ("success", post, None)]
    printed = "".join(await _outputs(api, trapped))
    assert "first line\nsecond line" in printed
    assert "the disk is gone" in printed
    agents = {check_in.user_agent for check_in in [*await _check_ins(api, job), *await _check_ins(api, trapped)]}
    assert agents == {"py-healthchecks.io/0.4.4" if variant == "sync" else "py-healthchecks.io-async/0.4.4"}


@pytest.mark.parametrize("variant", ["sync", "async"])
async def test_healthchecks_wrapper_pings(api: Client, job: Job, variant: str) -> None:
    _say(PYTHON, HERE / "healthchecks_wrapper_pings.py", variant, job.ping_url)
    get = [("start", "GET", None)] * 2 + [("success", "GET", None)]
    assert await _kinds(api, job) == [("fail", "POST", None), *get]
    assert any("ValueError: the disk is gone" in output for output in await _outputs(api, job))
    assert all((c.user_agent or "").startswith("Python-urllib/") for c in await _check_ins(api, job))
    assert {run.state for run in await _runs(api, job)} == {RunState.SUCCEEDED, RunState.FAILED}


async def test_npm_healthchecks_io_pings(api: Client, job: Job) -> None:
    _say("node", HERE / "healthchecks_io_pings.js", job.ping_url)
    assert await _kinds(api, job) == [("success", "GET", None)] * 2
