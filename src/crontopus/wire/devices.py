"""Signing in a machine without a browser from another that has one (RFC 8628)."""

from typing import Annotated

from msgspec import Meta

from crontopus.domain import text
from crontopus.wire.common import Input, Instant, Output

MachineName = Annotated[str, Meta(max_length=100, pattern=text.PLAIN)]
Code = Annotated[str, Meta(max_length=200)]


class DeviceRequest(Input, frozen=True):
    """`name`: what the machine is called, shown to whoever decides."""

    name: MachineName = ""


class DeviceCodes(Output, frozen=True):
    """`user_code` is typed at `verification_uri`, or stands in `verification_uri_complete` already; the machine asks
    with `device_code` every `interval` seconds, for `expires_in` seconds.
    """

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class DeviceCode(Input, frozen=True):
    device_code: Code


class UserCode(Input, frozen=True):
    """Capitals, hyphens and blanks do not matter."""

    user_code: Code


class DeviceDecision(Input, frozen=True):
    user_code: Code
    allow: bool


class Device(Output, frozen=True):
    """A machine that waits to be signed in: what it calls itself, and where it asked from. Believe the address more
    than the name.
    """

    name: str
    address: str | None
    user_agent: str | None
    asked_at: Instant
    expires_at: Instant
