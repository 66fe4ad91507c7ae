"""Links in messages: signed for what they do and for whom, and worth nothing after a time. Each only opens a page; what
it is for happens when a button is pressed there."""

import base64
import binascii
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec import Struct

from crontopus.domain.errors import Conflict, NotFound
from crontopus.domain.ids import NOWHERE
from crontopus.storage.sealing import Sealer

WORTH = timedelta(days=7)
_ROW = UUID(int=1)
"""Under which nothing is stored: what is sealed for a link opens nothing else, and the other way round."""
_NOT_WHOLE = "this link is not whole: take it from the message once more"
_OVER = "this link is over: it worked for seven days"
_OF_OLD_KEY = "this link is over: this server has another secret key by now"
_SHORT = msgspec.msgpack.Encoder(uuid_format="bytes")
"""A link may have to fit into a text message."""


class Purpose(StrEnum):
    UNSUBSCRIBE = "unsubscribe"
    ALERT = "alert"


class Signed(Struct, frozen=True, array_like=True):
    """What a link is for. `expires_at` None: it does not end. `channel`: on which the message came, where the row is
    not the channel itself.
    """

    purpose: Purpose
    tenant: UUID
    row: UUID
    expires_at: datetime | None = None
    channel: UUID = NOWHERE


class Acting(Struct, frozen=True):
    """The pages by which whoever reads a message acts on its alert. `code` stands in each: for the reader alone."""

    code: str
    acknowledge: str
    silence: str


class Links:
    def __init__(self, sealer: Sealer, public_url: str) -> None:
        self._sealer = sealer
        self.public_url = public_url

    def unsubscribe(self, tenant: UUID, channel: UUID) -> str:
        """Switches a channel off, as long as it is there: whoever gets mail can always put an end to it."""
        return f"{self.public_url}/unsubscribe?code={self._code(Signed(Purpose.UNSUBSCRIBE, tenant, channel))}"

    def acting(self, tenant: UUID, alert: UUID, channel: UUID, now: datetime) -> Acting:
        """For one alert, and whoever reads what comes on this channel."""
        code = self._code(Signed(Purpose.ALERT, tenant, alert, now.replace(microsecond=0) + WORTH, channel))
        page = f"{self.public_url}/alert-link"
        return Acting(code, f"{page}/acknowledge?code={code}", f"{page}/silence?code={code}")

    def opened(self, code: str, purpose: Purpose, now: datetime) -> Signed:
        """Raises NotFound for what is no link of ours, one for something else, and one that is over. With another
        secret key all are over but those that put an end to mail.
        """
        try:
            sealed = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
            found = msgspec.msgpack.decode(self._sealer.open(sealed, NOWHERE, _ROW), type=Signed)
        except (Conflict, binascii.Error, ValueError, msgspec.DecodeError):
            raise NotFound(_NOT_WHOLE) from None
        if found.purpose is not purpose:
            raise NotFound(_NOT_WHOLE)
        if found.expires_at is not None and found.expires_at <= now:
            raise NotFound(_OVER)
        if purpose is not Purpose.UNSUBSCRIBE and not self._sealer.is_of_newest(sealed, NOWHERE, _ROW):
            raise NotFound(_OF_OLD_KEY)
        return found

    def _code(self, signed: Signed) -> str:
        sealed = self._sealer.seal(_SHORT.encode(signed), NOWHERE, _ROW)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
