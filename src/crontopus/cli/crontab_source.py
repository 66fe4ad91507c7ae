"""Where a crontab is read from and written back to: the person's own, by crontab(1), or a file.

Bytes in, bytes out. Nothing is written that has not been backed up, or where somebody else wrote meanwhile.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import platformdirs

from crontopus.domain.errors import Conflict, CrontopusError, Invalid, NotFound


class Source(NamedTuple):
    """`write` None: it cannot be written back. `system`: its lines have a user column."""

    name: str
    system: bool
    read: Callable[[], bytes]
    write: Callable[[bytes], None] | None


def source(file: str | None, system: bool | None) -> Source:
    """`file` None: the person's own crontab; `-`: standard input. `system` None: as its place tells."""
    if file is None:
        return Source("your crontab", bool(system), _own, _install)
    if file == "-":
        return Source("standard input", bool(system), sys.stdin.buffer.read, None)
    path = Path(file).resolve()
    its_place = path == Path("/etc/crontab") or path.parent == Path("/etc/cron.d")
    return Source(
        str(path), its_place if system is None else system, lambda: _bytes(path), lambda text: _replace(path, text)
    )


def writer(of: Source) -> Callable[[bytes], None]:
    """Raises Invalid where it cannot be written back."""
    if of.write is None:
        raise Invalid(f"{of.name} cannot be written back: name a file")
    return of.write


def replace(of: Source, before: bytes, after: bytes) -> Path:
    """Writes `after` where still `before` stands, and returns the backup of `before`. Raises Conflict otherwise."""
    write = writer(of)
    if of.read() != before:
        raise Conflict(f"{of.name} was changed by somebody else meanwhile: nothing was written")
    kept = _backup(before, Path(of.name).name.replace(" ", "-"))
    write(after)
    return kept


def _own() -> bytes:
    listed = _crontab(["-l"])
    if listed.returncode:
        raise NotFound(listed.stderr.decode(errors="replace").strip() or "you have no crontab")
    return listed.stdout


def _install(text: bytes) -> None:
    installed = _crontab(["-"], text)
    if installed.returncode:
        raise CrontopusError(f"crontab refused it: {installed.stderr.decode(errors='replace').strip()}")


def _crontab(arguments: list[str], text: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(["crontab", *arguments], input=text, capture_output=True)  # noqa: S603, S607 - theirs
    except FileNotFoundError:
        raise NotFound("there is no program `crontab` here: name a file") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error


def _replace(path: Path, text: bytes) -> None:
    """At once or not at all, with owner and mode as they were. cron does not look into folders."""
    try:
        was = path.stat()
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            written = Path(folder) / path.name
            written.write_bytes(text)
            os.chown(written, was.st_uid, was.st_gid)
            written.chmod(was.st_mode & 0o7777)
            written.replace(path)
    except OSError as error:
        raise CrontopusError(f"{path} cannot be written: {error.strerror}") from error


def _backup(text: bytes, name: str) -> Path:
    """Apart from cron's folders, where some crons would run a copy; for its owner alone, as commands hold secrets."""
    folder = platformdirs.user_state_path("crontopus") / "crontabs"
    now = datetime.now(UTC)  # noqa: TID251 - the backup is named after this moment
    path = folder / f"{name}-{now:%Y%m%dT%H%M%S%fZ}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
            os.fsync(file.fileno())
    except OSError as error:
        raise CrontopusError(f"no backup at {path}, so nothing was written: {error.strerror}") from error
    return path
