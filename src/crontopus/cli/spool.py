"""Reports that wait on this machine for a server that was away: one private file each, in order of their making.

A report is written whole or not at all. Whoever is delivering one holds a lock on its file, which the system frees
however that ends; so no report is sent by two at once, and none is forgotten. Kept are at most 50 MB and 7 days: the
oldest starts and notes go first, then the oldest successes, failures last.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crontopus.cli.environment import variable
from crontopus.cli.places import private_folder
from crontopus.cli.report import Report, packed, unpacked

MOST_BYTES = 50_000_000
MOST_SECONDS = 7 * 86400
_SUFFIX = ".report"
_GO_LAST = {"fail": 2, "success": 1, "skipped": 1, "exit": 1}


class Entry:
    """A report in the spool that this program, and no other, may deliver now."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    def read(self) -> Report:
        """Raises ValueError where the file is no report."""
        return unpacked(self.path.read_bytes())

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.leave()

    def leave(self) -> None:
        """Lets it wait, safe from a loss of power."""
        with suppress(OSError):
            os.fsync(self._lock)
        os.close(self._lock)


class Spool:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, report: Report) -> Entry:
        """Raises OSError where it cannot be written; then nothing is left of it."""
        self._prune()
        name = f"{report.made:020d}-{os.getpid()}-{report.kind}{_SUFFIX}"
        draft = self.folder / f".{name}"
        lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with os.fdopen(os.dup(lock), "wb") as file:
                file.write(packed(report))
            draft.rename(self.folder / name)
        except BaseException:
            draft.unlink(missing_ok=True)
            os.close(lock)
            raise
        return Entry(self.folder / name, lock)

    def waiting(self) -> list[Path]:
        """Oldest first."""
        return sorted(self.folder.glob(f"[0-9]*{_SUFFIX}"))

    def claim(self, path: Path) -> Entry | None:
        """None where it is gone, or another program is delivering it."""
        try:
            lock = os.open(path, os.O_RDWR)
        except OSError:
            return None
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_nlink:
                return Entry(path, lock)
        os.close(lock)
        return None

    @contextmanager
    def in_turn(self) -> Iterator[bool]:
        """Whether nobody else is delivering what waits, so that it goes out in order."""
        lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(lock)

    def _prune(self) -> None:
        """Of what is too old or too much, and of drafts whose writers were killed."""
        oldest = f"{time.time_ns() - MOST_SECONDS * 10**9:020d}"
        for draft in self.folder.glob(f".[0-9]*{_SUFFIX}"):
            if draft.name[1:] < oldest:
                draft.unlink(missing_ok=True)
        kept: list[tuple[int, str, int]] = []
        for path in self.waiting():
            with suppress(OSError):
                if path.name < oldest:
                    path.unlink()
                else:
                    kept.append((_GO_LAST.get(path.stem.rpartition("-")[2], 0), path.name, path.stat().st_size))
        excess = sum(size for _, _, size in kept) - MOST_BYTES
        for _, name, size in sorted(kept):
            if excess <= 0:
                return
            (self.folder / name).unlink(missing_ok=True)
            excess -= size


def open_spool() -> Spool:
    """Of CRONTOPUS_SPOOL, else of this user. Raises OSError where there is none and none can be made."""
    chosen = variable("CRONTOPUS_SPOOL")
    if not chosen:
        return Spool(private_folder("spool"))
    folder = Path(chosen)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Spool(folder)
