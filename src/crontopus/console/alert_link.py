"""The door for whoever has the link in a message about an alert: it shows how the alert is, and acts on it by a button,
without an account.
"""

from collections.abc import Awaitable
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from msgspec import Struct

from crontopus.client import Client
from crontopus.console import alert_words
from crontopus.console.forms import ANYONE_MOST_BYTES
from crontopus.console.view import View
from crontopus.console.visit import Visit
from crontopus.domain.errors import Invalid, NotFound
from crontopus.wire.alerts import LinkedAlert

PAGE = "/alert-link"
NOT_WHOLE = "this link is not whole: take it from the message once more"


class Deed(Struct, frozen=True):
    """A button: what it is called, and what is said once it was pressed."""

    label: str
    said: str


DEEDS = {
    "acknowledge": Deed("Acknowledge", "You acknowledged it: nobody is told any more."),
    "silence": Deed("Silence for an hour", "Silenced for an hour. What is still open then is told."),
}


@get([f"{PAGE}/{deed}" for deed in DEEDS])
async def page(request: Visit, client: NamedDependency[Client], visitor: NamedDependency[View]) -> Response[str]:
    """Only shows it: programs follow the links in messages, too."""
    return await _page(request, visitor, client.open_alert_link(_code(request)))


@post(f"{PAGE}/acknowledge", status_code=200, request_max_body_size=ANYONE_MOST_BYTES)
async def acknowledge(request: Visit, client: NamedDependency[Client], visitor: NamedDependency[View]) -> Response[str]:
    return await _page(request, visitor, client.acknowledge_by_link(_code(request)))


@post(f"{PAGE}/silence", status_code=200, request_max_body_size=ANYONE_MOST_BYTES)
async def silence(request: Visit, client: NamedDependency[Client], visitor: NamedDependency[View]) -> Response[str]:
    return await _page(request, visitor, client.silence_by_link(_code(request)))


def _code(request: Visit) -> str:
    return request.query_params.get("code", "")


async def _page(request: Visit, visitor: View, asked: Awaitable[LinkedAlert]) -> Response[str]:
    try:
        return _shown(request, visitor, await asked)
    except Invalid:
        return _nothing(visitor, NOT_WHOLE)
    except NotFound as error:
        return _nothing(visitor, str(error))


def _nothing(visitor: View, why: str) -> Response[str]:
    return visitor.page("alert-link.html", 404, found=None, why=f"{why[:1].upper()}{why[1:]}.")


def _shown(request: Visit, visitor: View, found: LinkedAlert) -> Response[str]:
    wanted = request.url.path.rpartition("/")[2]
    return visitor.page(
        "alert-link.html",
        found=found,
        state=alert_words.state(found.alert, visitor.now),
        sentence=alert_words.sentence(found.alert, visitor.reader),
        what=alert_words.CLASSES[found.alert.cls],
        severity=alert_words.SEVERITIES[found.alert.severity],
        said=DEEDS[wanted].said if found.changed else "",
        left=request.method == "POST" and not found.changed,
        deeds=[
            (f"{PAGE}/{name}?code={_code(request)}", DEEDS[name].label) for name in _open_to(found, wanted, visitor)
        ],
    )


def _open_to(found: LinkedAlert, wanted: str, visitor: View) -> list[str]:
    """What can still be done, the deed that the link is called after first."""
    if found.alert.resolved_at is not None:
        return []
    if alert_words.is_acknowledged(found.alert, visitor.now):
        return ["acknowledge"] if found.alert.snoozed_until else []
    if found.alert.held:
        return ["acknowledge"]
    return sorted(DEEDS, key=lambda name: name != wanted)


ROUTES: list[Any] = [page, acknowledge, silence]
