"""The live stream as a client reads it, part by part."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from crontopus.wire.events import ChangeEvent
from tests.world import World

WITHIN_SECONDS = 10
NEVER_SECONDS = 3600.0


class Stream:
    """The raw ASGI answer, part by part: the in-process transport of httpx waits for the end of an answer."""

    def __init__(self, world: World, credential: tuple[str, str], last_event_id: str | None = None) -> None:
        """`credential`: a header."""
        headers = [(b"host", b"crontopus.test"), (credential[0].encode(), credential[1].encode())]
        if last_event_id is not None:
            headers.append((b"last-event-id", last_event_id.encode()))
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/api/v1/events",
            "raw_path": b"/api/v1/events",
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        self.head: Any = None
        self._parts: asyncio.Queue[Any] = asyncio.Queue()
        self._left = asyncio.Event()
        self._app = world.appliance.app
        self._asked = False

    async def run(self) -> None:
        await self._app(self._scope, self._receive, self._send)

    def leave(self) -> None:
        self._left.set()

    async def _send(self, message: Any) -> None:
        """A server hangs up when the answer is complete."""
        await self._parts.put(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.leave()

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def begun(self) -> Any:
        """The head of the answer."""
        async with asyncio.timeout(WITHIN_SECONDS):
            return await self._parts.get()

    async def status(self) -> int:
        return int((await self.begun())["status"])

    async def rest(self) -> str:
        """All that is told until the stream ends by itself."""
        text = ""
        async with asyncio.timeout(WITHIN_SECONDS):
            while (part := await self._parts.get()).get("more_body"):
                text += part["body"].decode()
        return text

    async def text(self) -> str:
        """The next part, as it is sent."""
        async with asyncio.timeout(WITHIN_SECONDS):
            part: bytes = (await self._parts.get()).get("body", b"")
            return part.decode()

    async def told(self, count: int) -> list[tuple[str, str, ChangeEvent | None]]:
        """The next events: name, id and data."""
        found: list[tuple[str, str, ChangeEvent | None]] = []
        while len(found) < count:
            found += [_event(block) for block in (await self.text()).split("\n\n") if block.startswith("event:")]
        return found


def _event(block: str) -> tuple[str, str, ChangeEvent | None]:
    fields = dict(re.findall(r"^(\w+): (.*)$", block, re.MULTILINE))
    data = fields["data"]
    return fields["event"], fields.get("id", ""), None if data == "{}" else msgspec.json.decode(data, type=ChangeEvent)


@asynccontextmanager
async def following(
    world: World, tenant: str, last_event_id: str | None = None, poll_seconds: float = NEVER_SECONDS
) -> AsyncIterator[Stream]:
    """A stream that has begun. Unless told to, it never looks by itself: what it tells, it has heard of."""
    world.appliance.parts.poll_seconds = poll_seconds
    async with followed(Stream(world, bearer(world, tenant), last_event_id)) as stream:
        yield stream


def bearer(world: World, tenant: str) -> tuple[str, str]:
    return "authorization", f"Bearer {world.tenants[tenant].token}"


@asynccontextmanager
async def followed(stream: Stream) -> AsyncIterator[Stream]:
    async with asyncio.TaskGroup() as group:
        group.create_task(stream.run())
        stream.head = await stream.begun()
        assert stream.head["status"] == 200
        yield stream
        stream.leave()
