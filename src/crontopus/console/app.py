"""The console as one router: its pages, what guards them, and the headers on every answer."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from msgspec import structs

from crontopus.client import Client
from crontopus.console import (
    alert_link,
    alert_routes,
    alerts,
    announcements,
    assets,
    bell,
    bulk,
    channels,
    crontab,
    device,
    edit,
    impersonation,
    invitation,
    job,
    jobs,
    log,
    me,
    members,
    messages,
    mutes,
    namespaces,
    provider_sign_in,
    providers,
    reset,
    runs,
    security,
    session,
    settings,
    silences,
    tokens,
    unsubscribe,
    usage,
    windows,
)
from crontopus.console.admin import announcements as admin_announcements
from crontopus.console.admin import audit as admin_audit
from crontopus.console.admin import backups, config, diagnostics, health, impersonations, mail, tiers, users
from crontopus.console.admin import tenants as admin_tenants
from crontopus.console.admin import usage as admin_usage
from crontopus.console.errors import error_page
from crontopus.console.headers import seal
from crontopus.console.view import View, see
from crontopus.console.visit import Visit
from crontopus.domain.access import OF_INSTALLATION, Scope
from crontopus.domain.errors import CrontopusError, NotFound


def console_router(*, public_url: str, hosts: Sequence[str]) -> Router:
    """All pages, to be mounted at `/` in the app that also serves `/api/v1`.

    `hosts` are the names under which it is reached. Cookies are Secure where `public_url` is https.
    """
    secure = public_url.startswith("https:")

    async def view(request: Visit, client: NamedDependency[Client]) -> View:
        request.state.me = await client.me()
        view = see(request, request.state.me, plain=not secure)
        if request.state.me.closed and view.is_person:
            request.state.tenants = (await client.tenants()).items
        _require(view)
        if view.htmx:
            return view
        announced = (await client.announcements()).items
        return structs.replace(view, announcements=announced, rings=await bell.rings(client, request.state.me))

    def visitor(request: Visit) -> View:
        return see(request)

    return Router(
        path="/",
        route_handlers=[
            entry,
            *session.ROUTES,
            *jobs.ROUTES,
            *bulk.ROUTES,
            *edit.ROUTES,
            *crontab.ROUTES,
            *job.ROUTES,
            *mutes.ROUTES,
            *runs.ROUTES,
            *alerts.ROUTES,
            *bell.ROUTES,
            *messages.ROUTES,
            *channels.ROUTES,
            *alert_routes.ROUTES,
            *silences.ROUTES,
            *windows.ROUTES,
            *unsubscribe.ROUTES,
            *alert_link.ROUTES,
            *namespaces.ROUTES,
            *tokens.ROUTES,
            *members.ROUTES,
            *providers.ROUTES,
            *provider_sign_in.ROUTES,
            *invitation.ROUTES,
            *reset.ROUTES,
            *log.ROUTES,
            *me.ROUTES,
            *device.ROUTES,
            *security.ROUTES,
            *settings.ROUTES,
            *usage.ROUTES,
            *admin_tenants.ROUTES,
            *tiers.ROUTES,
            *admin_usage.ROUTES,
            *config.ROUTES,
            *health.ROUTES,
            *backups.ROUTES,
            *mail.ROUTES,
            *admin_audit.ROUTES,
            *users.ROUTES,
            *impersonations.ROUTES,
            *impersonation.ROUTES,
            *announcements.ROUTES,
            *admin_announcements.ROUTES,
            *diagnostics.ROUTES,
            assets.static,
            unknown,
        ],
        dependencies={
            "client": Provide(session.own_client),
            "view": Provide(view),
            "visitor": Provide(visitor, sync_to_thread=False),
            "callback": Provide(lambda: public_url.rstrip("/") + provider_sign_in.CALLBACK, sync_to_thread=False),
            "secure": Provide(lambda: secure, sync_to_thread=False),
        },
        guards=[session.known_hosts_only(hosts), session.same_origin_only(public_url)],
        exception_handlers={CrontopusError: error_page, HTTPException: error_page},
        after_request=_sealed,
        include_in_schema=False,
    )


NEEDED = {"/tokens": Scope.TOKENS_READ, "/audit": Scope.AUDIT_READ, "/admin": Scope.INSTALLATION_READ}
NOUNS = (
    *("jobs", "runs", "alerts", "messages", "channels", "alert-routes", "silences"),
    *("maintenance-windows", "namespaces", "tokens", "members", "settings", "admin"),
)


@get("/")
async def entry() -> Response[None]:
    """The jobs are where everything begins."""
    return Response(None, status_code=303, headers={"Location": "/jobs"})


@get(["/{rest:path}", *(f"/{noun}/{{name:str}}/{{rest:path}}" for noun in NOUNS)])
async def unknown(request: Visit, client: NamedDependency[Client]) -> None:
    """Every address that is nobody's, so that its answer is a page too."""
    with suppress(CrontopusError):
        request.state.me = await client.me()
    raise NotFound("No page has this address.")


def _require(view: View) -> None:
    """What all pages of a place need, so that it is refused in the console's words. Raises NotAllowed."""
    place = "/" + view.path.lstrip("/").partition("?")[0].partition("/")[0]
    scope = NEEDED.get(place)
    if scope and view.me is not None and not view.me.closed and (view.me.tenant_id or scope in OF_INSTALLATION):
        view.require(scope)


async def _sealed(response: Response[Any]) -> Response[Any]:
    return seal(response)
