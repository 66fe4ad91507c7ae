"""Errors as pages: what could not be done, why, what is still safe, one way on."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from litestar import Response
from litestar.exceptions import HTTPException

from crontopus.console.headers import seal
from crontopus.console.session import SECOND_FACTOR, sign_in_path
from crontopus.console.view import View, see
from crontopus.console.visit import Visit, request_id
from crontopus.domain.errors import (
    Closed,
    CrontopusError,
    FactorNeeded,
    Throttled,
    Unauthenticated,
    Unavailable,
    Unconfirmed,
    Unfinished,
)
from crontopus.wire.people import Tenant
from crontopus.wire.problem import Problem

_TITLES = {
    400: "That could not be read",
    403: "That is not allowed",
    404: "There is nothing here",
    405: "That cannot be done here",
    408: "That took too long",
    409: "That contradicts what is there",
    412: "Somebody else was quicker",
    413: "That is too large",
    429: "Not so fast",
    503: "Not now",
}
_SAFE = {
    400: "Nothing was changed.",
    403: "Nothing was changed.",
    404: "It may have been removed, or it never was here, or it belongs to somebody else.",
    408: "Nothing was changed. What you sent did not arrive in time; send it again.",
    409: "Nothing was changed.",
    412: "Nothing was overwritten. Open the page again, and make your change on top of theirs.",
    413: "Nothing was changed.",
    429: "Wait a little, and try again.",
    503: "Nothing was lost, and nothing was half done. Try again in a moment.",
}
_OURS = "This is our fault and not yours. Check-ins are taken all the same."


def error_page(request: Visit, error: Exception) -> Response[Any]:
    """The console's exception handler. Fit for the whole app's unknown paths too: it needs no session."""
    view = see(request, getattr(request.state, "me", None))
    if isinstance(error, Unfinished):
        return seal(_to(view, f"{SECOND_FACTOR}?next={quote(view.path, safe='')}"))
    if isinstance(error, FactorNeeded) and request.method == "GET":
        return seal(_to(view, "/me/security"))
    if isinstance(error, Unauthenticated):
        return seal(_to(view, sign_in_path(view)))
    if isinstance(error, Unconfirmed) and request.method == "GET":
        return seal(view.confirmation())
    if isinstance(error, Closed):
        return seal(_closed(view, request, error))
    if isinstance(error, CrontopusError):
        page = _page(view, request, Problem.of(error).status, str(error))
        if isinstance(error, Throttled | Unavailable):
            page.set_header("Retry-After", str(error.retry_after_seconds))
        return seal(page)
    status = error.status_code if isinstance(error, HTTPException) else 500
    return seal(_page(view, request, status, ""))


def _closed(view: View, request: Visit, error: Closed) -> Response[str]:
    """With the way to the other organisations of the visitor, as far as they are known."""
    tenants: Sequence[Tenant] = getattr(request.state, "tenants", ())
    return view.page("closed.html", 403, detail=str(error)[:700], tenants=tenants)


def _to(view: View, where: str) -> Response[Any]:
    """A fragment cannot hold a page such as that of sign-in: htmx is told to leave the page instead."""
    if view.htmx:
        return Response(None, status_code=401, headers={"HX-Redirect": where})
    return Response(None, status_code=303, headers={"Location": where})


def _page(view: View, request: Visit, status: int, detail: str) -> Response[str]:
    return view.page(
        "error.html",
        status,
        code=status,
        title=_TITLES.get(status, "Something broke"),
        detail=detail[:500],
        onward=("/jobs", "Go to the jobs"),
        safe=_SAFE.get(status, _OURS if status >= 500 else "Nothing was changed."),
        request_id=request_id(request),
    )
