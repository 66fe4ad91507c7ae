"""The OpenAPI document, made from the routes themselves: what they take, give and need, and every way they refuse."""

import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, get_args, get_origin

import msgspec
from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, ParameterKwarg, PathParameter, QueryParameter
from litestar.response import Stream
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition

from crontopus import __version__
from crontopus.api import problems
from crontopus.api.arguments import fields
from crontopus.api.principal import ANYONE, SIGNED_IN
from crontopus.api.reading import Body
from crontopus.client import SESSION_COOKIE
from crontopus.domain.access import OF_ROLE, OF_SYSTEM, Role, Scope, SystemRole
from crontopus.wire.events import ChangeEvent
from crontopus.wire.problem import KINDS, Problem

BASE = "/api/v1"
REF = "#/components/schemas/{name}"
JSON = "application/json"
METHODS = ("GET", "POST", "PATCH", "DELETE")
ABOUT = (
    "Instants are RFC 3339 in UTC with milliseconds; durations are numbers of seconds, and input also takes what a "
    "person writes, `1h30m`. Errors are `application/problem+json` (RFC 9457), whose `type` is stable. Lists come in "
    "pages: `next_cursor` of one goes into `cursor` for the next. What is polled carries an `ETag`. Answers are JSON "
    "whatever `Accept` says, but for the metrics; HEAD is taken wherever GET is. Where the number of requests a minute "
    "is limited, answers carry `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers): for each of "
    "`address`, `token`, `account` and `tenant` its limit, and what remains of it. Check-ins are not limited."
)
_WHY = {
    400: "What was sent cannot be understood, or is out of bounds; `errors` name each place.",
    401: "No credential, or one that is not valid.",
    403: "The caller may not do this.",
    404: "Not there, or not the caller's.",
    408: "The body did not arrive within 30 seconds.",
    409: "It contradicts what is stored.",
    412: "It was changed by somebody else meanwhile.",
    413: "The body is larger than this server takes.",
    415: "The body is not JSON.",
    429: "Too many requests, or attempts that failed: `Retry-After` says when to try again.",
    503: "It cannot be done now: try again after `Retry-After` seconds. Nothing was stored, unless the database fell "
    "silent meanwhile: then it may have been.",
}


def operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Path, method and handler of every route of the API, in the order in which they were written."""
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith(BASE):
            told = {str(method): one for one in route.route_handlers for method in one.http_methods if _is_told(one)}
            yield from ((route.path_format, method, told[method]) for method in METHODS if method in told)


def _is_told(handler: HTTPRouteHandler) -> bool:
    """Litestar answers OPTIONS by handlers of its own."""
    return "scope" in handler.opt and handler.include_in_schema is not False


def document(app: Litestar) -> dict[str, Any]:
    """OpenAPI 3.1, complete enough to make a client of it."""
    shapes = _Shapes()
    paths: dict[str, dict[str, Any]] = {}
    for path, method, handler in operations(app):
        paths.setdefault(path, {})[method.lower()] = _operation(path, method, handler, shapes)
    shapes.use(Problem)
    shapes.use(ChangeEvent)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Crontopus", "version": __version__, "description": ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": shapes.components(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token: `ctp_…`."},
                "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
            },
        },
    }


class _Shapes:
    """The types that are spoken of, and their schemas; all described in one go, so that names are unique."""

    def __init__(self) -> None:
        self._used: list[Any] = []

    def use(self, shape: Any) -> dict[str, Any]:
        """The schema of `shape`, by reference where it has a name."""
        if get_origin(shape) is UnionType and all(isinstance(one, type) for one in get_args(shape)):
            return {"anyOf": [self._use(one) for one in get_args(shape)]}
        return self._use(shape)

    def _use(self, shape: Any) -> dict[str, Any]:
        self._used.append(shape)
        (schema,), _ = msgspec.json.schema_components([shape], ref_template=REF)
        return schema

    def components(self) -> dict[str, Any]:
        _, components = msgspec.json.schema_components(self._used, ref_template=REF)
        return {name: _described(schema) for name, schema in sorted(components.items())}


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """Its docstring as text, where it has one."""
    return {**schema, "description": _text(schema["description"])} if "description" in schema else schema


def _operation(path: str, method: str, handler: HTTPRouteHandler, shapes: _Shapes) -> dict[str, Any]:
    summary, _, rest = (handler.fn.__doc__ or "").partition("\n")
    scope = handler.opt["scope"]
    body = _body(handler)
    parameters = [
        _parameter(field, shapes)
        for field in fields(handler)
        if isinstance(field.kwarg_definition, ParameterKwarg) and field.kwarg_definition.__class__ is not ParameterKwarg
    ]
    operation: dict[str, Any] = {
        "operationId": handler.operation_id,
        "tags": [path.removeprefix(BASE + "/").split("/")[0]],
        "summary": summary.rstrip("."),
        "description": "\n\n".join(filter(None, (_text(rest), needs(scope)))),
        "x-scope": scope,
        "security": [] if scope == ANYONE else [{"token": []}, {"session": []}],
        "parameters": parameters + _conditional(method, handler),
        "responses": _answers(path, method, handler, body, shapes),
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": shapes.use(body.shape)}}}
    return operation


def needs(scope: str) -> str:
    """A scope in words."""
    if scope == ANYONE:
        return "Needs no credential."
    return "Needs any credential." if scope == SIGNED_IN else f"Needs the scope `{scope}`."


def may_call(opt: Mapping[str, Any], role: Role | SystemRole) -> bool:
    """Whether a member of the role may, where nothing limits the membership; or an operator who is in no tenant."""
    scope, scopes = opt["scope"], OF_ROLE[role] if isinstance(role, Role) else OF_SYSTEM[role]
    if opt.get("owner"):
        return role is Role.OWNER
    return scope in (ANYONE, SIGNED_IN) or Scope(scope) in scopes


def _text(docstring: str) -> str:
    """Paragraphs, each on one line."""
    paragraphs = re.split(r"\n\s*\n", docstring.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _body(handler: HTTPRouteHandler) -> Body | None:
    return next((one for one in handler.resolve_dependencies().values() if isinstance(one, Body)), None)


def _parameter(field: FieldDefinition, shapes: _Shapes) -> dict[str, Any]:
    said = field.kwarg_definition
    assert isinstance(said, ParameterKwarg)  # noqa: S101 # the caller asked
    schema = shapes.use(field.annotation) | {
        key: value
        for key, value in (
            ("minimum", said.ge),
            ("maximum", said.le),
            ("maxLength", said.max_length),
            ("enum", said.enum),
            ("default", field.default if isinstance(field.default, str | int) else None),
        )
        if value is not None
    }
    if "anyOf" in schema:
        schema = {**next(one for one in schema["anyOf"] if one["type"] != "null"), **_without(schema, "anyOf")}
    place = {PathParameter: "path", QueryParameter: "query", HeaderParameter: "header"}[type(said)]
    return {
        "name": said.name or field.name,
        "in": place,
        "required": place == "path",
        "description": said.description or "",
        "schema": schema,
    }


def _without(schema: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _conditional(method: str, handler: HTTPRouteHandler) -> list[dict[str, Any]]:
    """What the middleware around every polled answer takes."""
    if method != "GET" or _shape(handler) is Stream:
        return []
    about = "The `ETag` of the answer one has: 304 where it is still that."
    return [
        {"name": "If-None-Match", "in": "header", "required": False, "description": about, "schema": {"type": "string"}}
    ]


def _shape(handler: HTTPRouteHandler) -> Any:
    """The type of the answer's body; `Stream` where it is none of JSON."""
    if "media_types" in handler.opt:
        return Stream
    given = handler.parsed_fn_signature.return_type.annotation
    if get_origin(given) is Response:
        return get_args(given)[0]
    return Stream if isinstance(given, type) and issubclass(given, Stream) else given


