"""A file of this installation, for places from which nothing goes out: a JSON line for each message.

A line is on the disk before it counts as delivered. Who takes the file away is told everything by `id`: a line that
stands there twice has the same.
"""

import errno
import fcntl
import json
import os
import re
import stat
from pathlib import Path
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from msgspec import Meta, Struct

from crontopus.domain import text
from crontopus.notify.contract import Notice, Parcel
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain

TITLE = "Log file"
KEEPS = True
SECRETS: frozenset[str] = frozenset()

_NAME = r"^[a-z0-9_-]{1,64}$(?!\n)"
_MODE = 0o640
_NO_FOLDER = (
    "this installation writes no such files: whoever runs it can name a folder for them by the setting alert_log"
)


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """A file in the folder that whoever runs the installation has set aside."""

    name: Annotated[str, Meta(pattern=_NAME, description="The file's name, without its ending `.jsonl`.")]


async def send(settings: Settings, parcel: Parcel, folder: Path | None) -> Outcome:
    """`folder`: the operator's; None: there is none. Nobody else says anything of where a file stands."""
    if folder is None:
        return GiveUp(_NO_FOLDER, broken=True)
    if not re.search(_NAME, settings.name):
        return GiveUp("the name of the file may have small letters, digits, `_` and `-` only", broken=True)
    lines = "".join(f"{line(each)}\n" for each in parcel.notices).encode()
    try:
        await anyio.to_thread.run_sync(_append, folder, f"{settings.name}.jsonl", lines)
    except OSError as error:
        return TryAgain(f"{settings.name}.jsonl cannot be written: {_reason(error)}")
    return Delivered()


def line(notice: Notice) -> str:
    """All of a notice but what is of a channel alone and by what its reader could act, in one line in which nothing
    steers a terminal.
    """
    found: dict[str, Any] = msgspec.to_builtins(notice)
    del found["reference"], found["own"]
    found["links"] = [{"text": link.text, "url": link.url} for link in notice.links if not link.act]
    found["class"] = found.pop("cls")
    written = text.escaped(json.dumps(found, ensure_ascii=False, separators=(",", ":")))
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", written)


def _append(folder: Path, name: str, lines: bytes) -> None:
    """Where a line was torn off by a crash, the next one begins on a line of its own."""
    file = os.open(folder / name, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, _MODE)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        _write(file, b"\n" + lines if torn else lines)
        os.fsync(file)
        if size == 0:
            _sync(folder)
    finally:
        os.close(file)


def _write(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]


def _sync(folder: Path) -> None:
    """A new file is there after a power failure only if its folder is on the disk, too."""
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _reason(error: OSError) -> str:
    """Without the path: it is nobody's business who only gave a name."""
    if error.errno == errno.ENOENT:
        return "the folder for it is not there; whoever runs this installation can make it"
    if error.errno == errno.ELOOP:
        return "it is a link to another file, which is not followed"
    return error.strerror or type(error).__name__
