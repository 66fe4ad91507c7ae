"""Which kinds of channels there are, and how each is read and sent on."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct

from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.mail_server import MailServer
from crontopus.notify import email
from crontopus.notify.contract import Parcel
from crontopus.notify.outcome import Outcome

EMAIL = "email"


class Ways(Struct, frozen=True):
    """By what this installation can send. `mail` None: it sends no e-mail. `unsubscribe`: the link that switches the
    channel off.
    """

    mail: MailServer | None
    unsubscribe: str


class Kind(Struct, frozen=True):
    """`secrets`: the settings that open something, which nobody is shown again."""

    title: str
    settings: type[Struct]
    secrets: frozenset[str]
    keeps: bool
    send: Callable[[Any, Parcel, Ways], Awaitable[Outcome]]


def _email(settings: email.Settings, parcel: Parcel, ways: Ways) -> Awaitable[Outcome]:
    return email.send(settings, parcel, ways.mail, ways.unsubscribe)


KINDS: dict[str, Kind] = {
    EMAIL: Kind(email.TITLE, email.Settings, email.SECRETS, email.KEEPS, _email),
}


def keeps(kind: str) -> bool:
    """Whether the other side keeps alerts itself."""
    return kind in KINDS and KINDS[kind].keeps


def read(kind: str, settings: bytes) -> Any:
    """Settings in JSON. Raises Invalid, with the place of what is wrong."""
    if kind not in KINDS:
        raise Invalid(
            f"there is no kind of channel {kind!r}: there are {', '.join(KINDS)}", (Fault("/kind", "unknown"),)
        )
    try:
        return msgspec.json.decode(settings, type=KINDS[kind].settings)
    except msgspec.DecodeError as error:
        raise Invalid(f"the settings of this channel cannot be read: {error}") from error


async def send(kind: str, settings: Any, parcel: Parcel, ways: Ways) -> Outcome:
    return await KINDS[kind].send(settings, parcel, ways)
