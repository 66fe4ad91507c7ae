"""Where the client keeps what it must not lose: in the user's state folder, readable by nobody else."""

import os
import stat
from pathlib import Path

from crontopus.cli.environment import variable


def private_folder(name: str) -> Path:
    """The folder `name`, made where it is missing: in the user's state folder; without a home, in /var/tmp.

    Raises OSError where neither can be written, or the second belongs to somebody else.
    """
    try:
        return _made(_state_folder() / name)
    except OSError:
        common = Path("/var/tmp") / f"crontopus-{os.getuid()}"  # noqa: S108 - its owner and mode are checked
        return _made(_mine(_made(common)) / name)


def _state_folder() -> Path:
    """As platformdirs has it on Linux, without the time that takes to load: these folders are of `run` and `ping`."""
    chosen = variable("XDG_STATE_HOME")
    return Path(chosen if os.path.isabs(chosen) else os.path.expanduser("~/.local/state")) / "crontopus"


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} cannot be written")
    return folder


def _mine(folder: Path) -> Path:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not private to this user")
    return folder
