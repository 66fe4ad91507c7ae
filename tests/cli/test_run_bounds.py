"""Bounds of a run: time, one at once, memory, and pipes that never close."""

import os
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

from tests.cli.launch import PATIENCE_SECONDS, PROGRAM, Launcher, told
from tests.cli.recorder import Recorder

MEGABYTE = 1_000_000


def test_after_its_time_the_command_is_asked_to_end(crontopus: Launcher, recorder: Recorder) -> None:
    done = crontopus("run", "--timeout", "0.3", "-c", "trap 'echo cleaned up; exit 7' TERM; sleep 1000 & wait")
    assert (done.returncode, done.stdout) == (124, b"cleaned up\n")
    assert recorder.ends[0]["exit_code"] == 124
    assert "signal" not in recorder.ends[0]
    assert "timed out after 0.3 s" in recorder.ends[0]["output"]["head"]


def test_what_does_not_end_is_killed_with_its_children(crontopus: Launcher, recorder: Recorder) -> None:
    script = "trap '' TERM; sh -c 'echo $$; sleep 1000; sleep 1000' & sleep 1000; sleep 1000"
    done = crontopus("run", "--timeout", "0.3", "--kill-after", "0.3", "-c", script)
    assert done.returncode == 124
    _gone(int(done.stdout))
    assert recorder.ends[0]["exit_code"] == 124


def test_what_a_timed_out_command_leaves_behind_is_killed(crontopus: Launcher) -> None:
    script = "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.05; done' & trap 'exit 0' TERM; wait"
    done = crontopus("run", "--timeout", "0.5", "--kill-after", "60", "-c", script)
    assert done.returncode == 124
    _gone(int(done.stdout))


def _gone(pid: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_daemon_that_holds_the_pipes_holds_up_nobody(crontopus: Launcher, recorder: Recorder) -> None:
    done = crontopus("run", "-c", "setsid sleep 1000 & echo $!")
    try:
        assert done.returncode == 0
        assert recorder.ends[0]["output"]["head"] == done.stdout.decode()
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)


def test_a_second_run_is_skipped_while_the_first_lasts(crontopus: Launcher, recorder: Recorder, tmp_path: Path) -> None:
    with crontopus.started("run", "--lock", "-c", "echo running; sleep 1000") as first:
        assert told(first) == b"running\n"
        second = crontopus("run", "--lock", "--", "touch", str(tmp_path / "mark"))
        assert second.returncode == 75
        assert b"skipped: the run before is not over" in second.stderr
        assert not (tmp_path / "mark").exists()
        assert "skipped" in recorder.kinds
        first.kill()  # not even then does the lock stay
    assert crontopus("run", "--lock", "--", "true").returncode == 0


def test_a_second_run_can_wait_instead(crontopus: Launcher, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with crontopus.started("run", "--lock", "-c", f"echo running; read go < {fifo}; echo first") as first:
        assert told(first) == b"running\n"
        with crontopus.started("run", "--lock=wait", "--", "echo", "second") as second:
            _waits_for_a_lock(second.pid)
            fifo.write_text("go\n")
            assert told(first) == b"first\n"
            assert told(second) == b"second\n"


def _waits_for_a_lock(pid: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not any(f" {pid} " in line for line in Path("/proc/locks").read_text().splitlines() if "->" in line):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_other_jobs_have_locks_of_their_own(crontopus: Launcher) -> None:
    with crontopus.started("run", "--lock", "-c", "echo running; sleep 1000") as first:
        assert told(first) == b"running\n"
        assert crontopus("run", "--job", "other", "--lock", "--", "true").returncode == 0


def test_100_megabytes_stream_through_bounded_memory(crontopus: Launcher, recorder: Recorder) -> None:
    size = 100 * MEGABYTE
    done = crontopus("run", "-c", f"head -c {size} /dev/zero; grep VmHWM /proc/$PPID/status >&2")
    assert (done.stdout.count(b"\0"), done.returncode) == (size, 0)
    _, peak, unit = done.stderr.split()
    assert unit == b"kB"
    assert int(peak) * 1024 < 60 * MEGABYTE
    output = recorder.ends[0]["output"]
    assert len(output["head"]) + len(output["tail"]) + output["dropped_bytes"] == size + len(done.stderr)


def test_quiet_holds_much_output_on_disk(crontopus: Launcher) -> None:
    done = crontopus("run", "--quiet", "-c", "head -c 20000000 /dev/zero; exit 1")
    assert (done.returncode, len(done.stdout)) == (1, 20 * MEGABYTE)


def test_a_reader_that_is_slow_slows_the_command_and_loses_nothing(crontopus: Launcher) -> None:
    with crontopus.started("run", "--", "seq", "200000") as program:
        assert program.stdout is not None
        os.set_blocking(program.stdout.fileno(), True)
        assert told(program) == b"1\n"
        assert program.stdout.read().splitlines()[-1] == b"200000"


def test_a_stream_that_was_made_non_blocking_loses_nothing(crontopus: Launcher) -> None:
    receiving, sending = os.pipe()
    os.set_blocking(sending, False)
    got = bytearray()
    with open(receiving, "rb") as reader:
        reading = threading.Thread(target=lambda: got.extend(reader.read()))
        with subprocess.Popen(
            [*PROGRAM, "run", "--", "seq", "200000"],
            stdin=subprocess.DEVNULL,
            stdout=sending,
            env=crontopus.environment(),
        ) as program:
            os.close(sending)
            reading.start()
            assert program.wait(PATIENCE_SECONDS) == 0
        reading.join()
    assert got.splitlines()[-1] == b"200000"


def test_jitter_and_nice_come_before_the_command(crontopus: Launcher) -> None:
    own = os.nice(0)
    done = crontopus("run", "--jitter", "0.05", "--nice", "3", "--", "nice")
    assert int(done.stdout) == own + 3


def test_a_crash_of_the_command_leaves_one_core_at_most(crontopus: Launcher, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    done = crontopus("run", "-c", "ulimit -c; kill -ABRT $$")
    assert done.returncode == -signal.SIGABRT
    assert done.stdout.split() in ([b"unlimited"], [str(before[0]).encode()], [b"0"])
