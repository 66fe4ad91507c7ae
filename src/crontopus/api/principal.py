"""Who calls, and whether they may: every route names its scope, and this guard is the one place that decides."""

from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from crontopus.api.arguments import fields
from crontopus.api.parts import Parts, parts_of
from crontopus.client import SESSION_COOKIE
from crontopus.domain import hosts
from crontopus.domain.access import OF_INSTALLATION, Principal, Scope
from crontopus.domain.errors import Fault, Invalid, NotAllowed, Unauthenticated, Unavailable, Unfinished
from crontopus.domain.rates import Allowance
from crontopus.engine import credentials, limits
from crontopus.engine.credentials import Caller

Connection = ASGIConnection[Any, Any, Any, Any]

ANYONE: Final = "anyone"
SIGNED_IN: Final = "signed in"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def needs(scope: Scope) -> dict[str, str]:
    """For a route's `opt`: the scope without which it answers 403."""
    return {"scope": scope}


def needs_even_closed(scope: Scope) -> dict[str, Any]:
    """Likewise, also where the tenant is suspended or deleted."""
    return {"scope": scope, "closed": True}


def needs_owner() -> dict[str, Any]:
    """What concerns the existence of the tenant: for its owners alone, as people, also where it is closed."""
    return {"scope": Scope.TENANT_WRITE, "closed": True, "owner": True}


def needs_owner_of_open(scope: Scope) -> dict[str, Any]:
    """What decides who people are: for owners alone, as people."""
    return {"scope": scope, "owner": True}


def needs_for_all(scope: Scope) -> dict[str, Any]:
    """Likewise, of what concerns the whole installation: only whoever runs it may."""
    return {"scope": scope, "installation": True}


def even_as_another(opt: dict[str, Any]) -> dict[str, Any]:
    """Also for whoever looks as another: as who they themselves are. Other routes for people are closed to them."""
    return {**opt, "as_another": True}


def never_as_another(opt: dict[str, Any]) -> dict[str, Any]:
    """What the scope alone would give to whoever looks as another, and is not for them."""
    return {**opt, "as_another": False}


FOR_ANYONE: dict[str, str] = {"scope": ANYONE}
UNLIMITED: dict[str, Any] = {"unlimited": True}
"""Beside a scope: nobody is ever told that they ask too often."""
FOR_SIGNED_IN: dict[str, str] = {"scope": SIGNED_IN}
FOR_UNFINISHED: dict[str, Any] = {"scope": SIGNED_IN, "unfinished": True}
"""Likewise, and open to whoever has still to show their second factor."""


async def guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """Raises Unauthenticated or NotAllowed; else the caller stands in the connection's state.

    What a method may do is told to anybody: the framework itself answers OPTIONS, with `Allow` and nothing else.
    """
    if connection.scope.get("method") == "OPTIONS":
        return
    _require_clean_address(connection, handler)
    scope = handler.opt["scope"]
    parts = parts_of(connection)
    limited = not handler.opt.get("unlimited")
    if limited:
        client = connection.client
        _allow(connection, parts.limits.of_address(client.host if client else None))
    if scope == ANYONE:
        _require_same_origin(connection, parts.public_url)
        return
    principal = await _identify(connection, parts)
    if limited:
        _allow(connection, parts.limits.of_caller(principal))
    if principal.pending and not handler.opt.get("unfinished"):
        raise Unfinished("show your second factor first: `POST /sessions/current/second-factor`")
    is_open = handler.opt.get("as_another", scope != SIGNED_IN)
    if not is_open:
        principal.require_own_name()
    if scope in OF_INSTALLATION:
        operator = principal.as_operator if "as_another" in handler.opt else principal
        operator.require_for_installation(Scope(scope), parts.db.clock())
    elif scope != SIGNED_IN:
        principal.require(Scope(scope))
        if not handler.opt.get("closed"):
            principal.require_open()
    if handler.opt.get("owner"):
        principal.require_owner()
    if handler.opt.get("installation"):
        principal.require_installation()
    connection.state.principal = principal


def _allow(connection: Connection, allowances: list[Allowance]) -> None:
    """The answer tells what is left: see `allowed_of`. Raises TooMany."""
    connection.scope["state"]["allowances"] = [*allowed_of(connection.scope), *allowances]
    limits.require(allowances)


def allowed_of(scope: Any) -> list[Allowance]:
    """What the guard has granted in this request, or refused."""
    found: list[Allowance] = scope["state"].get("allowances", [])
    return found


def _require_clean_address(connection: Connection, handler: BaseRouteHandler) -> None:
    """No NUL, which PostgreSQL cannot store, and no parameter that would be ignored without a word."""
    if "\x00" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        raise Invalid("the address must not contain NUL")
    for name, given in connection.query_params.dict().items():
        if name not in _known_parameters(handler):
            detail = f"there is no parameter {name[:40]!r}"
            raise Invalid(f"{detail} here", (Fault(f"/{name[:40]}", detail),))
        if len(given) > 1:
            raise Invalid(f"{name} is given more than once", (Fault(f"/{name}", "give it once"),))


@cache
def _known_parameters(handler: BaseRouteHandler) -> frozenset[str]:
    asked = ((one.name, one.kwarg_definition) for one in fields(handler))
    return frozenset(kwarg.name or name for name, kwarg in asked if isinstance(kwarg, QueryParameter))


def of(connection: Connection) -> Principal:
    """The caller, whom `guard` has let in."""
    principal: Principal = connection.state.principal
    return principal


async def is_still(connection: Connection, caller: Principal) -> bool:
    """Whether the credential of a long answer is in force yet, and gives what it gave."""
    try:
        return await _identify(connection, parts_of(connection)) == caller
    except Unauthenticated:
        return False
    except Unavailable:
        return True


async def _identify(connection: Connection, parts: Parts) -> Principal:
    authorization = connection.headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("write `Authorization: Bearer <token>`")
        origin, strict = origin_of(connection), parts.operators_need_second_factor
        return await credentials.of_token(parts.db, parts.verdicts, token.strip(), origin, strict=strict)
    session = connection.cookies.get(SESSION_COOKIE)
    if not session:
        raise Unauthenticated("send a token as `Authorization: Bearer <token>`")
    _require_same_origin(connection, parts.public_url)
    if not hosts.is_known(hosts.name_of(connection.headers.get("host", "")), parts.hosts):
        raise NotAllowed("sessions are not taken under this name: see the setting allowed_hosts")
    strict = parts.operators_need_second_factor
    return await credentials.of_session(parts.db, session, origin_of(connection), strict=strict)


def _require_same_origin(connection: Connection, public_url: str) -> None:
    """A browser sends cookies along with what other sites ask it to send, and says so."""
    if connection.scope.get("method") in SAFE:
        return
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise NotAllowed("another site asked for this")
        return
    origin = connection.headers.get("origin")
    if origin is not None and origin not in (_origin(public_url), _origin(str(connection.base_url))):
        raise NotAllowed("another site asked for this")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def origin_of(connection: Connection) -> Caller:
    """The peer's address, and what it calls itself, cut to what is worth keeping."""
    client = connection.client
    agent = connection.headers.get("user-agent")
    return Caller(client.host if client else None, agent[:300] if agent else None)
