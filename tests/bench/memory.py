"""What the server holds in memory."""

from pathlib import Path

from tests.served import Served


def rss_mib(server: Served) -> float:
    """The most it ever held (VmHWM of Linux's proc(5))."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) / 1024
