"""The door for whoever wants no more messages: by the link in one of them, without an account."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.forms import ANYONE_MOST_BYTES
from crontopus.console.view import View
from crontopus.console.visit import Visit
from crontopus.domain.errors import Invalid, NotFound
from crontopus.wire.alerts import Unsubscribed

PAGE = "/unsubscribe"


@get(PAGE)
async def page(request: Visit, client: NamedDependency[Client], visitor: NamedDependency[View]) -> Response[str]:
    """Only asks: programs look at links in mail, too."""
    code = request.query_params.get("code", "")
    try:
        found = await client.open_unsubscribe(code)
    except (NotFound, Invalid):
        return _shown(visitor, None, code)
    return _shown(visitor, found, code)


@post(PAGE, status_code=200, request_max_body_size=ANYONE_MOST_BYTES)
async def switch_off(request: Visit, client: NamedDependency[Client], visitor: NamedDependency[View]) -> Response[str]:
    """By the button, or by a mail program (RFC 8058): the code in the address is all that counts."""
    code = request.query_params.get("code", "")
    try:
        found = await client.unsubscribe(code)
    except (NotFound, Invalid):
        return _shown(visitor, None, code)
    return _shown(visitor, found, code)


def _shown(visitor: View, found: Unsubscribed | None, code: str) -> Response[str]:
    return visitor.page("unsubscribe.html", 200 if found else 404, found=found, code=code)


ROUTES: list[Any] = [page, switch_off]
