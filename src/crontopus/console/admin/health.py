"""How the installation is, as the page where the dashboard begins."""

from itertools import groupby
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.view import View

EVERY_MS = 5000
AREAS = {
    "ready": "Is it ready",
    "check-ins": "Check-ins",
    "database": "Database",
    "disk": "Disk",
    "loops": "What runs by itself",
    "messages": "Messages about alerts",
    "processes": "Processes",
    "gaps": "Gaps",
    "backups": "Backups",
    "mail": "E-mail",
    "watched": "Who watches this server",
    "streams": "Live pages",
    "versions": "Versions",
}


@get("/admin")
async def entry() -> Response[None]:
    """Where the dashboard begins."""
    return Response(None, status_code=303, headers={"Location": "/admin/health"})


@get("/admin/health")
async def health(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    found = await client.admin_health()
    parts = [(AREAS.get(area, area), list(items)) for area, items in groupby(found.items, lambda one: one.area)]
    return view.page("admin/health.html", found=found, parts=parts, refresh_in=EVERY_MS)


ROUTES: list[Any] = [entry, health]
