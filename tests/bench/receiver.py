"""What alerts are sent to: `python -m tests.bench.receiver serve --data IGNORED --port PORT`.

It answers each POST with 204, on `/slow…` after a while, and notes when its first byte came. `GET /path?from=5` tells
of those to that path from the sixth on; `GET /longest` how long the longest body was.
"""

import asyncio
import json
import sys
import time
from collections import defaultdict
from urllib.parse import urlsplit

SLOW_SECONDS = 0.05
_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"

arrived: dict[str, list[float]] = defaultdict(list)
longest = 0


class Receiver(asyncio.Protocol):
    """One connection, which is kept; one request at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""
        self._at = 0.0

    def data_received(self, data: bytes) -> None:
        if not self._received:
            self._at = time.time()  # that of other processes, too
        self._received += data
        head, end, body = self._received.partition(_END)
        length = _length(head)
        if end and len(body) >= length:
            self._received = b""
            method, path = head.split(b" ", 2)[:2]
            self._answer(method, path.decode(), length)

    def _answer(self, method: bytes, path: str, length: int) -> None:
        global longest
        if method == b"GET":
            self._transport.write(_told(path))
            return
        longest = max(longest, length)
        arrived[path].append(self._at)
        if path.startswith("/slow"):
            asyncio.get_running_loop().call_later(SLOW_SECONDS, self._transport.write, _TAKEN)
        else:
            self._transport.write(_TAKEN)


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line.removeprefix(_LENGTH)) for line in lines if line.startswith(_LENGTH)), 0)


def _told(path: str) -> bytes:
    parts = urlsplit(path)
    told = longest if parts.path == "/longest" else arrived[parts.path][int(parts.query.partition("=")[2] or 0) :]
    body = json.dumps(told).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    print("Crontopus is not here: alerts are taken", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[sys.argv.index("--port") + 1])))
