"""What was told of alerts, as far as anything still depends on it: of what is alike the first and the last,
also that which was settled last.

An alert that is open for weeks and told again and again has thousands of messages, and is asked each time.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select

from crontopus.storage.database import SystemTx
from crontopus.storage.notifications import Notification
from crontopus.storage.tables import notifications

_FIELDS = Notification.__struct_fields__
_ALIKE = (
    *(notifications.c[name] for name in ("alert_id", "channel_id", "opening", "kind", "state")),
    *(notifications.c[name] for name in ("arrived", "ended", "sending")),
    notifications.c.next_at.is_(None),
    notifications.c.reference != "",
)
"""What `decide` and `sending` ask whether there is any of it."""

_ORDERS = {
    "first": (notifications.c.id,),
    "last": (notifications.c.id.desc(),),
    "settled_last": (func.coalesce(notifications.c.settled_at, notifications.c.made_at).desc(), notifications.c.id),
}
_PLACED = (
    select(
        notifications.c.id,
        *(func.row_number().over(partition_by=_ALIKE, order_by=order).label(name) for name, order in _ORDERS.items()),
    )
    .where(notifications.c.alert_id.in_(bindparam("alerts", expanding=True)))
    .subquery()
)
_TOLD = (
    select(*(notifications.c[name] for name in _FIELDS))
    .join(_PLACED, _PLACED.c.id == notifications.c.id)
    .where(or_(*(_PLACED.c[name] == 1 for name in _ORDERS)))
    .order_by(notifications.c.id)
)


async def of_alerts(tx: SystemTx, wanted: Collection[UUID]) -> Mapping[UUID, list[Notification]]:
    """By alert, in the order in which they were made."""
    found: dict[UUID, list[Notification]] = {alert: [] for alert in wanted}
    for row in await tx.sql.execute(_TOLD, {"alerts": list(wanted)}):
        found[row.alert_id].append(Notification(**dict(zip(_FIELDS, row, strict=True))))
    return found
