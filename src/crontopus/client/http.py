"""One request of the API: sent, waited for, and its errors raised again as the server raised them."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx
import msgspec

from crontopus.domain.errors import CrontopusError, Throttled, Unavailable
from crontopus.wire.problem import Problem

T = TypeVar("T")
SESSION_COOKIE = "crontopus_session"
USER_HEADER = "x-crontopus-user"
"""Whom a trusted proxy has signed in; the door of the appliance lets it in from nowhere else."""
TOO_MANY = 429
Value = str | int | bool | UUID | datetime | None
"""Of a parameter of the query; None: it is left out."""
Patience = Callable[[int], Awaitable[bool]]
"""Is given the seconds that the server asks one to wait."""


class Unreachable(Unavailable):
    """No answer: the server is away, or the address is wrong."""


class Http:
    """`token` or `session` is the credential, neither for what needs none. Close it, or use it as `async with`.

    Where a read is refused because there were too many, `patience` is asked, and the read is sent once more if it says
    so after having waited.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "",
        session: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 30,
        patience: Patience | None = None,
    ) -> None:
        self._patience = patience
        credential = {"Authorization": f"Bearer {token}"} if token else {}
        cookie = {"Cookie": f"{SESSION_COOKIE}={session}"} if session else {}
        self.http = httpx.AsyncClient(
            base_url=base_url.rstrip("/") + "/api/v1",
            headers={**credential, **cookie, "Accept": "application/json", **(headers or {})},
            transport=transport,
            timeout=timeout_seconds,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        answer: type[T],
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **query: Value,
    ) -> T:
        """One request. Raises the `CrontopusError` the server raised, or `Unreachable`.

        `body` is a Struct or anything msgspec encodes.
        """
        request = self.http.build_request(
            method,
            path,
            content=None if body is None else msgspec.json.encode(body),
            headers={**({} if body is None else {"Content-Type": "application/json"}), **(headers or {})},
            params=_parameters(query),
        )
        response = await self._sent(request)
        if response.status_code == TOO_MANY and method == "GET" and await self._waits(response):
            response = await self._sent(request)
        if response.is_error:
            raise raised(response)
        return msgspec.json.decode(response.content or b"null", type=answer)

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self.http.send(request)
        except httpx.TransportError as error:
            raise Unreachable(f"{self.http.base_url.host} does not answer: {error or type(error).__name__}") from error

    async def _waits(self, response: httpx.Response) -> bool:
        seconds = _retry_after(response)
        return self._patience is not None and seconds is not None and await self._patience(seconds)

    @asynccontextmanager
    async def streamed(self, path: str, **query: Value) -> AsyncIterator[httpx.Response]:
        """An answer as it comes, however long it takes. Raises as `call`, but for what breaks within it."""
        async with self.http.stream("GET", path, params=_parameters(query), timeout=None) as response:
            if response.is_error:
                await response.aread()
                raise raised(response)
            yield response


def raised(response: httpx.Response) -> CrontopusError:
    """The server's error; where the answer is no problem document (a proxy's page), its status in words."""
    try:
        error = msgspec.json.decode(response.content, type=Problem).as_error()
        if isinstance(error, Throttled | Unavailable):
            error.retry_after_seconds = _retry_after(response) or error.retry_after_seconds
        return error
    except msgspec.MsgspecError:
        return Unavailable(f"the server answered {response.status_code} {response.reason_phrase}")


def segment(value: UUID | str) -> str:
    """One path segment: what a person typed can never reach another route."""
    return (
        str(httpx.URL("", params={"": str(value)})).partition("=")[2].replace("+", "%20").replace("/", "%2F") or "%20"
    )


def _retry_after(response: httpx.Response) -> int | None:
    """In seconds; None where it says nothing, or an instant."""
    given = response.headers.get("retry-after", "")
    return int(given) if re.fullmatch("[0-9]{1,6}", given) else None


def _parameters(query: Mapping[str, Value]) -> dict[str, str]:
    return {name: _parameter(value) for name, value in query.items() if value is not None}


def _parameter(value: Value) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
