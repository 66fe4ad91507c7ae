"""Secrets that must be read again: sealed with AES-GCM under a key that does not stand in the database.

The tenant and the row a value belongs to are authenticated with it, so that a sealed value opens nowhere else.
"""

import base64
import binascii
import os
import secrets
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crontopus.domain.errors import Conflict, Invalid, Unavailable

FILE = "secret.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class Sealer:
    """`key` has 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._aes = AESGCM(key)

    def seal(self, plain: bytes, tenant: UUID, row: UUID) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._aes.encrypt(nonce, plain, tenant.bytes + row.bytes)

    def open(self, sealed: bytes, tenant: UUID, row: UUID) -> bytes:
        """Raises Conflict where the key is another one than the value was sealed with."""
        try:
            return self._aes.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], tenant.bytes + row.bytes)
        except (InvalidTag, ValueError) as error:
            raise Conflict(
                "a stored secret cannot be read with the secret key in use. Put back the secret.key of the data "
                "folder, or the setting secret_key, that was in force when it was written"
            ) from error


def sealer_for(data: Path, secret_key: str) -> Sealer:
    """By the setting `secret_key` (32 bytes as base64 or hex), else by the key file in `data`, made when missing.

    Raises Invalid or Unavailable.
    """
    return Sealer(_key_of(secret_key) if secret_key else _key_in(data / FILE))


def _key_of(setting: str) -> bytes:
    text = setting.strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * _KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Invalid(
            "the setting secret_key must be 32 bytes in base64, as `openssl rand -base64 32` prints"
        ) from error
    if len(key) != _KEY_BYTES:
        raise Invalid("the setting secret_key must be 32 bytes in base64, as `openssl rand -base64 32` prints")
    return key


def _key_in(file: Path) -> bytes:
    try:
        if not file.exists():
            _write_new(file)
        return _key_of(file.read_text("ascii"))
    except Invalid as error:
        raise Invalid(f"{file} is damaged: restore it from a backup. Nothing was changed") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"the secret key {file} cannot be used: {error}") from error


def _write_new(file: Path) -> None:
    """Whole or not at all, and never over a key that another process has just written."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{FILE}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode() + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def digest(secret: str) -> bytes:
    """By which a sealed secret is looked up."""
    return sha256(secret.encode()).digest()
