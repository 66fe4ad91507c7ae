"""Pings: a raw ASGI handler, because a framework's route would halve what a server can take.

The key in the URL is the credential. 200 means that the check-in is on disk. What surrounds a ping (a huge body, an odd
header, a client that hangs up) never loses it. The specification is docs/pings.md.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from crontopus.api import bodies, ping_url
from crontopus.api.patience import Patience
from crontopus.api.ping_url import Asked, NotThere, Said
from crontopus.api.reports import happened, report_of
from crontopus.domain.errors import CrontopusError, Invalid, NotFound, QuotaReached, Unavailable
from crontopus.engine.intake import Intake
from crontopus.engine.report import NO_BODY, Accepted, Body, Creation, Outcome, Report
from crontopus.storage.ledger import ByUuid
from crontopus.storage.watches import NO_DETAILS, Details
from crontopus.wire.runs import CheckIn

Send = Callable[[Any], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

PREFIX = "/ping/"
JSON = b"application/vnd.crontopus.check-in+json"
JSON_LIMIT = 512 * 1024
"""Bytes of a check-in in JSON. What `crontopus run` reports is less, however its output is escaped."""

_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_OPEN = (b"access-control-allow-origin", b"*")
_NO_STORE = (b"cache-control", b"no-store")
_CLOSE = (b"connection", b"close")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT"})
_REFUSED = (_TEXT, _OPEN, _NO_STORE)
_NO_METHOD = (*_REFUSED, (b"allow", b"GET, HEAD, POST, PUT, OPTIONS"))
_PREFLIGHT = (
    _OPEN,
    _NO_STORE,
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, OPTIONS"),
    (b"access-control-allow-headers", b"content-type"),
    (b"access-control-max-age", b"600"),
)
_OK = {"type": "http.response.body", "body": b"OK"}
_NOTHING = {"type": "http.response.body", "body": b""}
_decode = msgspec.json.Decoder(CheckIn).decode


class Ping:
    """`body_limit`: bytes of a body that are kept. `patience`: with those who are still sending theirs."""

    def __init__(self, intake: Intake, clock: Callable[[], datetime], patience: Patience, *, body_limit: int) -> None:
        self._intake = intake
        self._clock = clock
        self._patience = patience
        self._limit = body_limit
        self._kept: Headers = [_TEXT, (b"ping-body-limit", str(body_limit).encode()), _OPEN, _NO_STORE]
        self._stored = {
            "type": "http.response.start",
            "status": 200,
            "headers": [*self._kept, (b"content-length", b"2")],
        }

    async def __call__(self, scope: Mapping[str, Any], receive: bodies.Receive, send: Send) -> None:
        method: str = scope["method"]
        if method == "OPTIONS":
            await _answer(send, 204, b"", _PREFLIGHT)
            return
        if method not in _METHODS:
            await _answer(send, 405, b"use GET, HEAD, POST or PUT", _NO_METHOD)
            return
        outcome, unread = await self._heard(scope, receive)
        await self._tell(send, method, outcome, unread)

    async def _heard(self, scope: Mapping[str, Any], receive: bodies.Receive) -> tuple[Outcome, bodies.Receive | None]:
        """What became of the ping, and where to read on if its body was cut off: its sender may go on for long.

        Nothing of the body is held afterwards.
        """
        unread = None
        try:
            report, unread = await self._read(scope, receive)
            return await self._intake.submit_one(report), unread
        except NotThere:
            return NotFound("not found"), unread
        except CrontopusError as error:
            return error.with_traceback(None), unread  # The traceback holds the body.

    async def _read(self, scope: Mapping[str, Any], receive: bodies.Receive) -> tuple[Report, bodies.Receive | None]:
        """What the ping says. Of a check-in in JSON nothing else is held while it waits to be stored."""
        method, body = scope["method"], NO_BODY
        said = ping_url.said(scope["path"][len(PREFIX) :])
        headers = dict(scope["headers"])
        is_json = method == "POST" and headers.get(b"content-type", b"").partition(b";")[0].strip().lower() == JSON
        arrived_at = self._clock()
        if method in ("POST", "PUT") or b"content-length" in headers or b"transfer-encoding" in headers:
            body = await self._body(receive, is_json)
        report = self._report(scope, headers, said, body, arrived_at, is_json)
        return report, receive if body.truncated else None

    async def _body(self, receive: bodies.Receive, is_json: bool) -> Body:
        """A check-in in JSON is whole or none: beyond its limit nothing more is read."""
        if is_json:
            return await bodies.read(receive, JSON_LIMIT, self._patience, JSON_LIMIT + 1)
        return await bodies.read(receive, self._limit, self._patience)

    def _report(
        self,
        scope: Mapping[str, Any],
        headers: Mapping[bytes, bytes],
        said: Said,
        body: Body,
        at: datetime,
        is_json: bool,
    ) -> Report:
        query: bytes = scope["query_string"]
        report = self._from_json(query, said, body, at) if is_json else _from_url(query, said, body, at)
        agent = headers.get(b"user-agent", b"")[:500].decode("latin-1").replace("\x00", "")
        return msgspec.structs.replace(
            report,
            by_url=not is_json,
            method=scope["method"],
            sender=scope["client"][0] if scope.get("client") else None,
            user_agent=agent or None,
            received_at=at if body is NO_BODY else self._clock(),
        )

    def _from_json(self, query: bytes, said: Said, body: Body, at: datetime) -> Report:
        """The document says everything; of the query only `create` counts, with what it takes.

        What is wrong is told only to who has the key.
        """
        given: Mapping[str, str] = {}
        try:
            given = ping_url.parameters(query)
            report = report_of(_decoded(body), said.address, at, self._limit)
            return msgspec.structs.replace(report, create=_creation(given, said))
        except Invalid as error:
            return _faulty(error, given, said, at)

    async def _tell(self, send: Send, method: str, outcome: Outcome, unread: bodies.Receive | None) -> None:
        if isinstance(outcome, Accepted) and not outcome.created and unread is None:
            await send(self._stored)
            await send(_NOTHING if method == "HEAD" else _OK)
            return
        if isinstance(outcome, Accepted):
            status, text = (201, b"Created") if outcome.created else (200, b"OK")
            headers = self._kept
        else:
            status, text, headers = _refusal(outcome)
        shown = b"" if method == "HEAD" else text
        if unread is None:
            await _answer(send, status, shown, headers, len(text))
        else:
            hanging_up = partial(bodies.discard, unread, self._patience)
            await _answer(send, status, shown, [*headers, _CLOSE], len(text), hanging_up)


def _from_url(query: bytes, said: Said, body: Body, at: datetime) -> Report:
    """What is wrong with the query is told only to who has the key."""
    if not query:
        return Report(
            address=said.address,
            said=said.word,
            exit_code=said.exit_code,
            received_at=at,
            occurred_at=at,
            body=body,
        )
    given: Mapping[str, str] = {}
    try:
        given = ping_url.parameters(query)
        return _asked(ping_url.asked(given), given, said, body, at)
    except Invalid as error:
        return _faulty(error, given, said, at)


def _faulty(error: Invalid, given: Mapping[str, str], said: Said, at: datetime) -> Report:
    """Changes nothing. With `create=1` its sender may have the key of a namespace whose job is not there yet."""
    create = _creation(given, said)
    fault = Invalid(str(error), error.faults)  # Without the traceback, which holds the body.
    return Report(address=said.address, said=said.word, received_at=at, occurred_at=at, create=create, fault=fault)


def _asked(asked: Asked, given: Mapping[str, str], said: Said, body: Body, at: datetime) -> Report:
    occurred_at, skew = happened(asked.at, at)
    details = NO_DETAILS
    if asked.env or asked.host or asked.metrics:
        details = Details(env=asked.env, host=asked.host, metrics=asked.metrics)
    return Report(
        address=said.address,
        said=said.word,
        exit_code=said.exit_code,
        received_at=at,
        occurred_at=occurred_at,
        skew=skew,
        rid=asked.rid,
        body=body,
        details=details,
        create=_creation(given, said),
    )


def _creation(given: Mapping[str, str], said: Said) -> Creation | Invalid | None:
    """The job to make where it is missing; only a URL with a slug can name one that is not there."""
    if given.get("create") != "1" or isinstance(said.address, ByUuid):
        return None
    try:
        return ping_url.creation(given)
    except Invalid as error:
        return error


def _decoded(body: Body) -> CheckIn:
    if body.dropped_bytes or body.truncated:
        raise Invalid("the check-in is too large or broke off: at most 512 KiB of JSON")
    try:
        return _decode(body.head)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"not a check-in: {error}") from error


def _refusal(error: CrontopusError) -> tuple[int, bytes, Headers]:
    """A script of a browser may read this too: it carries what 200 carries."""
    text = str(error).encode()
    if isinstance(error, NotFound):
        return 404, b"not found", _REFUSED
    if isinstance(error, Invalid):
        return 400, text, _REFUSED
    if isinstance(error, QuotaReached):
        return 403, text, _REFUSED
    if isinstance(error, Unavailable):
        return 503, text, [*_REFUSED, (b"retry-after", str(error.retry_after_seconds).encode())]
    return 500, text, _REFUSED


async def _answer(
    send: Send,
    status: int,
    body: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    length: int | None = None,
    before_hanging_up: Callable[[], Awaitable[None]] | None = None,
) -> None:
    size = (b"content-length", str(len(body) if length is None else length).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, size]})
    if before_hanging_up is not None:
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await before_hanging_up()
        body = b""
    await send({"type": "http.response.body", "body": body})
