"""`crontopus run` while the server is away, slow, busy, or not Crontopus at all."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.launch import PATIENCE_SECONDS, PROGRAM, Launcher, told
from tests.cli.recorder import BUSY, KEY, NOT_FOUND, OK, Answer, Recorder, recording

PORTAL = Answer(200, b"<html>Please sign in</html>", "text/html")


@pytest.fixture
def port() -> Iterator[int]:
    """One at which nobody answers, and where a server can be opened later."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@pytest.fixture
def away(port: int, tmp_path: Path) -> Launcher:
    return Launcher(tmp_path, f"http://127.0.0.1:{port}/ping/{KEY}/backup")


def test_the_exit_code_and_output_are_as_with_a_server(away: Launcher) -> None:
    done = away("run", "-c", "echo hi; exit 9")
    assert (done.returncode, done.stdout) == (9, b"hi\n")
    assert [path.name.split("-")[-1] for path in away.waiting()] == ["start.report", "fail.report"]


def test_what_waits_is_private(away: Launcher) -> None:
    away("run", "--", "true")
    assert away.spool.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in away.waiting()} == {0o600}


def test_a_person_is_told_once_and_never_the_key(away: Launcher) -> None:
    first, second = (away("run", "--", "true").stderr for _ in range(2))
    assert b"cannot be reached: Connection refused; the report waits here" in first
    assert KEY.encode() not in first
    assert second == b""


def test_what_waited_goes_out_in_order_and_once(away: Launcher, port: int) -> None:
    for number in range(3):
        away("run", "--", "echo", str(number))
    with recording(port) as server:
        away("run", "--", "echo", "3")
        away("run", "--", "echo", "4")
        printed = [end["output"]["head"].strip() for end in server.ends]
        assert [one for one in printed if one in "012"] == ["0", "1", "2"]
        assert sorted(printed) == ["0", "1", "2", "3", "4"]
        starts = [check_in["run_id"] for check_in in server.check_ins if check_in["kind"] == "start"]
        assert len(starts) == len(set(starts)) == 5
    assert away.waiting() == []


def test_a_report_is_sent_again_byte_for_byte_but_for_when_it_is_sent(away: Launcher, port: int) -> None:
    away("run", "--", "echo", "hi")
    kept = [path.read_bytes().partition(b"\n")[2] for path in away.waiting()]
    with recording(port) as server:
        away("ping", "--log")
        assert [request.written for request in server.requests[1:]] == kept


@pytest.mark.parametrize(
    "answer", [BUSY, Answer(500, b"oops"), Answer(429, b"slow down"), Answer(502, b"<html>", "text/html")]
)
def test_a_server_that_cannot_now_gets_it_later(crontopus: Launcher, recorder: Recorder, answer: Answer) -> None:
    recorder.usual = answer
    assert crontopus("run", "--", "true").returncode == 0
    recorder.usual = OK
    known = len(recorder.requests)
    crontopus("ping", "--log")
    assert [request.check_in["kind"] for request in recorder.requests[known:]] == ["log", "start", "success"]
    assert crontopus.waiting() == []


def test_the_end_is_tried_three_times(crontopus: Launcher, recorder: Recorder) -> None:
    recorder.usual = Answer(500, b"oops")
    recorder.answers = [OK, recorder.usual, recorder.usual, OK]
    crontopus("run", "--", "true")
    assert recorder.kinds == ["start", "success", "success", "success"]
    assert len({request.written for request in recorder.requests[1:]}) == 1
    assert crontopus.waiting() == []


@pytest.mark.parametrize(
    "answer",
    [PORTAL, Answer(404, b"<html>", "text/html"), Answer(302, b"", headers=(("Location", "https://x.example/ping"),))],
)
def test_what_is_not_crontopus_is_no_receipt_and_no_refusal(
    crontopus: Launcher, recorder: Recorder, answer: Answer
) -> None:
    recorder.usual = answer
    done = crontopus("run", "--", "true")
    assert done.returncode == 0
    assert len(crontopus.waiting()) == 2
    assert KEY.encode() not in done.stderr


