"""What the API is given: the parts of the appliance that its controllers work with."""

from asyncio import Event
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar.connection import ASGIConnection
from msgspec import Struct, field

from crontopus.api.patience import Patience
from crontopus.engine.attempts import Attempts
from crontopus.engine.backing_up import BackingUp
from crontopus.engine.intake import Intake
from crontopus.engine.limits import Limits
from crontopus.engine.links import Links
from crontopus.engine.memo import Memo
from crontopus.engine.oidc import Oidc
from crontopus.engine.passwords import Passwords
from crontopus.engine.people import Post
from crontopus.engine.resets import Resets
from crontopus.engine.sending import Sender
from crontopus.engine.usage import Usage
from crontopus.engine.verdicts import Verdicts
from crontopus.engine.vitals import Look
from crontopus.logs import RECENT, Recent
from crontopus.metrics import Metrics
from crontopus.storage.database import Database
from crontopus.storage.sealing import Sealer
from crontopus.wire.installation import Setting


class Parts(Struct, kw_only=True):
    """`public_url` is the address under which others reach the appliance, without a slash at its end."""

    db: Database
    verdicts: Verdicts
    intake: Intake
    usage: Usage
    limits: Limits
    sealer: Sealer
    metrics: Metrics
    look: Look
    public_url: str
    post: Post
    resets: Resets
    backing_up: BackingUp
    oidc: Oidc
    sender: Sender
    links: Links
    hosts: Sequence[str]
    """Names under which a session is believed."""
    body_limit_bytes: int = 100_000
    """Of a check-in's output."""
    heartbeat_seconds: float = 15.0
    """Between signs of life on a live stream where nothing happens."""
    poll_seconds: float = 1.0
    """Between looks at what another process wrote, where nothing is heard of it."""
    stopping: Event = field(default_factory=Event)
    """Set when the server stops: live streams end."""
    patience: Patience = field(default_factory=Patience)
    """With clients that are still sending; it ends when the server stops."""
    streams: int = 0
    """Live streams that are open."""
    streams_of: Counter[UUID] = field(default_factory=Counter)
    """Those of each tenant that has any."""
    counts: Memo[dict[str, int]] = field(default_factory=Memo)
    scrapes: Memo[list[bytes]] = field(default_factory=lambda: Memo(most=4))
    """Few are kept, since one may have 20 MB."""
    passwords: Passwords = field(default_factory=Passwords)
    attempts: Attempts = field(default_factory=Attempts)
    visits: Attempts = field(default_factory=lambda: Attempts(free=200))
    """To sign-in providers: many people may come from one address in the morning."""
    operators_need_second_factor: bool = False
    recent: Recent = RECENT
    """The newest lines of the log."""
    settings: Sequence[Setting] = ()
    """Those in force, as they may be shown."""

    def stop(self) -> None:
        """What waits for others ends; everything else finishes."""
        self.stopping.set()
        self.patience.end()


def parts_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Parts:
    """Those that the app serves which answers it."""
    found: Parts = connection.app.state.parts
    return found
