"""What was done anywhere, as a page."""

from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.log import Judged, asked_of, judged, query_of, told
from crontopus.console.view import View
from crontopus.console.visit import Visit
from crontopus.wire.audit import SystemAuditVerdict

NAMES = ("actor", "action", "target", "tenant")


@get("/admin/audit")
async def log(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    asked = asked_of(request, NAMES)
    page = await client.admin_audit(
        actor=asked["actor"] or None,
        action=asked["action"] or None,
        target=UUID(asked["target"]) if asked["target"] else None,
        tenant=UUID(asked["tenant"]) if asked["tenant"] else None,
        cursor=request.query_params.get("cursor"),
    )
    checked = await _checked(client) if "check" in request.query_params else []
    return view.page("admin/audit.html", page=page, asked=asked, query=query_of(asked), told=told, checked=checked)


async def _checked(client: Client) -> list[Judged]:
    """Those logs that do not hold, each by itself; else one sentence of all."""
    verdicts = (await client.verify_admin_audit()).items
    broken = [judged(f"The log of {_whose(one)}", one) for one in verdicts if one.broken is not None]
    entries = sum(one.entries for one in verdicts)
    whole = f"All {len(verdicts):,} logs say what was written: their {entries:,} entries hold."
    return broken or [Judged(whole, holds=True)]


def _whose(one: SystemAuditVerdict) -> str:
    return "the installation" if one.tenant is None else one.tenant_name or f"{one.tenant}, which is gone"


ROUTES: list[Any] = [log]
