"""Reports on their way: in the background and in order, kept where the server is away, and those that wait after them.

What waits goes out after what is new: so an old failure alarms nobody before the run that mends it is known.
"""

from __future__ import annotations

import time
from queue import SimpleQueue
from threading import Thread

from crontopus.cli.delivery import Away, Delivered, Refused
from crontopus.cli.lazily import any_error
from crontopus.cli.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from crontopus.cli.delivery import Outcome, Server
    from crontopus.cli.report import Address, Report
    from crontopus.cli.spool import Entry, Spool

    FindServer = Callable[[Address], Server]
    """Raises CrontopusError where no token for it is known."""

DELAYS_SECONDS = (0.2, 0.8)
"""Between three tries of one report."""
AFTERWARDS_SECONDS = 3.0
"""So long, at the end of a run, what waits from earlier ones may take."""
ONE_TRY_SECONDS = 5.0

REFUSED = "the server refused the report"
WAITS = "the report waits here, and goes out with a later one"


class Servers:
    """The servers in use, each once, with its connection."""

    def __init__(self, find: FindServer) -> None:
        self._find = find
        self._known: dict[str, Server] = {}

    def deliver(self, report: Report, timeout_seconds: float) -> Outcome:
        url = report.address.url
        if url not in self._known:
            try:
                self._known[url] = self._find(report.address)
            except any_error() as error:
                return Away(str(error))
        return self._known[url].deliver(report, timeout_seconds)

    def close(self) -> None:
        for server in self._known.values():
            server.close()


class Flushed(Record):
    """What became of the reports that waited. `reasons`: why servers were away; `refusals`: what they did not want."""

    delivered: int
    refusals: tuple[str, ...]
    waiting: int
    reasons: tuple[str, ...]


def flush(spool: Spool, servers: Servers, proceed: Callable[[], bool] = lambda: True) -> Flushed:
    """Deliver what waits, oldest first, as long as `proceed` says so; of a server that is away, nothing more."""
    delivered = 0
    refusals: list[str] = []
    reasons: dict[str, str] = {}
    with spool.in_turn() as mine:
        for path in spool.waiting() if mine else ():
            entry = spool.claim(path) if proceed() else None
            if entry is None:
                continue
            outcome = _delivered_from(entry, servers, reasons)
            delivered += isinstance(outcome, Delivered)
            refusals += [outcome.reason] if isinstance(outcome, Refused) else []
    if delivered or refusals:
        servers.close()
    return Flushed(delivered, tuple(refusals), len(spool.waiting()), tuple(dict.fromkeys(reasons.values())))


def _delivered_from(entry: Entry, servers: Servers, away: dict[str, str]) -> Outcome:
    """Adds to `away` the server that is, with the reason."""
    try:
        report = entry.read()
    except (OSError, ValueError) as error:
        entry.remove()
        return Refused(f"{entry.path.name} is no report: {error}", 400)
    key = report.address.url
    outcome = Away(away[key]) if key in away else servers.deliver(report, ONE_TRY_SECONDS)
    if isinstance(outcome, Away):
        away[key] = outcome.reason
        entry.leave()
    else:
        entry.remove()
    return outcome


class Task(Record):
    """A report to deliver with so many tries within so many seconds. `entry`: it stands in the spool already."""

    report: Report
    tries: int
    seconds: float
    entry: Entry | None = None


def attempted(servers: Servers, task: Task) -> Outcome:
    """What became of it at the last try."""
    until = time.monotonic() + task.seconds
    outcome: Outcome = Away("there was no time")
    for delay in (*DELAYS_SECONDS[: task.tries - 1], None):
        outcome = servers.deliver(task.report, min(ONE_TRY_SECONDS, max(0.1, until - time.monotonic())))
        if not isinstance(outcome, Away) or delay is None:
            break
        pause = max(delay, outcome.wait_seconds)
        if time.monotonic() + pause >= until:
            break
        time.sleep(pause)
    return outcome


def keep(spool: Spool | None, task: Task) -> str:
    """Keeps the report for later. Returns why it is lost; empty where it is not."""
    if spool is None:
        return "the report is lost"
    try:
        (task.entry or spool.add(task.report)).leave()
    except OSError as error:
        return f"the report is lost, since it cannot be kept: {error.strerror}"
    return ""


class Reporter(Thread):
    """Delivers what it is given. `tell` gets a sentence where a report is refused, lost or kept for later."""

    def __init__(self, servers: Servers, spool: Spool | None, tell: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self._servers, self._spool, self._tell = servers, spool, tell
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._reached = False
        self._refusal = ""
        self._first = spool is None or not spool.waiting()

    def send(self, task: Task) -> None:
        self._tasks.put(task)

    def finish(self, within_seconds: float) -> None:
        """Nothing more will come. Waits until all is delivered or kept, but not longer than that."""
        self._tasks.put(None)
        self.join(within_seconds)

    def run(self) -> None:
        while (task := self._tasks.get()) is not None:
            if isinstance(self._settled(task), Delivered) and self._tasks.empty():
                self._flush(self._tasks.empty)
        until = time.monotonic() + AFTERWARDS_SECONDS
        if self._reached:
            self._flush(lambda: time.monotonic() < until)

    def _flush(self, proceed: Callable[[], bool]) -> None:
        if self._spool is not None:
            for reason in flush(self._spool, self._servers, proceed).refusals:
                self._tell(f"a report that waited was refused: {reason}")

    def _settled(self, task: Task) -> Outcome:
        outcome = attempted(self._servers, task)
        self._reached = isinstance(outcome, Delivered)
        if isinstance(outcome, Away):
            self._keep(task, outcome)
        elif task.entry is not None:
            task.entry.remove()
        if isinstance(outcome, Refused) and outcome.reason != self._refusal:
            self._refusal = outcome.reason  # the end of a run is refused for the same reason as its start
            self._tell(f"{REFUSED}: {outcome.reason}")
        return outcome

    def _keep(self, task: Task, away: Away) -> None:
        """Of a server that is away it is told once, not with each report that joins those that wait."""
        lost = keep(self._spool, task)
        if lost or self._first:
            self._tell(f"{away.reason}; {lost or WAITS}")
        self._first = False
