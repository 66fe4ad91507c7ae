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
_WANTED = "the setting secret_key must be 32 bytes in base64, as `openssl rand -base64 32` prints"


class Sealer:
    """Seals by `key`, and opens what that or one of `older` has sealed. Each has 32 bytes."""

    def __init__(self, key: bytes, *older: bytes) -> None:
        self._keys = [AESGCM(one) for one in (key, *older)]

    def seal(self, plain: bytes, tenant: UUID, row: UUID) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._keys[0].encrypt(nonce, plain, tenant.bytes + row.bytes)

    def open(self, sealed: bytes, tenant: UUID, row: UUID) -> bytes:
        """Raises Conflict where the value was sealed with another key."""
        for key in self._keys:
            plain = _opened(key, sealed, tenant, row)
            if plain is not None:
                return plain
        raise Conflict(
            "a stored secret cannot be read with the secret key in use. Put back the secret.key of the data "
            "folder, or the setting secret_key, that was in force when it was written"
        )

    def is_of_newest(self, sealed: bytes, tenant: UUID, row: UUID) -> bool:
        """Whether no older key is needed for it."""
        return _opened(self._keys[0], sealed, tenant, row) is not None


def _opened(key: AESGCM, sealed: bytes, tenant: UUID, row: UUID) -> bytes | None:
    try:
        return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], tenant.bytes + row.bytes)
    except (InvalidTag, ValueError):
        return None


def sealer_for(data: Path, secret_key: str, *, may_make: bool = True) -> Sealer:
    """By the setting `secret_key`, else by the key file in `data`: 32 bytes as base64 or hex, and behind them those
    that were in force before. `may_make`: whether a missing file is made.

    Raises Invalid or Unavailable.
    """
    return Sealer(*(_keys_of(secret_key) if secret_key else _keys_in(data / FILE, may_make=may_make)))


def rotate(data: Path) -> Path:
    """A new key in front of those in the key file. Raises Invalid or Unavailable; then nothing is changed."""
    file = data / FILE
    keys = _keys_in(file, may_make=False)
    _write(file, [secrets.token_bytes(_KEY_BYTES), *keys])
    return file


def _keys_of(setting: str) -> list[bytes]:
    words = setting.split()
    if not words:
        raise Invalid(_WANTED)
    return [_key_of(word) for word in words]


def _key_of(text: str) -> bytes:
    try:
        key = bytes.fromhex(text) if len(text) == 2 * _KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Invalid(_WANTED) from error
    if len(key) != _KEY_BYTES:
        raise Invalid(_WANTED)
    return key


def _keys_in(file: Path, *, may_make: bool) -> list[bytes]:
    try:
        if not file.exists():
            if not may_make:
                raise _missing(file)
            _write_new(file)
        text = file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"the secret key {file} cannot be used: {error}") from error
    try:
        return _keys_of(text)
    except Invalid as error:
        raise Invalid(f"{file} is damaged: restore it from a backup. Nothing was changed") from error


def _missing(file: Path) -> Invalid:
    return Invalid(
        f"this database was used with a secret key, and {file} is not there. Put it back from where the database came "
        "from, or give the setting secret_key that was in force with it. Nothing was changed"
    )


def _write_new(file: Path) -> None:
    """Whole or not at all, and never over a key that another process has just written."""
    draft = _draft(file, [secrets.token_bytes(_KEY_BYTES)])
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _write(file: Path, keys: list[bytes]) -> None:
    try:
        _draft(file, keys).replace(file)
    except OSError as error:
        raise Unavailable(f"the secret key {file} cannot be written: {error}") from error


def _draft(file: Path, keys: list[bytes]) -> Path:
    """The keys in a private file beside `file`, on disk."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{FILE}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.writelines(base64.b64encode(key).decode() + "\n" for key in keys)
        opened.flush()
        os.fsync(opened.fileno())
    return draft


def digest(secret: str) -> bytes:
    """By which a sealed secret is looked up."""
    return sha256(secret.encode()).digest()
