"""What all organisations use, as a page."""

from typing import Any, get_args

from litestar import Response, get
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.view import View
from crontopus.console.visit import Visit
from crontopus.wire.tiers import Sort

SORTS: dict[str, str] = {
    "name": "Organisation",
    "pings": "Check-ins",
    "failures": "Failures",
    "storage": "Output kept",
    "growth": "Growth",
}


@get("/admin/usage")
async def usage(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    asked = request.query_params.get("sort", "pings")
    sort: Any = asked if asked in get_args(Sort) else "pings"
    page = await client.admin_usage(sort=sort, cursor=request.query_params.get("cursor"), limit=50)
    return view.page("admin/usage.html", page=page, sort=sort, sorts=SORTS)


ROUTES: list[Any] = [usage]
