"""What `crontopus run` can be told. Loads nothing that is not needed before the command starts."""

from __future__ import annotations

from crontopus.cli.environment import variable
from crontopus.cli.options import (
    Option,
    WrongUsage,
    help_text,
    job,
    job_of_environment,
    metric,
    parse,
    ping_url,
    seconds,
    whole,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SKIP, WAIT = "skip", "wait"


class RunOptions:
    """`command` is what is executed. Durations are in seconds."""

    job = ""
    url = ""
    context = ""
    shell_line = ""
    timeout: float | None = None
    kill_after = 10.0
    lock = ""
    jitter = 0.0
    nice = 0
    retries = 0
    retry_delay = 30.0
    success_codes = frozenset({0})
    min_duration = 0.0
    fail_if_output = ""
    quiet = False
    no_output = False
    redact: list[str] = []  # noqa: RUF012 - replaced, never changed
    metrics: list[tuple[str, float]] = []  # noqa: RUF012 - likewise
    env = ""
    create = False
    schedule = ""
    every = ""
    tz = ""
    grace = ""
    tags = ""
    strict = False
    command: tuple[str, ...] = ()

    @property
    def creation(self) -> dict[str, str]:
        """How the job is made where it is missing; empty: not at all."""
        said = {name: getattr(self, name) for name in ("schedule", "every", "tz", "grace", "tags")}
        return {"create": "1", **{name: text for name, text in said.items() if text}} if self.create else {}


def _codes(text: str) -> frozenset[int]:
    return frozenset(whole(code.strip(), 0, 255) for code in text.split(","))


def _lock(text: str) -> str:
    if text not in (SKIP, WAIT):
        raise ValueError(f"{text!r} is neither {SKIP} nor {WAIT}")
    return text


def pattern(text: str) -> str:
    """A regular expression, tried before anything is started. Raises ValueError."""
    import re

    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return text


OPTIONS = (
    Option("--job", "job", "NS/SLUG", "The job this is a run of. Else CRONTOPUS_JOB.", job),
    Option(
        "--url", "url", "URL", "A ping URL in place of --job. Better: CRONTOPUS_PING_URL, which `ps` hides.", ping_url
    ),
    Option(
        "--context", "context", "NAME", "The server of this context, for --job. Else CRONTOPUS_URL, or the current one."
    ),
    Option("-c", "shell_line", "LINE", "Run this line with your shell ($SHELL -c LINE) in place of a command."),
    Option("--timeout", "timeout", "TIME", "End the command with SIGTERM after so long, and exit with 124.", seconds),
    Option("--kill-after", "kill_after", "TIME", "So long after SIGTERM, kill it (10s).", seconds),
    Option("--lock", "lock", "[=skip|wait]", "Never two at once: skip this run (exit 75), or wait.", _lock, SKIP),
    Option("--jitter", "jitter", "TIME", "Wait first, at random, at most so long.", seconds),
    Option("--nice", "nice", "N", "Lower the command's priority by N (1 to 19).", lambda text: whole(text, 1, 19)),
    Option("--retries", "retries", "N", "Try a command that fails N times more.", lambda text: whole(text, 0, 999)),
    Option("--retry-delay", "retry_delay", "TIME", "Wait so long before each further try (30s).", seconds),
    Option("--success-codes", "success_codes", "LIST", "Exit codes that are a success, such as 0,2 (0).", _codes),
    Option("--min-duration", "min_duration", "TIME", "A success that is quicker is a failure.", seconds),
    Option("--fail-if-output", "fail_if_output", "REGEX", "A line of output like this is a failure.", pattern),
    Option("-q --quiet", "quiet", "", "Print what the command prints only where it fails."),
    Option("--no-output", "no_output", "", "Report no output."),
    Option(
        "--redact", "redact", "REGEX", "Blacken this in the report, besides the usual secrets. Repeatable.", pattern
    ),
    Option("--metric", "metrics", "NAME=NUMBER", "A number to keep with the run. Repeatable.", metric),
    Option("--env", "env", "NAME", "Where it runs: production, staging."),
    Option("--create", "create", "", "Make the job if it is missing, with the five below."),
    Option("--schedule", "schedule", "LINE", "Its schedule: a cron line or a calendar event."),
    Option("--every", "every", "TIME", "Its period, in place of a schedule."),
    Option("--tz", "tz", "ZONE", "The zone of its schedule, such as Europe/Berlin."),
    Option("--grace", "grace", "TIME", "How late it may be."),
    Option("--tags", "tags", "LIST", "Its tags, with commas between."),
    Option("--strict", "strict", "", "Start nothing where the settings are wrong."),
)

_ABOUT = """Run a command under watch: report its start, its end, how long it took and what it printed.

The command runs as it would without: the same input, output, exit code or signal. A server that is away delays and
changes nothing; the report waits on this machine and goes out with the next one."""

_EPILOG = """TIME is 90, 90s, 15m or 1h30m. Without NS/, the job is of the namespace `default`.
Exit codes: those of the command; 124 timed out, 126 not executable, 127 not found, 75 skipped by --lock, 2 wrong usage.
The command sees CRONTOPUS_RUN_ID and CRONTOPUS_JOB, so `crontopus ping --log -m TEXT` in it belongs to this run."""


def usage() -> str:
    return help_text(
        "crontopus run [OPTIONS] -- COMMAND…\n       crontopus run [OPTIONS] -c LINE", _ABOUT, OPTIONS, _EPILOG
    )


def read(words: Sequence[str]) -> RunOptions:
    """Raises WrongUsage, or options.Help."""
    options = RunOptions()
    options.command = tuple(parse(words, OPTIONS, options))
    if options.shell_line:
        if options.command:
            raise WrongUsage("give a command or -c LINE, not both")
        options.command = (variable("SHELL") or "/bin/sh", "-c", options.shell_line)
    if not options.command or not options.command[0]:
        raise WrongUsage("there is no command: write it after --")
    _agree(options)
    return options


def _agree(options: RunOptions) -> None:
    if options.job and options.url:
        raise WrongUsage("give --job or --url, not both")
    if options.schedule and options.every:
        raise WrongUsage("give --schedule or --every, not both")
    told = next((name for name in ("schedule", "every", "tz", "grace", "tags") if getattr(options, name)), "")
    if told and not options.create:
        raise WrongUsage(f"--{told} is for a job that is made: add --create")
    if not (options.job or options.url):
        options.job = job_of_environment()
