"""What `crontopus run` reports: where to, of which run, and what became of it."""

from __future__ import annotations

import sys
import time

from crontopus.cli.report import instant, written
from crontopus.cli.reporter import Reporter, Servers, Task
from crontopus.cli.spool import open_spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from crontopus.cli.destination import Destination
    from crontopus.cli.report import Report
    from crontopus.cli.run_child import Ending
    from crontopus.cli.run_options import RunOptions
    from crontopus.cli.run_output import Kept
    from crontopus.cli.spool import Entry, Spool

START_TRIES, START_SECONDS = 1, 2.0
END_TRIES, END_SECONDS = 3, 10.0


class Reporting:
    """Reports one run. The network is somebody else's thread: nothing here waits for it but `close`."""

    def __init__(self, options: RunOptions, run_id: str, destination: Destination, started: int, kept: Kept) -> None:
        self._options, self._run_id, self._destination, self._started = options, run_id, destination, started
        self._kept = kept
        self._began = time.monotonic()
        self._told: list[str] = []
        self._spool = _spool(self._told.append)
        self._reporter = Reporter(Servers(destination.server), self._spool, self._told.append)
        self._reporter.start()

    def start(self) -> None:
        self._reporter.send(
            Task(self._written("start", occurred_at=instant(self._started)), START_TRIES, START_SECONDS)
        )

    def skipped(self) -> None:
        self._send_last(self._written("skipped"))

    def tried(self, attempt: int, said: str) -> None:
        """A try that failed and is not the last: a note, so that it alarms nobody."""
        note = self._written("log", attempt=attempt, output={"head": said, "tail": "", "dropped_bytes": 0})
        self._reporter.send(Task(note, START_TRIES, START_SECONDS))

    def end(self, ending: Ending, attempt: int, *, success: bool) -> None:
        self._send_last(
            self._written(
                "success" if success else "fail",
                exit_code=ending.code if ending.signal is None else None,
                signal=ending.signal,
                started_at=instant(self._started),
                duration=round(time.monotonic() - self._began, 3),
                output=None if self._options.no_output else self._output(),
                metrics=dict(self._options.metrics),
                rusage=_used(ending),
                attempt=attempt,
            )
        )

    def close(self) -> list[str]:
        """Waits for what is on its way, for a bounded time; returns what a person should be told."""
        self._reporter.finish(START_SECONDS + END_SECONDS)
        return self._told

    def _written(self, kind: str, **said: Any) -> Report:
        return written(self._destination.address, kind, self._run_id, env=self._options.env, **said)

    def _send_last(self, report: Report) -> None:
        """Kept before it is sent: whatever ends this program now, the report goes out."""
        entry: Entry | None = None
        if self._spool is not None:
            try:
                entry = self._spool.add(report)
            except OSError as error:
                self._told.append(f"the spool cannot be written: {error.strerror}")
        self._reporter.send(Task(report, END_TRIES, END_SECONDS, entry))

    def _output(self) -> dict[str, Any]:
        from crontopus.cli.run_redact import redacted

        head, tail, dropped = self._kept.taken()
        parts = (head, tail) if dropped else (head + tail, b"")
        first, last = (
            redacted(part.decode(errors="replace"), self._options.redact, self._destination.secrets) for part in parts
        )
        return {"head": first, "tail": last, "dropped_bytes": dropped}


def _spool(tell: Callable[[str], None]) -> Spool | None:
    try:
        return open_spool()
    except OSError as error:
        tell(f"there is no spool for reports: {error.strerror or error}")
        return None


def _used(ending: Ending) -> dict[str, float]:
    """Of the command and the children it waited for; on Linux `ru_maxrss` is in KiB, on macOS in bytes."""
    if ending.used is None:
        return {}
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "user_seconds": round(ending.used.ru_utime, 3),
        "system_seconds": round(ending.used.ru_stime, 3),
        "max_rss_bytes": float(ending.used.ru_maxrss * unit),
    }
