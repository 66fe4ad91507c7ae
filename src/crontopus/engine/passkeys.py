"""Passkeys (WebAuthn): what the browser is asked, and whether what it answers is a key of ours.

The address comes from the public URL alone. A challenge is good once and for five minutes, for one purpose and one
session, where there is one. All of that is sealed in it, so that anybody may ask for one and nothing is written down;
what is kept, until it would be over anyway, is that it was signed.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import webauthn
from msgspec import Struct
from webauthn.helpers import (
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from crontopus.domain.errors import Conflict, Invalid
from crontopus.storage import factors
from crontopus.storage.accounts import Account
from crontopus.storage.database import SystemTx
from crontopus.storage.factors import Passkey
from crontopus.storage.identity import new_id
from crontopus.storage.sealing import Sealer

CHALLENGE_LIFE = timedelta(minutes=5)
MOST = 20
"""Passkeys of one person."""
_OURS = UUID(bytes=sha256(b"challenge of a passkey").digest()[:16])
"""What challenges are sealed for, and nothing else is."""
_BROKEN = (WebAuthnException, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError)
"""What reading a credential that no browser made may raise."""


class Purpose(StrEnum):
    """What a challenge is for."""

    REGISTER = "register"
    SIGN_IN = "sign in"
    SHOW = "show"


class Challenge(Struct, frozen=True):
    """What is sealed in one."""

    purpose: Purpose
    session: UUID | None
    expires_at: datetime
    random: bytes


class Site(Struct, frozen=True):
    """Where passkeys hold: `id` is the relying party's. `sealer` seals the challenges."""

    id: str
    origin: str
    sealer: Sealer


class Shown(Struct, frozen=True):
    """A passkey that somebody has. `cloned`: its counter went back, so that another may have it too."""

    passkey: Passkey
    cloned: bool


def obstacle(public_url: str) -> str | None:
    """Why browsers do not do passkeys at this address; None where they do."""
    url = urlsplit(public_url)
    host = url.hostname or ""
    if _is_address(host):
        return f"browsers do passkeys only at a name, and this server is reached by the address {host}"
    if url.scheme != "https" and host != "localhost" and not host.endswith(".localhost"):
        return "browsers do passkeys only over https (or at localhost), and this server is reached by plain http"
    return None


def site_of(public_url: str, sealer: Sealer) -> Site:
    """Raises Conflict where passkeys do not work."""
    why = obstacle(public_url)
    if why is not None:
        raise Conflict(f"{why}: the operator sets the setting public_url. An authenticator app works everywhere")
    url = urlsplit(public_url)
    return Site(url.hostname or "", f"{url.scheme}://{url.netloc.lower()}", sealer)


async def registration(tx: SystemTx, site: Site, account: Account, session: UUID) -> dict[str, Any]:
    """What the browser is asked, to make a new one. Raises Conflict for one too many."""
    known = await factors.passkeys_of(tx, account.user)
    if len(known) >= MOST:
        raise Conflict(f"{MOST} passkeys are as many as one person can have: remove one first")
    options = webauthn.generate_registration_options(
        rp_id=site.id,
        rp_name="Crontopus",
        user_id=account.user.bytes,
        user_name=account.email,
        user_display_name=account.name or account.email,
        challenge=_challenge(site, Purpose.REGISTER, session, tx.now),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_described(known),
    )
    return options_to_json_dict(options)


