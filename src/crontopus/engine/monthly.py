"""Channels on which each message costs something: how many more may go out in this month.

They are counted at the channel, in the transaction that takes messages to be sent, and given back where one did not
arrive. So the count holds over restarts and processes, a crash counts as sent, and nobody sends more by having messages
deleted with age.
"""

import sys
from datetime import datetime
from typing import Any
from uuid import UUID

from crontopus.domain import delivery
from crontopus.notify.outcome import Delivered, Outcome, TryAgain
from crontopus.storage import channels
from crontopus.storage.channels import Channel
from crontopus.storage.database import SystemTx


def left(channel: Channel, monthly: int | None, now: datetime) -> int:
    """`monthly`: so many may in a month; None: any number."""
    return sys.maxsize if monthly is None else monthly - delivery.sent_in(channel.month, channel.sent, now)


def used_up(monthly: int | None) -> str:
    """Why nothing more goes out."""
    return f"as many messages went out on this channel in this month as may: {monthly}, by its setting monthly"


async def take(tx: SystemTx, channel: Channel, count: int) -> None:
    """So many go out now. The channel is locked."""
    sent = delivery.sent_in(channel.month, channel.sent, tx.now) + count
    await channels.fares(tx, channel.id, {"month": delivery.month(tx.now), "sent": sent})


async def give_back(tx: SystemTx, id: UUID, outcomes: list[Outcome]) -> None:
    """What was taken for these, as far as it did not arrive."""
    for channel in (await channels.of_ids(tx, [id])).values():
        if values := given_back(channel, outcomes):
            await channels.fares(tx, id, values)


def given_back(channel: Channel, outcomes: list[Outcome], unsent: int = 0) -> dict[str, Any]:
    """Likewise, as values of the channel; and for so many that were not begun."""
    lost = unsent + sum(not _may_have_arrived(each) for each in outcomes)
    return {"sent": max(channel.sent - lost, 0)} if lost and channel.sent else {}


def _may_have_arrived(outcome: Outcome) -> bool:
    return isinstance(outcome, Delivered) or (isinstance(outcome, TryAgain) and outcome.arrived)
