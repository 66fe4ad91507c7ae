"""Every error as problem+json (RFC 9457), whoever raised it: our domain, the framework or a bug."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR

from crontopus.domain.errors import CrontopusError, Fault, Throttled, Unauthenticated, Unavailable
from crontopus.wire.problem import Problem
from crontopus.wire.wording import in_words

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

Page = Callable[[Request[Any, Any, Any], Exception], Response[Any]]
"""An error as a person in a browser is shown it."""

OF_HTTP: dict[int, tuple[str, str, str]] = {
    400: ("invalid", "invalid input", "the request cannot be understood"),
    404: ("not-found", "not found", "nothing has this address"),
    405: ("method-not-allowed", "method not allowed", "this address does not take this method"),
    408: ("too-slow", "too slow", "the body did not arrive within 30 seconds: send it again, or in smaller parts"),
    413: ("too-large", "too large", "the body is larger than this server takes"),
    415: ("unsupported-media-type", "unsupported media type", "send JSON, with Content-Type: application/json"),
}
"""Errors that the framework finds before one of our kinds can: code, title and detail by status."""

INTERNAL = Problem(
    type="/docs/problems#internal",
    title="internal error",
    status=HTTP_500_INTERNAL_SERVER_ERROR,
    detail="this is a bug of the server, and it has been logged",
)


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The app's one handler of exceptions."""
    known = request.scope.get("state", {}).get("request_id")
    request_id = str(known or uuid4().hex)
    problem = msgspec.structs.replace(_problem(error), request_id=request_id)
    if isinstance(error, Unavailable):
        log.warning("request not served", request_id=request_id, path=_route(request), reason=str(error))
    elif problem.status >= HTTP_500_INTERNAL_SERVER_ERROR:
        log.error("request failed", request_id=request_id, path=_route(request), exc_info=error)
    headers = _headers(error) if known else {**_headers(error), "X-Request-Id": request_id}
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def _route(request: Request[Any, Any, Any]) -> str:
    """`/api/v1/jobs/{job}`: what stands in its place may be anything that somebody pasted, a token too."""
    return str(request.scope.get("path_template", ""))


def answer_with(page: Page) -> Callable[[Request[Any, Any, Any], Exception], Response[Any]]:
    """As `answer`, but for a browser that asks for what no handler takes, or meets a bug on a page."""

    def answer_either(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        problem = answer(request, error)
        if isinstance(error, CrontopusError) or not _is_for_people(request):
            return problem
        request.scope.setdefault("state", {})["request_id"] = problem.content.request_id
        shown = page(request, error)
        shown.headers.update(problem.headers)
        return shown

    return answer_either


def _is_for_people(request: Request[Any, Any, Any]) -> bool:
    is_api = f"{request.url.path}/".startswith("/api/")
    return not is_api and "text/html" in request.headers.get("accept", "")


async def refuse(error: CrontopusError, send: Any) -> None:
    """The same in plain ASGI, where no request has been made of it yet."""
    request_id = uuid4().hex
    body = msgspec.json.encode(Problem.of(error, request_id))
    told = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "X-Request-Id": request_id}
    headers = [(name.lower().encode(), value.encode()) for name, value in {**told, **_headers(error)}.items()]
    await send({"type": "http.response.start", "status": _problem(error).status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _problem(error: Exception) -> Problem:
    match error:
        case CrontopusError():
            return Problem.of(error)
        case ValidationException():
            return _of_http(400, faults=_faults(error))
        case HTTPException():
            return _of_http(error.status_code, detail=error.detail)
        case _:
            return INTERNAL


def _of_http(status: int, detail: str = "", faults: tuple[Fault, ...] = ()) -> Problem:
    if status >= HTTP_500_INTERNAL_SERVER_ERROR or (status not in OF_HTTP and status < 400):
        return INTERNAL
    code, title, standard = OF_HTTP.get(status, OF_HTTP[400])
    told = detail if code == "invalid" and detail else standard
    if faults:
        told = "; ".join(f"{fault.pointer}: {fault.detail}".removeprefix(": ") for fault in faults)
    return Problem(
        type=f"/docs/problems#{code}",
        title=title,
        status=status if status in OF_HTTP else 400,
        detail=told,
        errors=faults,
    )


def _faults(error: ValidationException) -> tuple[Fault, ...]:
    """What the framework says of the body or a parameter, as places a person can find."""
    extra: Any = error.extra
    found = [_fault(one) for one in extra] if isinstance(extra, list) else []
    return tuple(found) or (Fault("", error.detail),)


def _fault(told: Any) -> Fault:
    message, key = str(told.get("message", "")), str(told.get("key", ""))
    if told.get("source") == "body" and key == "data" and message == "'data'":
        return Fault("", "the body is missing")
    where = key.removeprefix("data").replace(".", "/").replace("[", "/").replace("]", "")
    return Fault(f"/{where.strip('/')}" if where.strip("/") else "", in_words(message))


def allowed(methods: Iterable[str]) -> str:
    """The value of `Allow`: what an address takes, and HEAD wherever there is GET."""
    return ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))


def _headers(error: Exception) -> dict[str, str]:
    match error:
        case Unauthenticated():
            return {"WWW-Authenticate": 'Bearer realm="crontopus"'}
        case Throttled() | Unavailable():
            return {"Retry-After": str(error.retry_after_seconds)}
        case HTTPException():
            headers = {name.title(): value for name, value in (error.headers or {}).items()}
            return {**headers, **({"Allow": allowed(headers["Allow"].split(", "))} if "Allow" in headers else {})}
        case _:
            return {}
