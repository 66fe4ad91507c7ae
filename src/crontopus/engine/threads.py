"""Threads for what nobody waits for: of the lowest priority, so that pings go first."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

_LEAST = 19


def background(workers: int, name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, name, initializer=_stand_back)


def _stand_back() -> None:
    """On Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST)
