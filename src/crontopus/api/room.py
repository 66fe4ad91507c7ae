"""Room for requests with a body, pings aside: so many at once, so many bytes, and so long for a body to arrive."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from litestar.exceptions import HTTPException

from crontopus.api import problems
from crontopus.api.patience import Patience
from crontopus.api.principal import SAFE
from crontopus.domain.errors import Invalid, Unavailable

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

MOST_REQUESTS = 512
MOST_BYTES = 64 * 1024 * 1024
"""Of requests that are not answered yet. Who comes when it is full is told to come again."""
MOST_SECONDS = 30.0
"""From when a body is first asked for until it is there."""
BUSY = "too many requests are under way: try again in a moment"


class Room:
    """Pings need none of it, so they get through when it is full."""

    def __init__(self, patience: Patience, most_requests: int = MOST_REQUESTS, most_bytes: int = MOST_BYTES) -> None:
        self.patience = patience
        self.free_bytes = most_bytes
        self._free_requests = most_requests

    async def serve(self, app: App, scope: Any, receive: Receive, send: Send) -> None:
        """`app`, to which whatever is wrong with the body is an error where it reads.

        Where there is no room even `app` is spared: thousands come at once, and pings are behind them.
        """
        if not _has_body(scope):
            await app(scope, receive, send)
        elif self._free_requests:
            await self._serve(app, scope, _Guest(self, receive), send)
        else:
            await problems.refuse(Unavailable(BUSY, retry_after_seconds=2), send)

    async def _serve(self, app: App, scope: Any, guest: "_Guest", send: Send) -> None:
        self._free_requests -= 1
        try:
            await app(scope, guest.receive, send)
        finally:
            self._free_requests += 1
            self.free_bytes += guest.taken_bytes


class _Guest:
    """One request."""

    def __init__(self, room: Room, receive: Receive) -> None:
        self.taken_bytes = 0
        self._room = room
        self._receive = receive
        self._ends_at: float | None = None
        self._is_read = False

    async def receive(self) -> Any:
        """The next part of the body. Raises Unavailable, Invalid, or HTTPException (408)."""
        if self._is_read:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        self._ends_at = self._ends_at or now + MOST_SECONDS
        message = await self._within(self._ends_at - now)
        if message["type"] != "http.request":
            raise Invalid("the body broke off before its end")
        self._take(len(message.get("body", b"")))
        self._is_read = not message.get("more_body")
        return message

    async def _within(self, seconds: float) -> Any:
        patience = self._room.patience
        try:
            async with patience.within(seconds):
                return await self._receive()
        except TimeoutError:
            if patience.is_over:
                raise Unavailable("the server is stopping: try again in a moment") from None
            raise HTTPException(status_code=408) from None

    def _take(self, size: int) -> None:
        if size > self._room.free_bytes:
            raise Unavailable(BUSY, retry_after_seconds=2)
        self._room.free_bytes -= size
        self.taken_bytes += size


def _has_body(scope: Any) -> bool:
    """Whether one is sent that somebody will read; of a GET nobody does."""
    return scope["method"] not in SAFE and any(
        name == b"transfer-encoding" or (name == b"content-length" and size != b"0") for name, size in scope["headers"]
    )
