"""One try: opens the settings of a channel, sends a parcel by its kind, and says what became of it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import anyio
import structlog
from msgspec import Struct

from crontopus.domain.errors import CrontopusError
from crontopus.domain.mail_server import MailServer
from crontopus.notify import kinds
from crontopus.notify.contract import Parcel
from crontopus.notify.kinds import Ways
from crontopus.notify.outcome import Outcome, TryAgain
from crontopus.storage.channels import Channel
from crontopus.storage.database import Clock
from crontopus.storage.sealing import Sealer

log = structlog.get_logger(__name__)


class Tried(Struct, frozen=True, kw_only=True):
    """`status`, `request` and `response` are of the last exchange, in excerpts without secrets."""

    outcome: Outcome
    at: datetime
    took: timedelta
    status: int | None = None
    request: str = ""
    response: str = ""


class Sender:
    """`mail`: the server of this installation; None: it sends no e-mail. `unsubscribe`: the link that switches a
    channel off.
    """

    def __init__(
        self, sealer: Sealer, clock: Clock, mail: MailServer | None, unsubscribe: Callable[[Channel], str]
    ) -> None:
        self._sealer = sealer
        self._clock = clock
        self._mail = mail
        self._unsubscribe = unsubscribe

    async def send(self, channel: Channel, parcel: Parcel) -> Tried:
        """Raises nothing that a channel can cause: what fails for a reason of ours is tried again, too."""
        at, began = self._clock(), anyio.current_time()
        ways = Ways(mail=self._mail, unsubscribe=self._unsubscribe(channel))
        try:
            settings = kinds.read(channel.kind, self._sealer.open(channel.sealed, channel.tenant_id, channel.id))
            outcome = await kinds.send(channel.kind, settings, parcel, ways)
        except CrontopusError as error:
            outcome = TryAgain(str(error))
        except Exception as error:
            log.exception("a message could not be sent", kind=channel.kind)
            outcome = TryAgain(f"a fault of Crontopus itself: {type(error).__name__}")
        took = timedelta(seconds=anyio.current_time() - began)
        return Tried(outcome=outcome, at=at, took=took)
