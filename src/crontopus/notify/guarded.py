"""The way out to the web for what people set up: it reaches no address that they could not reach themselves.

The name is resolved once, each address is judged, and the connection is made to one that was judged, so that a name
which changes in between gains nothing.
"""

import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Self
from weakref import WeakValueDictionary

import anyio
import httpx
from msgspec import Struct

from crontopus.notify.addresses import Network, literal, may_reach
from crontopus.notify.contract import Answer, Unreachable
from crontopus.notify.masking import MASK, Mask

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 10.0
HOST_AT_ONCE = 4
MOST_BYTES = 64 * 1024
"""Of an answer; what is beyond is neither read nor waited for."""
EXCERPT = 2000
AGENT = "Crontopus"
_UNSENDABLE = "the address or a header cannot be sent as it is"
_REASONS: dict[type[BaseException], str] = {
    TimeoutError: "no answer in time",
    httpx.ConnectTimeout: "no connection in time",
    httpx.ProxyError: "it refuses",
    httpx.RemoteProtocolError: "its answer breaks off, or is not HTTP",
}
_PORTS = {"http": 80, "https": 443}

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host and port. Raises OSError."""


class Exchange(Struct, frozen=True):
    """One request and what came of it, for people to look at: secrets are hidden. `status`: None without an answer."""

    method: str
    url: str
    status: int | None
    seconds: float
    request: str
    response: str


class _Way(Struct):
    """How far a request has come. `httpcore` tells of every step (its `trace` extension).

    `secured`: what is sent from now on is the request; before that a proxy may be asked for a tunnel.
    """

    secured: bool
    sent: bool = False

    async def trace(self, event: str, _: Any) -> None:
        if event.endswith("start_tls.complete"):
            self.secured = True
        elif event.endswith("send_request_body.complete"):
            self.sent = self.secured


class _Received(Struct):
    """`cut`: there was more."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: bool

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


class Trust:
    """Whom TLS trusts. Reading all authorities takes longer than a request on the same machine: done once, where they
    are needed.
    """

    def __init__(self) -> None:
        self._nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._authorities: ssl.SSLContext | None = None

    def context(self, scheme: str) -> ssl.SSLContext:
        if scheme == "http":
            return self._nobody
        self._authorities = self._authorities or httpx.create_ssl_context()
        return self._authorities


class Connections:
    """Kept for what follows soon, until it is closed: use it as `async with`.

    Each serves the host alone that it was made for: TLS has verified that one, whoever else is at its address.
    """

    def __init__(self, proxy: str | None, trust: Trust) -> None:
        self._proxy = proxy
        self._trust = trust
        self._by_host: dict[tuple[str, str], httpx.AsyncHTTPTransport] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport in self._by_host.values():
            await transport.aclose()

    def to(self, scheme: str, host: str) -> httpx.AsyncHTTPTransport:
        found = self._by_host.get((scheme, host))
        if found is None:
            found = httpx.AsyncHTTPTransport(verify=self._trust.context(scheme), proxy=self._proxy)
            self._by_host[scheme, host] = found
        return found


class Hosts:
    """Of all that this process sends, no more than a few go to one host at the same time."""

    def __init__(self, at_once: int = HOST_AT_ONCE) -> None:
        self._at_once = at_once
        self._slots: WeakValueDictionary[str, anyio.CapacityLimiter] = WeakValueDictionary()

    def slot(self, host: str) -> anyio.CapacityLimiter:
        """To be held while something is sent there."""
        found = self._slots.get(host)
        if found is None:
            found = self._slots[host] = anyio.CapacityLimiter(self._at_once)
        return found


