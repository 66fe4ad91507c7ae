"""What `crontopus run` must not change: the command's input, output, exit code and signals."""

import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.launch import PATIENCE_SECONDS, PROGRAM, Launcher, told
from tests.cli.recorder import Recorder

ALL_BYTES = bytes(range(256)) * 300


@pytest.mark.parametrize("code", [0, 1, 75, 124, 255])
def test_the_exit_code_is_the_commands(crontopus: Launcher, code: int) -> None:
    assert crontopus("run", "--", "sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT])
def test_a_signal_that_ends_the_command_ends_us(
    crontopus: Launcher, recorder: Recorder, number: signal.Signals
) -> None:
    assert crontopus("run", "-c", f"kill -{number.value} $$").returncode == -number
    assert recorder.ends[0]["signal"] == number
    assert "exit_code" not in recorder.ends[0]


def test_a_command_that_is_not_there_is_a_failure(crontopus: Launcher, recorder: Recorder) -> None:
    done = crontopus("run", "--", "no-such-command")
    assert (done.returncode, recorder.ends[0]["exit_code"], recorder.ends[0]["kind"]) == (127, 127, "fail")
    assert b"no-such-command cannot be started: No such file" in done.stderr


def test_a_command_that_is_no_program_is_a_failure(crontopus: Launcher, recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    assert crontopus("run", "--", str(tmp_path / "text")).returncode == 126
    assert recorder.ends[0]["exit_code"] == 126


def test_a_script_without_a_first_line_is_one_for_sh(crontopus: Launcher, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo from sh $1\n")
    script.chmod(0o755)
    assert crontopus("run", "--", str(script), "it").stdout == b"from sh it\n"


def test_every_byte_passes_unchanged_and_streams_stay_apart(crontopus: Launcher) -> None:
    done = crontopus.fed(ALL_BYTES, "run", "-c", "cat; printf '\\377\\000oops' >&2")
    assert done.stdout == ALL_BYTES
    assert done.stderr == b"\xff\x00oops"


def test_the_order_of_both_streams_is_kept_where_they_are_one(crontopus: Launcher) -> None:
    script = "i=0; while [ $i -lt 200 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done"
    merged = subprocess.run(
        [*PROGRAM, "run", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=crontopus.environment(),
        timeout=PATIENCE_SECONDS,
        check=True,
    ).stdout
    assert merged == b"".join(b"o%d\ne%d\n" % (number, number) for number in range(200))


def test_the_command_streams_before_it_ends(crontopus: Launcher) -> None:
    with crontopus.started("run", "-c", "echo first; sleep 1000") as program:
        assert told(program) == b"first\n"
        program.terminate()
        assert program.wait(PATIENCE_SECONDS) == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2])
def test_signals_reach_the_command_and_its_children(crontopus: Launcher, number: signal.Signals) -> None:
    child = f"trap 'echo child got it; exit' {number.value}; echo ready; while :; do sleep 0.05; done"
    script = f'trap "exit 9" {number.value}; sh -c "{child}"; exit 9'
    with crontopus.started("run", "-c", script) as program:
        assert told(program) == b"ready\n"
        program.send_signal(number)
        assert told(program) == b"child got it\n"
        assert program.wait(PATIENCE_SECONDS) == 9


def test_a_signal_that_was_ignored_stays_so(crontopus: Launcher) -> None:
    program = " ".join(PROGRAM)
    script = f"trap '' HUP; exec {program} run -c 'kill -HUP $$; kill -HUP $PPID; echo alive'"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, env=crontopus.environment(), timeout=PATIENCE_SECONDS, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"alive\n")


def test_a_reader_that_goes_ends_the_command_as_it_would_without(crontopus: Launcher) -> None:
    with crontopus.started("run", "--", "yes") as program:
        assert told(program) == b"y\n"
        assert program.stdout is not None
        program.stdout.close()
        assert program.wait(PATIENCE_SECONDS) == -signal.SIGPIPE


def test_closed_streams_do_no_harm(crontopus: Launcher, tmp_path: Path) -> None:
    script = f"exec {' '.join(PROGRAM)} run -c 'echo lost; echo kept > {tmp_path}/file' <&- >&- 2>&-"
    done = subprocess.run(["sh", "-c", script], env=crontopus.environment(), timeout=PATIENCE_SECONDS, check=False)
    assert (done.returncode, (tmp_path / "file").read_bytes()) == (0, b"kept\n")


def test_the_command_knows_its_run(crontopus: Launcher, recorder: Recorder) -> None:
    done = crontopus("run", "-c", "echo $CRONTOPUS_RUN_ID")
    assert done.stdout.decode().strip() == recorder.ends[0]["run_id"]


def test_a_line_is_run_by_the_shell_of_the_environment(crontopus: Launcher) -> None:
    assert crontopus("run", "-c", "echo $0", SHELL="/bin/bash").stdout == b"/bin/bash\n"
    assert crontopus("run", "-c", "echo $0").stdout == b"/bin/sh\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tiemout", "3", "--", "touch", "MARK"], b"there is no option --tiemout: did you mean --timeout?"),
        (["--timeout", "soon", "--", "touch", "MARK"], b"'soon' is no duration"),
        (["--timeout"], b"--timeout needs a value"),
        (["--quiet=yes", "touch", "MARK"], b"--quiet takes no value"),
        (["--redact", "(", "--", "touch", "MARK"], b"no regular expression"),
        (["--success-codes", "0,256", "touch", "MARK"], b"from 0 to 255"),
        (["--metric", "rows=nan", "touch", "MARK"], b"NAME=NUMBER"),
        (["--metric", "rows=inf", "touch", "MARK"], b"NAME=NUMBER"),
        (["--job", "Über/x", "touch", "MARK"], b"is not NAMESPACE/SLUG"),
        (["--job", "a/b", "--url", "http://h/ping/k", "touch", "MARK"], b"not both"),
        (["--url", "secret-key-without-scheme", "touch", "MARK"], b"this is not a ping URL"),
        (["--schedule", "@daily", "touch", "MARK"], b"add --create"),
        (["--create", "--schedule", "@daily", "--every", "1h", "touch", "MARK"], b"not both"),
        (["--lock=maybe", "touch", "MARK"], b"neither skip nor wait"),
        (["-c", "touch MARK", "touch", "MARK"], b"not both"),
        (["--"], b"there is no command"),
        ([], b"there is no command"),
    ],
)
def test_wrong_usage_starts_nothing(crontopus: Launcher, tmp_path: Path, words: list[str], said: bytes) -> None:
    mark = tmp_path / "mark"
    done = crontopus("run", *(word.replace("MARK", str(mark)) for word in words))
    assert done.returncode == 2
    assert said in done.stderr
    assert b"secret-key" not in done.stderr
    assert not mark.exists()


def test_help_names_every_option(crontopus: Launcher) -> None:
    done = crontopus("run", "--help")
    assert done.returncode == 0
    assert {b"--timeout", b"--lock[=skip|wait]", b"--redact", b"--create"} <= set(done.stdout.split())


def test_at_a_terminal_the_command_reads_it_and_ctrl_c_arrives_once(crontopus: Launcher) -> None:
    script = "trap 'echo interrupted' INT; stty -echo; echo ready; read line; echo got $line; exit 3"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM[0], [*PROGRAM, "run", "--", "bash", "-c", script], crontopus.environment())  # noqa: S606
    seen = _until(terminal, b"ready\r\n")
    os.write(terminal, b"\x03")
    seen += _until(terminal, b"interrupted\r\n")
    os.write(terminal, b"words\n")
    seen += _until(terminal, b"got words\r\n")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 3
    assert seen.count(b"interrupted") == 1


def _until(terminal: int, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        seen += os.read(terminal, 4096)
    return seen
