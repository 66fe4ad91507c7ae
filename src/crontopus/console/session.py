"""Who visits: the client that speaks for them, the guard at unsafe methods, set-up, sign-in and sign-out."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote, urlsplit

import httpx
from litestar import Response, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler

from crontopus.client import SESSION_COOKIE, USER_HEADER, Client
from crontopus.console.forms import ANYONE_MOST_BYTES, Faults, is_id, passkey_of, read_form, same_names
from crontopus.console.view import View, go
from crontopus.console.visit import Visit, request_id
from crontopus.domain import hosts
from crontopus.domain.errors import (
    Conflict,
    CrontopusError,
    Fault,
    Invalid,
    NotAllowed,
    NotFound,
    ProviderNeeded,
    Throttled,
    Unauthenticated,
    Unfinished,
)
from crontopus.domain.hosts import path_here
from crontopus.wire.accounts import Session, SetUp, SignIn
from crontopus.wire.factors import FactorKind
from crontopus.wire.providers import ProvidedSession, ProviderOffer

_PASSED_ON = ("x-forwarded-for", "user-agent", "host", USER_HEADER)
SECOND_FACTOR = "/sign-in/second-factor"
PROVIDER_COOKIE = "crontopus_provider"
"""The provider by which somebody came in with this browser: offered again."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def own_client(request: Visit) -> AsyncIterator[Client]:
    """A client of the API in this very process, which speaks for the visitor of this one request.

    It carries the visitor's session, address and request id. The guard below has already judged where an unsafe
    request comes from, and the API is told so.
    """
    headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    address = (request.client.host, request.client.port) if request.client else ("127.0.0.1", 0)
    transport = httpx.ASGITransport(cast(Any, request.app), client=address)
    session = request.cookies.get(SESSION_COOKIE, "")
    own = headers | {"Sec-Fetch-Site": "same-origin", "X-Request-Id": request_id(request)}
    async with Client("http://console", session=_cookie_value(session), transport=transport, headers=own) as client:
        yield client


def same_origin_only(public_url: str) -> Any:
    """A guard: an unsafe request must come from a page of ours.

    Browsers say so in `Sec-Fetch-Site`; on plain HTTP, where they leave it out, `Origin` must name this host. What
    sends neither is no browser, and nobody can make it carry somebody else's cookie.
    """

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.scope.get("method") not in _SAFE and not _from_here(connection, public_url):
            raise NotAllowed("This request did not come from a page of this console, so it was not carried out.")

    return guard


def known_hosts_only(own: Sequence[str]) -> Any:
    """A guard: the console answers under its own names alone. Whoever owns another name can have it lead here, and
    would make pages of theirs that count as of the same origin.
    """

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        name = hosts.name_of(connection.headers.get("host", ""))
        if not hosts.is_known(name, own):
            raise NotAllowed(
                f"This console is not to be reached as {name[:100] or 'nothing'}. Whoever runs it can allow that name: "
                "the setting allowed_hosts."
            )

    return guard


def _from_here(connection: ASGIConnection[Any, Any, Any, Any], public_url: str) -> bool:
    if site := connection.headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    if (origin := connection.headers.get("origin")) is None:
        return True
    named = urlsplit(origin).netloc
    return named != "" and named in (connection.headers.get("host", ""), urlsplit(public_url).netloc)


@get("/setup", include_in_schema=False)
async def set_up_page(client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit) -> Response[str]:
    code = request.query_params.get("code", "")
    state = await client.set_up_state(code)
    return visitor.page("setup.html", state=state, code=code, email="", tenant="Main", faults=Faults())


@post("/setup", include_in_schema=False, request_max_body_size=ANYONE_MOST_BYTES)
async def set_up(
    client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit, secure: NamedDependency[bool]
) -> Response[Any]:
    form = await read_form(request)
    try:
        if form.raw("password") != form.raw("again"):
            raise Invalid("passwords differ", (Fault("/again", "This is not the same password."),))
        wish = SetUp(
            code=form["code"], email=form["email"], password=form.raw("password"), tenant=form["tenant"] or "Main"
        )
        session = await client.set_up(wish)
    except CrontopusError as error:
        faults = Faults(error, same_names("email", "password", "again", "tenant"))
        state = await client.set_up_state(form["code"])
        return visitor.page(
            "setup.html", 400, state=state, code=form["code"], email=form["email"], tenant=form["tenant"], faults=faults
        )
    return welcome(session, "/jobs", visitor.now, secure=secure)


@get("/sign-in", include_in_schema=False)
async def sign_in_page(
    client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit
) -> Response[str]:
    state = await client.set_up_state()
    onward = path_here(request.query_params.get("next", ""))
    return await _sign_in_page(client, visitor, request, onward, needed=state.needed)


async def _sign_in_page(
    client: Client,
    visitor: View,
    request: Visit,
    onward: str,
    fault: str = "",
    *,
    email: str = "",
    needed: bool = False,
) -> Response[str]:
    return visitor.page(
        "sign-in.html",
        400 if fault else 200,
        needed=needed,
        email=email,
        onward=onward,
        fault=fault,
        offers=[] if needed else await offers_to(client, request),
        named=request.headers.get(USER_HEADER, ""),
    )


@post("/sign-in", include_in_schema=False, request_max_body_size=ANYONE_MOST_BYTES)
async def sign_in(
    client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit, secure: NamedDependency[bool]
) -> Response[Any]:
    form = await read_form(request)
    onward = path_here(form["next"])
    try:
        session = await client.sign_in(SignIn(email=form["email"], password=form.raw("password")))
    except ProviderNeeded as error:
        return by_provider(visitor, error, onward)
    except (Unauthenticated, Invalid):
        fault = "This e-mail address and this password do not belong together."
        return await _sign_in_page(client, visitor, request, onward, fault, email=form["email"])
    return welcome(session, onward, visitor.now, secure=secure)


