"""The door of the appliance: who really sent a request, which road it takes, and HEAD wherever there is GET."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from crontopus.api.ping import PREFIX
from crontopus.api.room import App, Room
from crontopus.client import USER_HEADER

Network = IPv4Network | IPv6Network
MOST_HOPS = 30


class Front:
    """Pings go their own short way, everything else through `app`, as far as there is `room`.

    `trusted` are the proxies whose `X-Forwarded-For` is believed, and whose `user_header`, if there is one: it comes to
    the app as `USER_HEADER`, which nobody else can send.
    """

    def __init__(self, ping: App, app: App, room: Room, trusted: Iterable[Network] = (), user_header: str = "") -> None:
        self._ping = ping
        self._app = app
        self._room = room
        self._trusted = tuple(trusted)
        self._user_header = user_header.lower().encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        peer = scope.get("client")
        if self._trusted:
            scope["client"] = self._client(scope)
        if scope["path"].startswith(PREFIX):
            await self._ping(scope, receive, send)
            return
        scope["headers"] = self._headers(scope, peer)
        if scope["method"] == "HEAD":
            await self._room.serve(self._app, {**scope, "method": "GET"}, receive, _without_body(send))
        else:
            await self._room.serve(self._app, scope, receive, send)

    def _headers(self, scope: Any, peer: Any) -> list[tuple[bytes, bytes]]:
        """Those that anybody may send; and whom a trusted proxy has signed in, where it says so once: of two somebody
        else may have written one.
        """
        said = [value for name, value in scope["headers"] if name == self._user_header]
        own = (self._user_header, USER_HEADER.encode())
        others = [(name, value) for name, value in scope["headers"] if name not in own]
        believed = bool(self._user_header) and len(said) == 1 and peer is not None and self._trusts(peer[0])
        return [*others, (USER_HEADER.encode(), said[0])] if believed else others

    def _client(self, scope: Any) -> Any:
        """The peer, or what a trusted proxy says of it: the last address that is no trusted proxy's.

        Anybody can have written what stands before, at any length; so only the last `MOST_HOPS` are read.
        """
        client = scope.get("client")
        if client is None or not self._trusts(client[0]):
            return client
        said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
        hops = said.rsplit(",", MOST_HOPS)[-MOST_HOPS:]
        known = [hop for hop in map(str.strip, reversed(hops)) if _is_address(hop)]
        sender = next((hop for hop in known if not self._trusts(hop)), known[-1] if known else client[0])
        return (sender, client[1])

    def _trusts(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _without_body(send: Any) -> Any:
    async def headers_only(message: Any) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return headers_only
