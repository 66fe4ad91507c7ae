"""The settings in force, as a page."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.view import View


@get("/admin")
async def entry() -> Response[None]:
    """Where the dashboard begins."""
    return Response(None, status_code=303, headers={"Location": "/admin/tenants"})


@get("/admin/config")
async def config(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return view.page("admin/config.html", settings=(await client.admin_config()).items)


ROUTES: list[Any] = [entry, config]
