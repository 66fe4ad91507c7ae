"""Second factors on the wire: authenticator apps, passkeys, recovery codes, and what shows that one has them."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta

from crontopus.wire.common import Input, Instant, Name, Output

FactorCode = Annotated[
    str, Meta(max_length=50, description="Six digits of the authenticator app, or one of the recovery codes.")
]
Credential = Annotated[
    dict[str, Any], Meta(description="What the browser made, as `PublicKeyCredential.toJSON()` writes it.")
]


class FactorKind(StrEnum):
    """With what a sign-in can be finished."""

    AUTHENTICATOR = "authenticator"
    PASSKEY = "passkey"
    RECOVERY_CODE = "recovery-code"


class Authenticator(Output, frozen=True):
    """An app that shows a new code every 30 seconds (TOTP)."""

    created_at: Instant
    used_at: Instant | None


class Passkey(Output, frozen=True):
    """A key in a device, a browser or a password manager."""

    id: UUID
    name: str
    created_at: Instant
    used_at: Instant | None


class Factors(Output, frozen=True):
    """What a person has beside their password. `recovery_codes`: how many are left.

    `needed`: where they are everybody must have one, and they have none. `no_passkeys`: why passkeys do not work at the
    address of this server; null where they do.
    """

    authenticator: Authenticator | None
    passkeys: list[Passkey]
    recovery_codes: int
    needed: bool
    no_passkeys: str | None


class NewAuthenticator(Output, frozen=True):
    """What the app is to be given: `uri`, as `qr` (an SVG image) or by hand as `secret`. It opens nothing until a first
    code has confirmed it.
    """

    secret: str
    uri: str
    qr: str


class AuthenticatorCode(Input, frozen=True):
    """The first code of a new app."""

    code: FactorCode


class RecoveryCodes(Output, frozen=True):
    """The one answer that shows them. Each signs in once in place of another second factor; empty: there were some
    already, which still hold.
    """

    recovery_codes: list[str]


class PasskeyOptions(Output, frozen=True):
    """What the browser is to be asked (`navigator.credentials`), bytes as base64url. Good once, for five minutes."""

    public_key: dict[str, Any]


class NewPasskey(Input, frozen=True):
    """`passkey` is what the browser made of the options."""

    passkey: Credential
    name: Name = "Passkey"


class PasskeyPatch(Input, frozen=True):
    name: Name


class PasskeySignIn(Input, frozen=True):
    """`passkey` is what the browser made of the options."""

    passkey: Credential


class SecondFactor(Input, frozen=True):
    """One of the two. `passkey` is what the browser made of the options."""

    code: FactorCode = ""
    passkey: Credential | None = None
