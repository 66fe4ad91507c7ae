"""`crontopus run`: a command under watch. It starts first; only then is loaded what reports it.

Nothing of the network delays it or changes how it ends.
"""

from __future__ import annotations

import os
import sys
import time

from crontopus.cli.environment import for_child, variable
from crontopus.cli.options import USAGE, Help, WrongUsage, refuse
from crontopus.cli.run_child import Ending, Signals, code_of, die_of, interruptible, start, wait
from crontopus.cli.run_options import WAIT, RunOptions, read, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from crontopus.cli.destination import Destination
    from crontopus.cli.run_output import Output
    from crontopus.cli.run_reporting import Reporting

SKIPPED = 75


def main(words: list[str]) -> int:
    """The exit code; or no return, where a signal ended the command: then it ends this program, too."""
    interruptible()
    _open_standard_streams()
    try:
        options = read(words)
    except Help:
        sys.stdout.write(usage())
        return 0
    except WrongUsage as error:
        return refuse("run", error)
    if options.strict and (trouble := _trouble(options)):
        say(f"nothing was started: {trouble}")
        return USAGE
    ending = Run(options).ending()
    if ending.signal is not None:
        die_of(ending.signal)
    return ending.code


class Run:
    """One run of the command, in one attempt or several."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self._id = new_run_id()
        self._output: Output | None = None
        self._reporting: Reporting | None = None
        self._told: list[str] = []

    def ending(self) -> Ending:
        if self._options.nice:
            os.nice(self._options.nice)
        if self._options.jitter:
            time.sleep(self._options.jitter * int.from_bytes(os.urandom(4), "big") / 2**32)
        if self._options.lock and not self._locked():
            return self._skipped()
        signals = Signals()
        ending, success = self._attempts(signals)
        signals.restore()
        self._close(quietly=self._options.quiet and success)
        return ending

    def _attempts(self, signals: Signals) -> tuple[Ending, bool]:
        """The last attempt's ending, and whether the run is a success."""
        tries = self._options.retries + 1
        for attempt in range(1, tries + 1):
            ending = self._attempt(signals)
            failure = self._failure(ending)
            if not failure or attempt == tries or ending.used is None or signals.ended_by is not None:
                break
            said = f"attempt {attempt} of {tries}: {failure}; again in {self._options.retry_delay:g} s"
            self._note(said)
            if self._reporting is not None:
                self._reporting.tried(attempt, said)
            signals.pause(self._options.retry_delay)
        if failure and (ending.timed_out or ending.code in self._options.success_codes):
            self._note(failure)
        if failure and self._output is not None:
            self._output.release()
        if self._reporting is not None:
            self._reporting.end(ending, attempt, success=not failure)
        return ending, not failure

    def _attempt(self, signals: Signals) -> Ending:
        pipes = [os.pipe() for _ in range(1 if _streams_are_one() else 2)]
        started = time.time_ns()
        try:
            child = start(self._options.command, self._environment(), signals, (pipes[0][1], pipes[-1][1]))
        except OSError as error:
            self._prepare(started)
            self._note(f"{self._options.command[0]} cannot be started: {error.strerror}")
            return Ending.never_ran(code_of(error))
        finally:
            for _, written in pipes:
                os.close(written)
        output = self._prepare(started)
        output.carry([(pipe, fd) for (pipe, _), fd in zip(pipes, (1, 2), strict=False)])
        ending = wait(child, signals, self._options.timeout, self._options.kill_after)
        output.settle()
        return ending

    def _prepare(self, started: int) -> Output:
        """What an attempt needs besides the command, which runs meanwhile; the first one's start is reported."""
        from crontopus.cli.run_output import Output

        if self._output is None:
            self._output = Output(self._options.quiet, self._options.fail_if_output)
            self._reporting = self._reported(started)
            if self._reporting is not None:
                self._reporting.start()
        return self._output

    def _reported(self, started: int) -> Reporting | None:
        """None, and a sentence to tell, where it is not known where to."""
        from crontopus.cli.lazily import any_error
        from crontopus.cli.run_output import Kept
        from crontopus.cli.run_reporting import Reporting

        kept = self._output.kept if self._output is not None else Kept()
        try:
            return Reporting(self._options, self._id, _destination(self._options), started, kept)
        except any_error() as error:
            self._told.append(f"this run is not reported: {error}")
            return None

    def _failure(self, ending: Ending) -> str:
        """Why it is no success; empty where it is one."""
        options = self._options
        if ending.timed_out:
            return f"timed out after {options.timeout:g} s"
        if ending.signal is not None:
            return f"ended by signal {ending.signal}"
        if ending.code not in options.success_codes:
            return f"exit code {ending.code}"
        if ending.seconds < options.min_duration:
            return f"a failure, since it took {ending.seconds:.1f} s and not {options.min_duration:g} s"
        if self._output is not None and self._output.matched:
            return "a failure, since its output has a line like --fail-if-output"
        return ""

    def _environment(self) -> dict[str, str]:
        job = {"CRONTOPUS_JOB": self._options.job} if self._options.job else {}
        return for_child(CRONTOPUS_RUN_ID=self._id, **job)

    def _locked(self) -> bool:
        from crontopus.cli.run_lock import hold

        options = self._options
        name = options.job or options.url or variable("CRONTOPUS_PING_URL") or "\0".join(options.command)
        try:
            return hold(name, wait=options.lock == WAIT) is not None
        except OSError as error:
            say(f"there is no lock, and it runs without: {error.strerror or error}")
            return True

    def _skipped(self) -> Ending:
        say("skipped: the run before is not over")
        self._reporting = self._reported(time.time_ns())
        if self._reporting is not None:
            self._reporting.skipped()
        self._close(quietly=False)
        return Ending.never_ran(SKIPPED)

    def _note(self, text: str) -> None:
        """For a person, on stderr and in the report."""
        if self._output is not None:
            self._output.note(text)

    def _close(self, *, quietly: bool) -> None:
        if self._reporting is not None:
            self._told += self._reporting.close()
        for sentence in () if quietly else self._told:
            say(sentence)


def say(sentence: str) -> None:
    """On stderr, where there is one."""
    try:
        os.write(2, f"crontopus: {sentence}\n".encode(errors="replace"))
    except OSError:
        return


def new_run_id() -> str:
    """A UUID of version 7: by it a repeated report is known."""
    random = os.urandom(10).hex()
    digits = f"{time.time_ns() // 1_000_000:012x}7{random[:3]}{'89ab'[int(random[3], 16) % 4]}{random[4:19]}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _destination(options: RunOptions) -> Destination:
    from crontopus.cli.destination import destination

    return destination(options.job, options.url, options.context, options.creation)


def _trouble(options: RunOptions) -> str:
    """What is wrong with the settings, for --strict."""
    from crontopus.cli.lazily import any_error

    try:
        _destination(options)
    except any_error() as error:
        return str(error)
    return ""


def _open_standard_streams() -> None:
    """Closed ones are opened on /dev/null: else a pipe would get their number."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _streams_are_one() -> bool:
    """Whether our stdout and stderr are the same file or pipe: then one pipe keeps the order of what is printed."""
    return os.path.samestat(os.fstat(1), os.fstat(2))