@post("/sign-in/proxy", include_in_schema=False, request_max_body_size=ANYONE_MOST_BYTES)
async def sign_in_by_proxy(
    client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit, secure: NamedDependency[bool]
) -> Response[Any]:
    """As whom the proxy before this server has signed in."""
    onward = path_here((await read_form(request))["next"])
    try:
        session = await client.sign_in_by_proxy()
    except ProviderNeeded as error:
        return by_provider(visitor, error, onward)
    except Unauthenticated as error:
        return await _sign_in_page(client, visitor, request, onward, str(error))
    return welcome(session, onward, visitor.now, secure=secure)


@post("/sign-in/passkey", include_in_schema=False, request_max_body_size=ANYONE_MOST_BYTES)
async def sign_in_with_passkey(
    client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit, secure: NamedDependency[bool]
) -> Response[Any]:
    form = await read_form(request)
    onward = path_here(form["next"])
    try:
        session = await client.sign_in_with_passkey(passkey_of(form))
    except ProviderNeeded as error:
        return by_provider(visitor, error, onward)
    except (Unauthenticated, Invalid, Conflict) as error:
        return await _sign_in_page(client, visitor, request, onward, str(error))
    return welcome(session, onward, visitor.now, secure=secure)


async def offers_to(client: Client, request: Visit) -> list[ProviderOffer]:
    """The providers on the page of sign-in: those of the only tenant there is, or this browser's last one."""
    offers = (await client.offered_providers()).items
    known = request.cookies.get(PROVIDER_COOKIE, "")
    if not offers and is_id(known):
        with suppress(NotFound):
            offers = [await client.offered_provider(known)]
    return offers


def by_provider(visitor: View, error: ProviderNeeded, onward: str) -> Response[str]:
    """For somebody who has shown who they are, and whose organisation wants them to come otherwise."""
    ways = [(fault.pointer, fault.detail) for fault in error.faults if fault.pointer.startswith("/sign-in/with/")]
    return visitor.page(
        "sign-in-elsewhere.html", 403, title="Sign in by your provider", why=str(error), ways=ways, onward=onward
    )


@get(SECOND_FACTOR, include_in_schema=False)
async def second_factor_page(
    client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit
) -> Response[Any]:
    onward = path_here(request.query_params.get("next", ""))
    if not await _is_unfinished(client):
        return go(onward)
    return _second_factor(visitor, request.query_params.get("with", ""), onward, Faults())


@post(SECOND_FACTOR, include_in_schema=False, request_max_body_size=ANYONE_MOST_BYTES)
async def second_factor(
    client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit, secure: NamedDependency[bool]
) -> Response[Any]:
    form = await read_form(request)
    onward = path_here(form["next"])
    try:
        passkey = passkey_of(form) if form["passkey"] else None
        session = await client.finish_sign_in(code="" if passkey else form["code"], passkey=passkey)
    except (Unauthenticated, Invalid, Throttled) as error:
        if not await _is_unfinished(client):
            return go(sign_in_path(visitor), "That was once too often, or too late: sign in again.")
        fault = error if isinstance(error, Throttled) else Invalid("", (Fault("/code", str(error)),))
        return _second_factor(visitor, form["with"], onward, Faults(fault, same_names("code")), 400)
    note = "A recovery code was used up." if passkey is None and any(map(str.isalpha, form["code"])) else ""
    return welcome(session, onward, visitor.now, secure=secure, note=note)


async def _is_unfinished(client: Client) -> bool:
    """Whether the visitor has taken the first step, and not the second yet."""
    try:
        await client.me()
    except Unfinished:
        return True
    except Unauthenticated:
        pass
    return False


def _second_factor(visitor: View, kinds: str, onward: str, faults: Faults, status: int = 200) -> Response[str]:
    known = [kind for kind in FactorKind if kind in kinds.split()] or list(FactorKind)
    return visitor.page("second-factor.html", status, kinds=known, onward=onward, faults=faults)


@post("/sign-out", include_in_schema=False)
async def sign_out(client: NamedDependency[Client]) -> Response[None]:
    """Ends the session at the server; a session that is gone already is signed out too."""
    with suppress(Unauthenticated):
        await client.sign_out()
    response = go("/sign-in", "You are signed out.")
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


def sign_in_path(view: View) -> str:
    """Where somebody without a session goes, and comes back from."""
    is_door = view.path in ("/", "/jobs") or view.path.startswith("/sign-in")
    return "/sign-in" if is_door else f"/sign-in?next={quote(view.path, safe='')}"


def welcome(
    session: Session | ProvidedSession, onward: str, now: datetime, *, secure: bool, note: str = ""
) -> Response[None]:
    """Onward, or first to where the second factor is shown."""
    if isinstance(session, Session) and session.pending:
        onward = f"{SECOND_FACTOR}?next={quote(onward, safe='')}&with={quote(' '.join(session.factors))}"
    response = go(onward, note)
    left = max(0, int((session.expires_at - now).total_seconds()))
    response.set_cookie(
        SESSION_COOKIE, session.session, max_age=left, path="/", httponly=True, samesite="lax", secure=secure
    )
    return response


def _cookie_value(text: str) -> str:
    """A session as it can stand in a header; anything else is no session."""
    return text if text.isascii() and text.isprintable() and not set(text) & set(' ;,"\\') else ""


ROUTES = [
    set_up_page,
    set_up,
    sign_in_page,
    sign_in,
    sign_in_by_proxy,
    sign_in_with_passkey,
    second_factor_page,
    second_factor,
    sign_out,
]
