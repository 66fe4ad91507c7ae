"""Never two at once: a lock held while a run lasts, and freed by the system however it ends."""

from __future__ import annotations

import fcntl
import os
from hashlib import sha256

from crontopus.cli.places import private_folder


def hold(name: str, *, wait: bool) -> int | None:
    """The lock of `name` on this machine, for this user, until this program ends; None where another holds it.

    It is not inherited: a daemon that a command leaves behind would hold it for ever. Raises OSError.
    """
    file = private_folder("locks") / sha256(name.encode(errors="surrogateescape")).hexdigest()[:32]
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
