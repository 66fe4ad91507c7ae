"""Bodies of pings, read whatever their size: the head and the tail are kept, what lies between is counted."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from crontopus.api.patience import Patience, Wait
from crontopus.engine.report import NO_BODY, Body

Receive = Callable[[], Awaitable[Any]]

MOST_BYTES = 64 * 1024 * 1024
MOST_SECONDS = 30.0
"""After so much of either, what came is committed, marked `truncated`, and the connection closed. So it is where the
server stops meanwhile, or others need the room (patience.py)."""

LINGER_SECONDS = 2.0
"""How long a client that is still sending has to read its answer."""


class Collector:
    """Keeps the first and the last half of `limit` bytes; everything where there are no more than `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.seen = 0

    @property
    def held_bytes(self) -> int:
        return len(self._head) + len(self._tail)

    def add(self, chunk: bytes) -> None:
        self.seen += len(chunk)
        room = self._limit - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > self._limit:
            del self._tail[: -self._half]

    def body(self, truncated: bool) -> Body:
        half = self._half
        if self.seen <= self._limit:
            return Body(bytes(self._head), b"", 0, truncated)
        tail = bytes((self._head[half:] + self._tail)[-half:])
        return Body(bytes(self._head[:half]), tail, self.seen - half - len(tail), truncated)


async def read(receive: Receive, limit: int, patience: Patience, most: int = MOST_BYTES) -> Body:
    """What the client sends, for as long as it sends; what came until then, where it breaks off or is cut.

    `limit` bytes are kept, and no more than `most` are read.
    """
    collector = Collector(limit)
    complete = False
    with suppress(TimeoutError):
        async with patience.within(MOST_SECONDS) as wait:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                return _whole(message.get("body", b""), limit)
            complete = await _collect(message, receive, collector, wait, most)
    return collector.body(not complete)


async def discard(receive: Receive, patience: Patience) -> None:
    """Throw away what still comes, for a moment: who is hung up on while sending loses the answer to the reset."""
    more = True
    with suppress(TimeoutError):
        async with patience.within(LINGER_SECONDS):
            while more:
                message = await receive()
                more = message["type"] == "http.request" and bool(message.get("more_body"))


def _whole(data: bytes, limit: int) -> Body:
    if not data:
        return NO_BODY
    collector = Collector(limit)
    collector.add(data)
    return collector.body(truncated=False)


async def _collect(message: Any, receive: Receive, collector: Collector, wait: Wait, most: int) -> bool:
    """Whether the body came to its end."""
    while message["type"] == "http.request":
        collector.add(message.get("body", b""))
        if not message.get("more_body"):
            return True
        if collector.seen >= most:
            return False
        wait.holds(collector.held_bytes)
        message = await receive()
    return False
