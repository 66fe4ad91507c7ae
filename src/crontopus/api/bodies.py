"""Bodies of pings, read whatever their size: the head and the tail are kept, what lies between is counted."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from crontopus.engine.report import NO_BODY, Body

Receive = Callable[[], Awaitable[Any]]

MOST_BYTES = 64 * 1024 * 1024
MOST_SECONDS = 30.0
"""After so much of either, what came is committed, marked `truncated`, and the connection closed."""

LINGER_SECONDS = 2.0
"""How long a client that is still sending has to read its answer."""


class Collector:
    """Keeps the first and the last half of `limit` bytes; everything where there are no more than `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head = bytearray()
        self._tail = bytearray()
        self.seen = 0

    def add(self, chunk: bytes) -> None:
        self.seen += len(chunk)
        room = self._limit - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > 2 * self._limit:
            del self._tail[: -self._limit]

    def body(self, truncated: bool) -> Body:
        half = self._limit // 2
        if self.seen <= self._limit:
            return Body(bytes(self._head), b"", 0, truncated)
        tail = bytes((self._head[half:] + self._tail)[-half:])
        return Body(bytes(self._head[:half]), tail, self.seen - half - len(tail), truncated)


async def read(receive: Receive, limit: int) -> Body:
    """What the client sends, for as long as it sends; what came before it broke off, where it does."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return _whole(message.get("body", b""), limit)
    collector = Collector(limit)
    try:
        async with asyncio.timeout(MOST_SECONDS):
            complete = await _collect(message, receive, collector)
    except TimeoutError:
        complete = False
    return collector.body(not complete)


async def discard(receive: Receive) -> None:
    """Throw away what still comes, for a moment: who is hung up on while sending loses the answer to the reset."""
    more = True
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while more:
                message = await receive()
                more = message["type"] == "http.request" and bool(message.get("more_body"))


def _whole(data: bytes, limit: int) -> Body:
    if not data:
        return NO_BODY
    collector = Collector(limit)
    collector.add(data)
    return collector.body(truncated=False)


async def _collect(message: Any, receive: Receive, collector: Collector) -> bool:
    """Whether the body came to its end."""
    while message["type"] == "http.request":
        collector.add(message.get("body", b""))
        if not message.get("more_body"):
            return True
        if collector.seen >= MOST_BYTES:
            return False
        message = await receive()
    return False
