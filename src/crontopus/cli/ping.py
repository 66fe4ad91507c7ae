"""`crontopus ping`: one check-in of a job; it waits on this machine while the server is away."""

from __future__ import annotations

import os
import sys
import time

from crontopus.cli.delivery import Away, Refused
from crontopus.cli.destination import destination
from crontopus.cli.environment import variable
from crontopus.cli.lazily import any_error
from crontopus.cli.options import (
    USAGE,
    Help,
    Option,
    WrongUsage,
    help_text,
    job,
    job_of_environment,
    metric,
    parse,
    ping_url,
    refuse,
    whole,
)
from crontopus.cli.report import written
from crontopus.cli.reporter import AFTERWARDS_SECONDS, REFUSED, WAITS, Servers, Task, attempted, flush, keep
from crontopus.cli.run_output import CHUNK_BYTES, Kept
from crontopus.cli.run_redact import redacted
from crontopus.cli.spool import open_spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from crontopus.cli.destination import Destination
    from crontopus.cli.spool import Spool

TRIES, SECONDS = 3, 10.0
ERROR, NOT_FOUND, NOT_ALLOWED, UNREACHABLE = 1, 3, 4, 69
_CODES = {404: NOT_FOUND, 401: NOT_ALLOWED, 403: NOT_ALLOWED}
_KINDS = ("start", "success", "fail", "log", "skipped")


class PingOptions:
    job = ""
    url = ""
    context = ""
    kinds: list[str] = []  # noqa: RUF012 - replaced, never changed
    exit_code: int | None = None
    run_id = ""
    message: str | None = None
    env = ""
    metrics: list[tuple[str, float]] = []  # noqa: RUF012 - likewise
    no_spool = False


def run_id(text: str) -> str:
    """A UUID as it is usually written. Raises ValueError."""
    if [len(part) for part in text.split("-")] != [8, 4, 4, 4, 12] or text.strip("0123456789abcdefABCDEF-"):
        raise ValueError(f"{text!r} is not a UUID such as 0190a5c2-5b1e-7c3f-8a4d-2f1e6b7c8d90")
    return text.lower()


OPTIONS = (
    Option("--job", "job", "NS/SLUG", "The job. Else CRONTOPUS_JOB, as `crontopus run` sets it for its command.", job),
    Option(
        "--url", "url", "URL", "A ping URL in place of --job. Better: CRONTOPUS_PING_URL, which `ps` hides.", ping_url
    ),
    Option("--context", "context", "NAME", "The server of this context, for --job."),
    Option("--start", "kinds", "", "A run has started.", bare="start"),
    Option("--success", "kinds", "", "It has succeeded. This is meant without another word.", bare="success"),
    Option("--fail", "kinds", "", "It has failed.", bare="fail"),
    Option("--log", "kinds", "", "A note that changes nothing.", bare="log"),
    Option("--skipped", "kinds", "", "A run was due and left out on purpose.", bare="skipped"),
    Option(
        "--exit", "exit_code", "N", "It ended with this exit code: 0 is a success.", lambda text: whole(text, 0, 255)
    ),
    Option("--rid", "run_id", "UUID", "The run it is about. Else CRONTOPUS_RUN_ID, inside `crontopus run`.", run_id),
    Option("-m --message", "message", "TEXT", "What to keep with it; - reads standard input."),
    Option("--metric", "metrics", "NAME=NUMBER", "A number to keep with the run. Repeatable.", metric),
    Option("--env", "env", "NAME", "Where it runs: production, staging."),
    Option("--no-spool", "no_spool", "", "Exit with 69 while the server is away, in place of keeping the report."),
)

_ABOUT = "Report one check-in of a job."
_EPILOG = """Exit codes: 0 delivered, or kept until the server is back; 1 refused, 2 wrong usage, 3 no such job,
4 not allowed, 69 neither delivered nor kept."""


def main(words: list[str]) -> int:
    try:
        options = read(words)
    except Help:
        sys.stdout.write(help_text("crontopus ping [OPTIONS]", _ABOUT, OPTIONS, _EPILOG))
        return 0
    except WrongUsage as error:
        return refuse("ping", error)
    try:
        return report(options, destination(options.job, options.url, options.context, {}))
    except any_error() as error:
        return _say(str(error), USAGE)


def read(words: list[str]) -> PingOptions:
    """Raises WrongUsage, or options.Help."""
    options = PingOptions()
    rest = parse(words, OPTIONS, options)
    if rest:
        raise WrongUsage(f"{rest[0]!r} is not understood: everything is said by options")
    if len(options.kinds) + (options.exit_code is not None) > 1:
        raise WrongUsage(f"choose one of {', '.join(f'--{kind}' for kind in _KINDS)} and --exit")
    if options.job and options.url:
        raise WrongUsage("give --job or --url, not both")
    if not options.run_id and _is_of_this_run(options):
        options.run_id = variable("CRONTOPUS_RUN_ID")
    if not (options.job or options.url):
        options.job = job_of_environment()
    return options


def report(options: PingOptions, to: Destination) -> int:
    kind = "exit" if options.exit_code is not None else (options.kinds or ["success"])[0]
    made = written(
        to.address,
        kind,
        options.run_id,
        exit_code=options.exit_code,
        output=_output(options.message, to.secrets),
        metrics=dict(options.metrics),
        env=options.env,
    )
    servers, spool = Servers(to.server), None if options.no_spool else _spool()
    task = Task(made, TRIES, SECONDS)
    outcome = attempted(servers, task)
    if isinstance(outcome, Away):
        lost = keep(spool, task)
        return _say(f"{outcome.reason}; {lost or WAITS}", UNREACHABLE if lost else 0)
    if spool is not None:
        until = time.monotonic() + AFTERWARDS_SECONDS
        flush(spool, servers, lambda: time.monotonic() < until)
    if isinstance(outcome, Refused):
        return _say(f"{REFUSED}: {outcome.reason}", _CODES.get(outcome.status, ERROR))
    return 0


def _is_of_this_run(options: PingOptions) -> bool:
    """Whether it is about the job whose run this is called in."""
    return not options.url and options.job in ("", job_of_environment())


def _output(message: str | None, secrets: tuple[str, ...]) -> dict[str, Any] | None:
    if message is None:
        return None
    kept = Kept()
    if message == "-":
        while chunk := os.read(0, CHUNK_BYTES):
            kept.add(chunk)
    else:
        kept.add(message.encode(errors="replace"))
    head, tail, dropped = kept.taken()
    first, last = (redacted(part.decode(errors="replace"), (), secrets) for part in (head, tail))
    return {"head": first, "tail": last, "dropped_bytes": dropped}


def _spool() -> Spool | None:
    try:
        return open_spool()
    except OSError:
        return None


def _say(sentence: str, code: int) -> int:
    if sentence:
        sys.stderr.write(f"crontopus: {sentence}\n")
    return code