def request(site: Site, now: datetime, session: UUID | None, known: Sequence[Passkey] = ()) -> dict[str, Any]:
    """What the browser is asked, to show one: of `known`, or any that it has for this place."""
    purpose = Purpose.SIGN_IN if session is None else Purpose.SHOW
    options = webauthn.generate_authentication_options(
        rp_id=site.id,
        challenge=_challenge(site, purpose, session, now),
        allow_credentials=_described(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


async def register(
    tx: SystemTx, site: Site, account: Account, session: UUID, answer: dict[str, Any], name: str
) -> Passkey:
    """Raises Invalid where it does not answer what was asked."""
    try:
        credential = parse_registration_credential_json(answer)
        challenge = _asked(site, credential, Purpose.REGISTER, session, tx.now)
        verified = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
        await _spend(tx, challenge)
    except _BROKEN as error:
        raise Invalid("this passkey does not answer what was asked here: begin again") from error
    if await factors.lock_passkey(tx, verified.credential_id) is not None:
        raise Conflict("this passkey is known here already")
    passkey = Passkey(
        id=new_id(tx.now),
        user_id=account.user,
        name=name,
        credential=verified.credential_id,
        public_key=verified.credential_public_key,
        counter=verified.sign_count,
        created_at=tx.now,
    )
    await factors.add_passkey(tx, passkey)
    return passkey


async def signed_in(tx: SystemTx, site: Site, answer: dict[str, Any]) -> Shown | None:
    """By whoever has it, with no session yet. None where it did not sign what was asked."""
    return await _shown(tx, site, Purpose.SIGN_IN, None, answer, None)


async def shown(tx: SystemTx, site: Site, session: UUID, user: UUID, answer: dict[str, Any]) -> Shown | None:
    """In a session of its owner. None where it did not sign what was asked there, or is somebody else's."""
    return await _shown(tx, site, Purpose.SHOW, session, answer, user)


async def _shown(
    tx: SystemTx, site: Site, purpose: Purpose, session: UUID | None, answer: dict[str, Any], user: UUID | None
) -> Shown | None:
    """The person is locked before their passkey, as everywhere."""
    try:
        credential = parse_authentication_credential_json(answer)
        challenge = _asked(site, credential, purpose, session, tx.now)
        owner = await factors.owner_of(tx, credential.raw_id)
        if owner is None or (user or owner) != owner:
            return None
        await factors.lock(tx, owner)
        passkey = await factors.lock_passkey(tx, credential.raw_id)
        if passkey is None:
            return None
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
        await _spend(tx, challenge)
    except _BROKEN:
        return None
    handle = credential.response.user_handle
    if handle is not None and handle != passkey.user_id.bytes:
        return None
    count = verified.new_sign_count
    if (count or passkey.counter) and count <= passkey.counter:
        return Shown(passkey, cloned=True)
    await factors.used_passkey(tx, passkey.id, count)
    return Shown(passkey, cloned=False)


def _challenge(site: Site, purpose: Purpose, session: UUID | None, now: datetime) -> bytes:
    challenge = Challenge(purpose, session, now + CHALLENGE_LIFE, secrets.token_bytes(16))
    return site.sealer.seal(msgspec.msgpack.encode(challenge), _OURS, _OURS)


def _asked(
    site: Site,
    credential: RegistrationCredential | AuthenticationCredential,
    purpose: Purpose,
    session: UUID | None,
    now: datetime,
) -> bytes:
    """The challenge that was signed. Raises ValueError where it was none of ours, is over, or for something else."""
    value = parse_client_data_json(credential.response.client_data_json).challenge
    found = _opened(site.sealer, value)
    if found is None or (found.purpose, found.session) != (purpose, session) or found.expires_at <= now:
        raise ValueError("the challenge is none of ours, over, or for something else")
    return value


async def _spend(tx: SystemTx, challenge: bytes) -> None:
    """Raises ValueError where it was spent before."""
    if not await factors.spend_challenge(tx, sha256(challenge).digest(), tx.now + CHALLENGE_LIFE):
        raise ValueError("the challenge was used already")


def _opened(sealer: Sealer, value: bytes) -> Challenge | None:
    try:
        return msgspec.msgpack.decode(sealer.open(value, _OURS, _OURS), type=Challenge)
    except (Conflict, msgspec.MsgspecError):
        return None


def _described(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=one.credential) for one in passkeys]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
