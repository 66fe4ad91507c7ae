"""Around every answer of the API: the request's id, `ETag` and `If-None-Match`, and the count of answers."""

from hashlib import blake2b
from typing import Any
from uuid import uuid4

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive

from crontopus.api.principal import allowed_of
from crontopus.api.problems import allowed
from crontopus.domain import rates

OK = 200
NOT_MODIFIED = 304
NO_SNIFFING = (b"x-content-type-options", b"nosniff")


class Answers(ASGIMiddleware):
    """`ETag` of a thing with a version begins with it, so that the tag can be sent back as `If-Match`."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Any, receive: Receive, send: Any, next_app: ASGIApp) -> None:
        scope.setdefault("state", {})["request_id"] = uuid4().hex
        await next_app(scope, receive, _Answer(scope, send))


class _Answer:
    """What is sent in one request: the head of a polled answer waits until the body is there to be tagged."""

    def __init__(self, scope: Any, send: Any) -> None:
        self._scope = scope
        self._send = send
        self._parts = scope["app"].state.parts
        self._request_id = str(scope["state"]["request_id"]).encode()
        self._polled = scope["method"] == "GET"
        self._wanted = b",".join(value for name, value in scope["headers"] if name == b"if-none-match")
        self._start: Any = None

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._parts.metrics.requests.labels("api", str(message["status"])).inc()
            start = self._headed(message)
            if self._polled and message["status"] == OK:
                self._start = start
            else:
                await self._send(start)
        elif self._start is not None:
            start, self._start = self._start, None
            await _finish(start, message, self._wanted, self._send)
        else:
            await self._send(message)

    def _headed(self, message: Any) -> Any:
        headers = [*message.get("headers", []), (b"x-request-id", self._request_id), NO_SNIFFING]
        if allowances := allowed_of(self._scope):
            headers.append((b"ratelimit-policy", rates.policy(allowances).encode()))
            headers.append((b"ratelimit", rates.standing(allowances).encode()))
        if self._scope["method"] == "OPTIONS":
            headers = [pair for pair in headers if pair[0].lower() != b"allow"] + [(b"allow", _allowed(self._scope))]
        if not any(name.lower() == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"private, no-cache"))
        return {**message, "headers": headers}


def _allowed(scope: Any) -> bytes:
    """Every method of the address; the framework's own answer knows those of one handler."""
    routes = (route for route in scope["app"].routes if route.path_format == scope["path_template"])
    return allowed({str(method) for route in routes for method in route.methods}).encode()


async def _finish(start: Any, body: Any, wanted: bytes, send: Any) -> None:
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
