"""One try: opens the settings of a channel, sends a parcel by its kind, and says what became of it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import anyio.to_thread
import structlog
from msgspec import Struct
from msgspec.structs import replace

from crontopus.domain.errors import CrontopusError
from crontopus.domain.mail_server import MailServer
from crontopus.notify import kinds, templates
from crontopus.notify.addresses import Network
from crontopus.notify.contract import Parcel
from crontopus.notify.guarded import Connections, Exchange, Guarded, Hosts, Trust
from crontopus.notify.kinds import Ways
from crontopus.notify.outcome import Outcome, TryAgain
from crontopus.storage.channels import Channel
from crontopus.storage.database import Clock
from crontopus.storage.sealing import Sealer

log = structlog.get_logger(__name__)


class Tried(Struct, frozen=True, kw_only=True):
    """`parcel` as it was sent, in the words of the channel, and `fault`: what was wrong with these, so that ours were
    sent. `status`, `request` and `response` are of the last exchange, in excerpts without secrets.
    """

    outcome: Outcome
    at: datetime
    took: timedelta
    parcel: Parcel
    fault: str = ""
    status: int | None = None
    request: str = ""
    response: str = ""


class Reach(Struct, frozen=True, kw_only=True):
    """How far this installation reaches. `mail`: its server; None: it sends no e-mail. `networks`: that channels may
    reach although they are not public. `proxy`: by which they reach the web; None: by none. `folder`: of the kind
    `log`; None: there is none. `apprise`: so many programs of this kind at once; None: it is not allowed.
    """

    mail: MailServer | None = None
    networks: Sequence[Network] = ()
    proxy: str | None = None
    folder: Path | None = None
    apprise: anyio.CapacityLimiter | None = None


class Sender:
    """`unsubscribe`: the link that switches a channel off."""

    def __init__(self, sealer: Sealer, clock: Clock, reach: Reach, unsubscribe: Callable[[Channel], str]) -> None:
        self._sealer = sealer
        self._clock = clock
        self._reach = reach
        self._unsubscribe = unsubscribe
        self._trust = Trust()
        self._hosts = Hosts()

    def connections(self) -> Connections:
        """For what is sent on one channel, one after the other."""
        return Connections(self._reach.proxy, self._trust)

    async def send(self, channel: Channel, parcel: Parcel, kept: Connections | None = None) -> Tried:
        """Raises nothing that a channel can cause: what fails for a reason of ours is tried again, too."""
        at, began = self._clock(), anyio.current_time()
        exchanges: Sequence[Exchange] = ()
        parcel, fault = await self._in_its_words(channel, parcel)
        try:
            settings = kinds.stored(channel.kind, self._sealer.open(channel.sealed, channel.tenant_id, channel.id))
            async with self._turn(channel):
                outcome, exchanges = await kinds.send(channel.kind, settings, parcel, self._ways(channel, kept))
        except CrontopusError as error:
            outcome = TryAgain(str(error))
        except Exception as error:
            log.exception("a message could not be sent", kind=channel.kind)
            outcome = TryAgain(f"a fault of Crontopus itself: {type(error).__name__}")
        took = timedelta(seconds=anyio.current_time() - began)
        tried = Tried(outcome=outcome, at=at, took=took, parcel=parcel, fault=fault)
        if not exchanges:
            return tried
        last = exchanges[-1]
        return replace(tried, status=last.status, request=_told(last), response=last.response)

    def monthly(self, channel: Channel) -> int | None:
        """So many messages go out on it in a month at most; None: any number."""
        if not kinds.is_counted(channel.kind):
            return None
        try:
            settings = kinds.stored(channel.kind, self._sealer.open(channel.sealed, channel.tenant_id, channel.id))
        except CrontopusError:
            return None  # nothing can be sent on it anyway
        return kinds.monthly(settings)

    async def _in_its_words(self, channel: Channel, parcel: Parcel) -> tuple[Parcel, str]:
        """Likewise: an alert that is owed is told, in our words where its own fail."""
        if not channel.templates:
            return parcel, ""
        try:
            return await anyio.to_thread.run_sync(templates.applied, channel.templates, parcel)
        except Exception as error:
            log.exception("a template could not be rendered", kind=channel.kind)
            return parcel, f"its templates failed, and our own words were sent: {type(error).__name__}"

    def _turn(self, channel: Channel) -> AbstractAsyncContextManager[object]:
        """At the mail server; whoever goes by the web waits there."""
        if channel.kind != kinds.EMAIL or self._reach.mail is None:
            return nullcontext()
        return self._hosts.slot(self._reach.mail.host)

    def _ways(self, channel: Channel, kept: Connections | None) -> Ways:
        return Ways(
            mail=self._reach.mail,
            unsubscribe=self._unsubscribe(channel),
            http=lambda secrets: Guarded(
                self._reach.networks, secrets, self._reach.proxy, kept=kept, hosts=self._hosts
            ),
            folder=self._reach.folder,
            apprise=self._reach.apprise,
        )


def _told(exchange: Exchange) -> str:
    return f"{exchange.method} {exchange.url}\n\n{exchange.request}"