def _answers(path: str, method: str, handler: HTTPRouteHandler, body: Body | None, shapes: _Shapes) -> dict[str, Any]:
    shape = _shape(handler)
    always = ["X-Request-Id", *([] if handler.opt.get("unlimited") else RATE_LIMIT)]
    good: dict[str, Any] = {"description": "Done.", "headers": _headers(*always)}
    if shape is Stream:
        kinds = handler.opt.get("media_types", (str(handler.media_type),))
        good["content"] = {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in kinds}
    elif shape is not type(None) and shape is not None:
        good["content"] = {JSON: {"schema": shapes.use(shape)}}
    answers = {str(handler.status_code): good}
    if method == "GET" and shape is not Stream:
        good["headers"] |= _headers("ETag")
        answers["304"] = {"description": "Not modified.", "headers": _headers("ETag", *always)}
    for status in _refusals(path, method, handler, body):
        answers[str(status)] = {
            "description": _WHY[status],
            "headers": _headers(*always, *(["Retry-After"] if status in (429, 503) else [])),
            "content": {problems.MEDIA_TYPE: {"schema": {"$ref": REF.format(name="Problem")}}},
        }
    return dict(sorted(answers.items()))


RATE_LIMIT = ("RateLimit", "RateLimit-Policy")
_TAKES_CREDENTIALS = frozenset(
    {
        "sign_in",
        "sign_in_by_proxy",
        "sign_in_with_passkey",
        "finish_provider_sign_in",
        "accept_invitation",
        "use_password_reset",
    }
)
"""Open to anyone, and what they bring may be wrong."""


def _refusals(path: str, method: str, handler: HTTPRouteHandler, body: Body | None) -> list[int]:
    scope = handler.opt["scope"]
    refusals = [400, 503]
    refusals += [403] if scope == ANYONE and body is not None else []
    refusals += [] if handler.opt.get("unlimited") else [429]
    refusals += [401] if scope != ANYONE or handler.operation_id in _TAKES_CREDENTIALS else []
    refusals += [403] if scope != ANYONE else []
    refusals += [404] if "{" in path or body is not None else []
    refusals += [409] if method != "GET" or path.startswith((f"{BASE}/jobs", f"{BASE}/namespaces")) else []
    refusals += [408, 413, 415] if body is not None else []
    refusals += [412] if "if_match" in handler.parsed_fn_signature.parameters else []
    return sorted(set(refusals))


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}} for name in names}


def kinds() -> list[tuple[str, int, str, str]]:
    """Every problem by its code: status, title, and what it means."""
    ours = [(kind.code, status, kind.title, " ".join((kind.__doc__ or "").split())) for kind, status in KINDS]
    known = {code for code, *_ in ours}
    https = [(code, status, title, detail) for status, (code, title, detail) in problems.OF_HTTP.items()]
    internal = problems.INTERNAL
    return [
        *ours,
        *(kind for kind in https if kind[0] not in known),
        ("internal", internal.status, internal.title, internal.detail),
    ]
