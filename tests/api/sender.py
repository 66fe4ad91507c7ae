"""A client that sends its body part by part, when a test says so; httpx in this process sends it at once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.world import BASE, World

WITHIN_SECONDS = 10


class Sender:
    """One request in plain ASGI. Its headers are sent; of its body nothing yet."""

    def __init__(self, world: World, method: str, url: str, headers: Mapping[str, str]) -> None:
        path, _, query = url.removeprefix(BASE).partition("?")
        told = {"host": "localhost", "transfer-encoding": "chunked", **headers}
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in told.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        self._app = world.appliance.app
        self._parts: asyncio.Queue[Any] = asyncio.Queue()
        self._told: asyncio.Queue[Any] = asyncio.Queue()
        self._taken = asyncio.Condition()
        self.taken_bytes = 0

    def send(self, body: bytes, *, more: bool = True) -> None:
        self._parts.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leave(self) -> None:
        self._parts.put_nowait({"type": "http.disconnect"})

    async def run(self) -> None:
        await self._app(self._scope, self._receive, self._told.put)

    async def taken(self, size: int) -> None:
        """Until the server has taken so many bytes of the body."""
        async with asyncio.timeout(WITHIN_SECONDS), self._taken:
            await self._taken.wait_for(lambda: self.taken_bytes >= size)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and the beginning of the body."""
        async with asyncio.timeout(WITHIN_SECONDS):
            start, body = await self._told.get(), await self._told.get()
        headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, body.get("body", b"")

    async def _receive(self) -> Any:
        message = await self._parts.get()
        async with self._taken:
            self.taken_bytes += len(message.get("body", b""))
            self._taken.notify_all()
        return message


@asynccontextmanager
async def sending(world: World, method: str, url: str, **headers: str) -> AsyncIterator[Sender]:
    """Leaves at the end, and waits until the server has noticed."""
    sender = Sender(world, method, url, {name.replace("_", "-"): value for name, value in headers.items()})
    async with asyncio.timeout(3 * WITHIN_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(sender.run())
        await asyncio.sleep(0)
        yield sender
        sender.leave()
