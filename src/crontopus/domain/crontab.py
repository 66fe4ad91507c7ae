"""Crontabs, read line by line, explained, and edited so that nothing but the chosen lines changes.

Bytes in, bytes out: a crontab has no encoding, and lines end at `\\n` alone. The rules are those of Debian's cron.
Both forms are read: a user's crontab, and that of /etc/crontab and /etc/cron.d, which has a column for the user.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct

from crontopus.domain import crontab_fields, schedule
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.schedule import Clock, Cron

LONGEST_COMMAND = 998
"""Bytes. Debian's cron refuses a whole crontab in which one command is longer."""

SHELLS = frozenset({"sh", "dash", "bash", "ash", "ksh", "mksh", "zsh", "busybox"})
"""Shells that read the quotes `wrap` writes as they are meant."""

_WORD = r"[^ \t]+"
_GAP = r"[ \t]+"
_FIVE = rf"(?:{_WORD}{_GAP}){{4}}{_WORD}"
_TIMES = rf"[ \t]*(?P<schedule>@{_WORD}|{_FIVE})"
_COMMAND = rf"(?:{_GAP}(?P<command>.*))?"
_OF_USER = re.compile((_TIMES + _COMMAND).encode(), re.DOTALL)
_OF_SYSTEM = re.compile(rf"{_TIMES}(?:{_GAP}(?P<user>{_WORD}))?{_COMMAND}".encode(), re.DOTALL)
_SETTING = re.compile(
    rb"[ \t]*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\s=\"']+))[ \t]*=[ \t]*"
    rb"(?:\"(?P<in_double>[^\"]*)\"|'(?P<in_single>[^']*)'|(?P<plain>[^\"'\s].*))[ \t]*",
    re.DOTALL,
)
_WATCHED = re.compile(rb"(?:[^\s'\"]*/)?crontopus[ \t]+run[ \t](?:.*?[ \t])??--job[ \t=](?P<job>[^\s'\"]+)", re.DOTALL)
_PERCENT = re.compile(rb"\\.|%", re.DOTALL)


class Blank(Struct, frozen=True):
    number: int
    raw: bytes


class Comment(Struct, frozen=True):
    """Only a line that begins with `#` is one; elsewhere `#` belongs to the command."""

    number: int
    raw: bytes


class Setting(Struct, frozen=True):
    """A variable of the environment, for the lines below it. `fault`: what it does not do, though one might think."""

    number: int
    raw: bytes
    name: str
    value: str
    fault: str = ""


class Job(Struct, frozen=True, kw_only=True):
    """A line that runs something.

    `schedule` is as written, with single spaces. `command` is as written, `%` and all, and shown with � for what is
    no UTF-8; the bytes stand in `raw` from `command_at`. `environment` is what the lines above set. `watched` is the
    job that `crontopus run` in this line reports to. `fault`: why the line cannot become a job, and what to do.
    """

    number: int
    raw: bytes
    schedule: str
    user: str | None
    command: str
    command_at: int
    environment: Mapping[str, str]
    watched: str | None
    fault: str


class Broken(Struct, frozen=True):
    """A line that cron would not take. Debian's then ignores the whole file, crontab(1) refuses it."""

    number: int
    raw: bytes
    fault: str


Line = Blank | Comment | Setting | Job | Broken


class Crontab(Struct, frozen=True):
    lines: tuple[Line, ...]
    faults: tuple[Fault, ...]
    """All that a person should mend, in order of lines; the pointer of each is the line, as in `/12`."""

    @property
    def jobs(self) -> tuple[Job, ...]:
        return tuple(line for line in self.lines if isinstance(line, Job))


def parse(crontab: bytes, *, system: bool = False) -> Crontab:
    """Every line of `crontab`. `system`: with the user column of /etc/crontab and /etc/cron.d. Never raises.

    What was pasted into a form should come with its line ends turned to `\\n`: to cron, `\\r` belongs to the command.
    """
    lines = tuple(_lines(crontab, system))
    faults = [
        Fault(f"/{line.number}", line.fault)
        for line in lines
        if isinstance(line, Setting | Broken) or (isinstance(line, Job) and line.watched is None)
    ]
    if crontab and not crontab.endswith(b"\n"):
        faults.append(Fault(f"/{len(lines)}", "The last line does not end in a newline: cron refuses the file."))
    return Crontab(lines, tuple(fault for fault in faults if fault.detail))


def explain(line: Line, timezone: str = "UTC") -> str:
    """What `line` does, in words for people, or its fault. `timezone` is that of the machine's clock."""
    match line:
        case Blank() | Comment():
            return "does nothing"
        case Broken():
            return line.fault
        case Setting():
            return line.fault or _SETTINGS.get(line.name, "sets {name} for the lines below").format(name=line.name)
        case Job():
            return line.fault or schedule.describe((Cron(line.schedule),), timezone, Clock.CRON)


def wrap(line: Job, job: str, program: str = "crontopus") -> bytes:
    """`line` as it must be written for its command to run under watch as `job` (namespace/slug) and do the same.

    The command becomes one quoted word, which `crontopus run -c` hands to the shell that cron uses; what follows the
    first bare `%` is its input and stays behind the closing quote. `program` is written as given: cron's PATH is
    short, so name it by its whole path. A line already under watch comes back as it is.
    Raises Invalid where the line has a fault, or would be too long for cron.
    """
    if line.watched is not None:
        return line.raw
    if line.fault:
        raise Invalid(line.fault, (Fault(f"/{line.number}", line.fault),))
    command = line.raw[line.command_at :]
    end = next((found.start() for found in _PERCENT.finditer(command) if found[0] == b"%"), len(command))
    quoted = b"'" + command[:end].replace(b"'", b"'\\''") + b"'"
    words = f"{program} run --job {job} -c ".encode() + quoted + command[end:]
    if len(words) > LONGEST_COMMAND:
        detail = f"Under watch it would have {len(words)} bytes, and cron takes {LONGEST_COMMAND}: move it to a script."
        raise Invalid(detail, (Fault(f"/{line.number}", detail),))
    return line.raw[: line.command_at] + words