def test_a_refusal_is_told_and_not_repeated(crontopus: Launcher, recorder: Recorder) -> None:
    recorder.usual = NOT_FOUND
    done = crontopus("run", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert done.stderr == b"crontopus: the server refused the report: not found\n"
    assert KEY.encode() not in done.stderr
    assert crontopus.waiting() == []


def test_a_server_that_never_answers_delays_the_end_for_a_bounded_time(crontopus: Launcher, recorder: Recorder) -> None:
    recorder.open.clear()
    began = time.monotonic()
    assert crontopus("run", "-c", "exit 6").returncode == 6
    assert time.monotonic() - began < 16
    assert len(crontopus.waiting()) == 2


def test_the_command_does_not_wait_for_the_network(crontopus: Launcher, recorder: Recorder) -> None:
    recorder.open.clear()
    with crontopus.started("run", "-c", "echo done") as program:
        assert told(program) == b"done\n"
        recorder.wait_for(1)
        assert recorder.kinds == ["start"]
        recorder.open.set()
        assert program.wait(PATIENCE_SECONDS) == 0
    assert recorder.kinds == ["start", "success"]


def test_a_report_outlives_the_death_of_who_delivers_it(crontopus: Launcher, recorder: Recorder) -> None:
    with crontopus.started("run", "-c", "echo $PPID; exec >&- 2>&-; exit 3") as program:
        assert int(told(program)) == program.pid
        recorder.wait_for(1)
        recorder.open.clear()
        recorder.wait_for(2)
        program.kill()
        assert program.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    recorder.open.set()
    crontopus("ping", "--log")
    assert [end["exit_code"] for end in recorder.ends] == [3, 3]
    assert recorder.requests[1].written == recorder.requests[3].written
    assert crontopus.waiting() == []


def test_what_waits_is_not_delivered_by_two_at_once(away: Launcher, port: int) -> None:
    for number in range(4):
        away("run", "--", "echo", str(number))
    with recording(port) as server:
        several = [
            subprocess.Popen([*PROGRAM, "ping", "--log"], stdin=subprocess.DEVNULL, env=away.environment())
            for _ in range(4)
        ]
        assert [each.wait(PATIENCE_SECONDS) for each in several] == [0] * 4
        assert sorted(end["output"]["head"].strip() for end in server.ends) == ["0", "1", "2", "3"]


def test_a_spool_that_cannot_be_written_changes_nothing(away: Launcher) -> None:
    away.home.joinpath("spool").write_text("a file where the folder should be")
    done = away("run", "--", "sh", "-c", "exit 8")
    assert done.returncode == 8
    assert b"the report is lost" in done.stderr


def test_a_full_disk_leaves_no_half_report(away: Launcher) -> None:
    script = f"ulimit -f 0; exec {' '.join(PROGRAM)} run -- sh -c 'exit 8'"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, env=away.environment(), timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 8
    assert b"lost" in done.stderr
    assert [path for path in away.spool.iterdir() if path.stat().st_size] == []
    assert away.waiting() == []


def test_a_token_that_is_not_accepted_keeps_the_report(crontopus: Launcher, recorder: Recorder) -> None:
    recorder.usual = Answer(401, b'{"title": "not signed in"}', "application/problem+json")
    secret = "ctp_s_" + "x" * 20
    by_token = {"CRONTOPUS_PING_URL": "", "CRONTOPUS_URL": recorder.base, "CRONTOPUS_TOKEN": secret}
    done = crontopus("run", "--job", "a/b", "--", "true", **by_token)
    assert done.returncode == 0
    assert b"does not accept the token" in done.stderr
    assert secret.encode() not in done.stderr
    assert len(crontopus.waiting()) == 2
    assert not any(secret.encode() in path.read_bytes() for path in crontopus.waiting())


def test_a_proxy_of_the_environment_is_used(recorder: Recorder, tmp_path: Path) -> None:
    crontopus = Launcher(tmp_path, f"http://crontopus.example/ping/{KEY}/backup")
    crontopus("run", "--", "true", http_proxy=f"http://me:word@127.0.0.1:{recorder.port}")
    assert recorder.requests[0].path.startswith("http://crontopus.example/ping/")
    assert recorder.requests[0].headers["proxy-authorization"] == "Basic bWU6d29yZA=="


def test_an_address_that_is_none_is_told_and_the_report_kept(tmp_path: Path) -> None:
    crontopus = Launcher(tmp_path, f"http://crontopus.example:port/ping/{KEY}/backup")
    done = crontopus("run", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert b"this is no address of http:// or https://: mend CRONTOPUS_URL" in done.stderr
    assert KEY.encode() not in done.stderr
    assert len(crontopus.waiting()) == 2
