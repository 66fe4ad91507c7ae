"""The command: started, watched, given the signals meant for it, ended when its time is over.

Signals are blocked before it starts and then taken one by one (sigtimedwait), as is its end: so none arrives between
two lines, and a wait for the command is also a wait for a time. Loads little, since the command starts after it.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence
    from resource import struct_rusage
    from typing import Any
else:
    import _signal as signal  # what `signal` adds to it are names for numbers, by modules that take half of the start

TIMED_OUT, NOT_EXECUTABLE, NOT_FOUND = 124, 126, 127
FROM_TERMINAL = 0x80  # SI_KERNEL: the keyboard sent it to the whole foreground group
_MEANT_FOR_IT = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
_LONG = 86400.0


def interruptible() -> None:
    """Ctrl-C ends this program as it ends others: by the signal, not by an exception."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


class Signals:
    """The signals that are passed on, blocked here from now on. What was ignored stays so, for the command too."""

    def __init__(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        named = (getattr(signal, name) for name in _MEANT_FOR_IT)
        self.passed = frozenset(each for each in named if signal.getsignal(each) != signal.SIG_IGN)
        self.before = signal.pthread_sigmask(signal.SIG_BLOCK, {*self.passed, signal.SIGCHLD})
        self.ended_by: int | None = None

    def next(self, seconds: float) -> signal.struct_siginfo | None:
        """The next signal that arrives, or None after `seconds`. Remembers one that asks for an end."""
        arrived = signal.sigtimedwait({*self.passed, signal.SIGCHLD}, max(0.0, min(seconds, _LONG)))
        if arrived is not None and arrived.si_signo in _ENDING:
            self.ended_by = arrived.si_signo
        return arrived

    def pause(self, seconds: float) -> None:
        """Sleeps, unless a signal asks for an end."""
        until = time.monotonic() + seconds
        while self.ended_by is None and (left := until - time.monotonic()) > 0:
            self.next(left)

    def restore(self) -> None:
        """From here on a signal ends this program, as one ends any other. Those before were the command's."""
        while self.next(0) is not None:
            continue
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)


class Child:
    """A started command. `alone`: it leads a process group of its own, so that signals reach its children too; at a
    terminal it stays in ours, or it could not read from it."""

    def __init__(
        self, command: tuple[str, ...], environment: dict[str, str], signals: Signals, fds: Sequence[int]
    ) -> None:
        self.alone = not os.isatty(0)
        self.began = time.monotonic()
        out, err = fds
        group: dict[str, Any] = {"setpgroup": 0} if self.alone else {}
        self.pid = os.posix_spawnp(
            command[0],
            command,
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)],
            setsigmask=signals.before,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            **group,
        )

    def send(self, number: int) -> None:
        """To the whole group where it has its own. What has ended is not there to be told."""
        try:
            (os.killpg if self.alone else os.kill)(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def ended(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def reap(self) -> tuple[int, struct_rusage]:
        """The wait status and what it used."""
        _, status, used = os.wait4(self.pid, 0)
        return status, used


class Ending:
    """How it ended. `code` is what we exit with, unless `signal` ended it. `used`: None where it never ran."""

    def __init__(self, status: int, used: struct_rusage | None, seconds: float, timed_out: bool = False) -> None:
        code = os.waitstatus_to_exitcode(status)
        self.signal = -code if code < 0 and not timed_out else None
        self.code = TIMED_OUT if timed_out else code if code >= 0 else 128 - code
        self.used, self.seconds, self.timed_out = used, seconds, timed_out

    @classmethod
    def never_ran(cls, code: int) -> Ending:
        return cls(code << 8, None, 0.0)


def start(command: tuple[str, ...], environment: dict[str, str], signals: Signals, fds: Sequence[int]) -> Child:
    """Raises OSError. A file that begins with nothing the system knows is a script for sh, as execvp(3) has it."""
    try:
        return Child(command, environment, signals, fds)
    except OSError as error:
        if error.errno != 8:  # ENOEXEC
            raise
        return Child(("/bin/sh", *command), environment, signals, fds)


def code_of(error: OSError) -> int:
    """The exit code a shell has for a command that cannot be started."""
    return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


def wait(child: Child, signals: Signals, timeout: float | None, kill_after: float) -> Ending:
    """Until it ends: passes signals on; after `timeout` seconds ends it, its whole group at last by SIGKILL."""
    due = None if timeout is None else child.began + timeout
    timed_out = False
    while not child.ended():
        arrived = signals.next(_LONG if due is None else due - time.monotonic())
        if arrived is not None:
            _pass_on(arrived, child)
        elif due is not None and time.monotonic() >= due:
            child.send(signal.SIGKILL if timed_out else signal.SIGTERM)
            due = None if timed_out else time.monotonic() + kill_after
            timed_out = True
    seconds = time.monotonic() - child.began
    if timed_out:
        child.send(signal.SIGKILL)  # what it left behind; its number is not free before it is reaped
    status, used = child.reap()
    return Ending(status, used, seconds, timed_out)


def _pass_on(arrived: signal.struct_siginfo, child: Child) -> None:
    has_it = arrived.si_code == FROM_TERMINAL and not child.alone
    if arrived.si_signo != signal.SIGCHLD and not has_it:
        child.send(arrived.si_signo)


def die_of(number: int) -> None:
    """Ends this program by the signal that ended the command, without a core of its own. Returns where it cannot."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
