"""The settings in force, as a page."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.view import View


@get("/admin/config")
async def config(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return view.page("admin/config.html", settings=(await client.admin_config()).items)


ROUTES: list[Any] = [config]
