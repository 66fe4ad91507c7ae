"""Tells systemd how the service is (sd_notify(3)); says nothing where nobody listens."""

import socket

from crontopus.config import notify_socket


def tell(state: str) -> None:
    address = notify_socket()
    if address is None:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.connect("\0" + address[1:] if address.startswith("@") else address)
        opened.sendall(state.encode())


async def alive() -> bool:
    """A step of a loop: the watchdog hears that loops run."""
    tell("WATCHDOG=1")
    return False
