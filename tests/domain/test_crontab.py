"""Crontabs: what each line is, what is wrong with it, and editing that leaves other people's bytes alone."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from crontopus.domain.crontab import (
    LONGEST_COMMAND,
    Blank,
    Broken,
    Comment,
    Crontab,
    Job,
    Setting,
    explain,
    parse,
    rewrite,
    wrap,
    wrapped,
)
from crontopus.domain.errors import Invalid

DEBIANS = b"""\
# /etc/crontab: system-wide crontab

SHELL=/bin/sh
# m h dom mon dow user  command
17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly
25 6\t* * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
#
"""


def only(line: bytes, *, system: bool = False) -> Job:
    (job,) = parse(line + b"\n", system=system).jobs
    return job


def test_debians_own_crontab_is_read() -> None:
    crontab = parse(DEBIANS, system=True)
    kinds = (Comment, Blank, Setting, Comment, Job, Job, Comment)
    assert tuple(type(line) for line in crontab.lines) == kinds
    assert crontab.faults == ()
    hourly, daily = crontab.jobs
    assert (hourly.number, hourly.schedule, hourly.user) == (5, "17 * * * *", "root")
    assert hourly.command == "cd / && run-parts --report /etc/cron.hourly"
    assert hourly.environment == {"SHELL": "/bin/sh"}
    assert (daily.user, daily.command[:4]) == ("root", "test")


def test_a_users_crontab_has_no_column_for_the_user() -> None:
    job = only(b" 0 2 * * mon-fri root backup  --all ")
    assert (job.schedule, job.user, job.command) == ("0 2 * * mon-fri", None, "root backup  --all ")
    assert job.raw[job.command_at :] == b"root backup  --all "


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (b"MAILTO=root", "MAILTO", "root"),
        (b'MAILTO=""', "MAILTO", ""),
        (b"  A = b c  ", "A", "b c"),
        (b"'A B'='  c '", "A B", "  c "),
        (b"PATH=/bin:$PATH", "PATH", "/bin:$PATH"),
    ],
)
def test_a_line_can_set_a_variable(line: bytes, name: str, value: str) -> None:
    (found,) = parse(line + b"\n").lines
    assert isinstance(found, Setting)
    assert (found.name, found.value, found.fault) == (name, value, "")


def test_a_variable_holds_for_the_lines_below() -> None:
    first, second = parse(b"A=1\n@daily x\nA=2\n@daily x\n").jobs
    assert (first.environment, second.environment) == ({"A": "1"}, {"A": "2"})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"60 * * * * x", "The minute '60' is not from 0 to 59."),
        (b"* 24 * * * x", "The hour '24' is not from 0 to 23."),
        (b"* * 0 * * x", "The day of month '0' is not from 1 to 31."),
        (b"* * * foo * x", "The month 'foo' is not from 1 to 12, or jan to dec."),
        (b"* * * * 8 x", "The day of week '8' is not from 0 to 7, or sun to sat."),
        (b"*/0 * * * * x", "The minute '*/0' has a step of 0."),
        (b"1/10 * * * * x", "The minute '1/10' has a step without a range: write '1-59/10'."),
        (b"5-1 * * * * x", "The minute '5-1' ends before it begins."),
        (b"~5 * * * * x", "The minute '~5' is not a star, a number or a range, with a step perhaps."),
        (b"1,,2 * * * * x", "The minute '' is not a star"),
        (b"* * L * * x", "The day of month 'L' is not from 1 to 31."),
        (b"@every 5m x", "cron does not know @every"),
        (b"* * * *", "neither a comment, nor NAME=value"),
        (b"E=", "neither a comment, nor NAME=value"),
        (b'E="x"y', "neither a comment, nor NAME=value"),
        ("\ufeff* * * * * x".encode(), "The minute '\ufeff*' is not a star"),
    ],
)
def test_what_cron_does_not_take_is_said(line: bytes, said: str) -> None:
    crontab = parse(line + b"\n")
    (broken,) = crontab.lines
    assert isinstance(broken, Broken)
    assert said in broken.fault
    assert [fault.pointer for fault in crontab.faults] == ["/1"]
    assert explain(broken) == broken.fault


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"@reboot x", "there is no time at which to miss it"),
        (b"* * * * *", "There is no command"),
        (b"@daily  ", "There is no command"),
        (b"0 0 30 2 * x", "never comes"),
        (b"@daily x\r", "carriage return"),
        (b"@daily x\0y", "NUL"),
    ],
)
def test_what_cannot_become_a_job_is_said(line: bytes, said: str) -> None:
    job = only(line)
    assert said in job.fault
    with pytest.raises(Invalid):
        wrap(job, "ns/x")


def test_a_line_of_cron_d_needs_its_user() -> None:
    (broken,) = parse(b"@daily\n", system=True).lines
    assert isinstance(broken, Broken)
    assert broken.fault == "The column for the user is missing."


def test_all_faults_are_told_at_once() -> None:
    crontab = parse(b"CRON_TZ=Asia/Tokyo\n60 * * * * a\n* 24 * * * b\n@daily c")
    assert [fault.pointer for fault in crontab.faults] == ["/1", "/2", "/3", "/4"]
    assert "machine's clock" in crontab.faults[0].detail
    assert "does not end in a newline" in crontab.faults[-1].detail
    assert [job.fault for job in crontab.jobs] == [""]


def test_an_empty_crontab_is_one() -> None:
    assert parse(b"") == Crontab((), ())


def test_lines_are_explained() -> None:
    said = [explain(line, "Europe/Berlin") for line in parse(b"# x\nMAILTO=me\nX=1\n@daily a\n@reboot b\n").lines]
    assert said[0] == "does nothing"
    assert said[1].startswith("mails what the lines below print")
    assert said[2] == "sets X for the lines below"
    assert said[3] == "Every day at 00:00 (Europe/Berlin)"
    assert said[4].startswith("It runs when the machine starts")


def test_a_line_under_watch_is_known_and_left_alone() -> None:
    for command in (
        b"crontopus run --job prod/x -c 'y'",
        b"/opt/crontopus/bin/crontopus run --timeout 1h --job=prod/x -- y",
    ):
        job = only(b"@daily " + command)
        assert job.watched == "prod/x"
        assert wrap(job, "other/z") == job.raw
        assert parse(job.raw + b"\n").faults == ()
    assert only(b"@daily echo crontopus run --job x").watched is None


@pytest.mark.parametrize("shell", ["/usr/bin/fish", "/bin/false", "/bin/tcsh"])
def test_a_shell_with_quotes_of_its_own_is_not_trusted(shell: str) -> None:
    (job,) = parse(f"SHELL={shell}\n@daily x\n".encode()).jobs
    assert f"It is run by {shell}" in job.fault


def test_a_command_too_long_for_cron_is_refused() -> None:
    room = LONGEST_COMMAND - len("crontopus run --job ns/x -c ''")
    assert wrap(only(b"@daily " + b"x" * room), "ns/x").endswith(b"x'")
    with pytest.raises(Invalid, match="Under watch it would have 999 bytes"):
        wrap(only(b"@daily " + b"x" * (room + 1)), "ns/x")


def test_faults_of_wrapping_name_each_line_and_nothing_is_changed() -> None:
    with pytest.raises(Invalid, match=r"Line 1: .* Line 3: ") as caught:
        wrapped(b"@reboot a\n@daily b\n@daily\n", {1: "ns/a", 2: "ns/b", 3: "ns/c"}, system=False)
    assert [fault.pointer for fault in caught.value.faults] == ["/1", "/3"]


def test_only_the_chosen_line_is_edited() -> None:
    before = b"# mine \xff\x0b\x0c\r\n\n1 2 3 4 5\troot   a  'b' %in\n@daily root c"
    after = wrapped(before, {3: "ns/a"}, system=True, program="/opt/bin/crontopus")
    assert after == (
        b"# mine \xff\x0b\x0c\r\n\n"
        b"1 2 3 4 5\troot   /opt/bin/crontopus run --job ns/a -c 'a  '\\''b'\\'' '%in\n@daily root c"
    )


LINES = st.lists(
    st.one_of(
        st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")),
        st.builds(
            lambda times, command: times + b" " + command.replace(b"\n", b""),
            st.sampled_from([b"@daily", b"0 2 * * *", b"*/5\t1-5  * jan mon", b"@reboot", b"60 * * * *"]),
            st.binary(max_size=60),
        ),
    ),
    max_size=8,
)


@given(LINES, st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_foreign_bytes_stay_and_twice_is_once(lines: list[bytes], system: bool, ended: bool, chance: object) -> None:
    before = b"\n".join(lines) + (b"\n" if ended else b"")
    chosen = {
        job.number: f"ns/job-{job.number}"
        for job in parse(before, system=system).jobs
        if not job.fault and job.number % 2
    }
    once = wrapped(before, chosen, system)
    assert [a for n, a in enumerate(once.split(b"\n"), 1) if n not in chosen] == [
        b for n, b in enumerate(before.split(b"\n"), 1) if n not in chosen
    ]
    assert {job.number: job.watched for job in parse(once, system=system).jobs if job.number in chosen} == chosen
    assert wrapped(once, chosen, system) == once
    assert rewrite(before, {}) == before


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_at_all_are_read(crontab: bytes, system: bool) -> None:
    found = parse(crontab, system=system)
    assert b"\n".join(line.raw for line in found.lines) + (b"\n" if crontab.endswith(b"\n") else b"") == crontab
    for line in found.lines:
        assert explain(line)


def by_cron(command: bytes) -> tuple[bytes, bytes]:
    """What cron makes of a line's command: the text for the shell, and its input. As in Debian's do_command.c."""
    text, rest, escaped = bytearray(), b"", False
    for place, byte in enumerate(command):
        character = bytes([byte])
        if escaped:
            escaped = False
            if character == b"%":
                text.pop()
        elif character == b"\\":
            escaped = True
        elif character == b"%":
            rest = command[place + 1 :]
            break
        text += character
    given = bytearray()
    escaped = False
    for byte in rest:
        character = bytes([byte])
        if escaped and character != b"%":
            given += b"\\"
        if not escaped and character == b"\\":
            escaped = True
            continue
        given += b"\n" if character == b"%" and not escaped else character
        escaped = False
    return bytes(text), bytes(given) + b"\n"


def run(command: bytes, folder: Path) -> tuple[int, bytes, bytes]:
    text, given = by_cron(command)
    done = subprocess.run(
        [b"/bin/sh", b"-c", text],
        input=given,
        capture_output=True,
        cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin", "SHELL": "/bin/sh"},
        timeout=20,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


PIECES = st.sampled_from(
    [b"'", b'"', b"\\", b"%", b"\\%", b" ", b"$HOME", b"$0", b"echo ", b"cat", b"; ", b"a", b"\xff", b"`echo b`"]
)


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `crontopus` that does with -c what `run` does, and no more: it is quick, to try many."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "crontopus"
    program.write_text('#!/bin/sh\n[ "$1 $2 $3 $4" = "run --job ns/x -c" ] || exit 99\nexec "$SHELL" -c "$5"\n')
    program.chmod(0o755)
    return folder


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, min_size=1, max_size=8).map(b"".join))
@example(b"echo 'a'\\''b' \\% \"$0\"%in%put\\%")
@example(b"echo a\\\\%b%c")
@example(b"echo end\\")
@example(b"X='a  b'; echo \"$X\" && false")
def test_the_shell_does_the_same_under_watch(stand_in: Path, command: bytes) -> None:
    line = only(b"@daily " + command)
    assume(not line.fault)
    edited = wrap(line, "ns/x")
    code, out, _ = run(line.raw[line.command_at :], stand_in)
    assert run(edited[line.command_at :], stand_in)[:2] == (code, out)
