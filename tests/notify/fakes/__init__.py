"""Providers that live on loopback: each takes what the documentation of the real one allows, and refuses the rest."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sized
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from crontopus.notify.contract import Answer, Unreachable

Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Request(Struct, frozen=True):
    """As it came; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True))


class Reply(Struct, frozen=True):
    """An answer: `body` as JSON, or as it is where it is bytes."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = {}

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Refused(Exception):
    """Raised while a request is looked at."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status} {reply.body!r}")
        self.reply = reply


class Seen(Struct, frozen=True):
    """What a person sees of a message: its text, where its links lead, and what else in it would act."""

    text: str
    links: tuple[str, ...] = ()
    acting: tuple[str, ...] = ()


class Fake:
    """A provider. `requests`: all that came; `refused`: what it was told that was refused. `replies`: what is said
    instead of an answer of its own, the first first; `always`: for every request.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.refused: list[Reply] = []
        self.replies: list[Reply] = []
        self.always: Reply | None = None

    def take(self, request: Request) -> Reply:
        """What becomes of a request that is taken. Raises Refused."""
        raise NotImplementedError

    def seen(self) -> list[Seen]:
        """Every message as it is now, the oldest first."""
        raise NotImplementedError

    def judge(self, request: Request) -> Reply:
        """Without remembering that it was asked."""
        try:
            return self.take(request)
        except Refused as refused:
            return refused.reply

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        if self.always or self.replies:
            return self.always or self.replies.pop(0)
        try:
            return self.take(request)
        except Refused as refused:
            self.refused.append(refused.reply)
            return refused.reply


F = TypeVar("F", bound=Fake)
T = TypeVar("T")


def decoded(body: bytes, type: type[T], refuse: Callable[[str], Refused]) -> T:
    """`body` as JSON of just this form."""
    try:
        return msgspec.json.decode(body, type=type)
    except msgspec.DecodeError as error:
        raise refuse(str(error)) from None


def converted(given: Any, type: type[T], refuse: Callable[[str], Refused]) -> T:
    """The fields of a form as just this form; numbers are text there."""
    try:
        return msgspec.convert(given, type, strict=False)
    except msgspec.ValidationError as error:
        raise refuse(str(error)) from None


def spoiled(change: Callable[[Any], Any]) -> Callable[[Request], Request]:
    """The same request with a body that was changed: a mistake made on purpose."""

    def spoil(request: Request) -> Request:
        content = request.json
        change(content)
        return replace(request, body=json.dumps(content).encode())

    return spoil


def too_many(after: str, body: Any = b"") -> Reply:
    return Reply(429, body, {"Retry-After": after})


HTML = Reply(200, b"<!doctype html><title>Sign in to the network</title>", {"Content-Type": "text/html"})
"""What something on the way says that is not the provider."""


@asynccontextmanager
async def served(fake: F, port: int = 0) -> AsyncIterator[F]:
    """`fake` behind its `url`, which is at `port`, where it is given."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read(reader)
        if request is not None:
            await say(writer, fake.answer(request))

    async with listening(speak, port=port) as fake.url:
        yield fake


@asynccontextmanager
async def listening(speak: Connection, *, port: int = 0, **options: Any) -> AsyncIterator[str]:
    """The address of a server that treats each connection so, on loopback."""

    under_way: set[asyncio.Task[None]] = set()

    async def treated(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        with suppress(OSError):  # whoever asked has gone
            try:
                await speak(reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()

    server = await asyncio.start_server(treated, "127.0.0.1", port, **options)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def read(reader: asyncio.StreamReader) -> Request | None:
    """None where nothing came."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    return Request(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers, body)


async def say(writer: asyncio.StreamWriter, reply: Reply) -> None:
    kind = "text/html" if isinstance(reply.body, bytes) else "application/json"
    headers = {"Content-Type": kind, "Content-Length": str(len(reply.content)), "Connection": "close", **reply.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {reply.status} Said\r\n{lines}\r\n".encode() + reply.content)
    await writer.drain()


class Shape(Struct, frozen=True):
    """What an object in JSON may hold. `most`: characters of a text, or things in a list."""

    needs: Collection[str] = ()
    takes: Mapping[str, type | tuple[type, ...]] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)

    def fault(self, value: Any) -> str:
        """What is wrong with `value`; empty: nothing."""
        if not isinstance(value, dict):
            return "not an object"
        for name in self.needs:
            if value.get(name) in (None, ""):
                return f"{name} is missing"
        for name, found in value.items():
            if name not in self.takes:
                return f"{name} is unknown"
            if not isinstance(found, self.takes[name]):
                return f"{name} is of a wrong type"
            if name in self.most and isinstance(found, Sized) and len(found) > self.most[name]:
                return f"{name} is too long"
        return ""


def parts(path: str) -> list[str]:
    """The parts of a path, decoded."""
    return [unquote(part) for part in path.split("/")[1:]]


class Cut:
    """`Http` that gets no answer, for the given reason."""

    def __init__(self, error: Unreachable) -> None:
        self.error = error

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Answer:
        raise self.error
