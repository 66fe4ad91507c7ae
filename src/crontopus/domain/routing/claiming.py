"""What becomes of a message at the moment at which it would be sent: the alert is asked once more."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from crontopus.domain.alerts import Alert
from crontopus.domain.routing.contract import BEGINNINGS, Kind, Told


class Sending(StrEnum):
    """`AS_IT_IS`; or `WITH_ITS_END`: all is over, and nobody knows of the beginning: it happened and recovered.
    All others say why it is overtaken, and is not sent.
    """

    AS_IT_IS = "as it is"
    WITH_ITS_END = "with its end"
    ACKNOWLEDGED = "acknowledged"
    HELD = "held"
    OVER = "over"
    NOT_ACKNOWLEDGED = "not acknowledged any more"
    UNTOLD = "nothing was told"
    OFF = "the channel is switched off"


SENT = frozenset({Sending.AS_IT_IS, Sending.WITH_ITS_END})


def sending(message: Told, alert: Alert, told: Sequence[Told], now: datetime, *, held: bool, keeps: bool) -> Sending:
    """`told`: every message of the alert, this one, too. `keeps`: the other side keeps alerts itself."""
    said = [each for each in told if each.channel == message.channel and each.opening == message.opening]
    if message.kind is Kind.RESOLVE:
        began = any(each.arrived and each.kind is not Kind.RESOLVE for each in said)
        return Sending.AS_IT_IS if began and not any(each.ended for each in said) else Sending.UNTOLD
    if alert.is_over or alert.opening != message.opening:
        return _afterwards(message, said, keeps=keeps)
    if message.kind is Kind.ACKNOWLEDGE:
        return Sending.AS_IT_IS if alert.is_acknowledged(now) else Sending.NOT_ACKNOWLEDGED
    if alert.is_acknowledged(now):
        return Sending.ACKNOWLEDGED
    return Sending.HELD if held else Sending.AS_IT_IS


def _afterwards(message: Told, said: Sequence[Told], *, keeps: bool) -> Sending:
    if message.ended:
        return Sending.WITH_ITS_END
    if message.kind in BEGINNINGS and not keeps and not any(each.arrived for each in said):
        return Sending.WITH_ITS_END
    return Sending.OVER
