"""Signing in by a provider: the page of one, the way there, and the way back.

Browsers go there by a link, never by a form, which the policy would keep from leaving this site.
"""

from contextlib import suppress
from typing import Any
from urllib.parse import quote

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import SESSION_COOKIE, Client
from crontopus.console.session import PROVIDER_COOKIE, welcome
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.errors import (
    Conflict,
    CrontopusError,
    NotAllowed,
    NotFound,
    QuotaReached,
    Throttled,
    Unauthenticated,
    Unavailable,
)
from crontopus.domain.hosts import path_here
from crontopus.domain.providers import VISIT_LIFE
from crontopus.wire.problem import Problem
from crontopus.wire.providers import ProviderAnswer, ProviderVisit

DOOR = "/sign-in/with"
CALLBACK = "/sign-in/callback"
_REMEMBERED_SECONDS = 365 * 86400
_WRONG = (Unauthenticated, NotAllowed, NotFound, Conflict, QuotaReached, Throttled, Unavailable)
_MOST = 4000
"""Characters of whatever a provider sends back."""
_MOST_PATH = 2000


@get(f"{DOOR}/{{provider:str}}")
async def door(
    provider: FromPath[str], client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit
) -> Response[str]:
    """The page whose address an organisation gives to its people."""
    offer = await client.offered_provider(provider)
    return visitor.page("sign-in-provider.html", offer=offer, onward=path_here(request.query_params.get("next", "")))


@get(f"{DOOR}/{{provider:str}}/go")
async def leave(
    provider: FromPath[str],
    client: NamedDependency[Client],
    visitor: NamedDependency[View],
    request: Visit,
    secure: NamedDependency[bool],
) -> Response[Any]:
    """To the provider; from a page of ours, so that nobody else's page signs a visitor in as whom it likes."""
    onward = path_here(request.query_params.get("next", ""))
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return go(f"{DOOR}/{quote(provider, safe='')}?next={quote(onward, safe='')}")
    again = request.query_params.get("again", "") == "1"
    try:
        gone = await client.visit_provider(
            provider, ProviderVisit(next=onward if len(onward) <= 2000 else "", again=again)
        )
    except _WRONG as error:
        return _failed(visitor, error)
    response: Response[None] = Response(None, status_code=303, headers={"Location": gone.url})
    life = int(VISIT_LIFE.total_seconds())
    response.set_cookie(
        _binding(secure), gone.binding, max_age=life, path="/", httponly=True, samesite="lax", secure=secure
    )
    return response


@get(CALLBACK)
async def come_back(
    client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit, secure: NamedDependency[bool]
) -> Response[Any]:
    """From the provider, with its answer. Whoever was signed in here is signed out, and the new session is another."""
    said = {name: request.query_params.get(name, "") for name in ("state", "code", "iss", "error")}
    binding = request.cookies.get(_binding(secure), "")
    try:
        if not said["state"] and not binding:
            raise Unauthenticated("this page is where providers send people back to: begin at the page of sign-in")
        if any(len(value) > _MOST for value in said.values()):
            raise Unauthenticated("the provider's answer is too long")
        came = await client.finish_provider_sign_in(_answer(said, binding))
    except _WRONG as error:
        return _failed(visitor, error)
    with suppress(CrontopusError):
        if SESSION_COOKIE in request.cookies:
            await client.sign_out()
    response = welcome(came, came.next, visitor.now, secure=secure)
    response.set_cookie(_binding(secure), "", max_age=0, path="/", httponly=True, samesite="lax", secure=secure)
    response.set_cookie(
        PROVIDER_COOKIE,
        str(came.provider),
        max_age=_REMEMBERED_SECONDS,
        path="/",
        httponly=True,
        samesite="lax",
        secure=secure,
    )
    return response


def _answer(said: dict[str, str], binding: str) -> ProviderAnswer:
    return ProviderAnswer(
        state=said["state"][:1000],
        binding=binding[:1000],
        code=said["code"],
        iss=said["iss"][:1000],
        error=said["error"][:200],
    )


def _binding(secure: bool) -> str:
    """The cookie that ties an answer to the browser that asked."""
    return "__Host-crontopus_visit" if secure else "crontopus_visit"


def _failed(visitor: View, error: CrontopusError) -> Response[str]:
    status = Problem.of(error).status
    return visitor.page(
        "sign-in-elsewhere.html", status, title="You are not signed in", why=str(error), ways=[], onward=""
    )


ROUTES: list[Any] = [door, leave, come_back]
