"""For those who run the installation: is it alive, is it ready, and its own metrics."""

from typing import Any

from litestar import MediaType, Response, Router, get

from crontopus.api.arguments import Http
from crontopus.api.parts import parts_of
from crontopus.api.principal import FOR_ANYONE, UNLIMITED, guard, needs_for_all
from crontopus.domain.access import Scope
from crontopus.metrics import content_type


def operations_router(*, metrics_open: bool) -> Router:
    """`/livez`, `/readyz` and `/metrics`. Only the last needs a credential, a superadmin's, unless `metrics_open`."""

    @get("/livez", media_type=MediaType.TEXT, opt=FOR_ANYONE | UNLIMITED)
    async def livez() -> str:
        return "ok"

    @get("/readyz", opt=FOR_ANYONE | UNLIMITED)
    async def readyz(request: Http) -> Response[dict[str, Any]]:
        checks = await parts_of(request).look.health.checks()
        ready = all(check.ok for check in checks)
        told = {check.name: {"ok": check.ok, "detail": check.detail} for check in checks}
        headers = {"Cache-Control": "no-store"} | ({} if ready else {"Retry-After": "5"})
        return Response({"ready": ready, "checks": told}, status_code=200 if ready else 503, headers=headers)

    @get("/metrics", opt=(FOR_ANYONE if metrics_open else needs_for_all(Scope.METRICS_READ)) | UNLIMITED)
    async def metrics(request: Http) -> Response[bytes]:
        parts = parts_of(request)
        parts.metrics.waiting.set(parts.intake.waiting)
        await parts.look.backlogs.measure()
        asked = content_type(request.headers.get("accept", ""))
        return Response(parts.metrics.text(asked), headers={"Content-Type": asked, "Vary": "Accept"})

    return Router(path="/", route_handlers=[livez, readyz, metrics], guards=[guard], include_in_schema=False)
