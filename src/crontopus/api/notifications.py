"""Messages about alerts: what is owed, what was delivered, what could not be, and what was said on both sides."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from crontopus.api import telling
from crontopus.api.arguments import Caller, Cursor, Limit, Parts
from crontopus.api.principal import needs
from crontopus.api.reading import page_of, place_of
from crontopus.domain.access import Scope
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.routing import MessageState
from crontopus.engine import deliveries as engine
from crontopus.storage import channels, notifications
from crontopus.storage.database import Tx
from crontopus.wire.alerts import Notification, NotificationDetail
from crontopus.wire.common import Page

NotificationId = Annotated[UUID, PathParameter(description="The message's id.")]


Status = Annotated[
    str | None, QueryParameter(description="Only those in this state.", enum=[each.value for each in MessageState])
]


class _Before(Struct, forbid_unknown_fields=True):
    id: UUID


@get("/notifications", operation_id="notifications", opt=needs(Scope.ALERTS_READ))
async def listed(
    caller: Caller,
    parts: Parts,
    status: Status = None,
    channel: Annotated[UUID | None, QueryParameter(description="Only those to this channel.")] = None,
    alert: Annotated[UUID | None, QueryParameter(description="Only those about this alert.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Notification]:
    """List messages about alerts, newest first."""
    caller.require_all_jobs()
    before, wanted = place_of(cursor, _Before), _state(status)
    async with parts.db.read(caller.tenant) as tx:
        found = await notifications.listed(tx, before.id if before else None, limit + 1, wanted, channel, alert)
        ways = await _ways(tx)
    return page_of(found, limit, lambda one: telling.notification(one, ways), lambda one: _Before(one.id))


@get("/notifications/{notification:uuid}", operation_id="notification", opt=needs(Scope.ALERTS_READ))
async def show(caller: Caller, parts: Parts, notification: NotificationId) -> NotificationDetail:
    """Show a message, with each try."""
    caller.require_all_jobs()
    async with parts.db.read(caller.tenant) as tx:
        found = await notifications.find(tx, notification)
        tried = await notifications.attempts_of(tx, notification)
        return NotificationDetail(
            notification=telling.notification(found, await _ways(tx)),
            attempts=[telling.attempt(one) for one in tried],
        )


@post(
    "/notifications/{notification:uuid}/retry",
    operation_id="retry_notification",
    opt=needs(Scope.ALERTS_OPERATE),
    status_code=200,
)
async def retry(caller: Caller, parts: Parts, notification: NotificationId) -> Notification:
    """Send a message that could not be delivered once more, at once. 409 for one that was delivered or overtaken."""
    async with parts.db.write(caller.tenant) as tx:
        return telling.notification(await engine.retry(tx, caller, notification), await _ways(tx))


@post(
    "/notifications/{notification:uuid}/discard",
    operation_id="discard_notification",
    opt=needs(Scope.ALERTS_OPERATE),
    status_code=200,
)
async def discard(caller: Caller, parts: Parts, notification: NotificationId) -> Notification:
    """Put a message away that could not be delivered, or still waits. 409 for one that is settled otherwise."""
    async with parts.db.write(caller.tenant) as tx:
        return telling.notification(await engine.discard(tx, caller, notification), await _ways(tx))


def _state(status: str | None) -> MessageState | None:
    if status is not None and status not in list(MessageState):
        detail = f"is one of {', '.join(MessageState)}, not {status!r}"
        raise Invalid(f"status {detail}", (Fault("/status", detail),))
    return None if status is None else MessageState(status)


async def _ways(tx: Tx) -> dict[UUID, str]:
    return {one.id: one.name for one in await channels.listed(tx)}


ROUTES = [listed, show, retry, discard]
