"""What was done anywhere, as a page."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.forms import is_id
from crontopus.console.log import told
from crontopus.console.view import View
from crontopus.console.visit import Visit

NAMES = ("actor", "action", "tenant")


@get("/admin/audit")
async def log(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    asked = {name: request.query_params.get(name, "").strip() for name in NAMES}
    page = await client.admin_audit(
        actor=asked["actor"] or None,
        action=asked["action"] or None,
        tenant=UUID(asked["tenant"]) if is_id(asked["tenant"]) else None,
        cursor=request.query_params.get("cursor"),
    )
    older = urlencode({name: value for name, value in asked.items() if value} | {"cursor": page.next_cursor or ""})
    return view.page("admin/audit.html", page=page, asked=asked, older=older if page.next_cursor else "", told=told)


ROUTES: list[Any] = [log]
