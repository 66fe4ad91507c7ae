"""Names under which browsers reach a server, which of them never leave the machine, and what is a path of its own."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit


def name_of(host: str) -> str:
    """Of a `Host` header, without port and brackets, in lower case; empty where it is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_address(name) and ip_address(name).is_loopback


def is_known(name: str, own: Iterable[str]) -> bool:
    """An address needs no name: whoever opens `http://192.168.1.5:8000` has typed it. A name must be one of `own`, in
    which `*.example.com` stands for all below it: another's name may lead here at any time, and its pages would then
    count as ours.
    """
    if _is_address(name) or is_loopback(name):
        return True
    return any(name == one or (one.startswith("*.") and name.endswith(one[1:])) for one in map(str.lower, own))


def path_here(wanted: str, otherwise: str = "/jobs") -> str:
    """`wanted` where it is a path of this site, else `otherwise`: nobody is sent elsewhere after signing in."""
    starts_here = wanted.startswith("/") and wanted[1:2] not in ("/", "\\")
    return wanted if starts_here and wanted.isprintable() and wanted.isascii() else otherwise


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
