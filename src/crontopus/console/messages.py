"""Messages about alerts: what could not be delivered, and what was said on both sides of each try."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console import alert_words
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.routing import MessageState

PAGE = "/messages"
_ALERTS = 200
STATES = {
    "": "All",
    MessageState.DEAD.value: "Not delivered",
    MessageState.WAITING.value: "Waiting",
    MessageState.DELIVERED.value: "Delivered",
}


@get(PAGE)
async def messages(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    wanted = request.query_params.get("status", "")
    cursor = request.query_params.get("cursor")
    page = await client.notifications(status=wanted, cursor=cursor, limit=50)
    states = {one.id: alert_words.message_state(one, view.reader) for one in page.items}
    instants = [instant for one in page.items for instant in (one.next_at, one.settled_at or one.made_at)]
    return view.page(
        "messages.html",
        page=page,
        wanted=wanted,
        chips=STATES,
        states=states,
        tells=alert_words.TELLS,
        alerts=await _titles(client) if page.items else {},
        refresh_in=view.refresh_in(*instants),
    )


@get(f"{PAGE}/{{notification:str}}")
async def show(
    notification: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[str]:
    found = await client.notification(notification)
    state = alert_words.message_state(found.notification, view.reader)
    return view.page(
        "message.html",
        message=found.notification,
        attempts=found.attempts,
        state=state,
        tells=alert_words.TELLS,
        alert=alert_words.title((await client.alert(found.notification.alert)).alert),
        outcomes=alert_words.OUTCOMES,
        refresh_in=view.refresh_in(found.notification.next_at, found.notification.made_at),
    )


@post(f"{PAGE}/{{notification:str}}/retry")
async def retry(notification: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    again = await client.retry_notification(notification)
    return go(_back(again.id), "It is sent once more, at once.")


@post(f"{PAGE}/{{notification:str}}/discard")
async def discard(notification: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    put_away = await client.discard_notification(notification)
    return go(_back(put_away.id), "Put away: it is not sent any more.")


async def _titles(client: Client) -> dict[UUID, str]:
    """Of the newest alerts, of which nearly all messages are that stand here."""
    return {one.id: alert_words.title(one) for one in (await client.alerts(limit=_ALERTS)).items}


def _back(id: UUID) -> str:
    return f"{PAGE}/{id}"


ROUTES: list[Any] = [messages, show, retry, discard]