def rewrite(crontab: bytes, edited: Mapping[int, bytes]) -> bytes:
    """`crontab` with the lines numbered in `edited` (from 1) in place of its own; every other byte as it was."""
    lines = crontab.split(b"\n")
    return b"\n".join(edited.get(number, raw) for number, raw in enumerate(lines, 1))


def wrapped(crontab: bytes, jobs: Mapping[int, str], system: bool, program: str = "crontopus") -> bytes:
    """`crontab` with each line numbered in `jobs` under watch as the job named there. Twice is once.

    Raises Invalid with a fault for each line that cannot be wrapped; then nothing is.
    """
    edited: dict[int, bytes] = {}
    faults: list[Fault] = []
    for line in parse(crontab, system=system).jobs:
        if line.number in jobs:
            try:
                edited[line.number] = wrap(line, jobs[line.number], program)
            except Invalid as error:
                faults += error.faults
    if faults:
        raise Invalid(" ".join(f"Line {fault.pointer[1:]}: {fault.detail}" for fault in faults), tuple(faults))
    return rewrite(crontab, edited)


_SETTINGS = {
    "MAILTO": "mails what the lines below print to this address; empty: to nobody",
    "SHELL": "the shell that runs the lines below",
    "PATH": "where the lines below look for programs",
    "TZ": "the zone the commands below see; cron itself does not read it",
}
_NO_ZONE = (
    "Debian's cron does not know CRON_TZ: the lines below run by the machine's clock. "
    "Where another cron does, say that zone with --tz."
)


def _lines(crontab: bytes, system: bool) -> Iterator[Line]:
    environment: dict[str, str] = {}
    pieces = crontab.split(b"\n")
    if not pieces[-1]:
        pieces.pop()
    for number, raw in enumerate(pieces, 1):
        line = _line(number, raw, system, MappingProxyType(environment.copy()))
        if isinstance(line, Setting):
            environment[line.name] = line.value
        yield line


def _line(number: int, raw: bytes, system: bool, environment: Mapping[str, str]) -> Line:
    text = raw.lstrip(b" \t")
    if not text:
        return Blank(number, raw)
    if text.startswith(b"#"):
        return Comment(number, raw)
    if setting := _SETTING.fullmatch(raw):
        return _setting(number, raw, setting)
    return _job(number, raw, system, environment)


def _setting(number: int, raw: bytes, found: re.Match[bytes]) -> Setting:
    name = _text(next(found[group] for group in ("double", "single", "bare") if found[group] is not None))
    plain = (found["plain"] or b"").rstrip(b" \t")
    value = _text(next((found[group] for group in ("in_double", "in_single") if found[group] is not None), plain))
    return Setting(number, raw, name, value, _NO_ZONE if name == "CRON_TZ" else "")


def _job(number: int, raw: bytes, system: bool, environment: Mapping[str, str]) -> Job | Broken:
    found = (_OF_SYSTEM if system else _OF_USER).fullmatch(raw)
    if found is None:
        return Broken(number, raw, "This is neither a comment, nor NAME=value, nor five fields and a command.")
    times = " ".join(_text(found["schedule"]).split())
    user = _text(found["user"] or b"") if system else None
    broken = _unreadable(times) or ("The column for the user is missing." if user == "" else "")
    if broken:
        return Broken(number, raw, broken)
    at = found.start("command") if found["command"] else len(raw)
    command = raw[at:]
    watched = _WATCHED.match(command)
    name = _text(watched["job"]) if watched else None
    return Job(
        number=number,
        raw=raw,
        schedule=times,
        user=user,
        command=_text(command),
        command_at=at,
        environment=environment,
        watched=name,
        fault=_fault(times, command, environment, name),
    )


def _unreadable(times: str) -> str:
    """Why cron would not take these times; empty where it would."""
    if not times.startswith("@"):
        return " ".join(crontab_fields.faults(tuple(times.split(" "))))
    if times in crontab_fields.MACROS or times == "@reboot":
        return ""
    return f"cron does not know {times}: write one of {', '.join(sorted(crontab_fields.MACROS))}, or five fields."


def _fault(times: str, command: bytes, environment: Mapping[str, str], watched: str | None) -> str:
    if watched is not None:
        return f"It is already under watch as {watched}."
    if times == "@reboot":
        return "It runs when the machine starts: there is no time at which to miss it."
    return _fault_of_command(command, environment) or _fault_of_times(times)


def _fault_of_command(command: bytes, environment: Mapping[str, str]) -> str:
    shell = environment.get("SHELL", "/bin/sh")
    if not command.strip():
        return "There is no command: write it after the schedule."
    if command.endswith(b"\r"):
        return "The line ends in a carriage return, which cron hands to the command: save the file with Unix line ends."
    if b"\0" in command:
        return "The command contains a NUL byte, at which cron stops reading: remove it."
    if shell.rpartition("/")[2] not in SHELLS:
        return f"It is run by {shell}, whose quotes are its own: put `crontopus run` before the command yourself."
    return ""


def _fault_of_times(times: str) -> str:
    try:
        schedule.check((Cron(times),), "UTC", Clock.CRON)
    except Invalid as error:
        return str(error)
    return ""


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
