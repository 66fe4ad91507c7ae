"""What helps others to see what is wrong here, as a page that says what is in it."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from crontopus.console.view import View, go
from crontopus.domain.access import Scope

PAGE = "/admin/diagnostics"


@get(PAGE)
async def show(view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.INSTALLATION_READ)
    return view.page("admin/diagnostics.html")


@get(f"{PAGE}/download")
async def download(view: NamedDependency[View]) -> Response[Any]:
    """To the file itself, after the password where it was given too long ago."""
    view.require(Scope.INSTALLATION_READ)
    return go("/api/v1/admin/diagnostics") if view.is_confirmed else view.confirmation(PAGE)


ROUTES: list[Any] = [show, download]
