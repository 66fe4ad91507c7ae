"""How much of what is owed to alerts and channels is not done yet, over all tenants."""

from msgspec import Struct
from sqlalchemy import ColumnElement, FromClause, func, select

from crontopus.storage.database import SystemTx
from crontopus.storage.notifications import DEAD, WAITING
from crontopus.storage.tables import alerts, channels, flips, notifications


class Backlog(Struct, frozen=True, kw_only=True):
    """`flips` that no alert knows of, and `alerts` to be decided upon by now. Messages that are `waiting`, also for
    later, and that are `dead`: given up, and neither sent again nor put away by anybody. Of the channels that are
    enabled, those that are `closed` for a while after failures, and that are `broken`: the other side refuses
    everything.
    """

    flips: int
    alerts: int
    waiting: int
    dead: int
    closed: int
    broken: int


async def counted(tx: SystemTx) -> Backlog:
    enabled = channels.c.enabled.is_(True)
    return Backlog(
        flips=await _count(tx, flips, flips.c.taken_at.is_(None)),
        alerts=await _count(tx, alerts, alerts.c.next_at <= tx.now),
        waiting=await _count(tx, notifications, WAITING),
        dead=await _count(tx, notifications, DEAD),
        closed=await _count(tx, channels, enabled & (channels.c.closed_until > tx.now)),
        broken=await _count(tx, channels, enabled & channels.c.broken_at.is_not(None)),
    )


async def _count(tx: SystemTx, what: FromClause, which: ColumnElement[bool]) -> int:
    return await tx.sql.scalar(select(func.count()).select_from(what).where(which)) or 0
