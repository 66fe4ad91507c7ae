"""The proxy that the environment names: http_proxy, https_proxy, all_proxy and no_proxy, read as curl does."""

from __future__ import annotations

from crontopus.cli.environment import variable
from crontopus.cli.record import Record


class Proxy(Record):
    host: str
    port: int
    headers: dict[str, str]


def proxy_for(scheme: str, host: str) -> Proxy | None:
    """None: straight. HTTP_PROXY in capitals is not believed, since a web server lets its visitors set it."""
    named = variable(f"{scheme}_proxy") or (variable("HTTPS_PROXY") if scheme == "https" else "")
    named = named or variable("all_proxy") or variable("ALL_PROXY")
    if not named or _is_excepted(host, variable("no_proxy") or variable("NO_PROXY")):
        return None
    from urllib.parse import urlsplit

    parts = urlsplit(named if "://" in named else f"http://{named}")
    if parts.scheme != "http" or not parts.hostname:
        raise OSError(f"the proxy that the environment names is not one of http: {parts.scheme}://{parts.hostname}")
    return Proxy(parts.hostname, parts.port or 3128, _credentials(parts.username, parts.password))


def _credentials(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    from base64 import b64encode
    from urllib.parse import unquote

    both = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {b64encode(both).decode()}"}


def _is_excepted(host: str, exceptions: str) -> bool:
    for exception in (part.strip().lstrip(".").lower() for part in exceptions.split(",")):
        if exception == "*" or (exception and (host == exception or host.endswith(f".{exception}"))):
            return True
    return False