class Guarded:
    """Implements `Http` for one try: each of its requests stands in `exchanges`.

    `allowed`: networks that may be reached although they are not public. `secrets`: what no exchange may show.
    `proxy`: the URL of an HTTP proxy that all requests go by; names are then its own business. `kept`: connections of
    tries before it, by that proxy; None: each request makes one of its own. `hosts`: who else sends there.
    """

    def __init__(
        self,
        allowed: Sequence[Network],
        secrets: Sequence[str],
        proxy: str | None = None,
        resolve: Resolve | None = None,
        kept: Connections | None = None,
        hosts: Hosts | None = None,
    ) -> None:
        self._hosts = hosts or Hosts()
        self.exchanges: list[Exchange] = []
        self._allowed = tuple(allowed)
        self._secrets = tuple(secrets)
        self._mask = Mask(secrets)
        self._proxy = proxy
        self._resolve = resolve or _resolve
        self._kept = kept

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Answer:
        """Raises Unreachable."""
        began, received = anyio.current_time(), None
        credentials = _credentials(headers or {})
        if credentials:
            self._mask = Mask((*self._secrets, *credentials))
        try:
            request = _request(method, url, headers or {}, content)
            async with self._hosts.slot(request.url.host):
                received = await self._within_time(request)
            return Answer(received.status, received.headers, received.text)
        finally:
            self._record(method, url, anyio.current_time() - began, content, received)

    async def _within_time(self, request: httpx.Request) -> _Received:
        way = _Way(secured=request.url.scheme == "http")
        try:
            with anyio.fail_after(WHOLE_SECONDS):
                return await self._by_any(request, way)
        except httpx.TransportError as error:
            raise self._unreachable(request, way, error) from error
        except TimeoutError as error:
            why = f"{_host(request)} has not answered within {WHOLE_SECONDS:g} seconds"
            raise Unreachable(why, arrived=way.sent) from error

    async def _by_any(self, request: httpx.Request, way: _Way) -> _Received:
        """By the first of its addresses that takes a connection."""
        until = anyio.current_time() + CONNECT_SECONDS
        addresses = list(await self._addresses(request.url))
        while True:
            address = addresses.pop(0)
            patience = max(0.0, until - anyio.current_time()) / (len(addresses) + 1)
            try:
                return await self._by(address, request, way, patience)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if not addresses:
                    raise

    async def _by(self, address: str, request: httpx.Request, way: _Way, patience: float) -> _Received:
        """`patience` is for the connection: what `httpcore` gives up by itself it also puts away."""
        request.url = request.url.copy_with(host=address)
        request.extensions = {**request.extensions, "trace": way.trace, "timeout": {"connect": patience}}
        if self._kept is not None:
            return await _answered(self._kept, request)
        async with Connections(self._proxy, Trust()) as own:
            return await _answered(own, request)

    async def _addresses(self, url: httpx.URL) -> Sequence[str]:
        """Where the request may go. By a proxy a name stays one. Raises Unreachable."""
        host = url.raw_host.decode()
        if self._proxy:
            address = literal(host)
            if address is not None and not may_reach(address, self._allowed):
                raise _refused(host)
            return (host,)
        found = await self._resolved(host, url.port or _PORTS[url.scheme])
        open = [address for address in found if may_reach(ip_address(address), self._allowed)]
        if not open:
            raise _refused(host)
        return open

    async def _resolved(self, host: str, port: int) -> Sequence[str]:
        try:
            with anyio.fail_after(CONNECT_SECONDS):
                found = await self._resolve(host, port)
        except UnicodeError:
            raise Unreachable(f"{host} is no name of a host", refused=True) from None
        except OSError as error:  # TimeoutError is one
            raise Unreachable(f"the name {host} cannot be resolved: {_reason(error)}") from error
        if not found:
            raise Unreachable(f"the name {host} has no address")
        return found

    def _unreachable(self, request: httpx.Request, way: _Way, error: httpx.TransportError) -> Unreachable:
        host = _host(request)
        if isinstance(error, httpx.LocalProtocolError):
            return Unreachable(_UNSENDABLE, refused=True)
        if way.sent:
            return Unreachable(f"{host} has taken the message but not answered: {_reason(error)}", arrived=True)
        way_there = " by the proxy of this installation" if self._proxy else ""
        return Unreachable(f"{host} cannot be reached{way_there}: {_reason(error)}")

    def _record(self, method: str, url: str, seconds: float, content: bytes, received: _Received | None) -> None:
        self.exchanges.append(
            Exchange(
                method=method,
                url=self._shown(url),
                status=received.status if received else None,
                seconds=seconds,
                request=self._excerpt(content.decode(errors="replace"), cut=False),
                response=self._excerpt(received.text, cut=received.cut) if received else "",
            )
        )

    def _excerpt(self, text: str, *, cut: bool) -> str:
        """Where `text` is cut, its end may be the beginning of a secret."""
        masked = self._mask(text)
        if cut:
            masked = masked[: max(0, len(masked) - self._mask.longest)]
        return masked if len(masked) <= EXCERPT else f"{masked[: EXCERPT - 1]}…"

    def _shown(self, url: str) -> str:
        """Values of its query and a password stay hidden in any case."""
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, UnicodeError):
            return MASK
        host = f"{parsed.scheme}://{self._mask(parsed.netloc.decode())}"
        query = "&".join(f"{name}={MASK}" for name in parsed.params)
        path = parsed.raw_path.decode().partition("?")[0]
        return self._excerpt(host + self._mask(path) + (f"?{self._mask(query)}" if query else ""), cut=False)


def _request(method: str, url: str, headers: Mapping[str, str], content: bytes) -> httpx.Request:
    """Raises Unreachable."""
    try:
        parsed = httpx.URL(url)
        if parsed.scheme not in _PORTS or not parsed.host or not 0 < (parsed.port or 1) <= 65535:
            raise Unreachable("the address must begin with https:// or http:// and a host", refused=True)
        if parsed.userinfo:
            raise Unreachable("the address must not hold a user or a password", refused=True)
        defaults = {"user-agent": AGENT, "accept": "*/*", "accept-encoding": "identity"}
        sni = {"sni_hostname": parsed.raw_host.decode()}
        given = {name.lower(): value for name, value in headers.items()}
        return httpx.Request(method, parsed, headers=defaults | given, content=content, extensions=sni)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise Unreachable(_UNSENDABLE, refused=True) from error


def _credentials(headers: Mapping[str, str]) -> list[str]:
    """As they are sent: to those of HTTP Basic, made of a secret, no secret is similar."""
    return [value.partition(" ")[2] for name, value in headers.items() if name.lower() == "authorization"]


def _host(request: httpx.Request) -> str:
    """As the address names it, whichever address is tried."""
    return str(request.extensions["sni_hostname"])


def _refused(host: str) -> Unreachable:
    return Unreachable(
        f"{host} has no address that may be used from here: whoever runs this installation can allow its network with "
        "the setting alert_networks",
        refused=True,
    )


async def _answered(connections: Connections, request: httpx.Request) -> _Received:
    response = await connections.to(request.url.scheme, _host(request)).handle_async_request(request)
    try:
        return await _read(response)
    finally:
        await response.aclose()


async def _read(response: httpx.Response) -> _Received:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MOST_BYTES:
            break
    headers = {name.lower(): value for name, value in response.headers.items()}
    return _Received(response.status_code, headers, bytes(body[:MOST_BYTES]), len(body) > MOST_BYTES)


async def _resolve(host: str, port: int) -> Sequence[str]:
    with suppress(ValueError):
        return [str(ip_address(host))]
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _reason(error: BaseException) -> str:
    """In the words of the system, where it was the system that refused; never in those of the other side, which could
    hold what was sent to it.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not valid: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "it does not speak TLS"
        if isinstance(cause, socket.gaierror):
            return str(cause.strerror).lower()
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return _REASONS.get(type(error), "the connection broke")
