"""The reference of the API as pages that load nothing from elsewhere, and the document they are made from."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Litestar, Response, Router, get
from litestar.params import FromPath

from crontopus.api import document
from crontopus.api.arguments import Http
from crontopus.api.examples import BODIES
from crontopus.api.principal import FOR_ANYONE
from crontopus.domain.errors import NotFound
from crontopus.resources import templates
from crontopus.wire.encoding import encoded

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "public, max-age=300",
}
ASSETS = {
    "tokens.css": ("static/css/tokens.css", "text/css"),
    "reference.css": ("reference/reference.css", "text/css"),
    "reference.js": ("reference/reference.js", "text/javascript"),
}


@get("/openapi.json", operation_id="openapi", opt=FOR_ANYONE, include_in_schema=False)
async def openapi(request: Http) -> Response[bytes]:
    """The OpenAPI document."""
    return Response(_document(request.app), media_type="application/json")


@get("/docs/api", opt=FOR_ANYONE)
async def reference(request: Http) -> Response[str]:
    """Every operation and every shape."""
    return _page(_rendered(request.app, "reference.html.jinja"))


@get("/docs/problems", opt=FOR_ANYONE)
async def problems(request: Http) -> Response[str]:
    """What `type` of a problem points to."""
    return _page(_rendered(request.app, "problems.html.jinja"))


@get("/docs/assets/{name:str}", opt=FOR_ANYONE)
async def asset(name: FromPath[str]) -> Response[bytes]:
    if name not in ASSETS:
        raise NotFound("there is no such file")
    path, media_type = ASSETS[name]
    return Response((templates() / path).read_bytes(), media_type=media_type, headers=HEADERS)


def reference_router() -> Router:
    return Router(path="/", route_handlers=[reference, problems, asset], include_in_schema=False)


@cache
def _document(app: Litestar) -> bytes:
    return msgspec.json.encode(document.document(app))


@cache
def _rendered(app: Litestar, page: str) -> str:
    """The same for everybody, until the program changes."""
    environment = Environment(
        loader=FileSystemLoader(templates() / "reference"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"code": _code, "shape": shape_of, "name": _name}
    told = document.document(app)
    return environment.get_template(page).render(
        document=told, groups=_groups(told), kinds=document.kinds(), examples=_examples(), base=document.BASE
    )


def _page(html: str) -> Response[str]:
    return Response(html, media_type="text/html", headers=HEADERS)


def _groups(told: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Method, path and operation by noun, in the order of the document."""
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return groups


def _examples() -> dict[str, str]:
    return {name: encoded(body).decode() for name, body in BODIES.items()}


def _code(text: str) -> list[tuple[str, bool]]:
    """Pieces of a text with `code` in it, and whether each is code."""
    return [(piece, bool(number % 2)) for number, piece in enumerate(text.split("`")) if piece]


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def shape_of(schema: dict[str, Any]) -> list[tuple[str, str]]:
    """A schema in words: pieces of text, each with the name of the shape it links to, or with none."""
    return list(_pieces(schema))


def _pieces(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "$ref" in schema:
        yield _name(schema["$ref"]), _name(schema["$ref"])
    elif "anyOf" in schema:
        for number, one in enumerate(schema["anyOf"]):
            yield from [(" or ", "")] if number else []
            yield from _pieces(one)
    elif "enum" in schema:
        yield " · ".join(str(value) for value in schema["enum"]), ""
    elif schema.get("type") == "array":
        yield "list of ", ""
        yield from _pieces(schema.get("items", {}))
    elif schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        yield "map to ", ""
        yield from _pieces(schema["additionalProperties"])
    else:
        yield _plain(schema), ""


def _plain(schema: dict[str, Any]) -> str:
    """A simple type with its bounds."""
    kind = schema.get("format") or schema.get("type") or "anything"
    least, most = schema.get("minimum", schema.get("minLength")), schema.get("maximum", schema.get("maxLength"))
    if least is not None and most is not None:
        return f"{kind} ({least} to {most})"
    return f"{kind} (at most {most})" if most is not None else str(kind)
