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


class Purpose(StrEnum):
    UNSUBSCRIBE = "unsubscribe"


class Signed(Struct, frozen=True, array_like=True):
    """What a link is for. `expires_at` None: it does not end."""

    purpose: Purpose
    tenant: UUID
    row: UUID
    expires_at: datetime | None = None


class Links:
    def __init__(self, sealer: Sealer, public_url: str) -> None:
        self._sealer = sealer
        self._url = public_url

    def unsubscribe(self, tenant: UUID, channel: UUID) -> str:
        """Switches a channel off, as long as it is there: whoever gets mail can always put an end to it."""
        return f"{self._url}/unsubscribe?code={self._code(Signed(Purpose.UNSUBSCRIBE, tenant, channel))}"

    def opened(self, code: str, purpose: Purpose, now: datetime) -> Signed:
        """Raises NotFound for what is no link of ours, one for something else, and one that is over."""
        try:
            sealed = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
            found = msgspec.msgpack.decode(self._sealer.open(sealed, NOWHERE, _ROW), type=Signed)
        except (Conflict, binascii.Error, ValueError, msgspec.DecodeError):
            raise NotFound("this link is not whole: take it from the message once more") from None
        if found.purpose is not purpose or (found.expires_at is not None and found.expires_at <= now):
            raise NotFound("this link is over")
        return found

    def _code(self, signed: Signed) -> str:
        sealed = self._sealer.seal(msgspec.msgpack.encode(signed), NOWHERE, _ROW)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
