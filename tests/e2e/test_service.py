"""The server as a service: what it tells systemd, how it stops, what it answers to who watches it."""

import asyncio
import signal
import socket
import time
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from urllib.parse import urlsplit

import httpx
import pytest

from crontopus.client import Client
from crontopus.domain.watch import Mark, RunState
from crontopus.wire.jobs import Job, NewJob
from tests.load import Load
from tests.served import Served, set_up

WITHIN_SECONDS = 10


def test_systemd_hears_that_it_is_ready_and_that_it_stops(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(30)
        served = Served(tmp_path / "data", fresh=True, wrapper=("env", f"NOTIFY_SOCKET={address}"))
        with served:
            heard = [systemd.recv(100)]
            while b"READY=1" not in heard:
                heard.append(systemd.recv(100))
            assert httpx.get(f"{served.url}/livez").text == "ok"
        while b"STOPPING=1" not in heard:
            heard.append(systemd.recv(100))
        assert set(heard) <= {b"READY=1", b"STOPPING=1", b"WATCHDOG=1"}


async def test_told_to_stop_under_load_it_stops_in_time_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    made = set_up(tmp_path / "data")
    served = Served(tmp_path / "data")
    with served:
        async with Client(served.url, token=made.token) as client:
            job = await client.add_job(NewJob(name="busy"))
            async with client.events() as stream:
                with Load(served.url, [job.ping_url], 8) as load:
                    assert load.first.wait(30)
                    began = time.monotonic()
                    assert served.stop() == 0, served.log()
                    assert time.monotonic() - began < WITHIN_SECONDS
                async for _ in stream.aiter_lines():
                    pass
        served.start()
        async with Client(served.url, token=made.token) as client:
            stored: set[str] = set()
            cursor = None
            while True:
                page = await client.job_check_ins(job.id, cursor=cursor, limit=200)
                stored |= {str(check_in.run_id) for check_in in page.items}
                if (cursor := page.next_cursor) is None:
                    break
    assert set(load.acknowledged) <= stored


async def test_told_to_stop_it_waits_for_nobody_who_stalls(tmp_path: Path) -> None:
    made = set_up(tmp_path / "data")
    with Served(tmp_path / "data") as served:
        async with Client(served.url, token=made.token) as client:
            jobs = [await client.add_job(NewJob(name=name)) for name in ("begun", "not begun")]
            async with AsyncExitStack() as stalling:
                begun, other = [await _stalled(stalling, served, _beginning(job)) for job in jobs]
                begun[1].write(b"the beginning")
                form = "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
                third = await _stalled(stalling, served, form)
                began = time.monotonic()
                assert served.stop() == 0, served.log()
                assert time.monotonic() - began < WITHIN_SECONDS / 2
                said = [await reader.read() for reader, _ in (begun, other, third)]
        assert [text.split(b" ")[1] for text in said] == [b"200", b"200", b"503"]
        assert '"level": "error"' not in served.log()
        served.start()
        async with Client(served.url, token=made.token) as client:
            for job, text in zip(jobs, ("the beginning", ""), strict=True):
                (run,) = (await client.job_runs(job.id)).items
                assert (run.state, run.marks) == (RunState.FAILED, [Mark.TRUNCATED])
                assert (await client.run_log(run.id)).head == text


def _beginning(job: Job) -> str:
    head = f"POST {urlsplit(job.ping_url).path}/fail HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    return f"{head}Expect: 100-continue\r\n\r\n"


async def _stalled(
    stack: AsyncExitStack, served: Served, sent: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which the server waits for a body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    stack.callback(writer.close)
    writer.write(sent.encode())
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def test_told_to_stop_it_hangs_up_on_who_stalls_within_the_headers(tmp_path: Path) -> None:
    with Served(tmp_path / "data", fresh=True) as served:
        with socket.create_connection(("127.0.0.1", served.port)) as stalling:
            stalling.sendall(b"GET /jobs HTTP/1.1\r\nHost: ")
            assert httpx.get(f"{served.url}/livez").text == "ok"
            began = time.monotonic()
            assert served.stop() == 0, served.log()
            assert time.monotonic() - began < WITHIN_SECONDS - 2
        assert '"level": "error"' not in served.log()


def test_where_few_files_may_be_open_some_are_left_for_the_database(tmp_path: Path) -> None:
    served = Served(tmp_path / "data", fresh=True, wrapper=("prlimit", "--nofile=256"))
    with served, ExitStack() as connected:
        for _ in range(400):
            connected.enter_context(socket.create_connection(("127.0.0.1", served.port)))
        assert served.process is not None
        files = Path(f"/proc/{served.process.pid}/fd")
        with pytest.raises(httpx.TimeoutException):
            httpx.get(f"{served.url}/livez", timeout=0.5)
        assert len(list(files.iterdir())) < 256 - 50


async def test_while_it_ends_its_last_requests_nobody_is_said_to_watch(tmp_path: Path) -> None:
    made = set_up(tmp_path / "data")
    served = Served(tmp_path / "data")
    with served:
        async with Client(served.url, token=made.token) as client:
            path = urlsplit((await client.add_job(NewJob(name="slow"))).ping_url).path
        with socket.create_connection(("127.0.0.1", served.port)) as upload:
            upload.sendall(f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: 8\r\n\r\nhalf".encode())
            assert served.process is not None
            served.process.send_signal(signal.SIGTERM)
            while _takes_connections(served.port):
                pass
            refused_at = datetime.now(UTC)
            Event().wait(1)
            upload.sendall(b"half")
            assert upload.recv(1000).startswith(b"HTTP/1.1 200")
        assert served.ended() == 0, served.log()
        served.start()
        async with Client(served.url, token=made.token) as client:
            (gap,) = (await client.gaps()).items
            assert gap.since <= refused_at


def test_a_second_signal_ends_it_at_once_and_well(tmp_path: Path) -> None:
    with (
        Served(tmp_path / "data", fresh=True) as served,
        socket.create_connection(("127.0.0.1", served.port)) as upload,
    ):
        upload.sendall(b"POST /ping/endless HTTP/1.1\r\nHost: here\r\nContent-Length: 8\r\n\r\nhalf")
        assert served.process is not None
        served.process.send_signal(signal.SIGTERM)
        while _takes_connections(served.port):
            pass
        began = time.monotonic()
        assert served.stop() == 0, served.log()
        assert time.monotonic() - began < WITHIN_SECONDS / 2
        assert "Traceback" not in served.log()


def test_signals_that_go_on_to_its_end_change_nothing(tmp_path: Path) -> None:
    with Served(tmp_path / "data", fresh=True) as served:
        assert served.process is not None
        while served.process.poll() is None:
            served.process.send_signal(signal.SIGTERM)
            Event().wait(0.002)
        assert served.process.returncode == 0, served.log()
        assert "Traceback" not in served.log()


def _takes_connections(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_metrics_of_the_process_need_a_token(tmp_path: Path) -> None:
    made = set_up(tmp_path / "data")
    with Served(tmp_path / "data") as served, httpx.Client(base_url=served.url) as http:
        assert http.get("/metrics").status_code == 401
        new = {"name": "prometheus", "kind": "m"}
        token = http.post("/api/v1/tokens", json=new, headers=_bearer(made.token)).json()["token"]
        answer = http.get("/metrics", headers=_bearer(token))
        assert answer.status_code == 200
        assert "crontopus_check_ins_total 0.0" in answer.text
        assert http.get("/api/v1/jobs", headers=_bearer(token)).status_code == 403


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_the_metrics_of_the_process_may_be_opened(tmp_path: Path) -> None:
    settings = tmp_path / "crontopus.toml"
    settings.write_text("metrics_open = true\n")
    with Served(tmp_path / "data", fresh=True, more=("--config", str(settings))) as served:
        assert httpx.get(f"{served.url}/metrics").status_code == 200


class _Listener(BaseHTTPRequestHandler):
    """Tells what is asked for, to whoever waits for it."""

    asked: SimpleQueue[str] = SimpleQueue()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.asked.put(self.path)

    def log_message(self, format: str, *_: object) -> None:
        """It says nothing."""


def test_somebody_else_hears_that_it_is_well(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Listener) as listener:
        Thread(target=listener.serve_forever, daemon=True).start()
        settings = tmp_path / "crontopus.toml"
        url = f"http://127.0.0.1:{listener.server_port}/ping/me"
        settings.write_text(f'heartbeat_url = "{url}"\nalert_networks = ["127.0.0.0/8"]\n')
        with Served(tmp_path / "data", fresh=True, more=("--config", str(settings))) as served:
            assert _Listener.asked.get(timeout=30) == "/ping/me"
            assert served.stop() == 0
            assert url not in served.log()
        listener.shutdown()


def test_it_is_ready_when_it_says_so(tmp_path: Path) -> None:
    with Served(tmp_path / "data", fresh=True) as served:
        ready = httpx.get(f"{served.url}/readyz")
        assert ready.status_code == 200
        well = {name for name, check in ready.json()["checks"].items() if check["ok"]}
        assert well == {"database", "sweep", "alerts", "outbox", "disk"}
        assert served.link.startswith(f"{served.url}/setup?code=")
