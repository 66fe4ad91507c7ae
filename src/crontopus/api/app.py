"""The app: the routes of the REST API, who may call them, and what every answer has in common."""

from collections.abc import Sequence
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from crontopus.api import (
    alert_links,
    alerts,
    announcements,
    audit,
    channels,
    checkins,
    devices,
    events,
    factors,
    jobs,
    metrics,
    namespaces,
    notifications,
    own,
    people,
    principal,
    problems,
    providers,
    reference,
    resets,
    routes,
    runs,
    schedules,
    sessions,
    setup,
    silences,
    tenants,
    tokens,
    usage,
)
from crontopus.api.admin import announcements as admin_announcements
from crontopus.api.admin import audit as admin_audit
from crontopus.api.admin import backups, config, diagnostics, health, impersonations, mail, tiers, users
from crontopus.api.admin import tenants as admin_tenants
from crontopus.api.admin import usage as admin_usage
from crontopus.api.answers import Answers
from crontopus.api.document import BASE
from crontopus.api.parts import Parts, parts_of
from crontopus.api.problems import Page
from crontopus.api.reading import MOST_BYTES
from crontopus.domain.access import Principal
from crontopus.wire.encoding import encoded


def create_app(routers: Sequence[ControllerRouterHandler], page: Page) -> Litestar:
    """`routers`: what else the appliance serves beside the API (console, operations); `page`: an error in a browser.

    It serves nobody before `join`.
    """
    return Litestar(
        route_handlers=[api_router(), reference.reference_router(), *routers],
        exception_handlers={Exception: problems.answer_with(page)},
        request_max_body_size=MOST_BYTES,
        openapi_config=None,
        logging_config=None,
    )


def join(app: Litestar, parts: Parts) -> Litestar:
    """`app`, serving these parts from now on, by their clock."""
    app.state.parts, app.state.clock = parts, parts.db.clock
    return app


def api_router() -> Router:
    return Router(
        path=BASE,
        route_handlers=[
            *setup.ROUTES,
            *sessions.ROUTES,
            *own.ROUTES,
            *devices.ROUTES,
            *factors.ROUTES,
            *tenants.ROUTES,
            *usage.ROUTES,
            *people.ROUTES,
            *providers.ROUTES,
            *namespaces.ROUTES,
            *resets.ROUTES,
            *tokens.ROUTES,
            *jobs.ROUTES,
            *runs.ROUTES,
            *checkins.ROUTES,
            *schedules.ROUTES,
            *alerts.ROUTES,
            *channels.ROUTES,
            *alert_links.ROUTES,
            *routes.ROUTES,
            *silences.ROUTES,
            *notifications.ROUTES,
            *events.ROUTES,
            *metrics.ROUTES,
            *audit.ROUTES,
            *config.ROUTES,
            *health.ROUTES,
            *backups.ROUTES,
            *mail.ROUTES,
            *admin_audit.ROUTES,
            *users.ROUTES,
            *impersonations.ROUTES,
            *announcements.ROUTES,
            *admin_announcements.ROUTES,
            *diagnostics.ROUTES,
            *admin_tenants.ROUTES,
            *tiers.ROUTES,
            *admin_usage.ROUTES,
            reference.openapi,
        ],
        guards=[principal.guard],
        middleware=[Answers()],
        after_request=_encoded,
        dependencies={"caller": Provide(_caller), "parts": Provide(_parts)},
    )


async def _encoded(answer: Response[Any]) -> Response[Any]:
    """Whatever is answered has the one encoding of the wire."""
    if not isinstance(answer.content, bytes | str | None):
        answer.content = encoded(answer.content)
    return answer


async def _caller(request: Request[Principal, object, State]) -> Principal:
    return principal.of(request)


async def _parts(request: Request[Principal, object, State]) -> Parts:
    return parts_of(request)
