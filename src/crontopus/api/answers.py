"""Around every answer of the API: the request's id, `ETag` and `If-None-Match`, and the count of answers."""

from hashlib import blake2b
from typing import Any
from uuid import uuid4

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

NOT_MODIFIED = 304


class Answers(ASGIMiddleware):
    """`ETag` of a thing with a version begins with it, so that the tag can be sent back as `If-Match`."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        scope.setdefault("state", {})["request_id"] = uuid4().hex
        polled = scope["method"] == "GET"
        wanted = dict(scope["headers"]).get(b"if-none-match", b"") if polled else b""
        start: Message | None = None

        async def answer(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = _with_headers(message, scope)
                if not polled or message["status"] != 200:
                    await send(start)
                return
            if message["type"] == "http.response.body" and start is not None and polled and start["status"] == 200:
                await _finish(start, message, wanted, send)
                start = None
                return
            await send(message)

        await next_app(scope, receive, answer)


def _with_headers(message: Message, scope: Scope) -> Message:
    headers = list(message.get("headers", []))
    headers.append((b"x-request-id", str(scope["state"]["request_id"]).encode()))
    headers.append((b"x-content-type-options", b"nosniff"))
    if not any(name.lower() == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"private, no-cache"))
    changed: Any = {**message, "headers": headers}
    return changed


async def _finish(start: Any, body: Any, wanted: bytes, send: Send) -> None:
    """The head, once the first part of the body has come: a stream has no tag."""
    if body.get("more_body"):
        await send(start)
        await send(body)
        return
    tag = _tag(start, body.get("body", b""))
    headers = [pair for pair in start["headers"] if pair[0].lower() != b"etag"] + [(b"etag", tag)]
    if _matches(wanted, tag):
        kept = [pair for pair in headers if pair[0].lower() not in (b"content-length", b"content-type")]
        await send({**start, "status": NOT_MODIFIED, "headers": kept})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    else:
        await send({**start, "headers": headers})
        await send(body)


def _tag(start: Any, body: bytes) -> bytes:
    version = next((value for name, value in start["headers"] if name.lower() == b"etag"), b"").strip(b'"')
    digest = blake2b(body, digest_size=10).hexdigest().encode()
    return b'"' + (version + b"-" if version else b"") + digest + b'"'


def _matches(wanted: bytes, tag: bytes) -> bool:
    tags = [one.strip().removeprefix(b"W/") for one in wanted.split(b",")]
    return tag in tags or tags == [b"*"]
